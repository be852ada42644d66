"""The profile: what belongs to which part, what the tools print, and the figures on the page."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

import pytest

from bench.cpu import kernel_and_user
from bench.profile import __main__, counted, page, sampled, syscalls, tables
from bench.profile.counted import Counts
from bench.profile.groups import (
    DELIVERING,
    KERNEL_OTHER,
    OTHER,
    PARTS,
    PYTHON,
    RECEIVING,
    SENDING,
    WAITING,
    Frame,
    of_library,
    of_stack,
)
from bench.profile.runs import Asked, Background, Profile, Split
from bench.profile.sampled import Samples

ROOT = Path(__file__).resolve().parents[2]
SUFFIX = ".cpython-311-x86_64-linux-gnu.so"


@pytest.mark.parametrize(
    ("library", "part"),
    [
        (f"/srv/hoopfast/hoopfast/wire/steady{SUFFIX}", "hoopfast: steady state"),
        (f"/srv/hoopfast/hoopfast/wire/shapes{SUFFIX}", "hoopfast: shapes and lexer"),
        (f"/srv/hoopfast/hoopfast/wire/lexer{SUFFIX}", "hoopfast: shapes and lexer"),
        (f"/srv/hoopfast/hoopfast/wire/masking{SUFFIX}", "hoopfast: framing and masks"),
        (f"/srv/hoopfast/hoopfast/audit/window{SUFFIX}", "hoopfast: journal"),
        (f"/srv/hoopfast/hoopfast/gateway/pump{SUFFIX}", "hoopfast: links and pump"),
        (f"/srv/hoopfast/hoopfast/policy/later{SUFFIX}", "hoopfast: the rest in C"),
        (f"/srv/hoopfast/.venv/lib/python3.11/site-packages/uvloop/loop{SUFFIX}", "uvloop and libuv"),
        (f"/srv/hoopfast/.venv/lib/python3.11/site-packages/orjson/orjson{SUFFIX}", PYTHON),
        ("/usr/lib/libpython3.11.so.1.0", PYTHON),
        ("/srv/hoopfast/.venv/bin/python3.11", PYTHON),
        ("/usr/lib/python3.11/lib-dynload/_json.so", PYTHON),
        ("/usr/lib/x86_64-linux-gnu/libc.so.6", "C library"),
        ("/usr/lib/x86_64-linux-gnu/libc-2.31.so", "C library"),
        ("[vdso]", "C library"),
        ("/usr/lib/x86_64-linux-gnu/libcrypto.so.3", "TLS"),
        ("[unknown]", OTHER),
        ("/usr/lib/libwhatever.so", OTHER),
    ],
)
def test_a_library_belongs_to_a_part(library: str, part: str) -> None:
    assert of_library(library) == part
    assert of_stack([Frame("f", library), Frame("main", "/usr/lib/libpython3.11.so.1.0")]) == part


@pytest.mark.parametrize(
    ("functions", "part"),
    [
        ("finish_task_switch schedule ep_poll do_epoll_wait __x64_sys_epoll_pwait do_syscall_64", WAITING),
        ("tcp_recvmsg sock_recvmsg __sys_recvfrom do_syscall_64", RECEIVING),
        ("copy_to_iter tcp_recvmsg sock_read_iter vfs_read ksys_read do_syscall_64", RECEIVING),
        ("tcp_sendmsg sock_write_iter do_iter_readv_writev vfs_writev do_writev do_syscall_64", SENDING),
        ("__alloc_skb tcp_sendmsg __sys_sendto do_syscall_64", SENDING),
        # In the send of one process the kernel wakes another out of its epoll_wait: that is the sender's time.
        (
            "ep_poll_callback sock_def_readable tcp_rcv net_rx_action handle_softirqs tcp_sendmsg __sys_sendto",
            DELIVERING,
        ),
        ("asm_exc_page_fault", KERNEL_OTHER),
        ("mod_timer net_rx_action handle_softirqs irq_exit_rcu", KERNEL_OTHER),
        ("futex_wake do_futex __x64_sys_futex do_syscall_64", KERNEL_OTHER),
    ],
)
def test_the_kernels_work_belongs_to_the_call_that_it_is_for(functions: str, part: str) -> None:
    stack = [Frame(function, "[kernel.kallsyms]") for function in functions.split()]
    assert of_stack([*stack, Frame("send", "/usr/lib/libc.so.6")]) == part


def test_a_module_of_the_kernel_is_the_kernel() -> None:
    assert of_stack([Frame("nf_hook", "[nf_conntrack]"), Frame("__sys_sendto", "[kernel.kallsyms]")]) == SENDING
    assert of_stack([]) == OTHER


PERF = """\
\t          10056c _PyEval_EvalFrameDefault (/usr/lib/libpython3.11.so.1.0)
\t    7f465d2c6840 [unknown] ([unknown])

