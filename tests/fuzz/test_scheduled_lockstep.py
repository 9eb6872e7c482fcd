"""Targets with a schedule: lockstep sets the pace or has a schedule followed, and records what completed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import toy_streams
from toy_queue import DEFAULTS, TOY, ToyTarget
from toy_streams import Scheduled

from kvproof.fuzz.campaign import Engine, Plan, run_campaign
from kvproof.fuzz.drawing.novelty import Novelty
from kvproof.fuzz.drawing.walk import walk_case
from kvproof.fuzz.failure import Failure
from kvproof.fuzz.lockstep import Lockstep, Progress
from kvproof.fuzz.pace import MIX, MODES, Pace
from kvproof.fuzz.target import Content, HarnessError, Operation, TargetError, make_target

PUSH = Operation("push", {"job": 0, "word": (0, 1)})
EXTEND = Operation("extend", {"job": 0, "word": (2,)})
DRAIN = Operation("drain", {})
PUSHES = tuple(Operation("push", {"job": job, "word": (job % 3,)}) for job in range(3))


def drive(
    target: Scheduled, operations: Sequence[Operation], pace: Pace | None = None
) -> tuple[Failure | None, list[Operation], tuple[str, ...]]:
    """The failure, the operations as recorded, and what the last look let complete."""
    done = []
    failure = None
    with Lockstep(TOY, target, DEFAULTS) as lockstep:
        for operation in operations:
            failure = lockstep.apply(operation, pace)
            done.append(lockstep.operation)
            if failure is not None:
                break
    return failure, done, lockstep.ahead


def schedules(operations: Sequence[Operation]) -> list[tuple[str, ...] | None]:
    return [operation.schedule for operation in operations]


def test_the_pace_decides_what_completes_and_that_is_recorded() -> None:
    _, eager, _ = drive(Scheduled(), (PUSH, EXTEND), Pace("eager"))
    _, lazy, _ = drive(Scheduled(), (PUSH, EXTEND), Pace("lazy"))
    assert schedules(eager) == [("fill",), ("move",)]
    assert schedules(lazy) == [(), ()]


def test_an_operation_for_which_nothing_is_said_completes_at_once() -> None:
    _, done, _ = drive(Scheduled(), (PUSH, EXTEND))
    assert schedules(done) == [("fill",), ("move",)]


def test_a_recorded_schedule_is_followed_whatever_the_pace() -> None:
    operations = (
        Operation("push", PUSH.arguments, ()),
        Operation("extend", EXTEND.arguments, ("fill", "move")),
    )
    _, done, _ = drive(Scheduled(), operations, Pace("eager"))
    assert tuple(done) == operations


def test_a_pick_that_cannot_complete_is_passed_over_and_not_recorded() -> None:
    operations = (
        Operation("push", PUSH.arguments, ("move", "fill", "fill")),
        Operation("extend", EXTEND.arguments, ("away",)),
    )
    _, done, _ = drive(Scheduled(), operations)
    assert schedules(done) == [("fill",), ()]


def test_what_an_operation_waits_for_is_recorded_too() -> None:
    _, done, _ = drive(Scheduled(), (*PUSHES, DRAIN), Pace("lazy"))
    assert schedules(done) == [(), (), (), ("fill",) * 3]


def test_an_operation_that_waits_first_takes_what_it_was_given() -> None:
    followed = [Operation(each.name, each.arguments, ()) for each in PUSHES]
    extended = Operation("extend", {"job": 2, "word": ()}, ())
    _, done, _ = drive(Scheduled(), (*followed, extended, Operation("drain", {}, ("fill", "fill", "fill", "move"))))
    assert done[-1].schedule == ("fill", "fill", "fill", "move")


def wrong_when_looked_at(target: type[Scheduled]) -> tuple[Failure, list[Operation], tuple[str, ...]]:
    """A drawn run in which the copy overtakes the fill only when the bytes are looked at."""
    for seed in range(50):
        failure, done, ahead = drive(target(), (PUSH, EXTEND), Pace("drawn", seed))
        if failure is not None and "move" in ahead:
            return failure, done, ahead
    raise AssertionError("no seed lets the copy overtake in the look alone")


def test_wrong_bytes_are_recorded_with_what_completed_for_the_look() -> None:
    failure, done, ahead = wrong_when_looked_at(toy_streams.MissingWait)
    assert failure.oracle == "content"
    assert done[-1].schedule is not None
    assert done[-1].schedule[-len(ahead) :] == ahead
    again, _, looked = drive(toy_streams.MissingWait(), done)
    assert (again, looked) == (failure, ())


def test_a_look_that_raises_is_recorded_in_the_same_way() -> None:
    class Unreadable(toy_streams.MissingWait):
        def contents(self) -> list[Content]:
            found = super().contents()
            if any(toy_streams.UNWRITTEN in each.data for each in found):
                raise LookupError("a word was never written")
            return found

    failure, done, ahead = wrong_when_looked_at(Unreadable)
    assert failure.fingerprint == "crash:LookupError:extend"
    assert done[-1].schedule is not None
    assert done[-1].schedule[-len(ahead) :] == ahead


def test_following_what_was_recorded_fails_alike_and_records_the_same() -> None:
    failure, done, _ = wrong_when_looked_at(toy_streams.MissingWait)
    again, redone, _ = drive(toy_streams.MissingWait(), done)
    assert (again, redone) == (failure, done)


def test_right_bytes_record_nothing_of_the_look() -> None:
    _, done, ahead = drive(Scheduled(), (PUSH, EXTEND), Pace("lazy"))
    assert schedules(done) == [(), ()]
    assert ahead == ()


def test_a_target_without_a_schedule_leaves_operations_as_they_are() -> None:
    followed = Operation("push", PUSH.arguments, ("fill",))
    with Lockstep(TOY, ToyTarget(), DEFAULTS) as lockstep:
        assert lockstep.apply(PUSH, Pace("lazy")) is None
        assert lockstep.operation is PUSH
        assert lockstep.apply(Operation("extend", EXTEND.arguments, followed.schedule)) is None
        assert lockstep.operation.schedule == ("fill",)
    assert not lockstep.scheduled
    assert lockstep.progress.paces == {}


def test_a_target_may_have_no_schedule_at_some_parameters() -> None:
    with Lockstep(TOY, toy_streams.SometimesScheduled(), {**DEFAULTS, "capacity": 1}) as lockstep:
        assert lockstep.scheduled
        assert lockstep.apply(PUSH, Pace("lazy")) is None
    assert lockstep.operation.schedule is None
    assert not lockstep.scheduled
    assert lockstep.progress.paces == {}


def test_a_schedule_that_cannot_be_told_is_a_crash_of_the_target() -> None:
    failure, done, _ = drive(toy_streams.ScheduleRaises(), (PUSH, Operation("pop", {})), Pace("eager"))
    assert failure is not None
    assert failure.fingerprint == "crash:LookupError:pop"
    assert schedules(done) == [("fill",), None]


def test_a_target_that_offers_a_part_of_the_methods_is_refused() -> None:
    with pytest.raises(TargetError, match="FollowMissing lacks follow"):
        make_target(toy_streams.FollowMissing, "toy_streams:FollowMissing")


@pytest.mark.parametrize(("engine", "operations"), [(Engine.WALK, 1_500), (Engine.HYPOTHESIS, 4_000)])
def test_each_case_has_a_mode_and_each_operation_a_seed(engine: Engine, operations: int) -> None:
    class Watched(Scheduled):
        paces: list[tuple[str, int]] = []  # noqa: RUF012 - shared by all the targets of this test

    campaign = run_campaign(TOY, Watched, Plan(seconds=60, engine=engine, operations=operations))
    assert campaign.finding is None
    assert set(campaign.progress.paces) == set(MODES)
    assert sum(campaign.progress.paces.values()) == campaign.progress.operations
    assert campaign.progress.completed > 0
    assert len({seed for _, seed in Watched.paces}) > 200


@pytest.mark.parametrize("engine", list(Engine))
@pytest.mark.parametrize("mode", list(MODES))
def test_a_mode_may_be_asked_for(engine: Engine, mode: str) -> None:
    plan = Plan(seconds=60, engine=engine, operations=120, schedule=mode)
    assert set(run_campaign(TOY, Scheduled, plan).progress.paces) == {mode}


def test_the_mix_has_all_modes() -> None:
    assert {mode: MIX.count(mode) for mode in MODES} == {"drawn": 4, "adversarial": 2, "lazy": 1, "eager": 1}


@pytest.mark.parametrize(
    ("mode", "target", "told"),
    [
        ("hasty", Scheduled, "there is no such mode; there are eager, lazy, adversarial, drawn"),
        ("lazy", ToyTarget, "ToyTarget has no schedule"),
    ],
)
def test_a_mode_that_nothing_would_keep_to_is_an_error(mode: str, target: type[ToyTarget], told: str) -> None:
    with pytest.raises(HarnessError, match=told):
        run_campaign(TOY, target, Plan(seconds=5, schedule=mode))


def test_a_case_has_the_same_operations_in_every_mode() -> None:
    def case(mode: str) -> list[tuple[str, object]]:
        last = list(walk_case(TOY, Scheduled(), 7, Progress(), DEFAULTS, novelty=Novelty(), mode=mode))[-1]
        return [(operation.name, operation.arguments) for operation in last.operations]

    assert case("eager") == case("lazy") == case("drawn")


@pytest.mark.parametrize("engine", list(Engine))
def test_a_scheduled_run_is_reproducible_from_its_seed(engine: Engine) -> None:
    plan = Plan(seconds=60, seed=3, engine=engine, operations=400)
    one, two = (run_campaign(TOY, Scheduled, plan).progress for _ in range(2))
    assert one == two


@pytest.mark.parametrize(
    ("target", "blind"),
    [
        (toy_streams.MissingWait, "eager"),
        (toy_streams.MissingWait, "lazy"),
        (toy_streams.PopNeedsWritten, "eager"),
        (toy_streams.PopNeedsPending, "lazy"),
    ],
)
def test_a_mode_alone_is_blind_to_bugs_that_the_mix_finds(target: type[Scheduled], blind: str) -> None:
    plan = Plan(seconds=60, engine=Engine.WALK, operations=2_000, minimising_runs=0)
    assert run_campaign(TOY, target, plan).finding is not None
    restricted = Plan(seconds=60, engine=Engine.WALK, operations=2_000, schedule=blind)
    assert run_campaign(TOY, target, restricted).finding is None
