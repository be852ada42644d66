"""The conversation with its steady state against the one without, under whatever hypothesis thinks of.

Frontends and backends talk as in machine_frontend.py and machine_backend.py, arrive in pieces, fail, cancel, leave; the
catalog changes under them. After every event all bytes, effects, properties and records must be the same.
HOOPFAST_MACHINE_EXAMPLES sets how many runs are tried.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Sequence
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from hoopfast.policy.model import CellRule, Command, Environment, ResultColumn, Statement
from hoopfast.session.conversation import MOST_OWED, Conversation
from hoopfast.wire import frontend
from hoopfast.wire.masking import MaskPlan
from tests.session.machine import Difference, Event, Make, Port, Stage, composite, is_active, plain
from tests.session.machine_backend import FakeBackend
from tests.session.machine_driver import Machine
from tests.session.machine_faults import Temper
from tests.session.machine_shrink import explained
from tests.session.machine_statements import TablePolicy

EXAMPLES = int(os.environ.get("HOOPFAST_MACHINE_EXAMPLES", "600"))
STEPS = 60


class SteadyMachine(RuleBasedStateMachine):
    """What may happen next, for hypothesis to choose from."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage(composite)
        self.machine: Machine

    @initialize(random=st.randoms(use_true_random=True))
    def begin(self, random: Random) -> None:
        """Open the first session."""
        self.machine = Machine(random, self.stage)

    def teardown(self) -> None:
        """Say how often the steady state was in charge."""
        for kind, count in self.stage.steps.items():
            event(f"{kind}: {'none' if count == 0 else 'some' if count < 20 else 'many'}")

    def _run(self, action: str) -> None:
        try:
            self.machine.actions[action]()
        except Difference as difference:
            raise explained(difference, self.stage.events, composite) from None

    @rule()
    def talk(self) -> None:
        """The frontend says something."""
        self._run("talk")

    @rule()
    def talk_and_settle(self) -> None:
        """… and waits for all answers."""
        self._run("talk and settle")

    @rule()
    def traffic(self) -> None:
        """… several times, as most of them do most of the time."""
        self._run("traffic")

    @rule()
    def story(self) -> None:
        """The frontend does things that belong together."""
        self._run("story")

    @rule()
    def send(self) -> None:
        """A part of it arrives."""
        self._run("send")

    @rule()
    def work(self) -> None:
        """The backend answers."""
        self._run("work")

    @rule()
    def answer(self) -> None:
        """A part of the answer arrives."""
        self._run("answer")

    @rule()
    def settle(self) -> None:
        """Everything arrives and is answered."""
        self._run("settle")

    @rule()
    def catalog(self) -> None:
        """The catalog changes, or is gone for a while."""
        self._run("catalog")

    @rule()
    def rare(self) -> None:
        """A session begins or ends."""
        self._run("rare")


class TestSteadyMachine(SteadyMachine.TestCase):  # type: ignore[misc, valid-type]
    """The steady state makes no difference. `--hypothesis-show-statistics` says how often it was in charge."""

    settings = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        phases=(Phase.explicit, Phase.reuse, Phase.generate),  # `explained` shrinks better
        suppress_health_check=list(HealthCheck),
    )


# -- whether a difference would be found: conversations that are wrong in one way each


class OldLiterals(TablePolicy):
    """Takes a statement with other literals for the one that it has seen."""

    def __init__(self, policy: TablePolicy) -> None:
        super().__init__(policy.world)
        self._seen: dict[Hashable, Statement] = {}

    def decide(self, text: bytes, parameter_types: Sequence[int], environment: Environment) -> Statement:
        """By the words alone."""
        statement = super().decide(text, parameter_types, environment)
        return self._seen.setdefault((self._key(text), tuple(parameter_types), statement.basis), statement)

    @staticmethod
    def _key(text: bytes) -> Hashable:
        return bytes(byte for byte in text if byte not in b"0123456789")


class OldTypes(OldLiterals):
    """Takes a statement with other parameter types for the one that it has seen."""

    def decide(self, text: bytes, parameter_types: Sequence[int], environment: Environment) -> Statement:
        """By text and basis."""
        statement = TablePolicy.decide(self, text, parameter_types, environment)
        return self._seen.setdefault((text, statement.basis), statement)


class OldPlans(TablePolicy):
    """Masks by the plan that it made for another catalog."""

    def __init__(self, policy: TablePolicy) -> None:
        super().__init__(policy.world)
        self._plans: dict[Hashable, tuple[CellRule, ...]] = {}

    def cell_rules(
        self, statement: Statement, command: Command, columns: Sequence[ResultColumn], *, this_execution: bool
    ) -> tuple[CellRule, ...]:
        """As they once were."""
        rules = super().cell_rules(statement, command, columns, this_execution=this_execution)
        return self._plans.setdefault((statement.summary, command, tuple(columns), this_execution), rules)


