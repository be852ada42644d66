"""From a statement's text to what is known of it, without Python. See shapes.pyx; shapes.pxd is what C uses."""

from collections.abc import Mapping
from typing import final

from hoopfast.wire.masking import MaskPlan

__pyx_capi__: Mapping[str, object]  # what shapes.pxd offers to C

@final
class KnownStatement:
    """What is known of one statement, for the steady state; it grows with the descriptions that come in.

    `statement` is the decision, and of no interest here; for the others see `Known` in shapes.pxd. `transaction` is a
    TransactionStep: 0 none, 1 commit, 2 rollback. `template` is a capsule of recording.pxd's TEMPLATE, kept alive;
    another capsule is a ValueError. `literals_matter`: other values of literals might lead to another decision.

    Descriptions and plans are kept as long as this lives; there are at most 8 descriptions, and for each 8 plans.
    """

    def __new__(
        cls,
        statement: object,
        *,
        clean: bool,
        returns_rows: bool,
        rows_clean: bool,
        describe_always: bool,
        planned: bool,
        transaction: int,
        template: object | None,
        literals_matter: bool,
    ) -> KnownStatement: ...
    @property
    def statement(self) -> object:
        """The decision."""

    def add_description(self, description: bytes) -> bool:
        """Remember a RowDescription's body; False if there are too many already."""

    def add_plan(self, description: bytes, plan: MaskPlan) -> bool:
        """Set the plan for the execution that this description was made for; False if there is too much already."""

    def add_format_plan(self, description: bytes, formats: bytes, plan: MaskPlan) -> bool:
        """Set the plan for rows of this description under Bind's result formats; False if there is too much already."""

@final
class ShapeTable:
    """Statements by their shape and parameter types, bounded; for one thread.

    Holds `most_entries` entries (a statement whose literals matter needs two) and `most_bytes` bytes at most; what was
    not found again goes first. `size`: the bytes, with an allowance for each statement's decision. `hits` and `misses`
    count what was looked up.
    """

    def __new__(cls, *, most_entries: int = 16384, most_bytes: int = 64 * 1024 * 1024) -> ShapeTable: ...
    def __len__(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def hits(self) -> int: ...
    @property
    def misses(self) -> int: ...
    def learn(self, text: bytes, types: bytes, known: KnownStatement) -> None:
        """Remember the statement behind a text with these parameter types (Int32 each, as in Parse).

        Does nothing for a text over 64 KiB. ValueError: another table has learnt this statement.
        """

    def find_known(self, text: bytes, types: bytes) -> KnownStatement | None:
        """The statement behind a text, None if it is not known."""
