"""Key files: made once, closed to others, and refused with a reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_public_key,
)

from hoopfast.audit.keys import create_key, key_id, load_key, parse_key, public_pem, write_public_key
from hoopfast.errors import ConfigError


def test_create_and_load(tmp_path: Path) -> None:
    path = tmp_path / "audit.key"
    key = create_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_key(path).private_bytes_raw() == key.private_bytes_raw()
    assert parse_key(path.read_text().strip()).private_bytes_raw() == key.private_bytes_raw()


def test_it_never_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "audit.key"
    path.write_text("precious")
    with pytest.raises(ConfigError, match="never overwritten"):
        create_key(path)
    assert path.read_text() == "precious"


def test_public_key(tmp_path: Path) -> None:
    key = create_key(tmp_path / "audit.key")
    write_public_key(key, tmp_path / "audit.pub")
    pem = (tmp_path / "audit.pub").read_bytes()
    assert pem == public_pem(key.public_key())
    load_pem_public_key(pem)
    assert len(key_id(key.public_key())) == 16
    with pytest.raises(ConfigError, match="never overwritten"):
        write_public_key(key, tmp_path / "audit.pub")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_open_to_others(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "audit.key"
    create_key(path)
    path.chmod(mode)
    with pytest.raises(ConfigError, match=f"{mode:04o}") as caught:
        load_key(path)
    assert "chmod 600" in (caught.value.hint or "")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_of_another_user(tmp_path: Path) -> None:
    path = tmp_path / "audit.key"
    create_key(path)
    os.chown(path, 65534, 65534)
    with pytest.raises(ConfigError, match="another user"):
        load_key(path)


def test_missing_and_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file") as caught:
        load_key(tmp_path / "none")
    assert "hoopfast init" in (caught.value.hint or "")
    with pytest.raises(ConfigError, match="not a regular file"):
        load_key(tmp_path)
    with pytest.raises(ConfigError, match="No such file"):
        create_key(tmp_path / "no" / "folder")


def test_other_contents() -> None:
    key = Ed25519PrivateKey.generate()
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    other = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for pem in (b"", b"hello", encrypted, public_pem(key.public_key())):
        with pytest.raises(ConfigError, match="not an unencrypted private key"):
            parse_key(pem)
    with pytest.raises(ConfigError, match="another kind than Ed25519"):
        parse_key(other)
