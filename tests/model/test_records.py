"""Records and promises: run directly, as a reference, as circuits and by every checker."""

from __future__ import annotations

import contextlib
import random
from typing import Any

import pytest
from kitchen import ForgetsCourses, Kitchen, KitchenParameters
from random_runs import random_calls
from symbolic_agreement import disagreements, random_runs

from kvproof.model import machines
from kvproof.model.checking.bounded import check_bounded
from kvproof.model.checking.canonical import Canonical
from kvproof.model.checking.explore import explore
from kvproof.model.checking.induction import check_induction
from kvproof.model.checking.verdict import Verdict
from kvproof.model.lowering.system import System
from kvproof.model.machines import generated_class
from kvproof.spec.lang import Rejected, RuleBroken, compile_machine

LARGE = KitchenParameters(tables=3, dishes=2, plates=2, courses=2, stock=5, batch=2)


def _order(table: int, *plates: int) -> dict[str, Any]:
    return {"table": table, "courses": tuple({"dish": 0, "plates": n} for n in plates), "speed": 0, "tip": 1}


@pytest.mark.parametrize(
    "sizes",
    [KitchenParameters(), LARGE, KitchenParameters(courses=0, tips=0, batch=1)],
    ids=["small", "large", "empty orders"],
)
def test_circuits_with_records_do_what_the_machine_does(sizes: KitchenParameters) -> None:
    system = System(compile_machine(Kitchen), sizes)
    found, outcomes = disagreements(system, random_runs(system, lambda: Kitchen(sizes), 400, seed=2))
    assert found == []
    assert outcomes["serve accepted"] > 5
    assert outcomes["leave accepted"] > 5


def test_circuits_with_records_do_what_the_reference_does() -> None:
    system = System(compile_machine(Kitchen), LARGE)
    reference = generated_class(Kitchen)
    found, _ = disagreements(system, random_runs(system, lambda: reference(LARGE), 300, seed=3))
    assert found == []


def test_a_reference_takes_and_gives_records_as_dicts() -> None:
    reference = generated_class(Kitchen)(KitchenParameters(courses=2))
    result = reference.apply("serve", {"orders": (_order(1, 1, 1), _order(0))})
    assert result == (
        {"table": 1, "plates": 2, "thanks": True},
        {"table": 0, "plates": 0, "thanks": True},
    )
    assert list(result[0]) == ["table", "plates", "thanks"]


def test_the_machine_run_directly_takes_records_as_dicts_too() -> None:
    direct, reference = Kitchen(LARGE), generated_class(Kitchen)(LARGE)
    for machine in (direct, reference):
        machine.apply("serve", {"orders": (_order(1, 2),)})
    assert direct.snapshot() == reference.snapshot()


def test_a_reference_refuses_a_record_with_other_fields() -> None:
    reference = generated_class(Kitchen)(KitchenParameters())
    with pytest.raises(TypeError, match="is no Order: give a dict with the fields table, courses, speed, tip"):
        reference.apply("serve", {"orders": ({"table": 0},)})


def test_a_snapshot_with_records_restores_the_state_of_either() -> None:
    direct, reference = Kitchen(LARGE), generated_class(Kitchen)(LARGE)
    for call in random_calls(compile_machine(Kitchen), LARGE, random.Random(1), 60):
        other = generated_class(Kitchen)(LARGE)
        other.restore(direct.snapshot())
        for machine in (direct, reference, other):
            with contextlib.suppress(Rejected, reference.Rejected):
                machine.apply(*call)
        assert direct.snapshot() == reference.snapshot() == other.snapshot()


def test_names_inside_records_are_renamed_too() -> None:
    canonical = Canonical(compile_machine(Kitchen), LARGE)
    digests = set()
    for table in range(3):
        reference = generated_class(Kitchen)(LARGE)
        reference.apply("serve", {"orders": (_order(table, 1),)})
        digests.add(canonical.digest(reference))
    assert len(digests) == 1


# Promises


def test_a_broken_promise_is_a_broken_rule_of_the_machine_and_its_reference() -> None:
    sizes = KitchenParameters(plates=2)
    for machine in (ForgetsCourses(sizes), generated_class(ForgetsCourses)(sizes)):
        with pytest.raises((RuleBroken, getattr(machine, "RuleBroken", RuleBroken)), match="plates-are-told"):
            machine.apply("serve", {"orders": (_order(0, 2),)})


def test_a_reference_without_rules_has_promises_still() -> None:
    """It plays the target, and a target's operations keep promises of their own."""
    reference = generated_class(ForgetsCourses, False)(KitchenParameters(plates=2))
    with pytest.raises(reference.RuleBroken, match="plates-are-told"):
        reference.apply("serve", {"orders": (_order(0, 2),)})


def test_exploration_finds_a_broken_promise() -> None:
    bundle = machines.load("kitchen:Kitchen")
    violation = explore(bundle.variant("forgets"), bundle.sizes["variants"]["forgets"]).finding
    assert violation is not None
    assert (violation.kind, violation.rule, len(violation.calls)) == ("rule", "plates-are-told", 1)
    assert violation.calls[0].arguments["orders"][0]["courses"] == ({"dish": 0, "plates": 2},)


@pytest.mark.parametrize("engine", ["cadical", "z3"])
def test_the_bounded_check_finds_a_broken_promise_with_records_as_dicts(engine: str) -> None:
    report = check_bounded(compile_machine(ForgetsCourses), KitchenParameters(plates=2), depth=2, engine=engine)
    assert report.verdict is Verdict.VIOLATED
    (finding,) = report.findings
    assert finding.rule == "plates-are-told"
    assert sum(c["plates"] for order in finding.calls[0].arguments["orders"] for c in order["courses"]) >= 2


def test_induction_finds_a_broken_promise_after_a_step() -> None:
    report = check_induction(compile_machine(ForgetsCourses), KitchenParameters(plates=2))
    assert report.verdict is Verdict.NOT_INDUCTIVE
    assert {finding.rule for finding in report.findings} == {"plates-are-told", "as-last-time"}


@pytest.mark.parametrize("label", ["2 tables", "2 courses"])
def test_a_machine_with_records_is_proved(label: str) -> None:
    report = check_induction(compile_machine(Kitchen), machines.load("kitchen:Kitchen").sizes["induction"][label])
    assert report.verdict is Verdict.PROVED, report.findings
    assert report.unreached == ()
    assert {"step bring", "step use", "step clear"} <= set(report.reached)
    assert {f"promise {name}" for name in compile_machine(Kitchen).promises()} <= set(report.reached)


def test_a_step_that_no_state_takes_is_not_reached_and_no_gap() -> None:
    report = check_induction(compile_machine(Kitchen), KitchenParameters(batch=0))
    assert "step clear" in report.reached
    assert "promise plates-are-told" not in report.reached
    assert not any(goal.startswith(("step ", "promise ")) for goal in report.unreached)


def test_a_machine_with_records_is_explored_without_a_violation() -> None:
    bundle = machines.load("kitchen:Kitchen")
    found = explore(bundle, bundle.sizes["explore"]["1 table"])
    assert found.verdict is Verdict.EXPLORED
    assert not [goal for goal in found.unreached if goal.startswith("event")]


def test_the_definition_lists_promises_and_records() -> None:
    definition = compile_machine(Kitchen)
    assert set(definition.promises()) == {"plates-are-told", "a-result-for-each-order", "as-last-time"}
    assert set(definition.records) == {"Order", "Course", "Served"}
