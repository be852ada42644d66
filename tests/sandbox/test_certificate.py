"""hoopfast/sandbox/certificate.py: a certificate that a client can verify, and a key that only its owner reads."""

from __future__ import annotations

import socket
import ssl
import stat
import threading
from pathlib import Path

from hoopfast.sandbox.certificate import write_private, write_self_signed


def test_client_verifies_it(tmp_path: Path) -> None:
    certificate, key = tmp_path / "server.crt", tmp_path / "server.key"
    write_self_signed(certificate, key)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    near, far = socket.socketpair()

    def serve() -> None:
        with server.wrap_socket(far, server_side=True) as link:
            link.sendall(b"hello")

    thread = threading.Thread(target=serve)
    thread.start()
    client = ssl.create_default_context(cafile=str(certificate))
    with client.wrap_socket(near, server_hostname="127.0.0.1") as link:
        assert link.recv(5) == b"hello"
    thread.join(5)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_private_file_replaces_an_open_one(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
