"""Shapes: what has one and what has none, what is replaced, folded and kept, what the journal is given."""

from __future__ import annotations

import gc
import time

import pytest

from hoopfast.wire.lexer import Lexer, Shape, exact_key, shape
from hoopfast.wire.scanner import TokenKind as K


def made(text: str | bytes, *, fold: bool = True) -> Shape:
    """The shape of a text that can be lexed."""
    found = shape(text if isinstance(text, bytes) else text.encode(), fold=fold)
    assert found is not None
    return found


def key(text: str, *, fold: bool = True) -> bytes:
    return made(text, fold=fold).key


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1", "select $1", "Values (1)", "INSERT INTO t VALUES (1)", "UPDATE t SET a = 1", "DELETE FROM t",
        "MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE", "WITH a AS (SELECT 1) SELECT 2",
        "((SELECT 1) UNION SELECT 2)",
        "SELECT 1;", "SELECT 1 ; ;", "-- c\nSELECT 1 -- c",
    ],
)  # fmt: skip
def test_what_has_a_shape(text: str) -> None:
    assert not made(text).exact
    assert made(text).key == made(text).tokens


@pytest.mark.parametrize(
    "text",
    [
        "DO 'x'", "SET a = 'x'", "COPY t TO '/f'", "BEGIN", "EXPLAIN SELECT 1", "TABLE t", "CREATE TABLE t ()",
        "EXECUTE s(1)",
        "PREPARE s AS SELECT 1", "selects 1", "selec 1", '"select" 1', "s.select", "", " ", ";", "-- c", "()", "1",
        "SELECT 1; SELECT 2", "; SELECT 1", "SELECT 1;;x", "SELECT 1 .. 2", "SELECT $a", "SELECT {", "U&'x'",
    ],
)  # fmt: skip
def test_what_has_none_is_keyed_by_its_exact_text(text: str) -> None:
    assert made(text).exact
    assert made(text).key == exact_key(text.encode()) != made(text).tokens
    assert made(text).key != key(text + " ")


@pytest.mark.parametrize(
    "text", [b"SELECT 'a", b"SELECT \xff", b"SELECT '\0'", b"SELECT 1a", b"SELECT $1a", b"SELECT /*"]
)
def test_what_cannot_be_lexed_has_no_shape(text: bytes) -> None:
    assert shape(text) is None
    assert Lexer().hash(text) == Lexer().hash(text) != Lexer().hash(text + b" ")


def test_a_key_is_not_the_exact_key_of_another_text() -> None:
    # No text that can be lexed holds the bytes of a shape, so none can imitate one.
    for text in ("SELECT 1", "SELECT 1, 'a'"):
        imitation = key(text)
        assert shape(imitation) is None
        assert exact_key(imitation) != imitation


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("0", K.INT4), ("2147483648", K.INT8), ("9223372036854775808", K.NUMERIC), ("1.0", K.NUMERIC), ("1e5",
        K.NUMERIC),
        ("''", K.STRING), ("E'\\n'", K.ESCAPE_STRING), ("U&'\\0041'", K.UNICODE_STRING), ("N'a'", K.NATIONAL_STRING),
        ("B'1'", K.BIT_STRING), ("X'f'", K.HEX_STRING), ("$$a$$", K.DOLLAR_STRING), ("$a$ $$ $a$", K.DOLLAR_STRING),
    ],
)  # fmt: skip
def test_a_literals_kind_stays_its_value_does_not(text: str, kind: K) -> None:
    found = made(f"SELECT f({text}), 1")
    assert found.key == b"SELECT f(" + bytes((kind,)) + b"),\xf5"
    assert found.literals == ((kind, 9, len(text)), (K.INT4, 9 + len(text) + 3, 1))
    assert found.rendered == "SELECT f(?), ?"


def test_all_else_stays() -> None:
    texts = [
        "SELECT a FROM t", "SELECT A FROM t", 'SELECT "a" FROM t', 'SELECT U&"a" FROM t', "select a FROM t",
        "SELECT a, b FROM t",
        "SELECT a.b FROM t", "SELECT a b FROM t", "SELECT a + b FROM t", "SELECT a +- b FROM t", "SELECT a @- b FROM t",
        "SELECT $1 FROM t", "SELECT $2 FROM t", "SELECT (a) FROM t", "SELECT a FROM t WHERE true",
        "SELECT a FROM t WHERE false",
        "SELECT a::b FROM t", "SELECT a: :b FROM t", "SELECT n 'a'", "SELECT N'a'", "SELECT nchar 'a'", "SELECT 'a'",
        "SELECT e 'a'",
        "SELECT 1 = 1", "SELECT 1 =1 .0", "SELECT a [1]", "SELECT - 1", "SELECT 'a' 'b'", "SELECT 'a'\n'b', 'c'",
    ]  # fmt: skip
    assert len({key(text) for text in texts}) == len(texts)


