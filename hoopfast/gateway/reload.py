"""Taking over a changed configuration while sessions run.

The worker's settings are replaced as a whole, or, when anything is wrong with the new ones, not at all. New sessions
get them; running sessions end as they began. What only a start can change is named in the log.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from hoopfast import config
from hoopfast.audit.records import ConfigurationChanged
from hoopfast.auth.scram import ScramCache
from hoopfast.config import Config
from hoopfast.errors import ConfigError
from hoopfast.gateway.links import ReadBuffer
from hoopfast.gateway.logs import logger, where
from hoopfast.gateway.settings import Settings

log = logger("reload")


def reloaded(old: Settings, buffer: ReadBuffer, cache: ScramCache) -> tuple[Settings, ConfigurationChanged]:
    """The settings of the configuration file as it is now, or the old ones; and the record of it."""
    path = old.config.path
    try:
        fresh = config.load(path)
        settings = Settings.build(fresh, buffer, cache)
    except ConfigError as error:
        log.error("configuration not taken over", reason=error.message)
        return old, described(old.config, "SIGHUP", refused=error.message)
    except Exception as error:  # a mistake of ours must not end the sessions that run
        log.error("configuration not taken over", error=where(error))
        return old, described(old.config, "SIGHUP", refused="internal error")
    settings.keys.keep_keys(old.keys)
    changes = config.diff(old.config, fresh)
    if changes.restart:
        log.warning("these change with the next start only", keys=changes.restart)
    log.info("configuration taken over", keys=changes.new_sessions)
    return settings, described(fresh, "SIGHUP", changes=changes.new_sessions)


def described(loaded: Config, cause: str, *, changes: tuple[str, ...] = (), refused: str = "") -> ConfigurationChanged:
    """The journal's record of a configuration that was loaded, or refused."""
    policies = tuple(f"{name}@{policy.version}" for name, policy in sorted(loaded.policy.items()))
    return ConfigurationChanged(
        cause=cause,
        sha256=_digest(loaded.path),
        accepted=not refused,
        policies=policies,
        changes=changes,
        message=refused,
    )


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