\tffffffff82010ddb tcp_sendmsg ([kernel.kallsyms])
\tffffffff816ba3ec __sys_sendto ([kernel.kallsyms])
\t           fde9d __send (/usr/lib/x86_64-linux-gnu/libc.so.6)


\t           f9460 operator new(unsigned long)@plt (/usr/lib/libstdc++.so.6)
"""


def test_stacks_are_read_from_perf() -> None:
    found = list(sampled.stacks(PERF))
    assert [len(stack) for stack in found] == [2, 3, 1]
    assert found[1][0] == Frame("tcp_sendmsg", "[kernel.kallsyms]")
    assert found[2][0] == Frame("operator new(unsigned long)", "/usr/lib/libstdc++.so.6")
    samples = Samples(found)
    assert samples.parts == {PYTHON: 1, SENDING: 1, OTHER: 1}
    assert samples.share(SENDING) == pytest.approx(1 / 3)
    assert Samples([]).share(SENDING) == 0


CALLGRIND = """\
# callgrind format
positions: line
events: Ir
summary: 91502058

ob=(9) /usr/lib/libcrypto.so.3
fl=(160) ???
fn=(3568) EVP_clear
0 7200

fn=(3146) EVP_get
12 100
+3 20
cob=(2) /usr/lib/libpython3.11.so.1.0
cfi=(4) ???
cfn=(3164) PyObject_Call
calls=240 0
* 999999
-1 3

ob=(2)
fl=(5) object.c
fn=(3164)
* 50
fn=(3568)
7 1
totals: 7374
"""


def test_own_instructions_are_read_from_callgrind() -> None:
    found = counted.parse(CALLGRIND.splitlines())
    assert found == {
        Frame("EVP_clear", "/usr/lib/libcrypto.so.3"): 7200,
        Frame("EVP_get", "/usr/lib/libcrypto.so.3"): 123,
        Frame("PyObject_Call", "/usr/lib/libpython3.11.so.1.0"): 50,
        Frame("EVP_clear", "/usr/lib/libpython3.11.so.1.0"): 1,
    }
    assert sum(found.values()) == 7374  # what callgrind itself adds up
    counts = Counts(found, 10)
    assert counts.total == pytest.approx(737.4)
    assert counts.parts["TLS"] == pytest.approx(732.3)


STRACE = """\
strace: Process 17 detached
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 50.00    0.000031          15      2004           epoll_pwait
 49.00    0.000031           0      2010         5 read
  1.00    0.000001           0         7           sendto
