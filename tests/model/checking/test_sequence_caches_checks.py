"""The sequence caches under every checker: proved as they are, refuted with each historic bug."""

from __future__ import annotations

import pytest

from kvproof.model import machines
from kvproof.model.checking.bounded import check_bounded
from kvproof.model.checking.explore import explore
from kvproof.model.checking.induction import check_induction
from kvproof.model.checking.verdict import Verdict

BASE = machines.load("sequence-caches")
QUICK = ("V2-25", "X-03", "X-05")
"""Variants whose bounded check takes seconds; `kvproof check` does all."""
SLOW = {"V2-01-wedge", "V2-03"}
"""Left to `kvproof check` and `kvproof explore`."""


@pytest.mark.parametrize(("engine", "label"), [("cadical", "2+1"), ("z3", "2+0")])
def test_queues_and_failures_are_proved_right(engine: str, label: str) -> None:
    report = check_induction(BASE.definition, BASE.sizes["induction"][label], engine=engine)
    assert report.verdict is Verdict.PROVED


@pytest.mark.parametrize("name", sorted(set(BASE.variants) - SLOW))
def test_a_bug_of_the_sequence_caches_is_found_by_exploration(name: str) -> None:
    found = explore(BASE.variant(name), BASE.sizes["variants"][name], 60).finding
    assert found is not None


@pytest.mark.parametrize("name", QUICK)
def test_a_bug_of_the_sequence_caches_is_found_as_soon_by_the_bounded_check(name: str) -> None:
    parameters = BASE.sizes["variants"][name]
    explored = explore(BASE.variant(name), parameters, 60).finding
    variant = BASE.variant(name)
    bounded = check_bounded(variant.definition, parameters, depth=12, operations=variant.checked())
    assert explored is not None
    assert bounded.verdict is Verdict.VIOLATED
    assert len(bounded.findings[0].calls) == len(explored.calls)


@pytest.mark.parametrize(
    "label", ["1+1", "2+1, one cache, two texts", "3+1, one cache, window", "1+1, recurrent state"]
)
def test_the_sequence_caches_are_explored_without_a_finding(label: str) -> None:
    found = explore(BASE, BASE.sizes["explore"][label], 60)
    assert found.verdict is Verdict.EXPLORED
    assert found.finding is None


@pytest.mark.parametrize("name", sorted(BASE.shipped.tried or ()))
def test_a_variant_of_the_sequence_caches_that_only_a_trial_finds_breaks_nothing_else(name: str) -> None:
    """Else a counterexample that an implementation could execute would be kept back."""
    found = explore(BASE.variant(name), BASE.sizes["variants"][name], 120, trials=False)
    assert found.verdict is Verdict.EXPLORED
    assert BASE.variant(name).has_trials
