"""Recording from C: what it writes is what Python writes, it refuses what is not plain, and both may take turns."""

from __future__ import annotations

import dataclasses
import errno
import gc
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopfast.audit import journal as journal_module
from hoopfast.audit.journal import Journal
from hoopfast.audit.reader import StreamReader, verify
from hoopfast.audit.recorder import SessionRecorder
from hoopfast.audit.records import Execution, ExecutionEnded, Record, SessionEnd, TransactionEnded
from hoopfast.audit.syncer import Syncer
from hoopfast.audit.window import Gate
from hoopfast.errors import JournalUnavailable
from hoopfast.policy.model import Statement, StatementSummary, Verdict
from hoopfast.session.boundary import Ending, Outcome
from tests.audit.examples import SESSION, execution, session_start
from tests.audit.processes import run_script
from tests.audit.steady import OUTCOMES, Steady, Template, bound, end

SMALL = 16384
KEY = bytes(range(32))
SUMMARY = StatementSummary("SELECT $1", "0123456789abcdef", ("read",), ("public.patients",), ("public.patients.ssn",))
STATEMENT = Statement(Verdict.ALLOW, (), SUMMARY, rule="r")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal.open(tmp_path / "audit", "worker-0", segment_size=SMALL)
    yield opened
    opened.resume()
    opened.close()


def started(journal: Journal, session: str = SESSION) -> tuple[SessionRecorder, Steady]:
    recorder = SessionRecorder(journal, session, KEY)
    recorder.start(session_start(session))
    return recorder, Steady(recorder)


def records(journal: Journal) -> list[Record]:
    """What stands in the journal, each record in the one way in which it is spelt (`Entry.record` checks that)."""
    reader = StreamReader(journal.directory, journal.stream)
    found = [entry.record for entry in reader]
    assert reader.damage is None
    assert reader.tail is None
    return found


def without_time(found: list[Record]) -> list[Record]:
    """The records of sessions; their times are two clocks' and are not compared."""
    mine = (Execution, ExecutionEnded, TransactionEnded, SessionEnd)
    return [dataclasses.replace(record, time=0) for record in found if isinstance(record, mine)]


# ---- one record


def test_what_it_writes(journal: Journal) -> None:
    recorder, steady = started(journal)
    parameters = (b"777-12-3456", None, b"", b"\0\xff")
    before = time.time_ns() // 1000
    assert steady.execution(Template(STATEMENT), parameters=bound(parameters)) == 1
    assert recorder.position == 3
    assert steady.room(2)
    assert steady.completed(end(1, b"SELECT 3", 3, 30, 20, 6, 250_000))
    assert steady.transaction(1, 1, "rolled back")
    after = time.time_ns() // 1000
    assert recorder.position == journal.position == 5
    *_, first, second, third = records(journal)
    assert all(before <= record.time <= after for record in (first, second, third))
    other, _ = started(journal)
    other.execution(STATEMENT, protocol="extended", parameters=parameters)
    other.ended(1, Outcome(Ending.COMPLETED, "SELECT 3", "", 3, 30, 20, 6, 0.25))
    other.transaction(1, 1, "rolled back")
    assert without_time(records(journal))[-3:] == without_time([first, second, third])
    assert recorder.totals == other.totals


def test_the_simple_protocol_has_no_parameters(journal: Journal) -> None:
    _, steady = started(journal)
    assert steady.execution(Template(STATEMENT), extended=False) == 1
    assert steady.execution(Template(STATEMENT), parameters=bound(())) == 2
    simple, extended = records(journal)[-2:]
    assert isinstance(simple, Execution)
    assert isinstance(extended, Execution)
    assert (simple.protocol, simple.parameters) == ("simple", ())
    assert (extended.protocol, extended.parameters) == ("extended", ())


texts = st.text(st.characters(), max_size=30)  # what UTF-8 cannot say, too
summaries = st.builds(
    StatementSummary,
    text=texts,
    shape=texts,
    kinds=st.lists(texts, max_size=2).map(tuple),
    relations=st.lists(texts, max_size=2).map(tuple),
    protected=st.lists(texts, max_size=2).map(tuple),
)
statements = st.builds(Statement, st.sampled_from(Verdict), st.just(()), summaries, rule=texts)
values = st.lists(st.none() | st.binary(max_size=150), max_size=5).map(tuple)
numbers = st.integers(0, 2**63 - 1) | st.integers(0, 120)


