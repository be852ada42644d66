"""Encoding: every record comes back as it was, the same one has the same bytes, and nothing else is taken for one."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoopfast.audit.encoding import RecordError, decode, encode, encode_statement, encode_string
from hoopfast.audit.records import KINDS, Execution, Record, SessionStart
from tests.audit.examples import CALLER, EXAMPLES, execution, execution_ended, records, session_start


@given(records)
def test_round_trip(record: Record) -> None:
    body = encode(record)
    assert decode(body) == record
    assert encode(decode(body)) == body


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: type(record).__name__)
def test_spelling(record: Record) -> None:
    fields = json.loads(encode(record))
    names = [item.name for item in dataclasses.fields(record)]
    assert list(fields) == ["record", "version", *names]
    assert KINDS[fields["record"]] is type(record)
    assert fields["version"] == record.version


def test_spelling_is_stable() -> None:
    record = execution_ended(3)
    record.time = 1_700_000_000_000_000
    assert encode(record) == (
        b'{"record":"execution_ended","version":1,"time":1700000000000000,'
        b'"session":"0190163d-8694-739b-aea5-966c26f8ad91","sequence":3,"ending":"completed","tag":"SELECT 1",'
        b'"sqlstate":"","rows":1,"received_bytes":0,"delivered_bytes":0,"masked_cells":0,"masked_columns":[],'
        b'"database_microseconds":0,"gateway_microseconds":0}'
    )


def test_what_utf8_cannot_say_is_escaped() -> None:
    record = session_start()
    record.user = b"m\xfcller".decode("utf-8", "surrogateescape")
    record.caller = dataclasses.replace(CALLER, claims={"huge": 2**70, "list": ["\ud800"]})
    decoded = decode(encode(record))
    assert isinstance(decoded, SessionStart)
    assert decoded.user == "m\\udcfcller"
    assert decoded.caller.claims == {"huge": str(2**70), "list": ["\\ud800"]}


@given(st.text(st.characters()))
def test_a_string_is_spelt_as_in_a_record(value: str) -> None:
    record = execution(session=value)
    assert b'"session":' + encode_string(value) + b',"sequence":1,' in encode(record)


def test_what_an_execution_says_of_its_statement() -> None:
    record = execution(5, text='SELECT "a" FROM ż')
    record.parameters = record.literals = (None, "00")
    part = encode_statement(record)
    assert part.startswith(b',"shape":"0123456789abcdef","text":"SELECT \\"a\\" FROM \xc5\xbc","decision":"allow",')
    assert part.endswith(b',"protected":[]')
    assert b'"protocol":"simple"' + part + b',"parameters":[null,"00"]' in encode(record)
    other = Execution(session="s", sequence=1, protocol="extended", shape="", text="", decision="deny")
    other.shape, other.text, other.decision = record.shape, record.text, record.decision
    assert encode_statement(other) == part


GOOD = encode(execution())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        GOOD[:-1],
        GOOD + b" ",
        GOOD.replace(b'"execution"', b'"exorcism"'),
        GOOD.replace(b'"version":1', b'"version":2'),
        GOOD.replace(b'"version":1', b'"version":true'),
        GOOD.replace(b'"sequence":1', b'"sequence":"1"'),
        GOOD.replace(b'"sequence":1', b'"sequence":true'),
        GOOD.replace(b'"sequence":1', b'"sequence":1.0'),
        GOOD.replace(b'"sequence":1,', b""),
        GOOD.replace(b'"sequence":1', b'"sequence":1,"more":2'),
        GOOD.replace(b'"sequence":1', b'"sequence": 1'),
        GOOD.replace(b'"kinds":[]', b'"kinds":[1]'),
        GOOD.replace(b'"kinds":[]', b'"kinds":{}'),
        encode(execution_ended()).replace(b'"completed"', b'"finished"'),
        encode(session_start()).replace(b'"issuer"', b'"issued"'),
    ],
)
def test_anything_else_is_refused(body: bytes) -> None:
    with pytest.raises(RecordError):
        decode(body)
