"""`hoopfast token`: tokens that the verifier takes, and a look at claims that shows no signature."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from hoopfast.auth.verifier import TokenVerifier
from hoopfast.cli.token import parse_claims
from hoopfast.errors import ConfigError
from tests.auth.issuing import pem, signing_key
from tests.auth.test_verifier import Issuer
from tests.cli.run import hoopfast

URL = "https://dev.example"


@pytest.fixture
def key(tmp_path: Path) -> str:
    path = tmp_path / "issuer.key"
    path.write_bytes(pem("ed25519"))
    return str(path)


def test_a_token_that_the_gateway_takes(key: str) -> None:
    given = ["--claim", "repository=acme/etl", "--claim", "g=a", "--claim", "g=b=c", "--expires", "30m"]
    done = hoopfast("token", "--key", key, "--issuer", URL, *given)
    assert done.returncode == 0, done.stderr
    jwks = json.loads(hoopfast("token", "--key", key, "--jwks").stdout)
    verifier = TokenVerifier([Issuer("dev", URL)])
    verifier.add_keys(URL, jwks, time.time())
    identity = verifier.verify(done.stdout.strip(), time.time())
    assert identity.claims["repository"] == "acme/etl"
    assert identity.claims["g"] == ["a", "b=c"]
    assert identity.subject == "developer"
    assert 1700 < identity.expires_at - time.time() <= 1800
    assert identity.token_id


def test_claims_may_replace_the_registered_ones() -> None:
    assert parse_claims(["sub=x", "a="]) == {"sub": "x", "a": ""}
    for wrong in ("a", "=x", ""):
        with pytest.raises(ConfigError, match="not of the form NAME=VALUE"):
            parse_claims([wrong])


@pytest.mark.parametrize("through", ["stdin", "PGPASSWORD"])
def test_inspect_shows_claims_and_no_signature(through: str) -> None:
    text = signing_key("ed25519").sign({"iss": URL, "sub": "job", "exp": int(time.time()) - 100})
    piped, variable = (text, "") if through == "stdin" else ("", text)
    done = hoopfast("token", "--inspect", stdin=piped, PGPASSWORD=variable)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["claims"]["sub"] == "job"
    assert shown["header"]["alg"] == "EdDSA"
    assert "expired 10" in done.stderr
    assert "not verified" in done.stderr
    assert text.rpartition(".")[2] not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--key is missing"),
        (("--key", "nothing.key"), "nothing.key cannot be read: No such file"),
        (("--key", "{key}"), "--issuer is missing"),
        (("--key", "{key}", "--issuer", URL, "--expires", "8"), '--expires: "8" is not a duration'),
        (("--key", "{key}", "--issuer", URL, "--claim", "x"), '--claim "x" is not of the form NAME=VALUE'),
        (("--inspect",), "there is no token on standard input"),
    ],
)
def test_mistakes(arguments: tuple[str, ...], message: str, key: str) -> None:
    done = hoopfast("token", *(argument.replace("{key}", key) for argument in arguments), PGPASSWORD="")
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_no_token_is_not_repeated() -> None:
    done = hoopfast("token", "--inspect", stdin="hunter2")
    assert done.returncode == 1
    assert "hunter2" not in done.stdout + done.stderr
