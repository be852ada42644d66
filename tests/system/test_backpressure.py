"""A slow reader, a slow server: the other side is not read, and the gateway's memory stays where it was."""

from __future__ import annotations

import time

from hoopfast.sandbox.sandbox import Sandbox
from tests.support.protocol import Frontend, message, query
from tests.support.sandboxes import MASKED_SSN, resident_bytes

MIB = 1024 * 1024
BOUND = 1 * MIB


def test_result_of_a_gibibyte_to_a_reader_that_sleeps(sandbox: Sandbox) -> None:
    big = "SELECT repeat('x', 1048576) FROM generate_series(1, 1024)"
    with Frontend.connect(sandbox.gateway_dsn()) as warm:
        warm.rows(query("SELECT repeat('x', 1048576) FROM generate_series(1, 4)"))
    with Frontend.connect(sandbox.gateway_dsn()) as other, Frontend.connect(sandbox.gateway_dsn()) as frontend:
        before = resident_bytes(sandbox)
        frontend.send(query(big))
        assert frontend.read().type == "T"
        most = 0
        for _ in range(20):
            time.sleep(0.1)
            most = max(most, resident_bytes(sandbox) - before)
        assert other.rows(query("SELECT ssn FROM patients WHERE id = 1")) == [[MASKED_SSN.encode()]]
        assert most <= BOUND


def test_masked_result_to_a_reader_that_sleeps(sandbox: Sandbox) -> None:
    many = "SELECT p.ssn, p.full_name, p.city FROM patients p, generate_series(1, 2000000)"
    with Frontend.connect(sandbox.gateway_dsn()) as warm:
        warm.rows(query(many.replace("2000000", "20000")))
    with Frontend.connect(sandbox.gateway_dsn()) as frontend:
        before = resident_bytes(sandbox)
        frontend.send(query(many))
        assert frontend.read().type in "TE"
        time.sleep(1.5)
        assert resident_bytes(sandbox) - before <= BOUND


def test_copy_in_faster_than_the_server(sandbox: Sandbox) -> None:
    with Frontend.connect(sandbox.gateway_dsn(), timeout=60) as frontend:
        frontend.run(query("CREATE TABLE sink (line text)"))
        try:
            before = resident_bytes(sandbox)
            frontend.send(query("COPY sink FROM STDIN"))
            frontend.read_until("G")
            block = message("d", (b"y" * 1023 + b"\n") * 512)
            most = 0
            for _ in range(64):
                frontend.send(block)
                most = max(most, resident_bytes(sandbox) - before)
            assert frontend.run(message("c"))[0].body == b"COPY 32768\0"
            assert most <= 2 * BOUND
        finally:
            frontend.run(query("DROP TABLE sink"))