@settings(deadline=None)
@given(statements, texts, st.booleans(), values, st.lists(numbers, min_size=5, max_size=5))
def test_it_spells_as_python_does(
    statement: Statement, session: str, extended: bool, parameters: tuple[bytes | None, ...], counts: list[int]
) -> None:
    protocol = "extended" if extended else "simple"
    tag = b'A "tag" \\ of all sorts: ~'
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal.open(folder, "s", segment_size=65536)
        recorder, other = (SessionRecorder(journal, session, KEY) for _ in range(2))
        steady = Steady(recorder)
        assert steady.execution(Template(statement), extended=extended, parameters=bound(parameters)) == 1
        assert steady.completed(end(1, tag, *counts))
        assert steady.transaction(counts[0], counts[1], "committed")
        other.execution(statement, protocol=protocol, parameters=parameters)
        outcome = Outcome(Ending.COMPLETED, tag.decode(), "", *counts[:4])
        other.ended(1, outcome)
        other.transaction(counts[0], counts[1], "committed")
        journal.close()
        found = without_time(records(journal))
    assert isinstance(found[1], ExecutionEnded)
    assert found[1].database_microseconds == counts[4]
    found[1].database_microseconds = 0
    assert found[:3] == found[3:]


# ---- both in turns: the same calls on two recorders, one of which uses C wherever it can


class Twins:
    """Two sessions of two journals that are told the same."""

    def __init__(self, folder: Path) -> None:
        self.journals = [Journal.open(folder / name, "s", segment_size=4096) for name in ("plain", "mixed")]
        self.plain, self.mixed = (SessionRecorder(journal, SESSION, KEY) for journal in self.journals)
        for recorder in (self.plain, self.mixed):
            recorder.start(session_start())
        self.steady = Steady(self.mixed)
        self.template = Template(STATEMENT)
        self.open: list[int] = []
        self.from_c = 0

    def execution(self, from_c: bool, parameters: tuple[bytes | None, ...]) -> None:
        expected = self._told(lambda: self.plain.execution(STATEMENT, protocol="extended", parameters=parameters))
        sequence = self.steady.execution(self.template, parameters=bound(parameters)) if from_c else 0
        if sequence:
            self.from_c += 1
        else:
            sequence = self._told(lambda: self.mixed.execution(STATEMENT, protocol="extended", parameters=parameters))
        assert sequence == expected
        if sequence:
            self.open.append(sequence)

    def ended(self, from_c: bool, which: int, ending: Ending, rows: int) -> None:
        if not self.open:
            return
        sequence = self.open.pop(which % len(self.open))
        outcome = Outcome(ending, "SELECT 1" if ending is Ending.COMPLETED else "", "", rows, 2 * rows, 3 * rows)
        self._told(lambda: self.plain.ended(sequence, outcome))
        if from_c and ending is Ending.COMPLETED and self.steady.room(1):
            assert self.steady.completed(end(sequence, b"SELECT 1", rows, 2 * rows, 3 * rows))
            self.from_c += 1
        else:
            self._told(lambda: self.mixed.ended(sequence, outcome))

    def transaction(self, from_c: bool, outcome: str) -> None:
        self._told(lambda: self.plain.transaction(1, 2, outcome))
        if from_c and self.steady.room(1):
            assert self.steady.transaction(1, 2, outcome)
            self.from_c += 1
        else:
            self._told(lambda: self.mixed.transaction(1, 2, outcome))

    def suspend(self) -> None:
        for journal in self.journals:
            journal.suspend("for this test")

    def resume(self) -> None:
        for journal in self.journals:
            journal.resume()

    def sync(self) -> None:
        for journal in self.journals:
            self._told(journal.sync)

    def check(self) -> None:
        assert self.plain.totals == self.mixed.totals
        assert self.plain._open_sequences() == self.mixed._open_sequences() == self.open

    @staticmethod
    def _told(call: Callable[[], int | None]) -> int:
        """What it returns; 0 if the journal could not be written."""
        try:
            return call() or 0
        except JournalUnavailable:
            return 0


bursts = st.tuples(
    st.sampled_from(["execution", "ended", "transaction"]),
    st.booleans(),
    st.integers(0, 9),
    st.sampled_from([Ending.COMPLETED, Ending.COMPLETED, Ending.ERROR, Ending.UNKNOWN]),
    st.integers(1, 8),
)
steps = st.lists(bursts | st.sampled_from(["suspend", "resume", "sync", "full", "free"]), max_size=25)


