"""The bounded check finds the shortest run that breaks something, and says how far it looked."""

from __future__ import annotations

from typing import Annotated

import pytest
from symbolic_machines import (
    Chooser,
    Contradictory,
    Counter,
    LateRejection,
    NotInductiveCounter,
    OverflowingCounter,
    Sizes,
)

from kvproof.model.checking.bounded import Bounded, CircuitDisagreement, check_bounded
from kvproof.model.checking.verdict import Verdict
from kvproof.model.machines import load
from kvproof.model.solving.solver import ENGINES
from kvproof.spec.lang import Between, Machine, RuleBroken, compile_machine, ensure, operation, step


@pytest.mark.parametrize("engine", ENGINES)
def test_the_shortest_run_is_found(engine: str) -> None:
    safe: list[int] = []
    report = check_bounded(
        compile_machine(OverflowingCounter),
        Sizes(),
        depth=9,
        engine=engine,
        progress=lambda depth, _: safe.append(depth),
    )
    assert report.verdict is Verdict.VIOLATED
    assert report.depth == 6
    assert safe == [1, 2, 3, 4, 5]
    assert [str(call) for call in report.findings[0].calls] == ["increase()"] * 6
    assert report.findings[0].rule == "at_most_five"
    assert report.summary().startswith("violated at depth 6: invariant at_most_five broken by increase()")


def test_a_true_invariant_that_is_not_inductive_holds_to_the_depth() -> None:
    report = check_bounded(compile_machine(NotInductiveCounter), Sizes(), depth=7)
    assert report.verdict is Verdict.HOLDS
    assert report.summary() == "holds to depth 7"


def test_the_first_witness_of_each_branch_and_event_is_found() -> None:
    report = check_bounded(compile_machine(Counter), Sizes(), depth=6, reach=True)
    assert 'event "starts over" at depth 6' in report.reached
    assert "increase accepted at depth 1" in report.reached
    assert "reset accepted at depth 2" in report.reached
    assert report.unreached == ()


def test_what_was_not_reached_within_the_depth_is_listed() -> None:
    report = check_bounded(compile_machine(Counter), Sizes(), depth=3, reach=True)
    assert report.verdict is Verdict.HOLDS
    assert 'event "starts over"' in report.unreached


def test_a_broken_initial_state_is_found_at_depth_0() -> None:
    report = check_bounded(compile_machine(Contradictory), Sizes(), depth=3)
    assert (report.verdict, report.depth) == (Verdict.VIOLATED, 0)


def test_a_rejection_after_a_step_is_found() -> None:
    report = check_bounded(compile_machine(LateRejection), Sizes(), depth=3)
    assert report.findings[0].rule == "all-or-nothing"
    assert str(report.findings[0].calls[-1]) == "reset()"


def test_a_spent_budget_is_unknown() -> None:
    report = check_bounded(compile_machine(Counter), Sizes(), depth=3, seconds=0.0)
    assert report.verdict is Verdict.UNKNOWN
    assert report.depth == 0


def test_a_choice_that_the_policy_would_not_make_is_found() -> None:
    report = check_bounded(compile_machine(Chooser), Sizes(), depth=2)
    assert (report.verdict, report.depth) == (Verdict.VIOLATED, 1)
    assert report.findings[0].rule == "zero_comes_first"
    [call] = report.findings[0].calls
    assert call.choices[0] > 0, "the policy takes the first"


def test_a_circuit_that_differs_from_the_machine_is_never_taken_for_a_violation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(OverflowingCounter, "check", lambda _: [])
    with pytest.raises(CircuitDisagreement, match="increase"):
        check_bounded(compile_machine(OverflowingCounter), Sizes(), depth=6)


SHORTEST = {"M-02": 3, "M-17": 3}
"""One that breaks a rule and one that breaks an invariant; `test_checkers_agree` checks others against exploration."""


@pytest.mark.parametrize("variant", SHORTEST)
def test_a_historic_bug_is_found_and_breaks_the_reference_too(variant: str) -> None:
    bundle = load("block-manager").variant(variant)
    sizes = load("block-manager").sizes["variants"][variant]
    report = check_bounded(bundle.definition, sizes, depth=4, seconds=60.0)
    assert report.verdict is Verdict.VIOLATED
    assert report.depth == SHORTEST[variant]
    (finding,) = report.findings
    reference = bundle.reference(sizes)
    for call in finding.calls[:-1]:
        reference.apply(call.operation, dict(call.arguments))
        assert reference.check() == []
    last = finding.calls[-1]
    if finding.kind == "invariant":
        reference.apply(last.operation, dict(last.arguments))
        assert finding.rule in reference.check()
    else:
        with pytest.raises(reference.RuleBroken, match=finding.rule):
            reference.apply(last.operation, dict(last.arguments))
    assert RuleBroken is not reference.RuleBroken


def test_the_repaired_block_manager_holds() -> None:
    bundle = load("block-manager")
    report = check_bounded(bundle.definition, bundle.sizes["bounded"]["2+1"], depth=2, seconds=60.0)
    assert report.summary() == "holds to depth 2"


class Peeks(Machine[Sizes]):
    """A counter with an operation that only looks, and is wrong about what it sees."""

    value: Annotated[int, Between(0, 5)]

    @step
    def set_to(self, value: Annotated[int, Between(0, 5)]) -> None:
        """Set the value."""
        self.value = value

    @operation
    def increase(self) -> int:
        """One more."""
        self.set_to(min(self.value + 1, 5))
        return self.value

    @operation
    def peek(self) -> int:
        """The value; it is thought to be small."""
        ensure(self.value < 2, "is-small")
        return self.value


def test_an_operation_that_only_reads_is_checked_at_every_depth_and_not_gone_on_from() -> None:
    search = Bounded(compile_machine(Peeks), Sizes(), "cadical", None)
    assert {one.operation: one.reads_only for one in search._steps} == {"increase": False, "peek": True}
    report = check_bounded(compile_machine(Peeks), Sizes(), depth=5)
    assert report.verdict is Verdict.VIOLATED
    assert report.findings[0].rule == "is-small"
    assert [call.operation for call in report.findings[0].calls] == ["increase", "increase", "peek"]


def test_a_machine_that_only_reads_holds_to_any_depth() -> None:
    assert check_bounded(compile_machine(Peeks), Sizes(), depth=9, operations=["peek"]).verdict is Verdict.HOLDS
