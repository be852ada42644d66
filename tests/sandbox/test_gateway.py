"""hoopfast/sandbox/gateway.py: a gateway that starts says where it listens, one that cannot says why."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from hoopfast.sandbox.gateway import GatewayProcess
from hoopfast.sandbox.process import SandboxError
from hoopfast.sandbox.sandbox import Sandbox


def test_listens_where_it_says(sandbox18: Sandbox) -> None:
    gateway = sandbox18.gateway
    assert gateway.poll() is None
    assert len(gateway.pids) >= 2
    assert all(Path(f"/proc/{pid}").exists() for pid in gateway.pids)
    with socket.create_connection((gateway.host, gateway.port), 5):
        pass


def test_reason_for_not_starting(tmp_path: Path) -> None:
    file = tmp_path / "hoopfast.toml"
    file.write_text('[gateway]\nlissten = "127.0.0.1:0"\n')
    with pytest.raises(SandboxError, match="lissten"):
        GatewayProcess(file, log=tmp_path / "log")
