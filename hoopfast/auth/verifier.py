"""Checks tokens (JWT, RFC 7519 and 8725): signature, issuer, audience, times. A token in, an identity out.

Pure but for the keys that it has been given: it reads no clock and fetches nothing. KeyNeeded asks the caller to fetch
an issuer's keys and hand them in by `add_keys`. No message repeats anything that an unverified token says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from jwt.api_jws import PyJWS
from jwt.exceptions import PyJWTError

from hoopfast.auth.encoding import base64url, json_object
from hoopfast.auth.identity import Identity
from hoopfast.auth.jwks import ALGORITHMS, Key, KeySet, parse_jwks
from hoopfast.errors import AuthenticationFailed

LARGEST_TOKEN = 16 * 1024
LEEWAY = 60.0  # seconds that clocks may differ
FETCH_INTERVAL = 30.0  # seconds between two fetches of one issuer's keys for the sake of an unknown key
REFRESH_AFTER = 3600.0  # seconds after which keys are due for fetching: withdrawn ones must go
_SEGMENTS = 3
_TYPES = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})
_LONGEST_NAME = 512


class IssuerConfig(Protocol):
    """What the verifier needs to know of an [[issuer]]."""

    @property
    def name(self) -> str:
        """Its name in the configuration."""

    @property
    def url(self) -> str:
        """What `iss` says, exactly."""

    @property
    def audience(self) -> Sequence[str]:
        """Whom its tokens may be for; any of these."""


class KeyNeeded(Exception):  # noqa: N818 - not an error: an answer that has to wait
    """The token's key is not known: fetch the issuer's keys, hand them in, and verify again."""

    def __init__(self, issuer_url: str) -> None:
        super().__init__(issuer_url)
        self.issuer_url = issuer_url


@dataclass(slots=True)
class _Issuer:
    config: IssuerConfig
    keys: KeySet
    fetched_at: float | None = None  # when keys came, or could not be had
    read_at: float | None = None  # when keys came
    asked_at: float = 0.0  # the time of the last KeyNeeded


class TokenVerifier:
    """Verifies the tokens of a fixed set of issuers."""

    def __init__(self, issuers: Iterable[IssuerConfig]) -> None:
        self._issuers = {issuer.url: _Issuer(issuer, KeySet([])) for issuer in issuers}
        self._jws = PyJWS(algorithms=sorted(ALGORITHMS))

    def verify(self, token: str, now: float) -> Identity:
        """The identity that a token proves at `now` (seconds since the epoch).

        AuthenticationFailed if it proves none; KeyNeeded if that cannot be said before its issuer's keys have been
        fetched. While a fetch runs KeyNeeded is the answer to everybody (let them share the one fetch); after one, the
        next for an unknown key is FETCH_INTERVAL away, however many such tokens come.
        """
        header, claims = _read(token)
        issuer = self._issuer_of(claims)
        key = self._key(issuer, header, now)
        try:
            self._jws.decode_complete(token, key.public_key, algorithms=[header["alg"]])
        except PyJWTError:
            raise AuthenticationFailed("the token's signature is not valid") from None
        return _checked(claims, issuer.config, token, now)

    def add_keys(self, issuer_url: str, jwks: bytes | str | Mapping[str, Any], now: float | None = None) -> None:
        """Replace an issuer's keys by those of a key set; ValueError if it holds none (the old ones stay).

        `now` is when they were fetched; None: when they were last asked for.
        """
        issuer = self._issuers[issuer_url]
        self.fetch_failed(issuer_url, now)
        issuer.keys = parse_jwks(jwks)
        issuer.read_at = issuer.fetched_at

    def fetch_failed(self, issuer_url: str, now: float | None = None) -> None:
        """Take note that an issuer's keys could not be had: the next attempt is FETCH_INTERVAL away."""
        issuer = self._issuers[issuer_url]
        issuer.fetched_at = issuer.asked_at if now is None else now

    def keep_keys(self, other: TokenVerifier, *, but: Collection[str] = ()) -> None:
        """Take over the keys of the verifier before a reload, for the issuers that both know, `but` these."""
        for url, issuer in self._issuers.items():
            if (before := other._issuers.get(url)) is not None and url not in but:
                issuer.keys, issuer.asked_at = before.keys, before.asked_at
                issuer.fetched_at, issuer.read_at = before.fetched_at, before.read_at

    def due(self, now: float) -> list[str]:
        """The issuers whose keys should be fetched again, or for the first time; soon again where that has failed."""
        return [
            url
            for url, issuer in self._issuers.items()
            if not (_within(issuer.read_at, now, REFRESH_AFTER) or _within(issuer.fetched_at, now, FETCH_INTERVAL))
        ]

    def _issuer_of(self, claims: Mapping[str, Any]) -> _Issuer:
        url = claims.get("iss")
        issuer = self._issuers.get(url) if isinstance(url, str) else None
        if issuer is None:
            raise AuthenticationFailed(
                "the token's issuer is not one of those configured",
                hint='compare the token\'s claim "iss" with the url of each [[issuer]]; they must be exactly the same',
            )
        return issuer

    def _key(self, issuer: _Issuer, header: Mapping[str, Any], now: float) -> Key:
        key_id = header.get("kid")
        found = issuer.keys.find(key_id, header["alg"])
        if len(found) == 1:
            return found[0]
        if found:
            raise AuthenticationFailed("the token's key is ambiguous: its issuer publishes several that it could mean")
        if issuer.keys.knows(key_id) and key_id is not None:
            raise AuthenticationFailed("the token's algorithm is not the one of its key")
        if _within(issuer.fetched_at, now, FETCH_INTERVAL):
            if not len(issuer.keys):
                raise AuthenticationFailed("the keys of the token's issuer could not be fetched; try again in a minute")
            raise AuthenticationFailed("the token is signed with a key that its issuer does not publish")
        issuer.asked_at = now
        raise KeyNeeded(issuer.config.url)