@settings(max_examples=60, deadline=None)  # it syncs
@given(steps)
def test_taking_turns(plan: list[object]) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal_module, "RETRY_INTERVAL", 0.0)
        twins = Twins(Path(folder))
        allocate = os.posix_fallocate

        def full(*_: object) -> None:
            # A disk that is full on demand; test_journal_faults.py has a real one.
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        for step in plan:
            if step == "full":
                patch.setattr(os, "posix_fallocate", full)
            elif step == "free":
                patch.setattr(os, "posix_fallocate", allocate)
            elif isinstance(step, str):
                getattr(twins, step)()
            else:
                assert isinstance(step, tuple)
                kind, from_c, number, ending, times = step
                for index in range(times):
                    if kind == "execution":
                        twins.execution(from_c, (b"x" * number, None)[: index % 3])
                    elif kind == "ended":
                        twins.ended(from_c, number, ending, index)
                    else:
                        twins.transaction(from_c, OUTCOMES[index % 2])
            twins.check()
        patch.setattr(os, "posix_fallocate", allocate)
        twins.resume()
        for recorder, journal in zip((twins.plain, twins.mixed), twins.journals, strict=True):
            recorder.finish("idle")
            journal.close()
            (report,) = verify(journal.directory)
            assert report.intact
            assert report.closed
        assert twins.plain.totals.balanced
        plain, mixed = (without_time(records(journal)) for journal in twins.journals)
        assert plain == mixed
        assert [journal.position for journal in twins.journals] == [len(records(item)) for item in twins.journals]


# ---- when it does not record


def refused(recorder: SessionRecorder, steady: Steady, journal: Journal) -> None:
    """Nothing can be recorded from C, and trying changes nothing."""
    before = (recorder.totals, recorder.position, journal.position, recorder._open_sequences(), _bytes(journal))
    assert steady.execution(Template(STATEMENT)) == 0
    assert not steady.room(1)
    assert not steady.completed(end(1))
    assert not steady.transaction(1, 1, "committed")
    assert (recorder.totals, recorder.position, journal.position, recorder._open_sequences(), _bytes(journal)) == before


def _bytes(journal: Journal) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(journal.directory.iterdir()))


def test_not_while_suspended(journal: Journal) -> None:
    recorder, steady = started(journal)
    steady.execution(Template(STATEMENT))
    journal.suspend("for this test")
    refused(recorder, steady, journal)
    journal.resume()
    assert steady.completed(end(1))


def test_not_while_records_are_kept(journal: Journal) -> None:
    recorder, steady = started(journal)
    steady.execution(Template(STATEMENT))
    steady.execution(Template(STATEMENT))
    journal.suspend("for this test")
    with pytest.raises(JournalUnavailable):
        recorder.ended(2, Outcome(Ending.COMPLETED))
    journal.resume()
    refused(recorder, steady, journal)  # it would overtake the one that is kept
    assert recorder.execution(STATEMENT, protocol="simple") == 3
    assert steady.completed(end(1))
    ends = [record.sequence for record in records(journal) if isinstance(record, ExecutionEnded)]
    assert ends == [2, 1]


def test_not_while_the_journal_is_closed(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, "s")
    recorder, steady = started(journal)
    steady.execution(Template(STATEMENT))
    journal.close()
    refused(recorder, steady, journal)


