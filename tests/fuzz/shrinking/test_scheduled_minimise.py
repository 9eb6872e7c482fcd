"""The minimiser leaves out every pick that the failure does not need, and keeps those that it does."""

from __future__ import annotations

import pytest
import toy_streams
from toy_queue import DEFAULTS, TOY
from toy_streams import Scheduled

from kvproof.fuzz.campaign import Engine, Plan, run_campaign
from kvproof.fuzz.lockstep import Lockstep, run
from kvproof.fuzz.shrinking import picks
from kvproof.fuzz.shrinking.minimise import Candidate, Minimiser
from kvproof.fuzz.target import Operation

PUSH = "push(job=0, word=[])"
LETTER = "push(job=0, word=[0])"

OPTIMA = [
    (toy_streams.MissingWait, [(LETTER, ()), ("extend(job=0, word=[])", ("move",))]),
    (
        toy_streams.MissingWaitOfFill,
        [(LETTER, ()), ("extend(job=0, word=[])", ()), ("push(job=1, word=[])", ("fill", "fill"))],
    ),
    (toy_streams.PopNeedsPending, [(PUSH, ("fill",)), ("pop()", ())]),
    (toy_streams.PopNeedsWritten, [(PUSH, ()), ("pop()", ())]),
    (toy_streams.WrongAtAnyPace, [(PUSH, ()), ("push(job=1, word=[])", ()), ("push(job=2, word=[])", ())]),
]
"""Targets, and the shortest failing sequence with the fewest picks, by thought."""


def told(candidate: Candidate) -> list[tuple[str, tuple[str, ...] | None]]:
    return [(str(operation), operation.schedule) for operation in candidate.operations]


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("target", "shortest"), OPTIMA)
def test_the_known_optimum_is_reached(
    target: type[Scheduled], shortest: list[tuple[str, tuple[str, ...]]], seed: int
) -> None:
    campaign = run_campaign(TOY, target, Plan(seconds=60, seed=seed, engine=Engine.WALK))
    assert campaign.finding is not None
    assert told(campaign.finding.best()) == shortest


def minimised(target: type[Scheduled], operations: tuple[Operation, ...], budget: int = 2_500) -> Candidate:
    with Lockstep(TOY, target(), DEFAULTS) as lockstep:
        failure = run(lockstep, operations)
    assert failure is not None
    return Minimiser(TOY, target, budget).minimise(DEFAULTS, operations, failure)


OVERTAKING = (
    Operation("push", {"job": 3, "word": (0, 1)}, ("fill",)),
    Operation("push", {"job": 0, "word": (2, 1)}, ()),
    Operation("extend", {"job": 3, "word": ()}, ("move",)),
    Operation("extend", {"job": 0, "word": (1,)}, ("move", "fill")),
)
"""Needs only that the last copy overtakes the fill of its word."""


def test_needless_picks_are_dropped_and_needed_ones_kept() -> None:
    assert told(minimised(toy_streams.MissingWait, OVERTAKING)) == [
        (LETTER, ()),
        ("extend(job=0, word=[])", ("move",)),
    ]


def test_what_an_operation_lists_is_what_it_followed() -> None:
    best = minimised(toy_streams.MissingWait, OVERTAKING)
    with Lockstep(TOY, toy_streams.MissingWait(), best.parameters) as lockstep:
        assert run(lockstep, best.operations) == best.failure


def test_a_changed_sequence_is_tried_at_the_worst_pace_where_the_order_matters() -> None:
    class Watched(toy_streams.MissingWait):
        paces: list[tuple[str, int]] = []  # noqa: RUF012 - of all the targets of this test

    minimised(Watched, OVERTAKING)
    assert ("adversarial", 0) in Watched.paces


def test_where_the_order_does_not_matter_no_other_pace_is_tried() -> None:
    class Watched(toy_streams.WrongAtAnyPace):
        paces: list[tuple[str, int]] = []  # noqa: RUF012 - of all the targets of this test

    minimised(Watched, tuple(Operation("push", {"job": job, "word": (1,)}, ("fill",)) for job in range(3)))
    assert Watched.paces == []


def test_operations_without_a_schedule_get_the_one_that_was_executed() -> None:
    operations = tuple(Operation("push", {"job": job, "word": (1,)}) for job in range(3))
    best = minimised(toy_streams.WrongAtAnyPace, operations)
    assert [schedule for _, schedule in told(best)] == [(), (), ()]


def test_a_budget_that_is_spent_keeps_the_schedule_that_fails() -> None:
    best = minimised(toy_streams.MissingWait, OVERTAKING, budget=0)
    assert best.operations == OVERTAKING


def test_fewer_picks_are_smaller_only_when_all_else_is_equal() -> None:
    best = minimised(toy_streams.MissingWait, OVERTAKING)
    more = Candidate(best.parameters, tuple(picks_of(each, "fill") for each in best.operations), best.failure)
    assert best.size() < more.size()
    longer = Candidate(best.parameters, (Operation("pop", {}, ()), *best.operations), best.failure)
    assert more.size() < longer.size()


def picks_of(operation: Operation, pick: str) -> Operation:
    return Operation(operation.name, operation.arguments, (pick, pick, pick))


def test_picks_are_left_out_across_operations() -> None:
    operations = (Operation("pop", {}, ("a", "b")), Operation("pop", {}), Operation("pop", {}, ("c", "d", "e")))
    assert picks.count(operations) == 5
    shorter = picks.without(operations, 1, 3)
    assert [each.schedule for each in shorter] == [("a",), None, ("e",)]
    assert [each.schedule for each in picks.without(operations, 0, 5)] == [(), None, ()]
    assert [each.schedule for each in picks.unscheduled(operations)] == [None, None, None]


def test_picks_are_gathered_at_the_end_or_two_by_two() -> None:
    operations = tuple(Operation("pop", {}, each) for each in (("a", "b"), (), ("c",), ("d",), ()))
    assert [[each.schedule for each in found] for found in picks.gathered(operations)] == [
        [(), (), (), (), ("a", "b", "c", "d")],
        [(), (), ("a", "b", "c"), ("d",), ()],
        [("a", "b"), (), (), ("c", "d"), ()],
    ]
    assert picks.moments(operations) == 3


def test_picks_of_one_operation_are_where_they_are_seen() -> None:
    assert list(picks.gathered((Operation("pop", {}, ("a",)), Operation("pop", {}, ())))) == []


def test_picks_are_shown_with_repetitions_counted() -> None:
    assert picks.picks_text(("onboard", "onboard", "offload:1", "onboard")) == "onboard x2, offload:1, onboard"
    assert picks.picks_text(()) == "nothing"
