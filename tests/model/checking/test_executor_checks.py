"""The executor under every checker: proved as it is, refuted with each historic bug."""

from __future__ import annotations

import attrs
import pytest

from kvproof.model import machines
from kvproof.model.checking.bounded import check_bounded
from kvproof.model.checking.explore import explore
from kvproof.model.checking.induction import check_induction
from kvproof.model.checking.verdict import Verdict
from kvproof.model.machines import generated_class
from kvproof.spec.executor import Executor
from kvproof.spec.executor.kinds import Request
from kvproof.spec.lang import compile_machine

BASE = machines.load("executor")
QUICK = ("V2-04", "V2-21")
"""Variants whose bounded check takes seconds; `kvproof check` does all."""


def test_the_protocol_is_proved_right() -> None:
    report = check_induction(BASE.definition, BASE.sizes["induction"]["2+0, two rows"])
    assert report.verdict is Verdict.PROVED


@pytest.mark.parametrize("name", sorted(BASE.variants))
def test_a_bug_of_the_executor_is_found_by_exploration(name: str) -> None:
    found = explore(BASE.variant(name), BASE.sizes["variants"][name], 60)
    assert found.finding is not None


@pytest.mark.parametrize("name", QUICK)
def test_a_bug_of_the_executor_is_found_as_soon_by_the_bounded_check(name: str) -> None:
    parameters = BASE.sizes["variants"][name]
    explored = explore(BASE.variant(name), parameters, 60).finding
    variant = BASE.variant(name)
    bounded = check_bounded(variant.definition, parameters, depth=8, operations=variant.checked())
    assert explored is not None
    assert bounded.verdict is Verdict.VIOLATED
    assert bounded.findings[0].rule == explored.rule
    assert len(bounded.findings[0].calls) == len(explored.calls)


@pytest.mark.parametrize("label", ["1+1", "2+0", "1+0, overlap", "3+1, draft model", "5+0, scratch in a later chunk"])
def test_the_executor_is_explored_without_a_finding(label: str) -> None:
    found = explore(BASE, BASE.sizes["explore"][label], 120)
    assert found.verdict is Verdict.EXPLORED
    assert found.finding is None


class KeepsScratchOfLaterChunks(Executor):
    """The second half of V2-02 (#14934): a later chunk that needs scratch is dropped, and cannot be shrunk."""

    def shrink_both(self, request: Request, capacity: int) -> None:
        if self.scratch[self.target(request)] == 0:
            self.shrink(self.target(request), capacity, self.history[self.target(request)])


def test_later_chunks_with_scratch_are_dropped_at_the_size_that_is_explored() -> None:
    """Otherwise the repair would be shown at sizes at which nothing needs it."""
    sizes = BASE.sizes["explore"]["5+0, scratch in a later chunk"]
    definition = compile_machine(KeepsScratchOfLaterChunks)
    broken = attrs.evolve(BASE, definition=definition, reference=generated_class(KeepsScratchOfLaterChunks))
    found = explore(broken, sizes, 60).finding
    assert found is not None
    assert found.rule == "dropped-means-as-before"


@pytest.mark.parametrize("name", sorted(BASE.shipped.tried or ()))
def test_a_variant_of_the_executor_that_only_a_trial_finds_breaks_nothing_else(name: str) -> None:
    """Else a counterexample that an implementation could execute would be kept back."""
    found = explore(BASE.variant(name), BASE.sizes["variants"][name], 120, trials=False)
    assert found.verdict is Verdict.EXPLORED
    assert BASE.variant(name).has_trials