def _within(then: float | None, now: float, seconds: float) -> bool:
    # A clock that was set back must not put the next fetch off for long.
    return then is not None and abs(now - then) < seconds


def _read(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, neither of them proven yet."""
    if len(token) > LARGEST_TOKEN:
        raise AuthenticationFailed("the token is larger than 16 KiB")
    segments = token.split(".")
    if len(segments) != _SEGMENTS or not token.isascii():
        raise AuthenticationFailed(
            "the password is not a token", hint="pass a JWT, three parts joined by dots, as the password (PGPASSWORD)"
        )
    try:
        header, claims = json_object(base64url(segments[0])), json_object(base64url(segments[1]))
        base64url(segments[2])
    except (ValueError, RecursionError):
        raise AuthenticationFailed("the token cannot be read: it is not a JWT") from None
    if not isinstance(header.get("alg"), str) or header["alg"] not in ALGORITHMS:
        raise AuthenticationFailed(f"the token's algorithm is not one of {', '.join(sorted(ALGORITHMS))}")
    # RFC 7515, 4.1.11: an extension that must be understood, and none is. Some libraries heed `b64` unasked.
    if "crit" in header or "b64" in header:
        raise AuthenticationFailed("the token's header demands extensions that are not supported")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise AuthenticationFailed("the token's type is not that of an identity or access token")
    key_id = header.get("kid")
    if key_id is not None and not (isinstance(key_id, str) and _is_name(key_id)):
        raise AuthenticationFailed("the token's key id is not a name")
    # jku, jwk, x5u and x5c, by which a token would bring its own key, are never looked at.
    return header, claims


def _checked(claims: dict[str, Any], issuer: IssuerConfig, token: str, now: float) -> Identity:
    """The identity, once what the signed claims say about audience and times holds."""
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    if not isinstance(audiences, list) or not any(one in issuer.audience for one in audiences):
        wanted = " or ".join(f'"{one}"' for one in issuer.audience)
        raise AuthenticationFailed("the token is for another audience", hint=f"request one with the audience {wanted}")
    expires_at = _time(claims, "exp")
    if expires_at is None:
        raise AuthenticationFailed('the token has no expiry (claim "exp")')
    if now >= expires_at + LEEWAY:
        raise AuthenticationFailed(
            f"the token expired {now - expires_at:.0f} s ago", hint="request a new one right before connecting"
        )
    not_before, issued_at = _time(claims, "nbf"), _time(claims, "iat")
    if not_before is not None and now < not_before - LEEWAY:
        raise AuthenticationFailed(f"the token is not valid for another {not_before - now:.0f} s")
    if issued_at is not None and now < issued_at - LEEWAY:
        raise AuthenticationFailed(
            "the token was issued in the future", hint="compare the clocks of issuer and gateway"
        )
    subject = claims.get("sub")
    if not isinstance(subject, str) or not _is_name(subject):
        raise AuthenticationFailed('the token names no subject (claim "sub")')
    return Identity(issuer.name, issuer.url, subject, claims, expires_at, issued_at, _token_id(claims, token))


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    # Within the range of four-digit years, which also keeps infinity and arithmetic surprises out.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 253402300800:
        raise AuthenticationFailed(f'the token\'s claim "{name}" is not a time')
    return float(value)


def _is_name(text: str) -> bool:
    # It will stand in logs and records: no line ends, no escape sequences.
    return 0 < len(text) <= _LONGEST_NAME and text.isprintable()


def _token_id(claims: Mapping[str, Any], token: str) -> str:
    named = claims.get("jti")
    if isinstance(named, str) and _is_name(named):
        return named
    return "sha256:" + hashlib.sha256(token.encode()).hexdigest()[:16]
