"""The gateway with parts left out, to see what each costs: `python -m bench.staged --stage off --config FILE`.

The product has no switch that turns deciding or recording off, and gets none for the sake of a benchmark. But a session
is handed its policy and its recorder (docs/decisions/0003-session-seam.md), so here it is handed others:

- `off`: everything is allowed and clean, executions are not recorded. What is left is the protocol itself.
- `policy`: the real policy, without masks; executions are not recorded.
- `records`: the real policy, without masks, and the journal. (Nothing is left out; the configuration has no masks.)

The last stage, `masking`, is `hoopfast serve` itself.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import sys
import tempfile
from collections.abc import Hashable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from bench.neighbours import build, compiler
from hoopfast.gateway import children, logs, signin, supervisor, worker
from hoopfast.policy import model
from hoopfast.session.boundary import Outcome, Recorder
from hoopfast.session.conversation import Conversation

STAGE = "HOOPFAST_BENCH_STAGE"  # from this module's supervisor to its workers; hoopfast itself never reads it


class OpenPolicy:
    """Allows everything, unread. Only for the single SELECT statements that the benchmarks send."""

    def __init__(self) -> None:
        command = model.Command("SELECT", model.Kind.READ, model.Rows.CLEAN, clean=True)
        summary = model.StatementSummary(text="", shape="0" * 16)
        self._statement = model.Statement(model.Verdict.ALLOW, (command,), summary, basis=0, literals_matter=False)

    def basis(self, environment: model.Environment) -> Hashable:
        """Nothing that a decision rests on ever changes."""
        return 0

    def decide(self, text: bytes, parameter_types: Sequence[int], environment: model.Environment) -> model.Statement:
        """Yes."""
        return self._statement

    def cell_rules(
        self,
        statement: model.Statement,
        command: model.Command,
        columns: Sequence[model.ResultColumn],
        *,
        this_execution: bool,
    ) -> tuple[model.CellRule, ...]:
        """Every cell passes."""
        return (model.PASS,) * len(columns)

    def needs_description(self, command: model.Command) -> bool:
        """Never."""
        return False


@cache
def _library() -> ctypes.CDLL | None:
    """The recorder that C calls, compiled for this process; None where there is no compiler."""
    if compiler() is None:
        return None
    with tempfile.TemporaryDirectory(prefix="hoopfast-bench-") as folder:
        return ctypes.CDLL(str(build(Path(__file__).with_name("no_recorder.c"), Path(folder), "-shared", "-fPIC")))


class _Recording(ctypes.Structure):
    """Room for struct Recording (hoopfast/recording.pxd), which no_recorder.c fills in."""

    _fields_ = (("words", ctypes.c_void_p * 5),)


_NOTHING = ctypes.c_int64(0)


def _capsule(name: bytes, content: Any) -> object:
    """An address as C wants it; `name`, a constant, and `content` have to outlive the capsule."""
    new = ctypes.pythonapi.PyCapsule_New
    new.restype = ctypes.py_object
    new.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    made: object = new(ctypes.addressof(content), name, None)
    return made


class NoRecorder:
    """Records nothing, whether it is called from Python or from C.

    Without a compiler it lacks what C calls, and the steady state calls it through Python: that costs more than the
    journal does.
    """

    def __init__(self) -> None:
        self._sequence = ctypes.c_int64(0)
        if (library := _library()) is not None:
            self._functions = _Recording()
            library.fill(ctypes.byref(self._functions), ctypes.byref(self._sequence))
            self.recording = _capsule(b"hoopfast.recording", self._functions)

    def template(self, statement: model.Statement) -> object:
        """Nothing of a statement, as no record ever says anything of it; but a capsule needs an address."""
        return _capsule(b"hoopfast.recording.template", _NOTHING)

    def execution(self, statement: model.Statement, *, protocol: str, parameters: tuple[bytes | None, ...] = ()) -> int:
        """A new sequence number."""
        self._sequence.value += 1
        return self._sequence.value

    def ended(self, sequence: int, outcome: Outcome) -> None:
        """Forgotten."""

    def transaction(self, first: int, last: int, outcome: str) -> None:
        """Forgotten."""


def conversation(policy: model.Policy, recorder: Recorder, **given: Any) -> Conversation:
    """A session's conversation, with what this worker's stage leaves of its policy and recorder."""
    stage = os.environ[STAGE]
    if stage == "off":
        policy = OpenPolicy()
    if stage in ("off", "policy"):
        recorder = NoRecorder()
        if (steady := given.get("steady")) is not None:
            given["steady"] = steady._replace(recorder=recorder)
    return Conversation(policy, recorder, **given)


class StagedChild(children.Child):
    """A worker that starts by way of this module."""

    def __init__(self, name: str, module: str, *rest: Any) -> None:
        super().__init__(name, "bench.staged", *rest)


def serve(arguments: list[str]) -> int:
    """The supervisor's part."""
    parser = argparse.ArgumentParser(prog="python -m bench.staged")
    parser.add_argument("--stage", choices=("off", "policy", "records"), required=True)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--ready-fd", type=int, required=True)
    given = parser.parse_args(arguments)
    os.environ[STAGE] = given.stage
    supervisor.Child = StagedChild  # type: ignore[attr-defined,assignment]
    logs.configure()

    def ready(where: supervisor.Ready) -> None:
        with os.fdopen(given.ready_fd, "w") as out:
            out.write(json.dumps(where._asdict()) + "\n")

    return supervisor.Supervisor(given.config, ready=ready).run()


def main() -> None:
    """A worker, if the supervisor has started this with a worker's settings; else the supervisor."""
    if STAGE in os.environ and len(sys.argv) == 2:
        signin.Conversation = conversation  # type: ignore[attr-defined,assignment]
        worker.main()
    else:
        sys.exit(serve(sys.argv[1:]))


if __name__ == "__main__":
    main()
