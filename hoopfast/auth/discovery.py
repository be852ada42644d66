"""An issuer's discovery document (OpenID Connect Discovery 1.0): where its keys are. Reads it; fetches nothing."""

from __future__ import annotations

from urllib.parse import urlsplit

from hoopfast.auth.encoding import json_object
from hoopfast.config.units import is_loopback

_LARGEST_DOCUMENT = 256 * 1024


def discovery_url(issuer_url: str) -> str:
    """Where an issuer publishes its discovery document (section 4)."""
    return issuer_url.rstrip("/") + "/.well-known/openid-configuration"


def jwks_uri(document: bytes | str, issuer_url: str) -> str:
    """The address of the issuer's key set; ValueError says what is wrong with the document.

    Its `issuer` must be exactly the one that was asked (section 4.3): otherwise one tenant could answer for another.
    """
    if len(document) > _LARGEST_DOCUMENT:
        raise ValueError("the discovery document is larger than 256 KiB")
    try:
        content = json_object(document)
    except ValueError:
        raise ValueError("the discovery document is not a JSON object") from None
    if content.get("issuer") != issuer_url:
        raise ValueError(f'the discovery document is of another issuer: it must say exactly "{issuer_url}"')
    address = content.get("jwks_uri")
    if not isinstance(address, str):
        raise ValueError('the discovery document has no "jwks_uri"')
    if not is_protected(address, loopback=not issuer_url.startswith("https:")):
        raise ValueError("the discovery document's jwks_uri is not https")
    return address


def is_protected(url: str, *, loopback: bool = True) -> bool:
    """Whether nobody on the way can change what is fetched: https, or http to this very machine.

    `loopback` False: https only; an issuer elsewhere has no business with what listens here.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    if not host:
        return False
    return parts.scheme == "https" or (loopback and parts.scheme == "http" and is_loopback(host))