@pytest.mark.parametrize(
    "other",
    [
        "SELECT a,b /* c */ FROM t WHERE x=2 AND y LIKE '%';",
        "SELECT  a , b\n-- $1\nFROM t WHERE x = 345 AND y LIKE ''",
        "\tSELECT a,b FROM/**/t WHERE x= 0 AND y LIKE 'a''b'\n'c' ; ",
    ],
)  # fmt: skip
def test_whitespace_comments_and_values_do_not_count(other: str) -> None:
    assert key(other) == key("SELECT a, b FROM t WHERE x = 1 AND y LIKE 'z'")


def test_comments_separate() -> None:
    assert key("SELECT a/**/b") == key("SELECT a b") != key("SELECT ab")
    assert key("SELECT a-/**/-b") == key("SELECT a - -b") != key("SELECT a --b\n")


def test_what_follows_uescape_stays() -> None:
    # soundness 23: U&"ss!006e" is ssn with one escape character, and ss!006e with another
    first, second = "SELECT U&\"ss!006e\" UESCAPE '!'", "SELECT U&\"ss!006e\" UESCAPE '?'"
    assert key(first) != key(second)
    assert made(first).rendered == made(second).rendered == 'SELECT U&"ss!006e" UESCAPE ?'
    assert made(first).literals == ((K.STRING, len(first) - 3, 3),)
    assert key("SELECT U&\"a\" uescape E'!'") != key("SELECT U&\"a\" uescape E'?'")
    assert key('SELECT U&"a" uescape /**/ $$!$$') != key('SELECT U&"a" uescape $$?$$')
    assert key("SELECT U&'!0041' uescape '!', 'a'") == key("SELECT U&'b' uescape '!', 'c'")


@pytest.mark.parametrize(
    "text",
    [
        "U&'\\00'", "U&'\\d83d'", "U&'\\de00'", "U&'\\0000'", "U&'\\+110000'", "U&'a\\'", "U&'\\d83dx\\de00'",
        "U&'\\d83d\\\\'",
        "U&'!00' uescape '!'", "U&'a' uescape", "U&'a' uescape 1", "U&'a' uescape '+'", "U&'a' uescape 'a'",
        "U&'a' uescape '!!'",
        "U&'a' uescape ' '", "U&'a' uescape E'!'", "U&'\\0041'\n'b'",
    ],
)  # fmt: skip
def test_escapes_that_may_be_refused_are_not_lexable(text: str) -> None:
    assert shape(f"SELECT {text}".encode()) is None
    assert shape(f"SELECT {text}, 1".encode()) is None


@pytest.mark.parametrize(
    "text",
    [
        "U&'\\0041\\\\\\+01F600\\d83d\\de00'",
        "U&'a'\n'b'",
        "U&'\\00' uescape '!'",
        "U&'!0041!!' UEscape '!'",
        "U&'' \"uescape\"",
    ],
)
def test_escapes_that_are_valid(text: str) -> None:
    assert not made(f"SELECT {text}").exact


def test_the_precision_of_float_stays() -> None:
    # float(24) is float4, float(25) is float8, in the grammar already
    assert key("SELECT a::float(24)") != key("SELECT a::FLOAT (25)")
    assert key("SELECT a::float(24)") != key("SELECT a::float(25)")
    assert key("SELECT a::s.float(24)") == key("SELECT a::s.float(25)")
    assert key("SELECT a::varchar(24)") == key("SELECT a::varchar(25)")
    assert made("SELECT a::float(24)").rendered == "SELECT a :: float(?)"


@pytest.mark.parametrize("text", ["0x1F", "0b1", "0o7", "1_000"])
def test_numbers_of_postgresql_16_are_marked(text: str) -> None:
    # soundness 19: before 14 the server reads `0 AS x1F`
    assert key(f"SELECT {text}") != key("SELECT 31")
    assert key(f"SELECT {text}") == key("SELECT 0xF")
    assert made(f"SELECT {text}").rendered == "SELECT ?"
    assert key(f"SELECT {text}, 1, 'a' IN ('a', 'b')") == key("SELECT 0b0, 1, 'a' IN ('a', 'b', 'c')")


