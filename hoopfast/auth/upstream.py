"""The gateway's own login at a database: answers to the server's Authentication requests (manual, 55.2.1 and 55.3).

Owns the rule on which password may go to whom. Knows no socket and no message framing: `respond` gets the code and data
of an Authentication message and gives the body of the PasswordMessage, SASLInitialResponse or SASLResponse to send.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Protocol

from hoopfast.auth.scram import MECHANISM, ScramCache, ScramClient
from hoopfast.errors import BackendProtocolError, BackendUnavailable, ConfigError

OK = 0
KERBEROS_V5 = 2
CLEARTEXT_PASSWORD = 3
MD5_PASSWORD = 5
GSS = 7
SSPI = 9
SASL = 10
SASL_CONTINUE = 11
SASL_FINAL = 12
_NAMES = {KERBEROS_V5: "Kerberos V5", GSS: "GSSAPI", SSPI: "SSPI"}
_SALT_BYTES = 4


class PasswordSource(Protocol):
    """A reference to a secret, such as the configuration's."""

    def resolve(self) -> str:
        """The value; ConfigError if it cannot be had."""


class Authenticator:
    """One login. `password` is a reference or the value; None where the server is to trust the user (peer, trust)."""

    def __init__(
        self,
        user: str,
        password: PasswordSource | str | None,
        cache: ScramCache,
        *,
        host: str = "",
        secure: bool = False,
    ) -> None:
        """`host` tells servers apart in the cache; `secure`: nobody can read along (TLS, Unix socket, loopback)."""
        self._user = user
        self._password = password
        self._cache = cache
        self._host = host
        self._secure = secure
        self._scram: ScramClient | None = None
        self._expected: frozenset[int] = frozenset({OK, CLEARTEXT_PASSWORD, MD5_PASSWORD, SASL})

    def respond(self, code: int, data: bytes) -> bytes | None:
        """The body to send for an Authentication message; None where nothing is to be sent.

        BackendProtocolError for what may not come now, above all an AuthenticationOk in the middle of SCRAM, by which a
        server would get out of proving that it knows the password; BackendUnavailable for a method that will not do.
        """
        if code in _NAMES:
            raise BackendUnavailable(f"the database asks for {_NAMES[code]}, which is not supported")
        if code not in self._expected:
            raise BackendProtocolError("the database sent an authentication request out of turn")
        if code == SASL:
            return self._sasl(data)
        if code == SASL_CONTINUE and self._scram is not None:
            self._expected = frozenset({SASL_FINAL})
            return self._scram.final(data)
        if code == SASL_FINAL and self._scram is not None:
            self._expected = frozenset({OK})
            self._scram.verify(data)
            return None
        self._expected = frozenset() if code == OK else frozenset({OK})
        if code == CLEARTEXT_PASSWORD:
            return self._cleartext()
        return self._md5(data) if code == MD5_PASSWORD else None

    def _cleartext(self) -> bytes:
        if not self._secure:
            raise BackendUnavailable(
                "the database asks for the password in the clear over a connection that is not encrypted",
                hint="set tls for this [[database]], or scram-sha-256 in the server's pg_hba.conf",
            )
        return self._resolved().encode() + b"\0"

    def _md5(self, salt: bytes) -> bytes:
        if len(salt) != _SALT_BYTES:
            raise BackendProtocolError("the database sent an md5 salt of the wrong length")
        inner = _md5_hex(self._resolved().encode() + self._user.encode())
        return b"md5" + _md5_hex(inner + salt) + b"\0"

    def _sasl(self, data: bytes) -> bytes:
        mechanisms = data.split(b"\0")
        if MECHANISM.encode() not in mechanisms:
            raise BackendUnavailable(f"the database offers no {MECHANISM}, the only SASL mechanism supported")
        self._scram = ScramClient(host=self._host, user=self._user, password=self._resolved(), cache=self._cache)
        self._expected = frozenset({SASL_CONTINUE})
        first = self._scram.first()
        return MECHANISM.encode() + b"\0" + struct.pack("!i", len(first)) + first

    def _resolved(self) -> str:
        if self._password is None:
            raise BackendUnavailable(
                "the database asks for a password, and none is configured", hint="give this [[database]] a password"
            )
        try:
            password = self._password if isinstance(self._password, str) else self._password.resolve()
        except ConfigError as error:
            # The caller learns that something is missing, not where the operator keeps it; the cause is for the log.
            raise BackendUnavailable("the password for the database cannot be had; see the gateway's log") from error
        if "\0" in password:
            raise BackendUnavailable("the password for the database holds a NUL, which PostgreSQL cannot take")
        return password


def _md5_hex(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).hexdigest().encode()
