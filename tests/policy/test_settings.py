"""The allow-list of settings."""

from __future__ import annotations

import pytest

from hoopfast.errors import PolicyDenied
from hoopfast.policy.settings import encoding_kind, reset_allowed, setting_allowed, startup_parameters

ALLOWED = [
    ("work_mem", "5MB"),
    ("TimeZone", "UTC"),
    ("DateStyle", "German"),
    ("search_path", ""),
    ("extra_float_digits", "3"),
    ("application_name", "x"),
    ("client_encoding", "LATIN1"),
    ("client_encoding", "utf-8"),
    ("row_security", "off"),
    ("standard_conforming_strings", "on"),
    ("app.tenant", "7"),
    ("enable_seqscan", "off"),
    ("lock_timeout", None),
]
REFUSED = [
    ("role", "postgres"),
    ("session_authorization", "postgres"),
    ("session_replication_role", "replica"),
    ("transform_null_equals", "on"),
    ("client_encoding", "SJIS"),
    ("client_encoding", "SHIFT_JIS_2004"),
    ("client_encoding", None),
    ("standard_conforming_strings", "off"),
    ("client_min_messages", "debug1"),
    ("client_min_messages", "log"),
    ("debug_print_plan", "on"),
    ("log_statement", "all"),
    ("auto_explain.log_min_duration", "0"),
    ("plpgsql.extra_warnings", "all"),
    ("session_preload_libraries", "x"),
    ("allow_system_table_mods", "on"),
    ("no_such_setting", "1"),
    ("default_table_access_method", "mine"),
]


@pytest.mark.parametrize(("name", "value"), ALLOWED)
def test_allowed(name: str, value: str | None) -> None:
    assert setting_allowed(name, value)


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_refused(name: str, value: str | None) -> None:
    assert not setting_allowed(name, value)


def test_encodings_are_spelt_as_the_server_reads_them() -> None:
    assert [encoding_kind(name) for name in ("UTF8", "unicode", "Utf-8")] == ["utf8"] * 3
    assert [encoding_kind(name) for name in ("LATIN1", "iso_8859-15", "win1252", "SQL_ASCII")] == ["single"] * 4
    assert [encoding_kind(name) for name in ("SJIS", "EUC_JP", "GB18030", "BIG5", "")] == [None] * 5


def test_what_was_never_changed_may_be_reset() -> None:
    assert reset_allowed("ALL")
    assert reset_allowed("client_encoding")
    assert reset_allowed("standard_conforming_strings")
    assert not reset_allowed("role")
    assert not reset_allowed("log_statement")


def test_startup_parameters() -> None:
    given = {
        "user": "x",
        "database": "y",
        "client_encoding": "UTF8",
        "_pq_.feature": "1",
        "options": r"-c work_mem=5MB --search-path=a\ b -cdatestyle=ISO",
    }
    assert startup_parameters(given) == {
        "client_encoding": "UTF8",
        "work_mem": "5MB",
        "search_path": "a b",
        "datestyle": "ISO",
    }
    assert startup_parameters({"replication": "off"}) == {}


@pytest.mark.parametrize(
    "given",
    [
        {"options": "-c session_replication_role=replica"},
        {"options": "--session-replication-role=replica"},
        {"options": r"-c session\_replication\_role=replica"},
        {"options": "-d 5"},
        {"options": "-c work_mem"},
        {"options": "-c"},
        {"replication": "database"},
        {"replication": "true"},
        {"role": "postgres"},
        {"client_encoding": "SJIS"},
    ],
)
def test_startup_parameters_that_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(PolicyDenied):
        startup_parameters(given)