FOLDED = [
    ("SELECT a IN (1, 2)", "SELECT a IN (1, 2, 3)"),
    ("SELECT a NOT IN ('a', 'b')", "SELECT a NOT IN('x', 'y', 'z', '')"),
    ("SELECT a = ANY(ARRAY[1, 2])", "SELECT a = ANY(ARRAY [1, 2, 3])"),
    ("INSERT INTO t VALUES (1, 'a'), (2, 'b')", "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')"),
    ("VALUES ((1), f(2, 3)), ((4), f(5, 6))", "VALUES ((1), f(2, 3)), ((4), f(5, 6)), ((0), f(0, 0))"),
    ("VALUES (1, NULL), (2, NULL), (3, 4)", "VALUES (1, NULL), (2, NULL), (0, NULL), (3, 4)"),
    ("VALUES (1 IN (1, 2)), (1 IN (1, 2, 3))", "VALUES (1 IN (1, 2)), (1 IN (1, 2, 3)), (2 IN (5, 6))"),
    (
        "SELECT a FROM (VALUES (1), (2)) v WHERE a IN (1, 2)",
        "SELECT a FROM (VALUES (1), (2), (3)) v WHERE a IN (1, 2, 3)",
    ),
]


@pytest.mark.parametrize(("text", "longer"), FOLDED)
def test_lists_and_rows_are_folded_for_the_cache_never_for_grants(text: str, longer: str) -> None:
    assert key(text) == key(longer)
    # soundness 26
    assert key(text, fold=False) != key(longer, fold=False)
    assert made(text).literals == made(text, fold=False).literals
    assert len(made(longer).literals) > len(made(text).literals)


@pytest.mark.parametrize(
    ("text", "longer"),
    [
        ("SELECT a IN (1)", "SELECT a IN (1, 2)"),
        ("SELECT a IN (1, 2)", "SELECT a IN (1, 'a')"),
        ("SELECT a IN (1, 2)", "SELECT a IN ('a', 'b')"),
        ("SELECT a IN (1, 0x1)", "SELECT a IN (1, 2, 0x1)"),
        ("SELECT a IN (1, 2, b)", "SELECT a IN (1, 2, 3, b)"),
        ("SELECT a IN (1, 2 + b)", "SELECT a IN (1, 2, 3 + b)"),
        ("SELECT a IN ($1, $2)", "SELECT a IN ($1, $2, $3)"),
        # another overload
        ("SELECT f(1, 2)", "SELECT f(1, 2, 3)"),
        ("SELECT s.in(1, 2)", "SELECT s.in(1, 2, 3)"),
        ('SELECT "in"(1, 2)', 'SELECT "in"(1, 2, 3)'),
        # the third column becomes the fourth
        ("SELECT 1, 2, ssn", "SELECT 1, 2, 3, ssn"),
        ("SELECT s.values(1), (2), ssn", "SELECT s.values(1), (2), (3), ssn"),
        ("SELECT (1), (2), ssn", "SELECT (1), (2), (3), ssn"),
        ("VALUES (1, 2)", "VALUES (1, 2, 3)"),
        ("VALUES (1)", "VALUES (1), (2)"),
        ("VALUES (1), ('a')", "VALUES (1), (2), ('a')"),
        ("VALUES (1, NULL), (1, 2)", "VALUES (1, 2), (1, NULL)"),
        ("SELECT a FROM t ORDER BY 1, 2", "SELECT a FROM t ORDER BY 1, 2, 3"),
        ("SELECT ARRAY[[1, 2], [3, 4]]", "SELECT ARRAY[[1, 2], [3, 4], [5, 6]]"),
        ("SELECT a[1:2]", "SELECT a[1:2, 3]"),
        ("SELECT a IN (1, 2", "SELECT a IN (1, 2, 3"),
        ("SELECT a IN [1, 2]", "SELECT a IN [1, 2, 3]"),
        ("SELECT a IN (1; 2)", "SELECT a IN (1; 2, 3)"),
    ],
)
def test_nothing_else_is_folded(text: str, longer: str) -> None:
    assert key(text) != key(longer)


