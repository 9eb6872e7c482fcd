"""The transfers on the simulated device against their machine, and the machine against the happens-before check."""

from __future__ import annotations

import random
from typing import Any

import pytest

from kvproof.fuzz.bugs.transfers.m57_events_keyed_without_level import WithoutWaitForWriter
from kvproof.fuzz.campaign import Campaign, Engine, Plan, run_campaign
from kvproof.fuzz.lockstep import Lockstep, run
from kvproof.fuzz.machines import subject_named
from kvproof.fuzz.target import Operation, Race, Refused, Returned, Step
from kvproof.fuzz.targets.transfers import TransfersTarget, simulated
from kvproof.fuzz.targets.watched_device import WatchedDevice
from kvproof.impl.block_manager.transfers import Batch, Transfers
from kvproof.impl.device import DeviceError, Event, Level, Stream
from kvproof.model import machines

SUBJECT = subject_named("transfers")
SMALL = {
    "primary_slots": 2,
    "secondary_slots": 2,
    "works": 5,
    "contents": 3,
    "granules": 2,
    "moves_max": 2,
    "forward_streams": 2,
}


def _move(*pairs: tuple[int, int]) -> Operation:
    return Operation("move", {"moves": tuple({"block": b, "into": i, "length": 2} for b, i in pairs)})


def _forward(on: int = 0, reads: int | None = None, writes: int | None = None, content: int = 0) -> Operation:
    return Operation("forward", {"on": on, "reads": reads, "writes": writes, "content": content})


def _complete(work: int, granule: int = 0) -> Operation:
    return Operation("complete", {"work": work, "granule": granule})


def _campaign(target: Any, engine: Engine, operations: int, without: frozenset[str] = frozenset()) -> Campaign:
    plan = Plan(seconds=60, seed=3, engine=engine, operations=operations, without=without)
    return run_campaign(SUBJECT, target, plan)


@pytest.mark.parametrize("engine", list(Engine))
def test_the_projects_own_transfers_never_differ(engine: Engine) -> None:
    campaign = _campaign(simulated, engine, 4000)
    assert campaign.finding is None
    assert campaign.idle() == {}
    assert campaign.progress.steps > 4000


def test_the_walk_reaches_every_branch_and_event() -> None:
    progress = _campaign(simulated, Engine.WALK, 6000).progress
    assert set(SUBJECT.branches) == progress.branches
    assert all(progress.events.get(event) for event in SUBJECT.events)


def test_half_of_a_torn_copy_is_seen_in_memory_and_not_by_a_kernel_that_waits() -> None:
    with Lockstep(SUBJECT, simulated(), SMALL) as lockstep:
        done = [_forward(writes=0, content=1), _complete(0), _move((0, 2)), _complete(0, 1)]
        assert run(lockstep, done) is None
        assert lockstep.target.observe()["memory"][2] == [0, 1]
        assert run(lockstep, [_complete(0, 0), _move((0, 1)), _forward(reads=0), _complete(1)]) is None
        assert lockstep.outcome == Refused("blocked")
        assert run(lockstep, [_complete(0, 0), _complete(0, 1), _complete(1)]) is None
        assert lockstep.outcome == Returned((1, 1))


def test_the_copies_of_a_batch_complete_in_any_order() -> None:
    parameters = {**SMALL, "primary_slots": 4, "moves_max": 3}
    with Lockstep(SUBJECT, simulated(), parameters) as lockstep:
        assert run(lockstep, [_move((0, 4), (1, 5)), _complete(1, 0), _complete(1, 1), _complete(0, 1)]) is None
        assert lockstep.outcome == Returned(())


