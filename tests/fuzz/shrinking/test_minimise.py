"""The minimiser reaches optima that are known by thought, deterministically."""

from __future__ import annotations

import pytest
import toy_queue
from toy_queue import TOY, ToyTarget

from kvproof.fuzz.campaign import Engine, Plan, run_campaign
from kvproof.fuzz.failure import Failure
from kvproof.fuzz.lockstep import Lockstep, run
from kvproof.fuzz.shrinking.minimise import Minimiser
from kvproof.fuzz.target import Operation

OPTIMA = [
    (toy_queue.WrongResult, ["push(job=0, word=[])", "push(job=1, word=[])", "push(job=2, word=[])"]),
    (toy_queue.WrongRefusal, ["push(job=0, word=[])", "push(job=0, word=[])"]),
    (toy_queue.WrongObservation, ["push(job=0, word=[])", "drain()"]),
    (toy_queue.WrongStep, ["push(job=0, word=[])", "push(job=1, word=[])", "drain()"]),
    (toy_queue.SilentStep, ["push(job=0, word=[])", "extend(job=0, word=[0])"]),
    (toy_queue.Crashing, ["push(job=0, word=[])", "pop()"]),
    (toy_queue.Racing, ["push(job=0, word=[])", "drain()"]),
]


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("target", "shortest"), OPTIMA)
def test_the_known_optimum_is_reached(target: type[ToyTarget], shortest: list[str], seed: int) -> None:
    campaign = run_campaign(TOY, target, Plan(seconds=30, seed=seed, engine=Engine.WALK))
    assert campaign.finding is not None
    assert [str(operation) for operation in campaign.finding.best().operations] == shortest


def test_parameters_shrink_too() -> None:
    campaign = run_campaign(TOY, toy_queue.WrongStep, Plan(seconds=30, engine=Engine.WALK))
    assert campaign.finding is not None
    assert dict(campaign.finding.best().parameters) == {"capacity": 2, "jobs": 2, "letters": 1, "longest": 1}


def test_minimising_is_deterministic() -> None:
    found = [run_campaign(TOY, toy_queue.WrongContent, Plan(seed=5, engine=Engine.WALK)).finding for _ in range(2)]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0].best() == found[1].best()


def test_operations_that_both_sides_refuse_are_dropped() -> None:
    parameters = {"capacity": 2, "jobs": 3, "letters": 2, "longest": 2}
    operations = (
        Operation("pop", {}),
        Operation("push", {"job": 2, "word": ()}),
        Operation("push", {"job": 2, "word": (1,)}),
        Operation("drain", {}),
        Operation("pop", {}),
    )
    with Lockstep(TOY, toy_queue.Crashing(), parameters) as lockstep:
        failure = run(lockstep, operations)
    assert failure is not None
    best = Minimiser(TOY, toy_queue.Crashing).minimise(parameters, operations, failure)
    assert [str(operation) for operation in best.operations] == ["push(job=0, word=[])", "pop()"]


def test_a_sequence_that_does_not_fail_again_is_given_back() -> None:
    operations = (Operation("pop", {}),)
    failure = Failure("crash", 0, "crash:OSError:pop", "it was gone")
    best = Minimiser(TOY, ToyTarget).minimise(TOY.defaults, operations, failure)
    assert best.operations == operations
    assert best.failure == failure


def test_another_failure_does_not_count() -> None:
    class TwoBugs(toy_queue.WrongStep, toy_queue.Crashing):
        pass

    campaign = run_campaign(TOY, TwoBugs, Plan(seconds=30, engine=Engine.WALK))
    assert campaign.finding is not None
    assert campaign.finding.best().failure.fingerprint == campaign.finding.failure.fingerprint


def test_the_budget_is_kept() -> None:
    campaign = run_campaign(TOY, toy_queue.WrongStep, Plan(seconds=30, engine=Engine.WALK, minimising_runs=0))
    assert campaign.finding is not None
    minimiser = Minimiser(TOY, toy_queue.WrongStep, budget=10)
    minimiser.minimise(campaign.finding.parameters, campaign.finding.operations, campaign.finding.failure)
    assert minimiser.runs == 10
