"""The configuration: `load(path)` reads hoopfast.toml into a `Config`, or says all that is wrong with it."""

from hoopfast.config.loader import load, merged, parse
from hoopfast.config.masks import MaskSpec
from hoopfast.config.problems import ConfigFileError, Finding, Problem
from hoopfast.config.reload import Changes, diff
from hoopfast.config.schema import (
    Access,
    Approval,
    Audit,
    Config,
    Control,
    Database,
    Gateway,
    Issuer,
    MaskRule,
    Notifier,
    PolicyConfig,
    StatementRule,
    Store,
    Tuning,
)
from hoopfast.config.secret import Secret
from hoopfast.config.units import Address

__all__ = [
    "Access",
    "Address",
    "Approval",
    "Audit",
    "Changes",
    "Config",
    "ConfigFileError",
    "Control",
    "Database",
    "Finding",
    "Gateway",
    "Issuer",
    "MaskRule",
    "MaskSpec",
    "Notifier",
    "PolicyConfig",
    "Problem",
    "Secret",
    "StatementRule",
    "Store",
    "Tuning",
    "diff",
    "load",
    "merged",
    "parse",
]