def test_rendered() -> None:
    text = 'select a ,b,f( 1,\'x\' ) /* 777-65-9863 */ from "t,""u" '
    text += "where x in (1,2,3) and y=any(array['a','b']) limit $1 -- c"
    assert made(text).rendered == (
        'select a, b, f(?, ?) from "t,""u" where x in(?, ...) and y = any(array[?, ...]) limit $1'
    )
    assert made(text, fold=False).rendered.endswith("x in(?, ?, ?) and y = any(array[?, ?]) limit $1")
    assert made("insert into t values (1,'a'),(2,'b') on conflict do nothing").rendered == (
        "insert into t values(?, ?), ... on conflict do nothing"
    )
    assert made("ALTER USER u PASSWORD 'secret';").rendered == "ALTER USER u PASSWORD ?"
    assert made("SET a = 'x'; SELECT 1").rendered == "SET a = ?; SELECT ?"
    assert made("SELECT łąka.é FROM t").rendered == "SELECT łąka.é FROM t"


def test_literals_span_all_of_their_text() -> None:
    text = "SELECT U&'a' uescape '!', E'é\\''\n'x', $a$ ' $a$, -1.5e1, 0x1f, N'n' WHERE a IN (1, 2)".encode()
    spans = [text[offset : offset + length] for _, offset, length in made(text).literals]
    assert b"".join(spans).decode() == "U&'a''!'E'é\\''\n'x'$a$ ' $a$1.5e10x1fN'n'12"


def test_hash() -> None:
    lexer = Lexer()
    texts = [
        "SELECT 1",
        "SELECT 'a'",
        "BEGIN",
        "SELECT 'a",
        "",
        "SELECT a IN (1,2)",
        "SELECT " + "a" * 200,
        "SELECT " + "a" * 201,
    ]
    hashes = [lexer.hash(text.encode()) for text in texts]
    assert len(set(hashes)) == len(texts)
    assert hashes == [Lexer().hash(text.encode()) for text in texts]
    assert lexer.hash(b" select  2") == lexer.hash(b"select 1")
    assert lexer.hash(b"SELECT a IN (1,2,3)") == hashes[5]
    assert Lexer(fold=False).hash(b"SELECT a IN (1,2,3)") != hashes[5]
    assert all(0 <= value < 2**64 for value in hashes)


def test_buffers_are_used_again() -> None:
    lexer = Lexer()
    large = b"SELECT " + b", ".join(b"a%d, %d" % (number, number) for number in range(50_000))
    expected = lexer.hash(b"SELECT 1")
    for _ in range(3):
        lexer.hash(large)
        assert lexer.hash(b"SELECT 1") == expected
    del lexer
    gc.collect()


def test_only_bytes() -> None:
    with pytest.raises(TypeError):
        shape("SELECT 1")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        shape(None)  # type: ignore[arg-type]


SIZE = 1 << 20


@pytest.mark.parametrize(
    "text",
    [
        b"+-" * (SIZE // 2),
        b"*-" * (SIZE // 2),
        b"," * SIZE,
        b",1" * (SIZE // 2),
        b"),(1" * (SIZE // 4),
        b"),(" + b"(1" * (SIZE // 4) + b")" * (SIZE // 4) + b"),(" + b"(1" * (SIZE // 4) + b")" * (SIZE // 4),
        b" in (1,2)" * (SIZE // 9),
        b" values (1),(2)" * (SIZE // 15),
        b"+" * SIZE,
        b"+/**/" * (SIZE // 5),
        b"/*" * (SIZE // 2),
        b"/*" * (SIZE // 4) + b"*/" * (SIZE // 4),
        b"$a" * (SIZE // 2),
        b"$" + b"a" * (SIZE // 2) + b"$" + b"$" * (SIZE // 2),
        b"$a$" + b"$b" * (SIZE // 2),
        b"''" * (SIZE // 2),
        b"'a' --b\n" * (SIZE // 8),
        b"'a'" + b" " * SIZE,
        b"'a'--\n/**/" * (SIZE // 10),
        b"1_1$1" * (SIZE // 5),
        b"1." * (SIZE // 2),
        b"1" * SIZE,
        b'""' * (SIZE // 2),
        b'"' + b'""' * (SIZE // 2) + b'"',
        b"E'" + b"\\'" * (SIZE // 2) + b"'",
        b"u&'\\" * (SIZE // 4),
        "é".encode() * (SIZE // 2),
    ],
    ids=lambda text: repr(text[:12]),
)
def test_time_is_linear(text: bytes) -> None:
    # 1 MiB takes some 10 ms; what is quadratic would take hours.
    for before in (b"", b"SELECT a IN (1", b"VALUES (1"):
        start = time.process_time()
        Lexer().hash(before + text)
        assert time.process_time() - start < 2
