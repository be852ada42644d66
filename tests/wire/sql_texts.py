"""SQL texts for the tests of scanner and lexer: soup of lexical corners, and pglast's view of a text."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import NamedTuple

from hypothesis import strategies as st
from pglast.parser import ParseError
from pglast.parser import scan as pglast_scan

WORDS = "select SELECT values in IN array uescape UESCAPE float and from a é ł x$1 _b e E b x n u U&".split()
NUMBERS = "0 1 12 0x1F 0b1 0o7 _ 1_000 2147483648 9223372036854775808 . .. 1.e5 1e 1e+ 1_0 e5 _0".split()
QUOTES = "' '' 'a' E' N' B'01' X' U&' \\ \\' \" \"\" \"a\" U&\"a\" '!' ! $ $1 $a $$ $tag$ '\n' '--c\n'".split(" ")
ESCAPES = "\\u0041 \\u \\ud83d \\ude00 \\U0001F600 \\x41 \\101 \\377 \\0 \\0041 \\+000041 \\d83d !0041".split()
OPERATORS = "-- /* */ - + * / = < > : := :: => @ @- | ? ^ % ~ .".split()
OTHERS = ["(", ")", "[", "]", ",", ";", " ", "  ", "\n", "\r", "\t", "\f", "\v", "{", "\x01", "\x7f", "\u00a0"]
PIECES = [
    "(1,2)", "(1,'a'),(2,'b')", " in (1,2,3)", " array['a','b']", "values (1),(2)", ".values (1),(2)", ".in(1,2)",
    " uescape '!'", "float(10)", "U&'a!0041' uescape '!'", ",(", "),(", "1,", "'a',", "select ",
]  # fmt: skip
FRAGMENTS = [*WORDS, *NUMBERS, *QUOTES, *ESCAPES, *OPERATORS, *OTHERS, *PIECES]

soup = st.tuples(
    st.sampled_from(["", "", "select ", "insert into t values ", "with "]),
    st.lists(st.sampled_from(FRAGMENTS), max_size=16).map("".join),
).map("".join)


def pglast_tokens(text: str) -> list[tuple[str, int, int]] | None:
    """Name, offset and length in bytes of pglast's tokens, without comments; None where it refuses the text."""
    try:
        tokens = pglast_scan(text)
    except ParseError:
        return None
    offsets = [0, *accumulate(len(character.encode()) for character in text)]
    return [
        (token.name, offsets[token.start], offsets[token.end + 1] - offsets[token.start])
        for token in tokens
        if token.name not in ("SQL_COMMENT", "C_COMMENT")
    ]


# --- Statements with literals to be filled in ------------------------------------------------------------------------


class Slot(NamedTuple):
    """A place for a literal of a kind; `many`: for two or more with commas; `rows`: for two or more rows of two."""

    kind: str
    many: bool = False
    rows: bool = False


Template = list[str | Slot]

anything = st.text(st.sampled_from("aé'\\\"$-/*\n ?;,()0")) | st.text(max_size=3)


def _text(value: str) -> str:
    return value.replace("\0", "").replace("'", "''").encode("utf-8", "ignore").decode()


LITERALS: dict[str, st.SearchStrategy[str]] = {
    "int4": st.integers(0, 2**31 - 1).map(str),
    "int8": st.integers(2**31, 2**63 - 1).map(str),
    "numeric": st.one_of(
        st.integers(2**63, 10**40).map(str),
        st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)).map(lambda pair: f"{pair[0]}.{pair[1]}"),
        st.sampled_from(["1.", ".5", "1e5", "1.e-5", ".5E+10", "1E0"]),
    ),
    "modern": st.sampled_from(["0x1F", "0X7fffffff", "0b1_0", "0o17", "1_000", "0_0"]),
    "string": anything.map(lambda value: f"'{_text(value)}'")
    | st.tuples(anything, st.sampled_from(["\n", " --c\n", "\r\t"]), anything).map(
        lambda parts: f"'{_text(parts[0])}'{parts[1]}'{_text(parts[2])}'"
    ),
    "escape": st.lists(st.sampled_from(["a", "é", "''", "\\'", "\\\\", "\\n", "\\u0041", "\\ud83d\\ude00", "\\x41",
    "\\101"])).map(
        lambda parts: "E'" + "".join(parts) + "'"
    ),
    "unicode": st.lists(st.sampled_from(["a", "é", "''", "\\\\", "\\0041", "\\+01F600", "\\d83d\\de00", " "])).map(
        lambda parts: "U&'" + "".join(parts) + "'"
    ),
    "national": anything.map(lambda value: f"n'{_text(value)}'"),
    "bit": st.text("01").map(lambda digits: f"b'{digits}'"),
    "hex": st.text("01af").map(lambda digits: f"X'{digits}'"),
    "dollar": st.tuples(st.sampled_from(["", "a", "é1"]), anything.map(_text)).map(
        lambda pair: f"${pair[0]}${pair[1].replace('$', '')}${pair[0]}$"
    ),
}  # fmt: skip

kinds = st.sampled_from(sorted(LITERALS))
slots: st.SearchStrategy[Template] = kinds.map(lambda kind: [Slot(kind)])


