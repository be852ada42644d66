"""A recorder in Python behind the face that C calls: see bridge.pyx."""

from typing import Any, Protocol

from typing_extensions import disjoint_base

class _Target(Protocol):
    """What a bridge calls."""

    def execution(self, statement: Any, extended: bool, parameters: bytes | None) -> int: ...
    def completed(
        self,
        sequence: int,
        tag: bytes,
        rows: int,
        received_bytes: int,
        delivered_bytes: int,
        masked_cells: int,
        database_microseconds: int,
    ) -> None: ...
    def transaction(self, first: int, last: int, committed: bool) -> None: ...

@disjoint_base
class RecorderBridge:
    """The C face of a recorder that has none of its own."""

    def __new__(cls, target: _Target) -> RecorderBridge: ...
    @property
    def recording(self) -> object:
        """The capsule that C takes."""
    @staticmethod
    def template(statement: Any) -> object:
        """The capsule that stands for a statement, which its caller keeps alive."""
    @property
    def error(self) -> Exception | None:
        """What the recorder has raised when something had happened already."""