def test_the_copies_of_a_batch_have_one_event() -> None:
    parameters = {**SMALL, "primary_slots": 3, "granules": 1, "works": 3}
    batch = Operation("move", {"moves": tuple({"block": b, "into": b + 3, "length": 1} for b in (0, 1))})
    back = Operation("move", {"moves": ({"block": 0, "into": 2, "length": 1},)})
    with Lockstep(SUBJECT, simulated(), parameters) as lockstep:
        assert run(lockstep, [batch, _complete(0), back, _complete(2)]) is None
        assert lockstep.outcome == Refused("blocked")  # though what it reads has been written
        assert run(lockstep, [_complete(1), _complete(2)]) is None
        assert lockstep.outcome == Returned(())


def test_what_conflicts_with_a_batch_ends_it() -> None:
    with Lockstep(SUBJECT, simulated(), SMALL) as lockstep:
        assert run(lockstep, [_move((0, 1), (1, 0)), _complete(1, 0)]) is None
        assert lockstep.outcome == Refused("blocked")


class Forgetful(Transfers):
    """Enters nothing into the tables."""

    def remember_read(self, batch: Batch, slot: int) -> None:
        del batch, slot

    def remember_write(self, batch: Batch, slot: int) -> None:
        del batch, slot


class Sleepless(Transfers):
    """Copies wait for no pass."""

    def wait_for_compute(self) -> None:
        pass


class Hasty(Transfers):
    """Passes wait for no copy."""

    def wait_for_copies(self) -> None:
        pass


class OverCautious(Transfers):
    """Every copy waits for all the others, which costs overlap and nothing else."""

    def await_target(self, stream: Stream, slot: int) -> None:
        super().await_target(stream, slot)
        for batch in list(self._writes.values()):
            self.wait_for_batch(stream, batch)


@pytest.mark.parametrize("broken", [Forgetful, Sleepless, Hasty])
def test_step_validation_sees_a_missing_wait(broken: type[Transfers]) -> None:
    finding = _campaign(lambda: TransfersTarget(broken), Engine.WALK, 20000).finding
    assert finding is not None
    assert finding.best().failure.oracle == "step"
    assert finding.best().failure.fingerprint.split(":")[1] in (
        "read-after-write",
        "write-after-read",
        "write-after-write",
    )
    assert len(finding.best().operations) <= 3


class OnlyRaces(TransfersTarget):
    """Tells what the happens-before check saw, and no steps."""

    steps = None  # type: ignore[assignment]  # lockstep then does not ask


@pytest.mark.parametrize("broken", [Forgetful, Sleepless, Hasty])
def test_the_happens_before_check_sees_it_alone(broken: type[Transfers]) -> None:
    without = frozenset({"complete", "read"})  # nothing completes: what is seen is the missing order, not its effect
    finding = _campaign(lambda: OnlyRaces(broken), Engine.WALK, 20000, without).finding
    assert finding is not None
    assert finding.best().failure.oracle == "race"


class OnlyBytes(OnlyRaces):
    """Tells what memory holds, and nothing else."""

    races = None  # type: ignore[assignment]


@pytest.mark.parametrize("broken", [Forgetful, Sleepless, Hasty])
def test_what_can_complete_too_early_is_seen_alone(broken: type[Transfers]) -> None:
    finding = _campaign(lambda: OnlyBytes(broken), Engine.WALK, 20000).finding
    assert finding is not None
    assert finding.best().failure.oracle in ("result", "observation")


def test_a_wait_too_many_is_told_as_lost_overlap() -> None:
    finding = _campaign(lambda: TransfersTarget(OverCautious), Engine.WALK, 20000).finding
    assert finding is not None
    assert finding.best().failure.fingerprint == "result:accepted/refused blocked:complete"


def test_the_tables_of_m_57_are_sound_with_the_level_in_their_keys() -> None:
    plan = Plan(seconds=60, seed=2, engine=Engine.WALK, operations=6000, parameters={"moves_max": 1})
    assert run_campaign(SUBJECT, lambda: TransfersTarget(WithoutWaitForWriter), plan).finding is None


