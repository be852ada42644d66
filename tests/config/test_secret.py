"""Secrets: fetched from where they are kept, and never shown."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from hoopfast.config import Secret
from hoopfast.errors import ConfigError

VALUE = "hunter2-Zwölf"


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOOPFAST_TEST_SECRET", VALUE)
    assert Secret.parse({"env": "HOOPFAST_TEST_SECRET"}, tmp_path).resolve() == VALUE


def test_from_a_file_relative_to_the_folder(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(VALUE + "\r\n", encoding="utf-8")
    secret = Secret.parse({"file": "password"}, tmp_path)
    assert secret.resolve() == VALUE
    assert secret.path == tmp_path / "password"


def test_from_a_command_that_runs_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(VALUE, encoding="utf-8")
    assert Secret.parse({"command": ["cat", "password"]}, tmp_path).resolve() == VALUE


def test_it_is_fetched_anew_each_time(tmp_path: Path) -> None:
    secret = Secret.parse({"file": "password"}, tmp_path)
    (tmp_path / "password").write_text("old")
    assert secret.resolve() == "old"
    (tmp_path / "password").write_text("new")
    assert secret.resolve() == "new"


def test_a_literal_is_refused_without_being_repeated(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must not stand in the configuration") as caught:
        Secret.parse(VALUE, tmp_path)
    assert VALUE not in str(caught.value)
    assert '{ env = "NAME" }' in str(caught.value)


@pytest.mark.parametrize("value", [1, {}, {"env": "A", "file": "b"}, {"vault": "x"}, ["A"]])
def test_what_is_no_reference(value: object, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a table with exactly one key"):
        Secret.parse(value, tmp_path)


@pytest.mark.parametrize(
    "value", [{"env": ""}, {"env": 1}, {"file": ""}, {"command": "pass db"}, {"command": []}, {"command": [1]}]
)
def test_references_of_the_wrong_kind(value: object, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"needs|is a list"):
        Secret.parse(value, tmp_path)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"env": "HOOPFAST_NOT_SET"}, "HOOPFAST_NOT_SET is not set"),
        ({"file": "missing"}, "missing cannot be read: No such file"),
        ({"file": "empty"}, "is empty"),
        ({"file": "large"}, "larger than 64 KiB"),
        ({"file": "binary"}, "is not UTF-8"),
        ({"command": ["no-such-program-at-all"]}, "no-such-program-at-all cannot be run"),
        ({"command": ["false"]}, r"false failed \(1\)"),
        ({"command": ["true"]}, "printed nothing"),
    ],
)
def test_secrets_that_cannot_be_had(value: object, message: str, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "large").write_bytes(b"x" * 70000)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=message):
        Secret.parse(value, tmp_path).resolve()


def test_a_failing_command_is_not_quoted(tmp_path: Path) -> None:
    secret = Secret.parse({"command": ["sh", "-c", f"echo {VALUE}; echo {VALUE} >&2; exit 3"]}, tmp_path)
    with pytest.raises(ConfigError) as caught:
        secret.resolve()
    assert VALUE not in str(caught.value)


def test_it_shows_its_place_and_never_its_value(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOOPFAST_TEST_SECRET", VALUE)
    secret = Secret.parse({"env": "HOOPFAST_TEST_SECRET"}, tmp_path)
    secret.resolve()
    assert repr(secret) == "Secret(env HOOPFAST_TEST_SECRET)"
    assert VALUE.encode() not in pickle.dumps(secret)
    assert pickle.loads(pickle.dumps(secret)) == secret
    assert secret.reference() == {"env": "HOOPFAST_TEST_SECRET"}