class OneFormat(OldPlans):
    """Masks by the plan for another format."""

    def cell_rules(
        self, statement: Statement, command: Command, columns: Sequence[ResultColumn], *, this_execution: bool
    ) -> tuple[CellRule, ...]:
        """As if all were text."""
        text = [column._replace(format=0) for column in columns]
        return TablePolicy.cell_rules(self, statement, command, text, this_execution=this_execution)


class AnyExecution(OldPlans):
    """Clears doubts by a description that was made for another execution."""

    def cell_rules(
        self, statement: Statement, command: Command, columns: Sequence[ResultColumn], *, this_execution: bool
    ) -> tuple[CellRule, ...]:
        """As if it were this one's."""
        return TablePolicy.cell_rules(self, statement, command, columns, this_execution=True)


class Undescribed(OldPlans):
    """Believes descriptions of the statement."""

    def needs_description(self, command: Command) -> bool:
        """Never."""
        return False


class OldBasis(OldPlans):
    """Does not notice DDL, or another role."""

    def basis(self, environment: Environment) -> Hashable:
        """Less than it should be."""
        basis = super().basis(environment)
        assert isinstance(basis, tuple)
        return basis[:2]


class Careless(TablePolicy):
    """Relies on a catalog that is not fresh."""

    def basis(self, environment: Environment) -> Hashable:
        """Whatever there is."""
        encoding = environment.parameters.get("client_encoding", "UTF8")
        return (self.world.version, environment.schemas, environment.role, encoding, environment.catalog_dirty)


def with_policy(kind: Callable[[TablePolicy], TablePolicy]) -> Make:
    """A conversation with a policy that is wrong."""
    made: dict[int, TablePolicy] = {}

    def make(port: Port) -> Conversation:
        policy = made.setdefault(id(port.policy), kind(port.policy))
        return plain(port._replace(policy=policy))

    return make


def forgetful(port: Port) -> Conversation:
    """Its errors pass whole: it does not know what is unclean."""
    conversation = plain(port)
    conversation._answers.next_plan = _without_taint(conversation)  # type: ignore[method-assign]
    return conversation


def _without_taint(conversation: Conversation) -> Callable[[], MaskPlan | None]:
    original = conversation._answers.next_plan

    def next_plan() -> MaskPlan | None:
        plan = original()
        conversation._state.tainted = False
        return plan

    return next_plan


WRONG: dict[str, Make] = {
    "literals": with_policy(OldLiterals),
    "types": with_policy(OldTypes),
    "plans": with_policy(OldPlans),
    "formats": with_policy(OneFormat),
    "executions": with_policy(AnyExecution),
    "descriptions": with_policy(Undescribed),
    "basis": with_policy(OldBasis),
    "freshness": with_policy(lambda policy: Careless(policy.world)),
    "taint": forgetful,
}


def run_many(make: Make, seeds: Sequence[int]) -> None:
    """A run of each seed; raises Difference."""
    for seed in seeds:
        random = Random(seed)
        machine = Machine(random, Stage(make))
        actions = list(machine.actions.values())
        for _ in range(STEPS):
            random.choice(actions)()


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_found(wrong: str) -> None:
    with pytest.raises(Difference):
        run_many(WRONG[wrong], range(100))


# -- whether the steady state is in charge at all


class Quiet:
    """A session whose backend has no faults; everything arrives at once."""

    def __init__(self, stage: Stage | None = None, number: int = 1) -> None:
        self.stage = stage or Stage(composite)
        self.number = number
        self.backend = FakeBackend(Random(1), Temper(error=0, aside=0, other_columns=0))
        self.stage.apply(Event("open", number))

    def say(self, data: bytes) -> None:
        """Send messages and have them answered."""
        self.happens("F", data)
        while self.backend.out:
            data = bytes(self.backend.out)
            self.backend.out.clear()
            self.happens("B", data)

    def happens(self, what: str, data: bytes = b"") -> None:
        """Something happens to it that does not end it."""
        seen = self.stage.apply(Event(what, self.number, data))
        assert seen is not None
        assert not seen.close
        self.backend.receive(seen.to_backend)
        self.backend.work()

    @property
    def active(self) -> bool:
        """Whether the steady state is in charge."""
        return is_active(self.stage.pairs[self.number].steady.conversation)


CLEAN, MASKED = b"SELECT a, b FROM t WHERE id = $1", b"SELECT ssn, a FROM p WHERE id = $1"
BARE = b"SELECT ssn, a FROM q WHERE id = $1"
SYNC = frontend.Sync().encode()
PREPARED = b"".join(frontend.Parse(*one, ()).encode() for one in ((b"c", CLEAN), (b"m", MASKED), (b"b", BARE))) + SYNC


