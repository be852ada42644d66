"""The configuration as pydantic models: every key of hoopfast.toml, its type, its default and its bounds.

Attribute names are the TOML keys. Durations are float seconds, sizes int bytes, paths absolute. Knows no file and no
secret's value; what one section says about another (names that must exist) is in references.py.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, field_validator, model_validator

from hoopfast.config import fields
from hoopfast.config.fields import (
    AnyDuration,
    Claims,
    ConfigPath,
    Derived,
    Duration,
    ListenAddress,
    Mask,
    Name,
    OptionalPath,
    Size,
)
from hoopfast.config.patterns import ColumnPattern, ExceptPattern, FunctionPattern, RelationPattern
from hoopfast.config.secret import Secret
from hoopfast.config.units import Address

Tls = Literal["require", "allow", "off"]
Column = Annotated[ColumnPattern, *fields.pattern(ColumnPattern)]
Relation = Annotated[RelationPattern, *fields.pattern(RelationPattern)]
Function = Annotated[FunctionPattern, *fields.pattern(FunctionPattern)]
ExceptColumn = Annotated[ExceptPattern, *fields.pattern(ExceptPattern)]


class Section(BaseModel):
    """What all sections have in common: no unknown key, no silent conversion, no change after loading."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, populate_by_name=False, arbitrary_types_allowed=True
    )


class Gateway(Section):
    """[gateway]: the listener and the bounds of a session."""

    listen: ListenAddress = Address("127.0.0.1", 6432)
    workers: int = Field(default=1, ge=1, le=256)
    tls: Tls = "require"
    tls_cert: ConfigPath = Field(default="server.crt", validate_default=True)
    tls_key: ConfigPath = Field(default="server.key", validate_default=True)
    client_ca: OptionalPath = None
    idle_timeout: Duration = 15 * 60.0
    session_limit: Duration = 8 * 3600.0
    max_message: Size = Field(default=256 * 1024**2, ge=64 * 1024, lt=1024**3)  # MaxAllocSize, utils/memutils.h
    drain_timeout: AnyDuration = 30.0

    @model_validator(mode="after")
    def _tls_where_others_can_listen(self) -> Self:
        if self.tls != "require" and not self.listen.loopback:
            raise ValueError(
                f'tls = "{self.tls}" would let tokens cross the network in the clear: {self.listen} is not a '
                'loopback address; set tls = "require"'
            )
        return self


class Tuning(Section):
    """[tuning]: sizes and intervals whose defaults are measured."""

    read_buffer: Size = Field(default=256 * 1024, ge=8 * 1024, le=16 * 1024**2)
    write_high: Size = Field(default=256 * 1024, ge=8 * 1024, le=64 * 1024**2)
    shape_cache: int = Field(default=20_000, ge=100, le=10_000_000)
    journal_sync: Duration = Field(default=0.05, le=10.0)
    catalog_max_age: AnyDuration = Field(default=1.0, le=60.0)


class Control(Section):
    """[control]: where the control process listens."""

    listen: ListenAddress = Address("127.0.0.1", 8432)
    public_url: Annotated[str, BeforeValidator(fields.parse_http_url)] = "http://127.0.0.1:8432"


class Store(Section):
    """[store]: the control plane's state."""

    url: Annotated[str, BeforeValidator(fields.parse_store_url)] = "sqlite:///hoopfast.db"


class Audit(Section):
    """[audit]: the journal."""

    directory: ConfigPath = Field(default="audit", validate_default=True)
    durability: Literal["group", "sync"] = "group"
    signing_key: Secret = Field(default={"file": "audit.key"}, validate_default=True)
    sinks: list[Annotated[str, BeforeValidator(fields.parse_sink)]] = []


class Issuer(Section):
    """[[issuer]]: whose tokens are believed."""

    name: Name
    url: Annotated[str, BeforeValidator(fields.parse_issuer_url)]
    audience: Annotated[list[str], BeforeValidator(fields.parse_audience)]
    session: Annotated[float, BeforeValidator(fields.parse_session)] = 8 * 3600.0  # past expiry; "token": 0
    jwks_file: OptionalPath = None


