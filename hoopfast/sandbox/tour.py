"""The tour of `hoopfast demo`: the nightly job step by step, what it got, what the journal holds, if it is right.

Owns what each step ought to show, and checks it against the server itself: a step that leaks a value, changes a row or
leaves no record is a problem, and is reported as one. Prints nothing.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hoopfast.audit.reader import read_journal
from hoopfast.audit.records import Ending, Execution, ExecutionEnded, SessionEnd, SessionStart
from hoopfast.sandbox import clinic, nightly_job
from hoopfast.sandbox.sandbox import Sandbox

CONFIGURATION = Path(__file__).with_name("demo.toml")
APPLICATION = "nightly-job"
_JOB_SECONDS = 60
_JOURNAL_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One execution as the journal has it: the record made before it was forwarded, and the one of its end."""

    begun: Execution
    ended: ExecutionEnded | None


@dataclass(slots=True)
class Outcome:
    """What became of one step; `problems` is empty where all was as it should be."""

    sent: list[str] = field(default_factory=list)
    got: list[str] = field(default_factory=list)
    journal: list[Entry] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All that the job received, as it printed it."""
        return "\n".join(self.got)

    def expect(self, condition: bool, problem: str) -> None:
        """Note a problem unless the condition holds."""
        if not condition:
            self.problems.append(problem)

    def find(self, relation: str) -> Entry | None:
        """The journal's entry for a statement over this relation."""
        return next((one for one in self.journal if f"public.{relation}" in one.begun.relations), None)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the job, as the tour shows it."""

    name: str
    title: str
    check: Callable[[Sandbox, Outcome], None]


def run(box: Sandbox, step: Step) -> Outcome:
    """Run one step of the job as a process of its own, collect what it left, and check it."""
    known = {start.session for start, _ in _sessions(box)}
    job = subprocess.run(
        [sys.executable, nightly_job.__file__, step.name],
        env={**os.environ, "DATABASE_URL": box.gateway_dsn()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_JOB_SECONDS,
    )
    outcome = Outcome()
    for line in job.stdout.splitlines():
        (outcome.sent if line.startswith("> ") else outcome.got).append(line[2:])
    outcome.expect(job.returncode == 0, f"the job failed: {job.stderr.strip()[-400:]}")
    outcome.journal = _journal_of_new_session(box, known)
    outcome.expect(bool(outcome.journal), "the journal holds nothing of it")
    step.check(box, outcome)
    return outcome


def _sessions(box: Sandbox) -> Iterator[tuple[SessionStart, SessionEnd | None]]:
    """The job's sessions in the journal, with their ends."""
    records = [entry.record for entry in read_journal(box.effective.audit_directory)]
    ends = {one.session: one for one in records if isinstance(one, SessionEnd)}
    for one in records:
        if isinstance(one, SessionStart) and one.application_name == APPLICATION:
            yield one, ends.get(one.session)


def _journal_of_new_session(box: Sandbox, known: set[str]) -> list[Entry]:
    """The executions of the session that was not known before, once its end is in the journal."""
    until = time.monotonic() + _JOURNAL_SECONDS
    new: list[str] = []
    while time.monotonic() < until:
        new = [start.session for start, end in _sessions(box) if end is not None and start.session not in known]
        if new:
            break
        time.sleep(0.05)
    records = [entry.record for entry in read_journal(box.effective.audit_directory)]
    ends = {one.sequence: one for one in records if isinstance(one, ExecutionEnded) and one.session in new}
    begun = [one for one in records if isinstance(one, Execution) and one.session in new]
    return [Entry(one, ends.get(one.sequence)) for one in begun]


def _direct(box: Sandbox, sql: str) -> list[list[str]]:
    """What the server itself says, past the gateway."""
    return [line.split("|") for line in box.postgres.psql(sql, clinic.DATABASE).splitlines()]


