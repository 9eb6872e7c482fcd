"""Induction proves what is inductive, shows the state where something is not, and passes nothing vacuously."""

from __future__ import annotations

import threading
from typing import Any

import attrs
import pytest
from symbolic_machines import (
    Chooser,
    Contradictory,
    Counter,
    LateRejection,
    NeverAccepted,
    NotInductiveCounter,
    OverflowingCounter,
    PickFromNothing,
    Sizes,
)

from kvproof.model.checking.induction import check_induction
from kvproof.model.checking.induction_operation import OperationInduction
from kvproof.model.checking.verdict import OperationReport, Report, Verdict
from kvproof.model.machines import load
from kvproof.model.solving.solver import ENGINES
from kvproof.spec.lang import Machine, compile_machine


def check(machine: type[Machine[Sizes]], **options: object) -> Report:
    return check_induction(compile_machine(machine), Sizes(), **options)  # type: ignore[arg-type]  # any options


@pytest.mark.parametrize("engine", ENGINES)
def test_an_inductive_machine_is_proved(engine: str) -> None:
    seen: list[OperationReport] = []
    report = check(Counter, engine=engine, progress=seen.append)
    assert report.verdict is Verdict.PROVED
    assert report.summary() == "proved"
    assert sorted(one.operation for one in seen) == ["increase", "reset"]
    assert all(one.verdict is Verdict.PROVED for one in report.operations)
    assert report.unreached == ()
    assert 'event "starts over"' in report.reached


def test_a_state_where_the_invariants_do_not_suffice_is_shown() -> None:
    report = check(NotInductiveCounter)
    assert report.verdict is Verdict.NOT_INDUCTIVE
    assert not report.verdict.passes
    finding = next(finding for finding in report.findings if finding.kind == "invariant")
    assert finding.rule == "at_most_five"
    assert finding.state == {"value": 5}
    assert finding.snapshot == (5,)
    assert str(finding.calls[0]) == "increase()"


def test_each_broken_rule_is_attributed_once() -> None:
    report = check(NotInductiveCounter)
    assert sorted(finding.rule for finding in report.findings) == ["at_most_five", "bound: self.value"]
    bound = next(finding for finding in report.findings if finding.kind == "obligation")
    assert bound.state == {"value": 6}
    assert bound.line > 0


def test_a_broken_initial_state_is_violated_at_depth_0() -> None:
    report = check(Contradictory)
    assert report.verdict is Verdict.VIOLATED
    assert report.depth == 0
    assert report.findings[0].rule == "more_than_five"


def test_hypotheses_without_a_model_are_reported_not_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Contradictory, "check", lambda _: [])
    report = check(Contradictory)
    assert report.verdict is Verdict.VACUOUS
    assert not report.verdict.passes
    assert report.operations == ()
    assert "no state satisfies all invariants" in report.summary()


def test_an_operation_that_is_never_accepted_is_not_proved() -> None:
    report = check(NeverAccepted)
    assert report.off == ("reset",)
    assert report.message == "switched off at these sizes: reset"
    assert not Verdict.OFF.passes
    assert {one.operation: one.verdict for one in report.operations}["increase"] is Verdict.PROVED


def test_a_machine_whose_operations_are_all_switched_off_is_vacuous() -> None:
    assert check(NeverAccepted, operations=["reset"]).verdict is Verdict.VACUOUS


def test_what_no_state_reaches_is_listed() -> None:
    report = check(NeverAccepted)
    assert any(goal.startswith("reset:") and goal.endswith(" else") for goal in report.unreached)


def test_the_budget_spent_is_unknown_and_not_a_pass() -> None:
    report = check(Counter, seconds=0.0)
    assert report.verdict is Verdict.UNKNOWN
    assert not report.verdict.passes


def test_a_proof_that_takes_too_long_is_unknown_and_says_what_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = OperationInduction.run
    monkeypatch.setattr(OperationInduction, "run", lambda self, _deadline, _certifier: whole(self, 0.0))
    bundle = load("block-manager")
    sizes = bundle.sizes["induction"]["2+1, no reuse"]
    report = check_induction(bundle.definition, sizes, operations=["add"])
    assert report.verdict is Verdict.UNKNOWN
    (one,) = report.operations
    assert "cached_content_is_the_path" in one.undecided


def test_an_interrupt_stops_what_is_open_and_what_is_being_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is stopped ends soon: see the tests of the solver."""
    bundle = load("block-manager")
    made, stop, stopped = OperationInduction.__init__, OperationInduction.stop, []
    came = threading.Event()

    def made_late(induction: OperationInduction, definition: Any, parameters: Any, operation: str, *rest: Any) -> None:
        if operation == "add":
            came.wait(60)
        made(induction, definition, parameters, operation, *rest)

    def noted(induction: OperationInduction) -> None:
        stopped.append(induction)
        stop(induction)
        came.set()

    def interrupt(_: OperationReport) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(OperationInduction, "__init__", made_late)
    monkeypatch.setattr(OperationInduction, "stop", noted)
    with pytest.raises(KeyboardInterrupt):
        check_induction(
            bundle.definition,
            bundle.sizes["induction"]["2+1, no reuse"],
            seconds=float("inf"),
            operations=["add", "refresh"],
            progress=interrupt,
        )
    assert len(stopped) == 2


def test_a_rejection_after_a_step_is_found() -> None:
    report = check(LateRejection)
    assert report.verdict is Verdict.NOT_INDUCTIVE
    assert report.findings[0].rule == "all-or-nothing"


def test_open_choices_are_unknowns() -> None:
    assert check(PickFromNothing).findings[0].rule == "choice-exists:thing"
    finding = check(Chooser).findings[0]
    assert finding.rule == "zero_comes_first"
    assert finding.state == {"bag": (), "last": finding.snapshot[1] if finding.snapshot else None}


def test_an_overflow_is_an_obligation_of_the_step() -> None:
    report = check(OverflowingCounter)
    assert {finding.rule for finding in report.findings} == {"at_most_five"}


def test_the_smallest_block_manager_is_proved() -> None:
    bundle = load("block-manager")
    values = attrs.asdict(bundle.sizes["induction"]["2+2"])
    sizes = bundle.parameters({**values, "primary_blocks": 1, "tokens_per_block": 2})
    report = check_induction(bundle.definition, sizes, seconds=60.0)
    assert report.verdict is Verdict.PROVED, report.summary()


@pytest.mark.parametrize("variant", ["M-01", "M-02", "M-17"])
def test_a_historic_bug_is_not_inductive(variant: str) -> None:
    """M-03, which takes longer, is in `test_checkers_agree`."""
    bundle = load("block-manager").variant(variant)
    operations = {"M-01": ["offload"], "M-02": ["pin_path"], "M-17": ["offload"]}[variant]
    sizes = load("block-manager").sizes["induction"]["2+2"]
    report = check_induction(bundle.definition, sizes, seconds=60.0, operations=operations)
    assert report.verdict is Verdict.NOT_INDUCTIVE
    machine = bundle.definition.cls(sizes)
    assert machine.check() == []