class Database(Section):
    """[[database]]: a database, and the credentials that the gateway uses for it."""

    name: Name
    host: Annotated[str, BeforeValidator(fields.parse_host)]
    port: int = Field(default=5432, ge=1, le=65535)
    dbname: Name = ""
    user: Name
    password: Secret | None = None
    tls: Literal["verify-full", "verify-ca", "require", "off"] = "verify-full"
    tls_ca: OptionalPath = None  # certificates to trust instead of the system's

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        value = dict(value)
        value.setdefault("dbname", value.get("name"))
        if isinstance(host := value.get("host"), str) and host.startswith("/"):
            value.setdefault("tls", "off")
        return value

    @model_validator(mode="after")
    def _no_tls_on_a_unix_socket(self) -> Self:
        if self.unix and self.tls != "off":
            raise ValueError(f'tls = "{self.tls}" does not go with a Unix socket ({self.host}): leave tls out')
        return self

    @property
    def unix(self) -> bool:
        """Whether `host` is the directory of a Unix socket."""
        return self.host.startswith("/")


class Access(Section):
    """[[access]]: which identities reach which database, under which policy."""

    issuer: Name | None = None
    claims: Claims
    database: Name
    policy: Name


class MaskRule(Section):
    """[[policy.NAME.mask]]: columns that are protected, and what stands in for their values."""

    columns: list[Column] = Field(min_length=1)
    except_: list[ExceptColumn] = Field(default=[], alias="except")
    with_: Mask = Field(alias="with")
    derived: Derived = fields.REDACT
    predicates: Literal["allow", "deny"] | None = None  # None: as the policy says
    optional: bool = False  # whether a column that does not exist is no reason to close the database


class StatementRule(Section):
    """[[policy.NAME.rule]]: a refinement of `writes` and `ddl`; every condition given must hold."""

    name: Name
    statement: Annotated[list[str], BeforeValidator(fields.parse_statements)] = []
    relations: list[Relation] = []
    where: bool | None = None
    function: Annotated[list[Function], BeforeValidator(fields.listed)] = []
    action: Literal["allow", "deny", "approve"]
    message: str = ""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.statement and not self.relations and not self.function and self.where is None:
            raise ValueError("this rule matches every statement: give one of statement, relations, where, function")
        return self


class Approver(Section):
    """One entry of `approvers`: who may approve."""

    issuer: Name | None = None
    claims: Claims


class Approval(Section):
    """[policy.NAME.approval]: who approves, how many of them, within which time, and who is told."""

    approvers: list[Approver] = Field(min_length=1)
    required: int = Field(default=1, ge=1, le=100)
    timeout: Duration = 600.0
    notify: list[str] = []


class PolicyConfig(Section):
    """[policy.NAME]: what the sessions under it may do, and what they see."""

    writes: Literal["allow", "approve", "deny"] = "deny"
    ddl: Literal["allow", "approve", "deny"] = "deny"
    row_locks: Literal["write", "allow"] = "write"
    predicates: Literal["allow", "deny"] = "deny"
    unknown: Literal["refuse", "redact"] = "refuse"
    unlisted: Literal["mask", "pass"] = "pass"
    functions: list[Function] = []
    mask: list[MaskRule] = []
    rule: list[StatementRule] = []
    approval: Approval | None = None

    @field_validator("rule")
    @classmethod
    def _names_once(cls, rules: list[StatementRule]) -> list[StatementRule]:
        names = [rule.name for rule in rules]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f'the rule name "{doubled[0]}" is used twice: records tell rules apart by their names')
        return rules

    @property
    def version(self) -> str:
        """16 hex digits that change with anything in the policy."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


class Notifier(Section):
    """[notifier.NAME]: where requests for approval are announced."""

    url: Secret


class Config(Section):
    """A whole configuration file."""

    gateway: Gateway = Field(default={}, validate_default=True)
    tuning: Tuning = Tuning()
    control: Control = Control()
    store: Store = Store()
    audit: Audit = Field(default={}, validate_default=True)
    issuer: list[Issuer] = []
    database: list[Database] = []
    access: list[Access] = []
    policy: dict[str, PolicyConfig] = {}
    notifier: dict[str, Notifier] = {}

    _path: Path = PrivateAttr(default=Path("hoopfast.toml"))

    @property
    def path(self) -> Path:
        """The file that this was read from."""
        return self._path

    @property
    def folder(self) -> Path:
        """The folder that relative paths start from."""
        return self._path.parent

    def database_named(self, name: str) -> Database | None:
        """The [[database]] of this name."""
        return next((database for database in self.database if database.name == name), None)

    def issuer_named(self, name: str | None) -> Issuer | None:
        """The [[issuer]] of this name; None stands for the only one."""
        if name is None:
            return self.issuer[0] if len(self.issuer) == 1 else None
        return next((issuer for issuer in self.issuer if issuer.name == name), None)
