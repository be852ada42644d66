"""SCRAM-SHA-256 (RFC 5802, 7677), the client's side, as PostgreSQL speaks it. Bytes in, bytes out.

Owns the derived keys and their cache: deriving one costs milliseconds of a processor, which a gateway that opens an
upstream session per client session cannot pay each time. The cache holds what is as good as the password, unprinted.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Hashable
from typing import NamedTuple

from scramp.core import ScramException, saslprep

from hoopfast.errors import BackendUnavailable

MECHANISM = "SCRAM-SHA-256"
_NO_CHANNEL_BINDING = b"n,,"
_NONCE_BYTES = 18
_LONGEST_MESSAGE = 4096
_MOST_ITERATIONS = 1_000_000  # a server must not choose how long the gateway computes
_MOST_CACHED = 1000


class ScramKeys(NamedTuple):
    """What a password becomes with one salt and iteration count."""

    client_key: bytes
    stored_key: bytes
    server_key: bytes

    def __repr__(self) -> str:
        return "ScramKeys(…)"


class ScramCache:
    """Derived keys by host, user, salt and iterations; the password is part of the key by a digest of this process."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._keys: OrderedDict[Hashable, ScramKeys] = OrderedDict()

    @property
    def size(self) -> int:
        """How many are held. No __len__: an empty cache must not be false."""
        return len(self._keys)

    def keys(self, host: str, user: str, password: str, salt: bytes, iterations: int) -> ScramKeys:
        """The keys, derived at most once for the same arguments."""
        digest = hashlib.blake2b(password.encode(), key=self._secret, digest_size=32).digest()
        entry = (host, user, digest, salt, iterations)
        found = self._keys.get(entry)
        if found is None:
            found = self._keys[entry] = derive(password, salt, iterations)
            if len(self._keys) > _MOST_CACHED:
                self._keys.popitem(last=False)
        self._keys.move_to_end(entry)
        return found


class ScramClient:
    """One exchange: `first`, `final`, then `verify`, each once and in this order."""

    def __init__(
        self, *, host: str, user: str, password: str, cache: ScramCache, nonce: str = "", name: str = ""
    ) -> None:
        """`name` is the user name within SCRAM, empty for PostgreSQL, which takes the startup message's."""
        self._host, self._user, self._password, self._cache = host, user, password, cache
        self._nonce = nonce or base64.b64encode(secrets.token_bytes(_NONCE_BYTES)).decode()
        self._first_bare = f"n={name},r={self._nonce}".encode()
        self._server_signature: bytes | None = None

    def first(self) -> bytes:
        """The client-first-message."""
        return _NO_CHANNEL_BINDING + self._first_bare

    def final(self, server_first: bytes) -> bytes:
        """The client-final-message in answer to the server-first-message."""
        fields = _fields(server_first, "r", "s", "i")
        nonce, salt, iterations = fields["r"], _base64(fields["s"]), fields["i"]
        if not nonce.startswith(self._nonce) or len(nonce) == len(self._nonce):
            raise _wrong("its nonce does not continue ours")
        if not salt or not (iterations.isascii() and iterations.isdigit() and 1 <= int(iterations) <= _MOST_ITERATIONS):
            raise _wrong("its salt or iteration count is out of range")
        keys = self._cache.keys(self._host, self._user, self._password, salt, int(iterations))
        without_proof = b"c=" + base64.b64encode(_NO_CHANNEL_BINDING) + b",r=" + nonce.encode()
        message = b",".join((self._first_bare, server_first, without_proof))
        self._server_signature = _hmac(keys.server_key, message)
        signature = _hmac(keys.stored_key, message)
        proof = bytes(one ^ other for one, other in zip(keys.client_key, signature, strict=True))
        return without_proof + b",p=" + base64.b64encode(proof)

    def verify(self, server_final: bytes) -> None:
        """Check that the server knows the password as well; BackendUnavailable if it does not."""
        if self._server_signature is None:
            raise _wrong("its final message came before its first")
        signature = _base64(_fields(server_final, "v")["v"])
        if not hmac.compare_digest(signature, self._server_signature):
            raise _wrong("it does not know the password")


def derive(password: str, salt: bytes, iterations: int) -> ScramKeys:
    """The keys of RFC 5802, section 3."""
    try:
        prepared = saslprep(password)
    except ScramException:
        # As PostgreSQL does (src/common/saslprep.c): what cannot be prepared is used as it is.
        prepared = password
    salted = hashlib.pbkdf2_hmac("sha256", (prepared or password).encode(), salt, iterations)
    client_key = _hmac(salted, b"Client Key")
    return ScramKeys(client_key, hashlib.sha256(client_key).digest(), _hmac(salted, b"Server Key"))


def _fields(message: bytes, *names: str) -> dict[str, str]:
    """The attributes of a server's message, which must begin with these names in this order."""
    try:
        text = message.decode()
    except UnicodeDecodeError:
        raise _wrong("a message is not UTF-8") from None
    attributes = text.split(",")
    if len(message) > _LONGEST_MESSAGE or len(attributes) < len(names):
        raise _wrong("a message is malformed")
    # RFC 5802, 5.1: `m` first means an extension that must be understood; `e` is an error. Neither passes here.
    for attribute, name in zip(attributes, names, strict=False):
        if not attribute.startswith(name + "="):
            raise _wrong("a message is malformed")
    return {name: attribute[2:] for attribute, name in zip(attributes, names, strict=False)}


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _wrong("a message is malformed") from None


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _wrong(what: str) -> BackendUnavailable:
    return BackendUnavailable(f"the database failed the SCRAM exchange: {what}")
