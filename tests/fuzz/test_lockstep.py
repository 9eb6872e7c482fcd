"""Every oracle objects to what it is there for, and to nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import toy_queue
from toy_queue import DEFAULTS, TOY, ToyReference, ToyTarget, make_subject

from kvproof.fuzz.campaign import Engine, Plan, run_campaign
from kvproof.fuzz.failure import first_difference, place_kind, place_text
from kvproof.fuzz.lockstep import Lockstep, run
from kvproof.fuzz.subject import MachineError
from kvproof.fuzz.target import Operation, Outcome, Returned, Step, TargetError, UnsupportedParameters

PUSHES = tuple(Operation("push", {"job": job, "word": (job % 3, 1)}) for job in range(3))


@pytest.mark.parametrize("engine", list(Engine))
@pytest.mark.parametrize(
    ("target", "fingerprints"),
    [
        (toy_queue.WrongResult, {"result:value:push"}),
        (toy_queue.WrongRefusal, {"result:refused queued-already/refused full:push"}),
        (toy_queue.WrongObservation, {"observation:free:drain"}),
        (toy_queue.WrongStep, {"step:leave-in-order:leave:drain"}),
        (toy_queue.SilentStep, {"step:state.queue:extend"}),
        (toy_queue.WrongContent, {"content:bytes:push", "content:bytes:extend"}),
        (toy_queue.Crashing, {"crash:ZeroDivisionError:pop"}),
        (toy_queue.ObserveCrashes, {"crash:LookupError:push"}),
        (toy_queue.Racing, {"race:write-after-read:drain"}),
    ],
)
def test_each_oracle_finds_what_it_is_for(engine: Engine, target: type[ToyTarget], fingerprints: set[str]) -> None:
    campaign = run_campaign(TOY, target, Plan(seconds=30, engine=engine, operations=5_000))
    assert campaign.finding is not None
    assert campaign.finding.best().failure.fingerprint in fingerprints


def test_a_broken_invariant_of_the_specification_is_found_and_located() -> None:
    def forgetful(parameters: Mapping[str, int]) -> ToyReference:
        reference = ToyReference(parameters)
        reference.forgets_invariant = True
        return reference

    campaign = run_campaign(make_subject(forgetful), ToyTarget, Plan(seconds=30, engine=Engine.WALK))
    assert campaign.finding is not None
    best = campaign.finding.best()
    assert best.failure.fingerprint == "invariant:never_two:push"
    assert len(best.operations) == 2


@pytest.mark.parametrize("engine", list(Engine))
def test_a_correct_target_passes(engine: Engine) -> None:
    campaign = run_campaign(TOY, ToyTarget, Plan(seconds=30, engine=engine, operations=1_500))
    assert campaign.finding is None
    assert campaign.passed()
    assert campaign.progress.branches == set(TOY.branches)
    assert campaign.progress.events["drained"] > 0
    assert campaign.progress.contents > 0


def test_the_first_difference_names_the_failure() -> None:
    class WrongTwice(toy_queue.WrongStep):
        def drain(self) -> Outcome:
            super().drain()
            return Returned(99)

    with Lockstep(TOY, WrongTwice(), DEFAULTS) as lockstep:
        failure = run(lockstep, (*PUSHES, Operation("drain", {})))
    assert failure is not None
    assert (failure.oracle, failure.operation) == ("step", 3)


def test_a_step_that_the_machine_lacks_is_a_failure() -> None:
    class Inventive(ToyTarget):
        def steps(self) -> list[Step]:
            return [Step("teleport", (1,))]

    with Lockstep(TOY, Inventive(), DEFAULTS) as lockstep:
        failure = run(lockstep, PUSHES)
    assert failure is not None
    assert failure.fingerprint == "step:unknown-step:teleport:push"


def test_a_step_with_impossible_arguments_is_a_failure() -> None:
    class Careless(ToyTarget):
        def steps(self) -> list[Step]:
            return [Step("lengthen", (3, (0,)))]

    with Lockstep(TOY, Careless(), DEFAULTS) as lockstep:
        failure = run(lockstep, PUSHES)
    assert failure is not None
    assert failure.fingerprint == "step:impossible:lengthen:push"


def test_optional_methods_may_be_missing() -> None:
    inner = ToyTarget()

    class Plain:
        reset, apply, observe, close = inner.reset, inner.apply, inner.observe, inner.close

    with Lockstep(TOY, Plain(), DEFAULTS) as lockstep:
        assert run(lockstep, (*PUSHES, Operation("drain", {}))) is None
    assert lockstep.progress.steps == 0


def test_a_difference_at_the_start_is_told_of_the_reset() -> None:
    class StartsFull(ToyTarget):
        def observe(self) -> dict[str, Any]:
            return {**super().observe(), "free": 0}

    with Lockstep(TOY, StartsFull(), DEFAULTS) as lockstep:
        failure = lockstep.initial()
    assert failure is not None
    assert (failure.operation, failure.fingerprint) == (-1, "observation:free:reset")


def test_a_reset_that_raises_is_a_target_error() -> None:
    with pytest.raises(TargetError, match=r"ResetCrashes.reset\(capacity=3.*OSError: no memory of that size"):
        Lockstep(TOY, toy_queue.ResetCrashes(), DEFAULTS)


@pytest.mark.parametrize("engine", list(Engine))
def test_parameters_that_a_target_does_not_offer_are_drawn_again(engine: Engine) -> None:
    class OnlyThree(ToyTarget):
        def reset(self, parameters: Mapping[str, int]) -> None:
            if parameters["capacity"] != 3:
                raise UnsupportedParameters("capacity must be 3")
            super().reset(parameters)

    assert run_campaign(TOY, OnlyThree, Plan(seconds=30, engine=engine, operations=300)).finding is None


def test_a_target_that_offers_nothing_is_an_error() -> None:
    class OffersNothing(ToyTarget):
        def reset(self, parameters: Mapping[str, int]) -> None:
            raise UnsupportedParameters("nothing fits")

    with pytest.raises(TargetError, match="nothing fits"):
        run_campaign(TOY, OffersNothing, Plan(seconds=5, engine=Engine.WALK))


@pytest.mark.parametrize("engine", list(Engine))
def test_a_run_is_reproducible_from_its_seed(engine: Engine) -> None:
    plan = Plan(seconds=60, seed=3, engine=engine, operations=400)
    one, two = (run_campaign(TOY, ToyTarget, plan).progress for _ in range(2))
    assert one == two


def test_an_operation_that_never_ran_fails_the_run() -> None:
    class Shapeless(ToyReference):
        def _error(self, operation: str, arguments: Mapping[str, Any]) -> str | None:
            return "closed" if operation == "drain" else super()._error(operation, arguments)

    class NeverDrains(ToyTarget):
        def drain(self) -> Outcome:
            raise toy_queue.Rejected("closed")

    campaign = run_campaign(make_subject(Shapeless), NeverDrains, Plan(seconds=30, engine=Engine.WALK, operations=800))
    assert campaign.finding is None
    assert campaign.idle() == {"drain": "was never accepted"}
    assert not campaign.passed()


def test_an_interrupted_run_keeps_its_figures() -> None:
    def interrupt(campaign: object) -> None:
        raise KeyboardInterrupt

    campaign = run_campaign(TOY, ToyTarget, Plan(seconds=5, engine=Engine.WALK), interrupt)
    assert campaign.interrupted
    assert campaign.progress.operations == 1
    assert campaign.passed()


def test_an_interrupt_while_minimising_keeps_the_finding() -> None:
    resets = 0

    class Interrupting(toy_queue.WrongStep):
        def reset(self, parameters: Mapping[str, int]) -> None:
            nonlocal resets
            resets += 1
            if resets > 20:
                raise KeyboardInterrupt
            super().reset(parameters)

    campaign = run_campaign(TOY, Interrupting, Plan(seconds=30, engine=Engine.WALK))
    assert campaign.interrupted
    assert campaign.trace(None) is not None


@pytest.mark.parametrize(
    ("expected", "actual", "place"),
    [
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, "a.b[1]"),
        ({"a": [1]}, {"a": [1, 2]}, "a[1]"),
        ({"a": 1}, {}, "a"),
        ({}, {"z": 1}, "z"),
        (1, 2, "the whole"),
    ],
)
def test_the_first_difference_is_placed(expected: Any, actual: Any, place: str) -> None:
    found = first_difference(expected, actual)
    assert found is not None
    assert place_text(found[0]) == place


def test_a_place_has_no_ids_in_its_kind() -> None:
    assert place_kind(("sequences", "7", "tokens", 0)) == "sequences"


def test_an_operation_that_the_plan_expects_refused_is_no_failure() -> None:
    refused = frozenset({"drain"})
    plan = Plan(seconds=30, engine=Engine.WALK, operations=800, refused=refused)
    campaign = run_campaign(TOY, ToyTarget, plan)
    assert campaign.idle() == {"drain": "was accepted, though it was said to be refused always"}


@pytest.mark.parametrize("engine", list(Engine))
def test_an_operation_that_is_left_out_is_neither_driven_nor_missed(engine: Engine) -> None:
    class NoDrain(ToyTarget):
        drain = None  # type: ignore[assignment]  # a target that lacks it

    plan = Plan(seconds=30, engine=engine, operations=500, without=frozenset({"drain"}))
    campaign = run_campaign(TOY, NoDrain, plan)
    assert campaign.passed()
    assert campaign.subject.operations == ("push", "extend", "pop")


def test_minimising_does_not_drive_what_is_left_out() -> None:
    class NoDrain(toy_queue.WrongResult):
        def drain(self) -> Outcome:
            raise AssertionError("drain is driven")

    plan = Plan(seconds=30, engine=Engine.WALK, without=frozenset({"drain"}))
    finding = run_campaign(TOY, NoDrain, plan).finding
    assert finding is not None
    assert {operation.name for operation in finding.best().operations} == {"push"}


@pytest.mark.parametrize(
    ("without", "told"),
    [({"dran"}, "operation dran: toy-queue has no such"), (set(TOY.operations), "drive at least one")],
)
def test_what_can_not_be_left_out_is_told(without: set[str], told: str) -> None:
    with pytest.raises(MachineError, match=told):
        run_campaign(TOY, ToyTarget, Plan(seconds=30, without=frozenset(without)))