def _sequence(*parts: str | st.SearchStrategy[Template]) -> st.SearchStrategy[Template]:
    """The parts in a row; a string's words are tokens."""
    strategies = [st.just(list[str | Slot](part.split())) if isinstance(part, str) else part for part in parts]
    return st.tuples(*strategies).map(lambda found: [piece for part in found for piece in part])


def _many(opening: str, closing: str) -> st.SearchStrategy[Template]:
    # Lists of numbers that older servers read otherwise are not folded.
    return kinds.filter(lambda kind: kind != "modern").map(
        lambda kind: [*opening.split(), Slot(kind, many=True), closing]
    )


def _compound(inner: st.SearchStrategy[Template]) -> st.SearchStrategy[Template]:
    operators = st.sampled_from("+ - * || = <> @- ->> =- <= LIKE AND".split()).map(
        lambda found: list[str | Slot]([found])
    )
    return st.one_of(
        _sequence("(", inner, operators, inner, ")"),
        _sequence("(", inner, _many("IN (", ")"), ")"),
        _sequence("(", inner, "NOT in (", inner, ",", inner, ",", slots, ",", slots, ") )"),
        _sequence(inner, _many("= ANY ( array [", "]"), ")"),
        _sequence("f (", inner, ",", slots, ",", slots, ")"),
        _sequence("s . in (", slots, ",", slots, ")"),
        _sequence("CASE WHEN", inner, "THEN", inner, "ELSE", inner, "END"),
        _sequence("(", inner, ") :: float (", st.integers(1, 53).map(lambda n: list[str | Slot]([str(n)])), ")"),
        _sequence("CAST (", inner, "AS varchar (", st.just([Slot("int4")]), ") )"),
        _sequence("- (", inner, ")"),
        _sequence("-", slots),
        _sequence("( SELECT", inner, "LIMIT", st.just([Slot("int4")]), ")"),
        _sequence("( a ) [", inner, "]"),
        _sequence("ROW (", inner, ",", inner, ")"),
        _sequence("( values", rows, ")"),
    )


rows: st.SearchStrategy[Template] = st.one_of(
    kinds.map(lambda kind: [Slot(kind, rows=True)]),
    _sequence("(", slots, ",", slots, ") , (", slots, ",", slots, ")"),
    st.tuples(slots, slots).map(lambda two: ["(", *two[0], ",", *two[1], ")"]),
)
expressions = st.recursive(
    slots
    | st.sampled_from(
        [
            "a", "t . b", '"C""d"', "łąka", "$1", "NULL", "true", "date '2024-01-01'", "interval '1' day",
            "U&\"a!0062\" UESCAPE '!'",
            "U&\"a!0062\" UESCAPE '?'", "U&'a!0062' uescape '!'", "count ( * )", "extract ( 'year' FROM a )",
        ]
    ).map(lambda text: list[str | Slot](text.split(" "))),
    _compound,
    max_leaves=8,
)  # fmt: skip
templates: st.SearchStrategy[Template] = st.one_of(
    _sequence("SELECT", expressions, ",", expressions, "AS x FROM t WHERE", expressions, "GROUP BY 1 , 2"),
    _sequence("SELECT", expressions, "UNION ALL VALUES", rows, "ORDER BY 1 LIMIT", expressions),
    _sequence("values", rows),
    _sequence("INSERT INTO t ( a , b ) VALUES", rows, "ON CONFLICT DO NOTHING RETURNING", expressions),
    _sequence("UPDATE t SET a =", expressions, "WHERE", expressions),
    _sequence("with c AS ( DELETE FROM t WHERE", expressions, ") SELECT * FROM c"),
    _sequence(
        "MERGE INTO t USING s ON", expressions, "WHEN MATCHED THEN UPDATE SET a =", expressions,
        "WHEN NOT MATCHED THEN INSERT VALUES (", slots, ",", slots, ")",
    ),
)  # fmt: skip
separators = st.sampled_from([" ", " ", " ", "\n", "\t ", " --c'\n", "/**/", " /* /* ' */ */ "])


def _alike(draw: Callable[[st.SearchStrategy[str]], str], count: int, kind: str) -> str:
    return ", ".join(draw(LITERALS[kind]) for _ in range(count))


@st.composite
def filled(draw: st.DrawFn, template: Template) -> list[str]:
    """The pieces of a statement: `template` with literals, and something between any two tokens."""
    pieces: list[str] = []
    for part in template:
        if isinstance(part, str):
            pieces.append(part)
        elif part.rows:
            pieces.append(", ".join(f"({_alike(draw, 2, part.kind)})" for _ in range(draw(st.integers(2, 4)))))
        else:
            pieces.append(_alike(draw, draw(st.integers(2, 4)) if part.many else 1, part.kind))
        # A quote behind a newline would continue a string.
        pieces.append(draw(separators) if pieces[-1][-1:] not in "'$" else " ")
    return pieces


@st.composite
def statements(draw: st.DrawFn) -> list[str]:
    """The pieces of a statement."""
    return draw(filled(draw(templates)))
