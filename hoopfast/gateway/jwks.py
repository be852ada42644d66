"""The issuers' keys: fetched by discovery over HTTP, or read from files; handed to the verifier, which is pure.

One fetch per issuer at a time, however many sign-ins wait for it; on an unknown key id, and when keys are old. Files
are read again when they change. Owns the HTTP client and its bounds; judges no token.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from hoopfast.auth.discovery import discovery_url, jwks_uri
from hoopfast.auth.identity import Identity
from hoopfast.auth.verifier import KeyNeeded, TokenVerifier
from hoopfast.config import Issuer
from hoopfast.errors import AuthenticationFailed
from hoopfast.gateway.logs import logger, where

if TYPE_CHECKING:
    import httpx

FETCH = 10.0  # seconds for discovery document and key set together
LARGEST_ANSWER = 512 * 1024

log = logger("jwks")
_FileState = tuple[int, int, int]  # modification time, size, inode


class KeySource:
    """Keeps a verifier supplied with keys."""

    def __init__(self, issuers: Iterable[Issuer]) -> None:
        issuers = list(issuers)
        self.verifier = TokenVerifier(issuers)
        self._names = {issuer.url: issuer.name for issuer in issuers}
        self._files = {issuer.url: issuer.jwks_file for issuer in issuers if issuer.jwks_file is not None}
        self._read: dict[str, _FileState | None] = {}
        self._fetches: dict[str, asyncio.Task[None]] = {}

    async def verify(self, token: str) -> Identity:
        """The identity that a token proves now; AuthenticationFailed if it proves none."""
        self.read_files()
        for _ in range(2):
            try:
                return self.verifier.verify(token, time.time())
            except KeyNeeded as needed:
                await self._fetch(needed.issuer_url)
        raise AuthenticationFailed("the keys of the token's issuer could not be fetched; try again in a minute")

    def keep_keys(self, other: KeySource) -> None:
        """Take over the keys from before a reload, but for issuers whose keys come from somewhere else now."""
        moved = {url for url in self._names if self._files.get(url) != other._files.get(url)}
        self.verifier.keep_keys(other.verifier, but=moved)

    async def refresh(self) -> None:
        """Fetch the keys that are due; called every now and then."""
        due = [url for url in self.verifier.due(time.time()) if url not in self._files]
        await asyncio.gather(*(self._fetch(url) for url in due))

    def read_files(self) -> None:
        """Read the key files that have changed since they were last read."""
        for url, path in self._files.items():
            state = _state(path)
            if url in self._read and self._read[url] == state:
                continue
            self._read[url] = state
            now = time.time()
            try:
                self.verifier.add_keys(url, _content(path), now)
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else str(error)
                self.verifier.fetch_failed(url, now)
                log.error("key file not usable", issuer=self._names[url], file=str(path), reason=reason)

    async def _fetch(self, url: str) -> None:
        if url in self._files:  # it has just been read
            self.verifier.fetch_failed(url, time.time())
            return
        task = self._fetches.get(url)
        if task is None:
            task = self._fetches[url] = asyncio.create_task(self._fetch_once(url))
            task.add_done_callback(lambda _: self._fetches.pop(url, None))
        await asyncio.shield(task)  # one that gives up waiting must not take the others' fetch with it

    async def _fetch_once(self, url: str) -> None:
        import httpx

        try:
            # The environment's proxies may carry what TLS protects; keys in the clear come from this machine only.
            client = httpx.AsyncClient(timeout=FETCH, follow_redirects=False, trust_env=url.startswith("https:"))
            async with asyncio.timeout(FETCH), client:
                document = await _get(client, discovery_url(url))
                keys = await _get(client, jwks_uri(document, url))
            self.verifier.add_keys(url, keys, time.time())
        except Exception as error:
            reason = str(error) if isinstance(error, ValueError) else where(error)
            if isinstance(error, httpx.TransportError | TimeoutError):  # nothing secret was sent, or has come back
                reason = f"{discovery_url(url)} cannot be reached: {str(error) or type(error).__name__}"
            self.verifier.fetch_failed(url, time.time())
            log.error("keys not fetched", issuer=self._names.get(url, url), reason=reason)


async def _get(client: httpx.AsyncClient, url: str) -> bytes:
    # Uncompressed: a few bytes would otherwise become as many as the other side likes.
    headers = {"accept": "application/json", "accept-encoding": "identity"}
    async with client.stream("GET", url, headers=headers) as response:
        if response.status_code != 200:
            raise ValueError(f"{url} answered with status {response.status_code}")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise ValueError(f"{url} answered with a compressed document, which was not asked for")
        content = b""
        async for chunk in response.aiter_raw():
            content += chunk
            if len(content) > LARGEST_ANSWER:
                raise ValueError(f"{url} answered with more than {LARGEST_ANSWER} bytes")
        return content


def _state(path: Path) -> _FileState | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST_ANSWER + 1)