def test_not_after_syncing_has_failed(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder, steady = started(journal)
    steady.execution(Template(STATEMENT))

    def failing(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(journal_module, "RETRY_INTERVAL", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", failing)
        with pytest.raises(JournalUnavailable):
            journal.sync()
    refused(recorder, steady, journal)
    recorder.ended(1, Outcome(Ending.COMPLETED))  # begins a new segment
    assert steady.execution(Template(STATEMENT)) == 2


def test_not_while_somebody_is_inside_the_journal(journal: Journal) -> None:
    recorder, steady = started(journal)
    steady.execution(Template(STATEMENT))
    with journal_module._Alone(journal):
        refused(recorder, steady, journal)
    assert steady.completed(end(1))


def test_not_after_the_session(journal: Journal) -> None:
    recorder, steady = started(journal)
    recorder.finish("idle")
    refused(recorder, steady, journal)


def test_not_where_a_journal_has_no_window() -> None:
    class Nowhere:
        gate = Gate()

        def append(self, record: Record, *, keep: bool = False) -> int:
            raise JournalUnavailable("no")

    recorder = SessionRecorder(Nowhere(), SESSION, KEY)
    assert Steady(recorder).execution(Template(STATEMENT)) == 0
    assert not Steady(recorder).room(0)


def test_the_segments_end(journal: Journal) -> None:
    recorder, steady = started(journal)
    template = Template(STATEMENT)
    sequences = []
    while sequence := steady.execution(template):
        sequences.append(sequence)
    assert len(sequences) > 10
    while steady.room(2):
        assert steady.completed(end(sequences.pop(0), b'"' * 64, *[2**64 - 1] * 5))
        assert steady.transaction(2**62, 2**62, "rolled back")
    assert recorder.execution(STATEMENT, protocol="simple") == recorder.totals.received  # Python begins the next one
    assert steady.room(10)
    assert steady.execution(template) == recorder.totals.received
    assert not steady.room(10_000)
    assert not steady.room(-1)


@pytest.mark.parametrize(
    "parameters",
    [
        b"",
        b"\0",
        b"\0\1",
        b"\0\1\0\0\0",
        b"\0\1\0\0\0\2x",
        b"\0\1\xff\xff\xff\xfe",
        b"\0\1\x7f\xff\xff\xffx",
        b"\0\0x",
        b"\0\1\xff\xff\xff\xffx",
        bound([None] * 1001),
    ],
)
def test_parameters_that_are_not_plain(journal: Journal, parameters: bytes) -> None:
    recorder, steady = started(journal)
    before = _bytes(journal)
    assert steady.execution(Template(STATEMENT), parameters=parameters) == 0
    assert _bytes(journal) == before
    assert recorder.totals.received == 0
    assert steady.execution(Template(STATEMENT), parameters=bound([None] * 1000)) == 1


def test_a_record_that_is_too_long(journal: Journal) -> None:
    recorder, steady = started(journal)
    long = dataclasses.replace(STATEMENT, summary=dataclasses.replace(SUMMARY, text="x" * 66_000))
    assert steady.execution(Template(long)) == 0
    assert recorder.execution(long, protocol="simple") == 1
    named, steady_of_it = started(journal, "x" * 66_000)
    assert steady_of_it.execution(Template(STATEMENT)) == 0
    assert not steady_of_it.room(1)
    assert named.execution(STATEMENT, protocol="simple") == 1


@pytest.mark.parametrize("tag", [b"x" * 65, b"SELECT\n1", b"SELECT \xc5\x82", b"\0", b"\x7f"])
def test_tags_that_no_server_sends(journal: Journal, tag: bytes) -> None:
    recorder, steady = started(journal)
    steady.execution(Template(STATEMENT))
    before = _bytes(journal)
    assert not steady.completed(end(1, tag))
    assert _bytes(journal) == before
    recorder.ended(1, Outcome(Ending.COMPLETED))


def test_exactly_one_end(journal: Journal) -> None:
    recorder, steady = started(journal)
    template = Template(STATEMENT)
    first, second = steady.execution(template), recorder.execution(STATEMENT, protocol="simple")
    assert steady.completed(end(second))
    assert not steady.completed(end(second))
    assert not steady.completed(end(3))
    with pytest.raises(ValueError, match="has its end already"):
        recorder.ended(second, Outcome(Ending.COMPLETED))
    assert not steady.transaction(1, 1, 2)
    assert not steady.transaction(-1, 1, 0)
    recorder.finish("frontend lost")
    *_, unknown, last = records(journal)
    assert isinstance(unknown, ExecutionEnded)
    assert (unknown.sequence, unknown.ending) == (first, "unknown")
    assert isinstance(last, SessionEnd)
    assert last.totals.balanced


@settings(deadline=None)
@given(st.lists(st.integers(0, 40) | st.none(), max_size=300))
def test_open_executions(plan: list[int | None]) -> None:
    recorder = SessionRecorder(_Anywhere(), SESSION, KEY)
    expected: list[int] = []
    for which in plan:
        if which is None or not expected:
            expected += [recorder.execution(STATEMENT, protocol="simple") for _ in range(which or 20)]
        else:
            recorder.ended(expected.pop(which % len(expected)), Outcome(Ending.SKIPPED))
        assert recorder._open_sequences() == expected


class _Anywhere:
    """A journal that takes everything and keeps nothing."""

    gate = Gate()

    def append(self, record: Record, *, keep: bool = False) -> int:
        return 1


# ---- beside other threads


def test_beside_a_thread_that_syncs_and_one_that_appends(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "audit", "worker-0", segment_size=65536)
    recorder, steady = started(journal)
    template = Template(STATEMENT)
    syncer = Syncer(journal, 0.0005)
    stop = threading.Event()

    def append() -> None:
        sequence = 0
        while not stop.is_set():
            sequence += 1
            journal.append(execution(sequence, session="other"))

    other = threading.Thread(target=append)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    from_c = 0
    try:
        syncer.start()
        other.start()
        for expected in range(1, 6001):
            sequence = steady.execution(template, parameters=bound((b"1", b"2")))
            from_c += sequence > 0
            sequence = sequence or recorder.execution(STATEMENT, protocol="extended", parameters=(b"1", b"2"))
            assert sequence == expected
            # What room() says holds until the GIL is let go, which here may be between any two calls.
            if not steady.completed(end(sequence)):
                recorder.ended(sequence, Outcome(Ending.COMPLETED, "SELECT 1"))
            if not steady.transaction(sequence, sequence, "committed"):
                recorder.transaction(sequence, sequence, "committed")
    finally:
        sys.setswitchinterval(interval)
        stop.set()
        other.join(60)
        syncer.stop()
    assert from_c > 1000
    recorder.finish("idle")
    journal.close()
    (report,) = verify(journal.directory)
    assert report.intact
    assert len(report.segments) > 10
    found = list(StreamReader(journal.directory, journal.stream))
    ends = [entry.record.sequence for entry in found if isinstance(entry.record, ExecutionEnded)]
    assert ends == list(range(1, 6001))
    others = [entry.body for entry in found if b'"session":"other"' in entry.body]
    assert len(others) > 100


# ---- what must not be


def test_it_makes_no_python_object(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "audit", "s")
    _, steady = started(journal)
    template, parameters, ended = Template(STATEMENT), bound((b"1", b"2", None)), end(0)

    def cycles(number: int) -> None:
        for _ in range(number):
            ended.sequence = sequence = steady.execution(template, parameters=parameters)
            assert sequence
            assert steady.room(2)
            assert steady.completed(ended)
            assert steady.transaction(sequence, sequence, "committed")

    cycles(100)
    gc.collect()
    before = sys.getallocatedblocks()
    cycles(10_000)
    gc.collect()
    assert sys.getallocatedblocks() - before < 100
    journal.close()


def test_no_value_stays_in_memory() -> None:
    # The stack is where C has its variables; a value shorter than a block is copied there, to be padded.
    script = """
        import tempfile
        from hoopfast.audit import sha256
        from hoopfast.audit.journal import Journal
        from tests.audit.steady import Steady, Template, bound
        from tests.audit.test_recording import KEY, STATEMENT, SESSION, SessionRecorder
        with tempfile.TemporaryDirectory() as folder:
            journal = Journal.open(folder, "s")
            recorder = SessionRecorder(journal, SESSION, KEY)
            steady, template = Steady(recorder), Template(STATEMENT)
            value = b":6543-21-777:YRANAC"[::-1] * 3  # argv stands on the stack too
            parameters = bound((value, value[:20] * 5))
            def deep(levels):  # so that what runs afterwards does not write over it
                if levels:
                    max([levels - 1], key=deep)
                else:
                    assert steady.execution(template, parameters=parameters)
                return 0
            for implementation in sha256.implementations():
                sha256.select(implementation)
                deep(100)
                with open("/proc/self/maps") as maps:
                    (stack,) = [line for line in maps if line.rstrip().endswith("[stack]")]
                start, end = (int(part, 16) for part in stack.split()[0].split("-"))
                with open("/proc/self/mem", "rb") as memory:
                    memory.seek(start)
                    found = memory.read(end - start)
                swapped = b"".join(value[at:at + 4][::-1] for at in range(0, 56, 4))
                for form in (value[:8], value[8:16], value[40:48], swapped[:8], swapped[16:24]):
                    assert form not in found, (implementation, form)
            journal.close()
    """
    run_script(script)


def test_the_capsule_keeps_the_recorder(journal: Journal) -> None:
    recorder, steady = started(journal)
    references = sys.getrefcount(recorder)
    again = Steady(recorder)
    assert sys.getrefcount(recorder) == references + 1
    del again
    assert sys.getrefcount(recorder) == references
    del recorder
    gc.collect()
    assert steady.execution(Template(STATEMENT)) == 1


def test_no_memory_stays_allocated() -> None:
    script = """
        import resource, tempfile
        from hoopfast.audit.journal import Journal
        from tests.audit.steady import Steady, Template
        from tests.audit.test_recording import KEY, STATEMENT, SESSION, SessionRecorder
        with tempfile.TemporaryDirectory() as folder:
            journal = Journal.open(folder, "s")
            def sessions(number):
                for _ in range(number):
                    recorder = SessionRecorder(journal, SESSION, KEY)
                    steady = Steady(recorder)
                    for _ in range(100):
                        steady.execution(Template(STATEMENT)) or recorder.execution(STATEMENT, protocol="simple")
            sessions(20)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            sessions(400)
            journal.sync()
            assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000  # the journal's own pages
            journal.close()
    """
    run_script(script)
