"""What a changed configuration changes: what new sessions get, and what only a restart brings.

Compares two configurations; applies nothing. Running sessions keep what they began with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel

from hoopfast.config.schema import Config

# Bound when the processes start: sockets, the number of processes, buffers, the journal's files.
_AT_START = frozenset(
    {
        "gateway.listen",
        "gateway.workers",
        "tuning.read_buffer",
        "tuning.write_high",
        "tuning.shape_cache",
        "tuning.journal_sync",
        "control.listen",
        "store.url",
        "audit.directory",
        "audit.durability",
        "audit.signing_key",
        "audit.sinks",
    }
)


@dataclass(frozen=True, slots=True)
class Changes:
    """The keys that differ between two configurations."""

    restart: tuple[str, ...]  # not in force before a restart
    new_sessions: tuple[str, ...]  # in force for sessions that begin from now on

    def __bool__(self) -> bool:
        return bool(self.restart or self.new_sessions)


def diff(old: Config, new: Config) -> Changes:
    """What differs, as dotted keys (entries with a name by their names: `database.clinic`)."""
    changed = sorted(_changed(old, new))
    return Changes(
        restart=tuple(key for key in changed if key in _AT_START),
        new_sessions=tuple(key for key in changed if key not in _AT_START),
    )


def _changed(old: Config, new: Config) -> Iterator[str]:
    for section in ("gateway", "tuning", "control", "store", "audit"):
        before, after = getattr(old, section), getattr(new, section)
        keys = type(before).model_fields
        yield from (f"{section}.{key}" for key in keys if getattr(before, key) != getattr(after, key))
    for section in ("issuer", "database", "policy", "notifier"):
        was, now = _by_name(getattr(old, section)), _by_name(getattr(new, section))
        yield from (f"{section}.{name}" for name in was.keys() | now.keys() if was.get(name) != now.get(name))
    if old.access != new.access:
        yield "access"


def _by_name(entries: list[BaseModel] | dict[str, BaseModel]) -> dict[str, BaseModel]:
    return entries if isinstance(entries, dict) else {getattr(entry, "name"): entry for entry in entries}  # noqa: B009
