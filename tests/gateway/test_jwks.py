"""Tests of hoopfast/gateway/jwks.py: keys from discovery and from files."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
import time
import tracemalloc
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hoopfast.config import Issuer
from hoopfast.errors import AuthenticationFailed
from hoopfast.gateway.jwks import LARGEST_ANSWER, KeySource
from hoopfast.sandbox.issuer import DevelopmentIssuer


class Provider:
    """An issuer that publishes its discovery document and keys over HTTP on loopback."""

    def __init__(self, folder: Path) -> None:
        provider = self
        self.asked: list[str] = []
        self.answers: dict[str, bytes] = {}
        self.headers: dict[str, str] = {}
        self.delay = 0.0

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append(self.path)
                time.sleep(provider.delay)
                answer = provider.answers.get(self.path)
                self.send_response(404 if answer is None else 200)
                for name, value in provider.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer or b"")

            def log_message(self, *_: object) -> None:
                return None

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.keys(DevelopmentIssuer(folder, url=self.url))
        document = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        self.answers["/.well-known/openid-configuration"] = json.dumps(document).encode()
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def keys(self, issuer: DevelopmentIssuer) -> None:
        self.issuer = issuer
        self.answers["/keys"] = issuer.jwks_file.read_bytes()

    def source(self) -> KeySource:
        return KeySource([Issuer(name="provider", url=self.url, audience=["hoopfast"])])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    made = Provider(tmp_path)
    yield made
    made.close()


def test_keys_are_fetched_once_for_all_who_wait(provider: Provider) -> None:
    async def scenario() -> None:
        provider.delay = 0.1
        source = provider.source()
        tokens = [provider.issuer.mint({"sub": f"job {n}"}) for n in range(20)]
        identities = await asyncio.gather(*(source.verify(token) for token in tokens))
        assert [identity.subject for identity in identities] == [f"job {n}" for n in range(20)]
        assert provider.asked == ["/.well-known/openid-configuration", "/keys"]
        await source.verify(tokens[0])
        assert len(provider.asked) == 2

    asyncio.run(scenario())


def test_unknown_keys_do_not_make_it_fetch_again_and_again(provider: Provider, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    stranger = DevelopmentIssuer(tmp_path / "other", url=provider.url)

    async def scenario() -> None:
        source = provider.source()
        await source.verify(provider.issuer.mint({"sub": "job"}))
        for _ in range(10):
            with pytest.raises(AuthenticationFailed):
                await source.verify(stranger.mint({"sub": "job"}))
        assert len(provider.asked) == 2

    asyncio.run(scenario())


def test_one_that_gives_up_does_not_stop_the_others(provider: Provider) -> None:
    async def scenario() -> None:
        provider.delay = 0.3
        source = provider.source()
        token = provider.issuer.mint({"sub": "job"})
        impatient = asyncio.create_task(source.verify(token))
        patient = asyncio.create_task(source.verify(token))
        await asyncio.sleep(0.1)
        impatient.cancel()
        assert (await patient).subject == "job"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/keys", None),
        ("/keys", b"no json"),
        ("/keys", b'{"keys": []}'),
        ("/keys", b" " * (LARGEST_ANSWER + 1)),
        ("/.well-known/openid-configuration", None),
        ("/.well-known/openid-configuration", b'{"issuer": "https://other", "jwks_uri": "https://other/keys"}'),
    ],
)
def test_a_provider_that_does_not_answer_properly(provider: Provider, path: str, answer: bytes | None) -> None:
    provider.answers.pop(path)
    if answer is not None:
        provider.answers[path] = answer

    async def scenario() -> None:
        with pytest.raises(AuthenticationFailed, match="could not be fetched"):
            await provider.source().verify(provider.issuer.mint({"sub": "job"}))

    asyncio.run(scenario())


def test_due_keys_are_fetched_without_being_asked_for(provider: Provider) -> None:
    async def scenario() -> None:
        source = provider.source()
        await source.refresh()
        assert len(provider.asked) == 2
        await source.refresh()
        assert len(provider.asked) == 2
        await source.verify(provider.issuer.mint({"sub": "job"}))
        assert len(provider.asked) == 2

    asyncio.run(scenario())


def test_an_unknown_key_of_an_issuer_with_a_file_is_not_looked_for_elsewhere(
    provider: Provider, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    stranger = DevelopmentIssuer(tmp_path / "other", url=provider.url)

    async def scenario() -> None:
        file = str(provider.issuer.jwks_file)
        values = {"name": "file", "url": provider.url, "audience": "hoopfast", "jwks_file": file}
        source = KeySource([Issuer.model_validate(values)])
        with pytest.raises(AuthenticationFailed, match="does not publish"):
            await source.verify(stranger.mint())
        await source.verify(provider.issuer.mint())
        assert provider.asked == []

    asyncio.run(scenario())


def test_the_log_names_a_provider_that_cannot_be_reached(
    provider: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    provider.close()

    async def scenario() -> None:
        with pytest.raises(AuthenticationFailed, match="could not be fetched"):
            await provider.source().verify(provider.issuer.mint())

    asyncio.run(scenario())
    output = capsys.readouterr()
    assert f"{provider.url}/.well-known/openid-configuration cannot be reached" in output.out + output.err


def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    old = DevelopmentIssuer(tmp_path)
    new = DevelopmentIssuer(tmp_path / "new")
    file = tmp_path / "published.json"

    async def scenario() -> None:
        values = {"name": "file", "url": old.url, "audience": "hoopfast", "jwks_file": str(file)}
        source = KeySource([Issuer.model_validate(values)])
        with pytest.raises(AuthenticationFailed):
            await source.verify(old.mint())
        file.write_bytes(old.jwks_file.read_bytes())
        await source.verify(old.mint())
        file.write_bytes(new.jwks_file.read_bytes() + b" ")
        await source.verify(new.mint())
        with pytest.raises(AuthenticationFailed):
            await source.verify(old.mint())

    asyncio.run(scenario())


def test_no_proxy_stands_between_the_gateway_and_an_issuer_in_the_clear(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    identity = asyncio.run(provider.source().verify(provider.issuer.mint({"sub": "job"})))
    assert identity.subject == "job"


def test_compressed_answers_are_refused_unread(provider: Provider) -> None:
    provider.headers["content-encoding"] = "gzip"
    provider.answers["/.well-known/openid-configuration"] = gzip.compress(b" " * 100_000_000)
    source, token = provider.source(), provider.issuer.mint({"sub": "job"})
    tracemalloc.start()
    try:
        with pytest.raises(AuthenticationFailed, match="could not be fetched"):
            asyncio.run(source.verify(token))
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_reload_that_moves_an_issuer_to_a_file_drops_the_keys_that_it_had(provider: Provider, tmp_path: Path) -> None:
    async def scenario() -> None:
        before, token = provider.source(), provider.issuer.mint({"sub": "job"})
        await before.verify(token)
        same = provider.source()
        same.keep_keys(before)
        assert same.verifier.due(time.time()) == []
        moved = KeySource(
            [Issuer(name="provider", url=provider.url, audience=["hoopfast"], jwks_file=tmp_path / "missing.json")]
        )
        moved.keep_keys(before)
        with pytest.raises(AuthenticationFailed):
            await moved.verify(token)

    asyncio.run(scenario())