------ ----------- ----------- --------- --------- ----------------
100.00    0.000063           0      4021         5 total
"""


def test_calls_are_read_from_strace() -> None:
    assert syscalls.summary(STRACE) == {"epoll_pwait": 2004, "read": 2010, "sendto": 7}


def test_the_kernels_part_of_the_time_is_told_from_ours() -> None:
    kernel, user = kernel_and_user([os.getpid()])
    end = time.process_time() + 0.3
    while time.process_time() < end:
        sum(range(100_000))  # asking for the time is the kernel's work
    more_kernel, more_user = kernel_and_user([os.getpid()])
    assert more_user - user >= 0.15
    assert more_kernel - kernel < more_user - user
    assert kernel_and_user([]) == (0.0, 0.0)


def made() -> Profile:
    prepared, eight = Asked("prepared", 1), Asked("prepared", 8)
    stacks = [[Frame("tcp_sendmsg", "[kernel.kallsyms]"), Frame("__sys_sendto", "[kernel.kallsyms]")]] * 3
    stacks.append([Frame("eval", "/usr/lib/libpython3.11.so.1.0")])
    return Profile(
        splits={
            "relay": {prepared: Split(36e-6, 0.9)},
            "hoopfast": {prepared: Split(40e-6, 0.75), eight: Split(20e-6, 0.5)},
        },
        sampled={prepared: Samples(stacks), eight: Samples(stacks)},
        background=[Background("a session that asks nothing", 4.25)],
        calls={"relay": {"recvfrom": 2.0}, "hoopfast": {"read": 2.01, "futex": 0.3, "mmap": 0.001}},
        counted={"prepared": Counts(Counter({Frame("eval", "/usr/lib/libpython3.11.so.1.0"): 600}), 2)},
        left_out=["one tool"],
    )


def test_shares_become_microseconds() -> None:
    found = {sheet.section: sheet for sheet in tables.sheets(made(), 5)}
    assert found["sampled"].headings == ("part", "prepared, 1 client", "prepared, 8 clients")
    assert found["sampled"].groups == [
        [[SENDING, "30.0", "15.0"]],
        [[PYTHON, "10.0", "5.0"]],
        [["all", "40.0", "20.0"]],
    ]
    assert found["splits"].groups == [
        [["relay", "36.0 = 32.4 + 3.6", ""], ["hoopfast", "40.0 = 30.0 + 10.0", "20.0 = 10.0 + 10.0"]]
    ]
    assert found["functions"].groups[0][0] == ["tcp_sendmsg (kernel)", "75.0%"]
    assert found["counted"].groups == [[[PYTHON, "300"]], [["all", "300"]]]
    assert found["background"].groups == [[["a session that asks nothing", "4.2"]]]


def test_calls_that_belong_to_no_query_are_left_out() -> None:
    (sheet,) = (sheet for sheet in tables.sheets(made(), 5) if sheet.section == "calls")
    assert sheet.groups == [[["futex", "", "0.30"], ["read", "", "2.01"], ["recvfrom", "2.00", ""]]]


def test_nothing_found_makes_no_tables() -> None:
    assert list(tables.sheets(Profile(), 5)) == []


def test_the_page_keeps_its_prose_and_its_marks(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text((ROOT / "docs" / "where-the-time-goes.md").read_text())
    page.write(path, made(), 5, {"processor": "one"})
    once = path.read_text()
    assert "| futex |  | 0.30 |" in once
    assert "Left out: one tool." in once
    assert "processor one" in once
    page.write(path, Profile(), 5, {"processor": "two"})
    again = path.read_text()
    assert "futex |" not in again
    assert "processor two" in again
    page.write(path, made(), 5, {"processor": "one"})
    assert path.read_text() == once


def test_every_table_has_its_place_on_the_page() -> None:
    text = (ROOT / "docs" / "where-the-time-goes.md").read_text()
    marks = [mark[1] for mark in page.MARKED.finditer(text)]
    assert sorted(marks) == sorted(page.blocks(made(), 5, {}))
    assert len(PARTS) == len(set(PARTS))


def test_the_command_line() -> None:
    given = __main__.read(["--document", "--tool", "strace"])
    assert given.document == __main__.PAGE
    assert given.tools == ("strace",)
    assert __main__.read([]).document is None
    assert __main__.read(["--quick"]).clients == (1,)
    with pytest.raises(SystemExit):
        __main__.read(["--clients", "0"])
