"""The journal's Ed25519 signing key as a file: created once, never overwritten, read by its owner only.

Owns the files' form (PEM: PKCS #8 for the private key, SubjectPublicKeyInfo for the public one) and permissions. Knows
no journal. No message shows a byte of a key.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from hoopfast.errors import ConfigError

_MAX_SIZE = 64 * 1024
_HINT = "create one with: hoopfast init"


def create_key(path: Path) -> Ed25519PrivateKey:
    """Make a key and write it to `path` with mode 0600. ConfigError if a file is there already."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write_new(path, pem, 0o600, "journal key")
    return key


def write_public_key(key: Ed25519PrivateKey, path: Path) -> None:
    """Write the public half of `key` to `path`. ConfigError if a file is there already."""
    _write_new(path, public_pem(key.public_key()), 0o644, "journal's public key")


def load_key(path: Path) -> Ed25519PrivateKey:
    """The key in the file `path`. ConfigError if it is missing, no Ed25519 key, or open to others than its owner."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a FIFO must not keep us waiting
    except OSError as error:
        raise ConfigError(f"journal key {path}: {error.strerror}", hint=_HINT) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"journal key {path}: not a regular file", hint=_HINT)
        if status.st_mode & 0o077:
            raise ConfigError(
                f"journal key {path}: its mode {status.st_mode & 0o777:04o} lets others than its owner at it",
                hint=f"chmod 600 {path}; if others had access to it, make a new key",
            )
        if status.st_uid not in (os.geteuid(), 0):
            raise ConfigError(f"journal key {path}: it belongs to another user (uid {status.st_uid})")
        return parse_key(os.read(descriptor, _MAX_SIZE), str(path))
    finally:
        os.close(descriptor)


def parse_key(pem: bytes | str, source: str = "signing_key") -> Ed25519PrivateKey:
    """The key that a PEM text spells; `source` names where it came from in errors."""
    try:
        key = load_pem_private_key(pem.encode() if isinstance(pem, str) else pem, password=None)
    except (ValueError, TypeError):  # TypeError: it is encrypted
        raise ConfigError(f"journal key {source}: not an unencrypted private key in PEM form", hint=_HINT) from None
    except Exception as error:  # UnsupportedAlgorithm and what the library makes of other types of key
        raise ConfigError(f"journal key {source}: {type(error).__name__}", hint=_HINT) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"journal key {source}: a key of another kind than Ed25519", hint=_HINT)
    return key


def public_pem(key: Ed25519PublicKey) -> bytes:
    """The public key in PEM form, for whoever verifies."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def key_id(key: Ed25519PublicKey) -> str:
    """A short name for a public key: the first 16 hexadecimal digits of the SHA-256 of its 32 bytes."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def _write_new(path: Path, content: bytes, mode: int, what: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError:
        raise ConfigError(f"{what} {path}: there is a file already, and it is never overwritten") from None
    except OSError as error:
        raise ConfigError(f"{what} {path}: {error.strerror}") from None
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
