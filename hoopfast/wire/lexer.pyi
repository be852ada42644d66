"""The shape of a statement: its tokens, with literals replaced by their kinds. See lexer.pyx."""

from collections.abc import Mapping
from typing import NamedTuple, final

from hoopfast.wire.scanner import Token

__pyx_capi__: Mapping[str, object]  # what lexer.pxd offers to C

class Shape(NamedTuple):
    """What identifies a text to the decision cache, and where its literals stand.

    `literals` are all of the text's, in order, folded ones and one that stands in the shape as it is included. `exact`:
    the text has no shape, and its key is that of the whole text; `tokens` is what the key would be otherwise.
    """

    key: bytes
    literals: tuple[Token, ...]
    exact: bool
    tokens: bytes

    @property
    def rendered(self) -> str:
        """The text for the journal: no comments, literals as `?`, what is folded as `?, ...`."""

def shape(text: bytes, *, fold: bool = True) -> Shape | None:
    """The shape of `text`; None where it cannot be lexed, and `exact_key(text)` identifies it.

    `fold`: IN lists, ARRAY[…] and rows of VALUES of any length have one shape. For the cache, never for grants.
    """

def exact_key(text: bytes) -> bytes:
    """The key of a text that has no shape, or cannot be lexed. No shape's key equals it."""

@final
class Lexer:
    """The lexer with its buffers kept from text to text, as the shape table uses it."""

    def __new__(cls, *, fold: bool = True) -> Lexer: ...
    def hash(self, text: bytes) -> int:
        """The hash of the text's key, 64 bits; differs from process to process."""
