"""Loading: the reference file, and a table of mistakes, each with the words it is answered with."""

from __future__ import annotations

from pathlib import Path

import pytest

from hoopfast.config import Config, ConfigFileError, load, merged
from hoopfast.errors import ConfigError

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference.toml"
GOOD = """\
[gateway]
listen = "127.0.0.1:6432"
tls = "off"

[[issuer]]
name = "github"
url = "https://token.actions.githubusercontent.com"
audience = "hoopfast"

[[database]]
name = "clinic"
host = "127.0.0.1"
user = "etl"
password = { env = "CLINIC_PASSWORD" }

[[access]]
claims = { repository = "acme/etl" }
database = "clinic"
policy = "nightly"

[policy.nightly]
writes = "deny"

[[policy.nightly.mask]]
columns = ["public.patients.ssn"]
with = "keep_last(4)"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "hoopfast.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_reference_loads() -> None:
    config = load(REFERENCE)
    assert config.gateway.max_message == 256 * 1024 * 1024
    assert config.gateway.idle_timeout == 900.0
    assert config.tuning.journal_sync == pytest.approx(0.05)
    assert config.policy["nightly"].mask[1].except_ == ["id"]
    assert config.policy["nightly"].rule[0].where is False
    assert config.policy["nightly"].approval is not None
    assert config.path == REFERENCE


def test_paths_start_at_the_files_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, GOOD.replace('tls = "off"', 'tls_cert = "certs/a.crt"\ntls_key = "/etc/b.key"'))
    monkeypatch.chdir("/")
    config = load(path)
    assert config.gateway.tls_cert == tmp_path / "certs/a.crt"
    assert config.gateway.tls_key == Path("/etc/b.key")
    assert config.audit.directory == tmp_path / "audit"
    assert config.audit.signing_key.path == tmp_path / "audit.key"
    assert config.folder == tmp_path


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        # keys
        ('listen = "', 'lsten = "', 'line 2: gateway.lsten: is not a known key, did you mean "listen"?'),
        ('listen = "', 'zzz = "', "gateway.zzz: is not a known key; known here: listen, workers, tls,"),
        ("[gateway]", "[gatway]", 'line 1: gatway: is not a known key, did you mean "gateway"?'),
        ("with = ", "wiht = ", 'policy.nightly.mask[0].wiht: is not a known key, did you mean "with"?'),
        ("with = ", "with_ = ", 'policy.nightly.mask[0].with_: is not a known key, did you mean "with"?'),
        ('user = "etl"', "", "line 10: database[0].user: is missing"),
        ('writes = "deny"', 'preset = "hipaa"', "policy.nightly.preset: is reserved for a later version"),
        # types and values
        ('tls = "off"', "tls = false", "line 3: gateway.tls: false is not one of require, allow, off"),
        ('tls = "off"', 'tls = "requir"', '"requir" is not one of require, allow, off, did you mean "require"?'),
        ('tls = "off"', 'tls = "off"\nworkers = "2"', 'gateway.workers: a whole number is needed, this is "2"'),
        ('tls = "off"', 'tls = "off"\nworkers = 2.0', "gateway.workers: a whole number is needed, this is 2.0"),
        ('tls = "off"', 'tls = "off"\nworkers = true', "gateway.workers: a whole number is needed, this is true"),
        ('tls = "off"', 'tls = "off"\nworkers = 0', "gateway.workers: 0 is out of range: it must be at least 1"),
        (
            'tls = "off"',
            'tls = "off"\nidle_timeout = 15',
            "gateway.idle_timeout: 15 is not a duration: write it with a unit",
        ),
        ('tls = "off"', 'tls = "off"\nidle_timeout = "0s"', "gateway.idle_timeout: must be longer than 0"),
        ('tls = "off"', 'tls = "off"\nmax_message = "2GiB"', '"2GiB" is out of range: it must be less than "1GiB"'),
        ('tls = "off"', 'tls = "off"\nmax_message = "256MB"', 'did you mean "256MiB"?'),
        ("[gateway]", '[tuning]\ncatalog_max_age = "2m"\n[gateway]', '"2m" is out of range: it must be at most "60s"'),
        (
            'columns = ["public.patients.ssn"]',
            "columns = []",
            "mask[0].columns: is empty: at least one entry is needed",
        ),
        (
            'columns = ["public.patients.ssn"]',
            'columns = "a.b.c"',
            'mask[0].columns: a list is needed, this is "a.b.c"',
        ),
        ("[[access]]", "[access]", "access: a list is needed, this is a table"),
        # ports and addresses
        (
            "127.0.0.1:6432",
            "127.0.0.1:99999",
            'gateway.listen: "99999" is not a port: a number from 0 to 65535 is needed',
        ),
        ("127.0.0.1:6432", "127.0.0.1", 'gateway.listen: "127.0.0.1" is not an address: write "host:port"'),
        (
            'user = "etl"',
            'user = "etl"\nport = 70000',
            "database[0].port: 70000 is out of range: it must be at most 65535",
        ),
        ('user = "etl"', 'user = "etl"\nport = "5432"', 'database[0].port: a whole number is needed, this is "5432"'),
        ('host = "127.0.0.1"', 'host = "a b"', "database[0].host: 'a b' is not a host"),
        ("127.0.0.1:6432", "0.0.0.0:6432", 'gateway: tls = "off" would let tokens cross the network in the clear'),
        ('host = "127.0.0.1"', 'host = "/run/postgresql"\ntls = "require"', "does not go with a Unix socket"),
        # secrets
        ('{ env = "CLINIC_PASSWORD" }', '"hunter2"', "line 14: database[0].password: a secret must not stand in"),
        (
            '{ env = "CLINIC_PASSWORD" }',
            '{ vault = "x" }',
            "database[0].password: a secret is a table with exactly one key",
        ),
        # masks and columns
        ("keep_last(4)", "keep_lst(4)", 'line 26: policy.nightly.mask[0].with: there is no mask "keep_lst", did'),
        ("keep_last(4)", "hash", 'policy.nightly.mask[0].with: the mask "hash" is not in this version'),
        ('with = "keep_last(4)"', 'with = "redact"\nderived = "keep_last(4)"', "mask[0].derived: "),
        (
            "public.patients.ssn",
            "patients.ssn",
            "mask[0].columns[0]: 'patients.ssn' is not of the form schema.table.column",
        ),
        # names
        (
            'policy = "nightly"',
            'policy = "nighly"',
            'access[0].policy: there is no [policy.nighly], did you mean "nightly"?',
        ),
        (
            'database = "clinic"',
            'database = "clinc"',
            "line 18: access[0].database: there is no [[database]] with name",
        ),
        (
            "[[access]]",
            '[[access]]\nissuer = "gitlab"',
            'access[0].issuer: there is no [[issuer]] with name = "gitlab"',
        ),
        # claims
        ('{ repository = "acme/etl" }', "{}", "access[0].claims: no claim is named, so every token"),
        ('{ repository = "acme/etl" }', "{ repository = [] }", 'the list for the claim "repository" is empty'),
        ('{ repository = "acme/etl" }', "{ repository = 1.5 }", 'the claim "repository" needs a string'),
        # issuers
        ("https://token", "http://token", "must be https"),
        ("https://token.actions.githubusercontent.com", "github", 'issuer[0].url: "github" is not an issuer\'s URL'),
        ('audience = "hoopfast"', "audience = []", "issuer[0].audience: a string, or a list of strings, is needed"),
        ('audience = "hoopfast"', 'audience = "h"\nsession = 8', "issuer[0].session: 8 is not a duration"),
        # sinks and stores
        ("[gateway]", '[audit]\nsinks = ["s4://bucket"]\n[gateway]', 'the scheme "s4" is not known; known are s3'),
        ("[gateway]", '[store]\nurl = "mysql://x/y"\n[gateway]', 'the scheme "mysql" is not known: write "sqlite:///'),
        # rules
        (
            "[[policy.nightly.mask]]",
            '[[policy.nightly.rule]]\nname = "r"\naction = "deny"\n[[policy.nightly.mask]]',
            "policy.nightly.rule[0]: this rule matches every statement",
        ),
        (
            "[[policy.nightly.mask]]",
            '[[policy.nightly.rule]]\nname = "r"\nstatement = "UPDAET"\naction = "deny"\n[[policy.nightly.mask]]',
            'rule[0].statement: "UPDAET" is no SQL command, did you mean "UPDATE"?',
        ),
        (
            "[[policy.nightly.mask]]",
            '[policy.nightly.approval]\napprovers = [{ claims = { g = "x" } }]\nnotify = ["slak"]\n'
            '[notifier.slack]\nurl = { env = "X" }\n[[policy.nightly.mask]]',
            'policy.nightly.approval.notify[0]: there is no [notifier.slak], did you mean "slack"?',
        ),
    ],
)
def test_mistakes(tmp_path: Path, old: str, new: str, message: str) -> None:
    load(written(tmp_path, GOOD))
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(ConfigFileError) as caught:
        load(path)
    text = str(caught.value)
    assert message in text
    assert text.startswith(f"{path}: 1 problem\n"), text
    assert len(text.splitlines()) <= 24
    assert "hunter2" not in text
    assert "pydantic" not in text


def test_all_mistakes_are_listed(tmp_path: Path) -> None:
    text = GOOD.replace("listen = ", "lsten = ").replace("keep_last(4)", "redcat").replace('"nightly"', '"weekly"')
    with pytest.raises(ConfigFileError) as caught:
        load(written(tmp_path, text))
    assert [problem.key for problem in caught.value.problems] == [
        "gateway.lsten",
        "access[0].policy",
        "policy.nightly.mask[0].with",
    ]
    assert [problem.line for problem in caught.value.problems] == [2, 19, 26]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[gateway\n", "this is not TOML"),
        (b"[gateway]\n[gateway]\n", "this is not TOML: Cannot declare"),
        (b"a = 1\n\xff\n", "line 2: is not UTF-8"),
        (b"#" * (4 * 1024 * 1024 + 1), "is larger than 4 MiB"),
    ],
)
def test_files_that_cannot_be_read_as_toml(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "hoopfast.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file or directory; `hoopfast init` writes a first one"):
        load(tmp_path / "missing.toml")
    with pytest.raises(ConfigError, match="Is a directory"):
        load(tmp_path)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "hoopfast.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load(path).gateway.listen.port == 6432


def test_databases_and_issuers_may_come_later(tmp_path: Path) -> None:
    start, end = GOOD.index("[[issuer]]"), GOOD.index("[[access]]")
    path = written(tmp_path, GOOD[:start] + GOOD[end:])
    with pytest.raises(ConfigFileError):
        load(path)
    assert load(path, lenient_databases=True).database == []


def test_a_policy_that_is_not_there_is_wrong_even_then(tmp_path: Path) -> None:
    with pytest.raises(ConfigFileError, match=r"there is no \[policy.x\]"):
        load(written(tmp_path, GOOD.replace('policy = "nightly"', 'policy = "x"')), lenient_databases=True)


def test_supplied_tables_win(tmp_path: Path) -> None:
    supplied = {"gateway": {"listen": "127.0.0.1:0"}, "database": [{"name": "clinic", "host": "/tmp", "user": "u"}]}
    config = load(written(tmp_path, GOOD), supplied=supplied)
    assert config.gateway.listen.port == 0
    assert config.gateway.tls == "off"
    assert config.database[0].user == "u"


def test_merged() -> None:
    assert merged({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": 3}, "d": [2], "e": 4}) == {
        "a": {"b": 3, "c": 2},
        "d": [2],
        "e": 4,
    }


def test_an_empty_file_is_complete() -> None:
    assert Config.model_validate({}).gateway.tls == "require"