def test_a_copy_that_nobody_asked_for_is_an_error() -> None:
    device = WatchedDevice(2, 1, 2, 8)
    with pytest.raises(DeviceError, match="copy of slot 0 to 2 that nobody wanted"):
        device.copy(Stream.OFFLOAD, [(0, 0, 1, 0)])


def test_an_event_that_no_step_can_say_is_an_error() -> None:
    device = WatchedDevice(2, 1, 2, 8)
    early = device.record_event(Stream.COMPUTE)
    device.load(Stream.COMPUTE, Level.PRIMARY, 0)
    with pytest.raises(DeviceError, match="ONBOARD waits for an event of COMPUTE with later work"):
        device.wait_event(Stream.ONBOARD, early)


# The machine and the happens-before check, on programs that wait as they like.

CONFLICTS = ("read-after-write", "write-after-read", "write-after-write")
PROGRAMS = 400
SUBMISSIONS = 8
STREAMS = (Stream.ONBOARD, Stream.OFFLOAD, Stream.COMPUTE)


BUNDLE = machines.load("transfers")
PROGRAM_SIZES = BUNDLE.parameters({**SMALL, "works": SUBMISSIONS, "granules": 1, "forward_streams": 1})


def _first_disagreement(seed: int, blind: bool = False) -> tuple[bool, bool]:
    """Run one random program until the machine or the device objects; whether each of them does, at that submission.

    Nothing completes, since the check judges all schedules at once. `blind` takes the record's waits away from it.
    """
    source = random.Random(seed)
    device = WatchedDevice(2, 2, 1, 8)
    machine = BUNDLE.reference(PROGRAM_SIZES)
    assert device.record is not None
    if blind:
        device.record.wait = lambda stream, clock: None  # type: ignore[method-assign]
    events: list[Event] = []
    for _ in range(SUBMISSIONS):
        stream = source.choice(STREAMS)
        for _ in range(source.randint(0, 2)):
            waited = source.choice([*STREAMS, *events])
            device.wait_event(stream, device.record_event(waited) if isinstance(waited, Stream) else waited)
        if stream is Stream.COMPUTE:
            device.load(stream, Level.PRIMARY, source.randrange(2))
        else:
            places = source.sample(range(4), 2)
            task = device.expect(*places, 1)
            move = (places[0] // 2, places[0] % 2, places[1] // 2, places[1] % 2)
            device.copy(stream, [move])
            device.asked(task)
        objects = _replay(machine, device.log)
        device.log.clear()
        if objects or device.races:
            return objects, bool(device.races)
        if source.random() < 0.7:
            events.append(device.record_event(stream))
            assert not _replay(machine, device.log)
            device.log.clear()
            if not device._marks[events[-1]].batch:
                events.pop()
    return False, False


def _replay(machine: Any, log: list[Step]) -> bool:
    """Whether the machine objects to a conflict."""
    for step in log:
        try:
            getattr(machine, step.name)(*step.arguments)
        except machine.RuleBroken as broken:
            if broken.rule not in CONFLICTS:
                raise
            return True
    return False


def test_the_machine_and_the_happens_before_check_object_to_the_same_submissions() -> None:
    verdicts = [_first_disagreement(seed) for seed in range(PROGRAMS)]
    assert all(machine == check for machine, check in verdicts)
    racy = sum(machine for machine, _ in verdicts)
    assert PROGRAMS // 10 < racy < PROGRAMS - PROGRAMS // 20


def test_that_agreement_can_fail() -> None:
    verdicts = [_first_disagreement(seed, blind=True) for seed in range(PROGRAMS)]
    assert any(machine != check for machine, check in verdicts)


def test_a_race_is_told_with_its_streams() -> None:
    target = TransfersTarget(Forgetful)
    target.reset(SMALL)
    for operation in (_move((0, 2)), _move((1, 2))):
        target.apply(operation)
    assert target.races() == [
        Race(
            "onboard-write-after-offload-read",
            "PRIMARY slot 0: nothing orders the write #2 on the onboard stream after the read #1 on the offload stream",
        )
    ]
