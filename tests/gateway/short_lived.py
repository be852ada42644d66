"""A child process for test_children.py: says `ready`, and ends when told to, or by itself at once."""

from __future__ import annotations

import json
import os
import socket
import sys


def main() -> None:
    settings = json.loads(sys.argv[1])
    with open(settings["lives"], "a") as lives:
        lives.write("+")
    if settings["how"] == "never ready":
        sys.exit(3)
    line = socket.socket(fileno=settings["channel"])
    line.sendall(b'{"word": "ready"}\n')
    if settings["how"] == "dies":
        os._exit(9)
    while data := line.recv(1000):
        if b"drain" in data:
            return


if __name__ == "__main__":
    main()
