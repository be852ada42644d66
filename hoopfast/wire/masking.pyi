"""The only code that rewrites row bytes. See masking.pyx; the loop itself is C and is called by the framer."""

from collections.abc import Iterable, Mapping
from typing import final

__pyx_capi__: Mapping[str, object]  # what masking.pxd offers to C

@final
class MaskPlan:
    """What to do with each cell of one result set's rows; immutable.

    `cells` holds for each column a triple: policy.model.CellAction's value, the replacement, the number of characters
    to keep. `single_byte`: the client's encoding has one byte per character; otherwise characters are UTF-8's.
    """

    def __new__(cls, cells: Iterable[tuple[int, bytes, int]] = (), *, single_byte: bool = False) -> MaskPlan: ...
    @staticmethod
    def clean(columns: int = -1) -> MaskPlan:
        """A plan that passes every cell; `columns` is checked against each row's count, -1 allows any."""

    @property
    def columns(self) -> int:
        """How many columns a row must have, -1 for any number."""

    @property
    def passes_all(self) -> bool:
        """Whether every cell passes, so that rows need not be held."""
