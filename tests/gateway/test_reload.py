"""Tests of hoopfast/gateway/reload.py: a changed configuration, taken over while sessions run."""

from __future__ import annotations

import asyncio
import signal

import pytest
import uvloop

from hoopfast.gateway.settings import Settings
from tests.gateway.in_process import running_worker
from tests.gateway.running import Gateway, Place, until
from tests.support import protocol
from tests.support.protocol import Frontend, SignInError


def test_sessions_go_on_and_new_ones_get_the_change(place: Place) -> None:
    with Gateway(place, gateway={"workers": 2}) as gateway, Frontend.connect(gateway.dsn()) as before:
        place.tables["database"].append({**place.tables["database"][0], "name": "second"})
        place.tables["access"].append({"claims": {"sub": "*"}, "database": "second", "policy": "open"})
        place.write()
        with pytest.raises(SignInError):
            Frontend.connect(gateway.dsn(dbname="second"))
        gateway.signal(signal.SIGHUP)
        assert until(lambda: gateway.log().count("configuration taken over") == 2)
        for _ in range(4):
            with Frontend.connect(gateway.dsn(dbname="second")) as after:
                assert after.rows(protocol.query("SELECT 1")) == [[b"1"]]
        assert before.rows(protocol.query("SELECT 1")) == [[b"1"]]


def test_a_wrong_configuration_changes_nothing(place: Place) -> None:
    with Gateway(place) as gateway, Frontend.connect(gateway.dsn()) as before:
        place.file.write_text(place.file.read_text().replace("[gateway]", "[gateway]\nlisen = 1"))
        gateway.signal(signal.SIGHUP)
        assert until(lambda: "configuration not taken over" in gateway.log())
        assert "listen" in gateway.log()
        assert before.rows(protocol.query("SELECT 1")) == [[b"1"]]
        with Frontend.connect(gateway.dsn()) as after:
            assert after.rows(protocol.query("SELECT 1")) == [[b"1"]]


def test_it_is_recorded(place: Place) -> None:
    with Gateway(place) as gateway:
        place.write(gateway={"idle_timeout": "7m"})
        gateway.signal(signal.SIGHUP)
        assert until(lambda: "configuration taken over" in gateway.log())
    written = b"".join(segment.read_bytes() for segment in place.audit.iterdir())
    assert written.count(b"configuration_changed") == 2
    assert b"gateway.idle_timeout" in written


def test_a_failure_of_ours_changes_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write()

    def fails(*_: object) -> Settings:
        raise RuntimeError("a mistake")

    async def scenario() -> None:
        async with running_worker(place) as running:
            before = running.worker.settings
            with monkeypatch.context() as patch:
                patch.setattr(Settings, "build", fails)
                running.worker.hear({"word": "reload"})
            assert running.worker.settings is before

    uvloop.run(asyncio.wait_for(scenario(), 20))
