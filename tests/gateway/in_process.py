"""A worker inside the test's own process, for faults and limits that a test has to arrange from inside."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator

from hoopfast.gateway import shared
from hoopfast.gateway.channel import Channel, Message
from hoopfast.gateway.sockets import listening_sockets
from hoopfast.gateway.worker import Given, Worker
from tests.gateway.running import Place


class InProcess:
    """A worker, and what it would have from its supervisor."""

    def __init__(self, worker: Worker, port: int, said: list[Message]) -> None:
        self.worker = worker
        self.port = port
        self.said = said  # to the supervisor


@contextlib.asynccontextmanager
async def running_worker(place: Place) -> AsyncIterator[InProcess]:
    """Run a worker with this place's configuration."""
    [listener] = listening_sockets("127.0.0.1", 0, 1)
    port: int = listener.getsockname()[1]
    memory = shared.create()
    ours, theirs = socket.socketpair()
    said: list[Message] = []
    supervisor = await Channel.open(ours, said.append, lambda: None)
    channel = await Channel.open(theirs, lambda _: None, lambda: None)
    worker = Worker(Given(str(place.file), 0, 1, listener.detach(), memory, -1), channel)
    task = asyncio.create_task(worker.run())
    try:
        while not said:
            await asyncio.sleep(0.01)
        yield InProcess(worker, port, said)
    finally:
        worker.hear({"word": "drain"})
        await asyncio.wait_for(task, 10)
        supervisor.close()
        channel.close()
        os.close(memory)
        await asyncio.sleep(0.05)


async def peer(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A bare connection to a worker."""
    return await asyncio.open_connection("127.0.0.1", port)


async def sqlstates(reader: asyncio.StreamReader) -> list[str]:
    """The SQLSTATEs of the ErrorResponses until the peer closes."""
    data = await reader.read(-1)
    found = []
    while data.startswith(b"E"):
        length = int.from_bytes(data[1:5], "big")
        fields = data[5 : length + 1].split(b"\0")
        found += [field[1:].decode() for field in fields if field.startswith(b"C")]
        data = data[length + 1 :]
    return found


def shown(message: Message) -> str:
    """A message to the supervisor, for assertions."""
    return json.dumps(message, sort_keys=True)
