"""The transfers under every checker: proved as they are, and refuted with each historic bug in equally many operations."""

from __future__ import annotations

import pytest

from kvproof.fuzz.shell.counterexample import settle
from kvproof.model import machines
from kvproof.model.checking.bounded import check_bounded
from kvproof.model.checking.explore import explore
from kvproof.model.checking.induction import check_induction
from kvproof.model.checking.verdict import Verdict

BASE = machines.load("transfers")


@pytest.mark.parametrize("engine", ["cadical", "z3"])
def test_every_schedule_of_every_run_is_proved_right(engine: str) -> None:
    report = check_induction(BASE.definition, BASE.sizes["induction"]["1+1, 3 works"], engine=engine)
    assert report.verdict is Verdict.PROVED


def test_batches_are_proved_and_reach_every_branch() -> None:
    report = check_induction(BASE.definition, BASE.sizes["induction"]["2+1, 4 works, batches"])
    assert report.verdict is Verdict.PROVED
    # every copy is whole there: copies of parts are proved at sizes with two granules
    assert [goal for goal in report.unreached if not (goal.startswith("submit:") and goal.endswith(" else"))] == []


@pytest.mark.parametrize("name", sorted(BASE.variants))
def test_a_bug_of_the_transfers_is_found_by_exploration_and_bounded_check_alike(name: str) -> None:
    variant, parameters = BASE.variant(name), BASE.sizes["variants"][name]
    explored = explore(variant, parameters, 60).finding
    bounded = check_bounded(variant.definition, parameters)
    assert explored is not None
    assert bounded.verdict is Verdict.VIOLATED
    assert len(bounded.findings[0].calls) == len(explored.calls)
    settled = settle(BASE, variant, parameters, explored.calls, "exploration", None)
    assert settled.broken == explored.rule
    assert settled.implementation is not None


@pytest.mark.parametrize("name", sorted(BASE.variants))
def test_a_bug_of_the_transfers_is_not_proved(name: str) -> None:
    report = check_induction(
        BASE.variant(name).definition, BASE.sizes["variants"][name], operations=["move", "forward"]
    )
    assert report.verdict is not Verdict.PROVED


@pytest.mark.parametrize(
    "label", ["1+1, 2 works", "1+1, 2 works, torn copies", "1+1, 2 works, two streams of forward passes"]
)
def test_all_schedules_at_small_sizes_are_explored(label: str) -> None:
    found = explore(BASE, BASE.sizes["explore"][label], 60)
    assert found.verdict is Verdict.EXPLORED
    assert found.finding is None