def described(kind: bytes, name: bytes = b"") -> bytes:
    """A Describe."""
    return frontend.Describe(kind, name).encode()


def bound(name: bytes, formats: tuple[int, ...] = (), portal: bytes = b"") -> bytes:
    """A Bind."""
    return frontend.Bind(portal, name, (), (b"7",), formats).encode()


def executed(portal: bytes = b"", most: int = 0) -> bytes:
    """An Execute."""
    return frontend.Execute(portal, most).encode()


def unnamed(text: bytes) -> bytes:
    """The extended protocol as drivers without prepared statements use it."""
    parse = frontend.Parse(b"", text, ()).encode()
    return parse + described(b"S") + bound(b"") + described(b"P") + executed() + SYNC


FLOWS: dict[str, bytes] = {
    "simple": frontend.Query(b"SELECT a, b FROM t WHERE id = 1").encode(),
    "simple, masked": frontend.Query(b"SELECT ssn, a FROM p WHERE id = 1").encode(),
    "simple, a write": frontend.Query(b"INSERT INTO t VALUES (1)").encode(),
    "transaction": b"".join(frontend.Query(text).encode() for text in (b"begin", b"UPDATE p SET a = 1", b"commit")),
    "extended": unnamed(CLEAN),
    "extended, masked": unnamed(MASKED),
    "prepared": bound(b"c") + executed() + SYNC,
    "prepared, masked": bound(b"m") + executed() + SYNC,
    "prepared, bare": described(b"S", b"b") + bound(b"b") + executed() + bound(b"b", (1,)) + executed() + SYNC,
    "closing": frontend.Close(b"S", b"c").encode() + frontend.Parse(b"c", CLEAN, ()).encode() + SYNC,
    "in pieces": bound(b"c", portal=b"o") + executed(b"o", 1) * 2 + executed(b"o") + SYNC,
    "pipelined": (bound(b"c") + executed()) * 3 + SYNC + (bound(b"m") + executed() + SYNC) * 2,
}


@pytest.mark.parametrize("flow", FLOWS)
def test_a_flow_runs_in_the_steady_state(flow: str) -> None:
    session = Quiet()
    session.say(PREPARED)
    for _ in range(3):  # Python has to see each description, and each format, once
        session.say(FLOWS[flow])
    assert session.active
    session.stage.steps.clear()
    session.say(FLOWS[flow])
    assert set(session.stage.steps) == {"active to active"}


def test_other_literals_run_in_the_steady_state() -> None:
    session = Quiet()
    for literal in (b"1", b"22"):
        session.say(frontend.Query(b"SELECT a, b FROM t WHERE id = " + literal).encode())
    session.stage.steps.clear()
    for literal in (b"3", b"777"):
        session.say(frontend.Query(b"SELECT a, b FROM t WHERE id = " + literal).encode())
    assert set(session.stage.steps) == {"active to active"}


# -- what it has found, or is not likely to come upon


def test_effective_schemas_are_those_that_were_learnt_under_this_catalog() -> None:
    one = Quiet()
    look = frontend.Query(b"SELECT a FROM owned").encode()
    one.say(look)
    one.stage.apply(Event("catalog", number=3))
    other = Quiet(one.stage, 2)
    other.say(look)
    one.stage.apply(Event("catalog", number=1))  # what the first has left behind holds again
    other.say(frontend.Close(b"S", b"nobody").encode() + SYNC)
    other.say(look)


def test_a_description_that_c_has_seen_is_known_to_python() -> None:
    session = Quiet()
    session.say(frontend.Parse(b"u", b"SELECT a FROM owned", ()).encode() + SYNC)
    bind = frontend.Bind(b"", b"u", (), (), ()).encode()
    for _ in range(2):
        session.say(bind + described(b"P") + executed() + SYNC)
    assert session.active
    session.say(described(b"S", b"u"))
    assert session.active
    session.happens("resume")
    session.say(frontend.Bind(b"", b"u", (), (), (1, 0)).encode() + executed() + SYNC)


def test_more_names_than_c_remembers() -> None:
    session = Quiet()
    names = [b"name %d" % number for number in range(1500)]
    session.say(PREPARED)
    for name in names:
        session.say(frontend.Parse(name, CLEAN, ()).encode() + SYNC)
    session.say(b"".join(bound(name) + executed() for name in names) + SYNC)
    session.say(frontend.Query(b"opaque").encode())
    session.say(b"".join(bound(name) + executed() + frontend.Close(b"S", name).encode() for name in names) + SYNC)


def test_more_replies_owed_than_may_be() -> None:
    session = Quiet()
    session.say(PREPARED)
    session.happens("F", SYNC * (MOST_OWED + 1))
    assert not session.stage.pairs[1].steady.conversation.reads_frontend
    session.say(b"")
    assert session.stage.pairs[1].steady.conversation.reads_frontend