def _check_masked(box: Sandbox, outcome: Outcome, secrets: list[str], kept: list[str]) -> None:
    leaked = [secret for secret in secrets if secret in outcome.text]
    outcome.expect(not leaked, f"{len(leaked)} protected values came through in clear")
    missing = [text for text in kept if text not in outcome.text]
    outcome.expect(not missing, f"expected in the result and not there: {', '.join(missing)}")
    journal = b"".join(path.read_bytes() for path in box.effective.audit_directory.iterdir() if path.is_file())
    outcome.expect(not any(one.encode() in journal for one in secrets), "a protected value stands in the journal")


def _check_completed(outcome: Outcome, relation: str, *, masked: bool) -> None:
    entry = outcome.find(relation)
    if entry is None or entry.ended is None:
        outcome.problems.append(f"the journal has no complete record of a statement over {relation}")
        return
    outcome.expect(entry.ended.ending is Ending.COMPLETED, f"the journal says it ended as {entry.ended.ending}")
    cells = sum(one.ended.masked_cells for one in outcome.journal if one.ended is not None)
    outcome.expect((cells > 0) == masked, f"the journal counts {cells} masked cells")


def _check_read(box: Sandbox, outcome: Outcome) -> None:
    rows = _direct(box, "SELECT full_name, ssn, date_of_birth, city FROM patients WHERE id <= 5 ORDER BY id")
    kept = [f"*******{row[1][-4:]}" for row in rows] + [row[3] for row in rows]
    _check_masked(box, outcome, [text for row in rows for text in row[:3]], kept)
    outcome.expect(len(outcome.got) == len(rows), f"{len(outcome.got)} lines instead of {len(rows)} rows")
    _check_completed(outcome, "patients", masked=True)


def _check_bills(box: Sandbox, outcome: Outcome) -> None:
    rows = _direct(box, "SELECT id, amount, card_number FROM bills WHERE NOT paid ORDER BY id LIMIT 3")
    count, total = _direct(box, "SELECT count(*), sum(amount) FROM bills WHERE NOT paid")[0]
    kept = [f"***{row[2][-4:]}" for row in rows] + [row[1] for row in rows] + [f"{count} open bills, {total} in all"]
    _check_masked(box, outcome, [row[2] for row in rows], kept)
    _check_completed(outcome, "bills", masked=True)


def _check_export(box: Sandbox, outcome: Outcome) -> None:
    csv = box.postgres.psql(nightly_job.EXPORT, clinic.DATABASE).encode()
    digest = hashlib.sha256(csv).hexdigest()
    outcome.expect(f"sha256 {digest}" in outcome.text, "the export differs from what the server gives")
    _check_completed(outcome, "visits", masked=False)


def _check_refused(outcome: Outcome, decision: str) -> None:
    outcome.expect("ERROR 42501" in outcome.text, "it was not refused with SQLSTATE 42501")
    refused = [one.begun for one in outcome.journal if one.ended is not None and one.ended.ending is Ending.REFUSED]
    outcome.expect(bool(refused), "the journal has no record of a refusal")
    outcome.expect(all(one.decision == decision for one in refused), f"the journal's decision is not {decision}")


def _check_update(box: Sandbox, outcome: Outcome) -> None:
    changed = _direct(box, "SELECT xmin <> (SELECT xmin FROM bills WHERE id = 2) FROM bills WHERE id = 1")
    outcome.expect(changed == [["f"]], "the row was changed")
    _check_refused(outcome, "approve")


def _check_drop(box: Sandbox, outcome: Outcome) -> None:
    outcome.expect(_direct(box, "SELECT to_regclass('public.bills')") == [["bills"]], "the table is gone")
    _check_refused(outcome, "deny")


STEPS = (
    Step("read", "The job reads patients: protected columns come masked, the others as they are", _check_read),
    Step("bills", "It reads 20,000 open bills through a server-side cursor: card numbers masked", _check_bills),
    Step("export", "It exports visits by COPY: nothing in them is protected, so not a byte is changed", _check_export),
    Step("update", "It tries an UPDATE: this policy wants a person's approval for writes", _check_update),
    Step("drop", "It tries a DROP TABLE: denied", _check_drop),
)
