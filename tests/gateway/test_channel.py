"""Tests of hoopfast/gateway/channel.py: the line between supervisor and worker."""

from __future__ import annotations

import asyncio
import socket

from hoopfast.gateway.channel import Channel, Message


def test_words_arrive_whole_and_in_order() -> None:
    async def scenario() -> None:
        left, right = socket.socketpair()
        heard: list[Message] = []
        one = await Channel.open(left, lambda _: None, lambda: None)
        other = await Channel.open(right, heard.append, lambda: None)
        for number in range(2000):
            one.send("word", number=number, text="x" * 200)
        while len(heard) < 2000:
            await asyncio.sleep(0.01)
        assert [message["number"] for message in heard] == list(range(2000))
        one.close()
        other.close()
        await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(scenario(), 10))


def test_what_is_no_message_is_passed_over() -> None:
    async def scenario() -> None:
        left, right = socket.socketpair()
        heard: list[Message] = []
        other = await Channel.open(right, heard.append, lambda: None)
        left.sendall(b'not json\n{"word": "after"}\n{"word": "cut')
        while not heard:
            await asyncio.sleep(0.01)
        assert heard == [{"word": "after"}]
        other.close()
        left.close()
        await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(scenario(), 10))


def test_a_broken_line_is_noticed_and_then_silent() -> None:
    async def scenario() -> None:
        left, right = socket.socketpair()
        lost = asyncio.Event()
        channel = await Channel.open(right, lambda _: None, lost.set)
        left.close()
        await lost.wait()
        channel.send("into the void")

    asyncio.run(asyncio.wait_for(scenario(), 10))
