"""Tests of hoopfast/gateway/children.py: children that die, and children that end."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from hoopfast.gateway.children import Child


def child(lives: Path, how: str) -> Child:
    settings: dict[str, object] = {"how": how, "lives": str(lives)}
    return Child("child", "tests.gateway.short_lived", settings, (), lambda *_: None)


def test_one_that_dies_is_started_again_after_growing_pauses(tmp_path: Path) -> None:
    async def scenario() -> None:
        made = child(tmp_path / "lives", "dies")
        keeping = asyncio.create_task(made.keep(first_must_live=True))
        await made.ready.wait()
        while (tmp_path / "lives").stat().st_size < 4:
            await asyncio.sleep(0.02)
        loop = asyncio.get_running_loop()
        began = loop.time()
        while (tmp_path / "lives").stat().st_size < 5:
            await asyncio.sleep(0.02)
        assert loop.time() - began > 0.3  # 0.1, 0.2, 0.4 s were the first pauses
        made.stop()
        await keeping
        assert made.ended.is_set()

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_one_that_is_never_ready_is_given_up(tmp_path: Path) -> None:
    async def scenario() -> None:
        made = child(tmp_path / "lives", "never ready")
        await made.keep(first_must_live=True)
        assert made.ended.is_set()
        assert not made.ready.is_set()

    asyncio.run(asyncio.wait_for(scenario(), 20))
    assert (tmp_path / "lives").read_text() == "+"


def test_one_that_is_told_to_drain_ends_for_good(tmp_path: Path) -> None:
    async def scenario() -> None:
        made = child(tmp_path / "lives", "stays")
        keeping = asyncio.create_task(made.keep())
        await made.ready.wait()
        assert made.pid is not None
        made.stop()
        await keeping
        assert made.pid is None

    asyncio.run(asyncio.wait_for(scenario(), 20))
    assert (tmp_path / "lives").read_text() == "+"


def test_one_can_be_killed(tmp_path: Path) -> None:
    async def scenario() -> None:
        made = child(tmp_path / "lives", "stays")
        keeping = asyncio.create_task(made.keep())
        await made.ready.wait()
        made.kill()
        await keeping

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_one_that_cannot_be_started_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        made = child(tmp_path / "lives", "dies")
        keeping = asyncio.create_task(made.keep())
        await made.ready.wait()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "executable", str(tmp_path / "no such program"))
            lives = (tmp_path / "lives").stat().st_size
            await asyncio.sleep(0.6)
            assert not keeping.done()
        while (tmp_path / "lives").stat().st_size <= lives + 1:
            await asyncio.sleep(0.02)
        made.stop()
        await keeping

    asyncio.run(asyncio.wait_for(scenario(), 20))
