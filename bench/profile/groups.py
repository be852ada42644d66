"""What a sample or an instruction belongs to: the parts of a query's way, by library and by kernel function.

Owns the parts and their order in tables. Knows neither perf nor callgrind: both name a library and a function.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

WAITING, RECEIVING = "kernel: waiting (epoll)", "kernel: receiving"
SENDING, DELIVERING = "kernel: sending", "kernel: handing over to the peer, within send"
KERNEL_OTHER = "kernel: everything else"
KERNEL = (WAITING, RECEIVING, SENDING, DELIVERING, KERNEL_OTHER)

PYTHON, OTHER = "Python's interpreter", "everything else"
# By the library's path, the first that fits.
LIBRARIES = (
    ("hoopfast: links and pump", r"/hoopfast/gateway/"),
    ("hoopfast: shapes and lexer", r"/hoopfast/wire/(shapes|lexer|scanner)\."),
    ("hoopfast: framing and masks", r"/hoopfast/wire/(framer|masking)\."),
    ("hoopfast: steady state", r"/hoopfast/wire/"),
    ("hoopfast: journal", r"/hoopfast/audit/"),
    ("hoopfast: the rest in C", r"/hoopfast/[a-z_]+/\w+\.[^/]*so$"),
    ("uvloop and libuv", r"/uvloop/"),
    ("TLS", r"/(libssl|libcrypto|_ssl)\b"),
    (PYTHON, r"/(libpython[^/]*|python[\d.]*)$|/lib-dynload/|cpython-\d+[^/]*\.so$"),
    ("C library", r"/(libc|libm|libpthread|ld)[-.][^/]*$|^\[vdso\]$|/ld-linux"),
)
USER = (*(name for name, _ in LIBRARIES), OTHER)
PARTS = (*KERNEL, *USER)

_IN_KERNEL = re.compile(r"\[(?!vdso|vsyscall|unknown|heap|stack|anon)")  # "[kernel.kallsyms]", and a module's name
_SOFTIRQ = re.compile(r"softirq|net_rx_action")
# What the outermost kernel functions of a stack say of the system call that it is in.
_CALLS = (
    (WAITING, re.compile(r"epoll_p?wait|ep_poll|sys_p?poll|sys_p?select")),
    (SENDING, re.compile(r"send(to|msg)|writev?($|\b)|sock_write")),
    (RECEIVING, re.compile(r"recv(from|msg)|readv?($|\b)|sock_read")),
)


class Frame(NamedTuple):
    """A function on the stack, and the file that it lies in: a library, a program, or the kernel."""

    function: str
    file: str


def in_kernel(library: str) -> bool:
    """Whether perf names the kernel, or one of its modules."""
    return _IN_KERNEL.match(library) is not None


def of_library(library: str) -> str:
    """The part that a library's own work belongs to."""
    return next((name for name, pattern in LIBRARIES if re.search(pattern, library)), OTHER)


def of_stack(frames: Sequence[Frame]) -> str:
    """The part that a sample belongs to; the innermost frame comes first."""
    if not frames:
        return OTHER
    if not in_kernel(frames[0].file):
        return of_library(frames[0].file)
    within = [frame.function for frame in frames if in_kernel(frame.file)]
    for function in reversed(within):
        for part, pattern in _CALLS:
            if pattern.search(function):
                handing_over = part == SENDING and any(_SOFTIRQ.search(name) for name in within)
                return DELIVERING if handing_over else part
    return KERNEL_OTHER
