"""Exploration, the bounded check and induction say the same, and what they find is executed everywhere."""

from __future__ import annotations

import attrs
import pytest
from shortest import explored, faulty

from kvproof.fuzz.shell.counterexample import settle
from kvproof.model import machines
from kvproof.model.checking.bounded import check_bounded
from kvproof.model.checking.explore import explore
from kvproof.model.checking.induction import check_induction
from kvproof.model.checking.verdict import Verdict

BASE = machines.load("block-manager")
QUICK = (
    "M-01",
    "M-03",
    "M-18",
    "M-22",
    "M-37",
    "M-48",
    "M-53",
    "M-75",
)
"""Variants whose bounded check takes a few seconds. `kvproof check` does all of them, in minutes."""


@pytest.mark.parametrize("variant", QUICK)
def test_exploration_and_bounded_check_find_equally_short_counterexamples(variant: str) -> None:
    parameters = BASE.sizes["variants"][variant]
    violation = explored(variant).finding
    bounded = check_bounded(faulty(variant).definition, parameters)
    assert violation is not None
    assert bounded.verdict is Verdict.VIOLATED
    assert len(bounded.findings[0].calls) == len(violation.calls)
    assert (
        settle(BASE, faulty(variant), parameters, bounded.findings[0].calls, "bounded check", None).implementation
        is not None
    )


@pytest.mark.parametrize("engine", ["cadical", "z3"])
def test_all_three_pass_the_repaired_machine(engine: str) -> None:
    parameters = BASE.sizes["induction"]["2+1, no reuse"]
    assert explore(BASE, parameters).verdict is Verdict.EXPLORED
    assert check_induction(BASE.definition, parameters, engine=engine).verdict is Verdict.PROVED
    assert check_bounded(BASE.definition, parameters, depth=3, engine=engine).verdict is Verdict.HOLDS


@pytest.mark.parametrize(
    ("variant", "operation"), [("M-01", "offload"), ("M-02", "pin_path"), ("M-03", "add"), ("M-17", "offload")]
)
def test_no_variant_is_proved(variant: str, operation: str) -> None:
    """Each with the operation that shows the bug; the machine itself is proved with all of them."""
    report = check_induction(faulty(variant).definition, BASE.sizes["variants"][variant], operations=[operation])
    assert report.verdict is Verdict.NOT_INDUCTIVE
    assert report.findings


def test_what_induction_calls_unreachable_exploration_never_reaches() -> None:
    """Reachable states satisfy the invariants, so what no such state leads to is never taken."""
    parameters = BASE.sizes["explore"]["3+0, batches, parts"]
    report = check_induction(BASE.definition, parameters)
    found = explore(BASE, parameters)
    taken = {
        f"{BASE.reference.BRANCHES[n][0]}:{BASE.reference.BRANCHES[n][1]} {BASE.reference.BRANCHES[n][2]}"
        for n in found.coverage
    }
    taken |= {f'event "{event}"' for event in found.events}
    assert not taken & set(report.unreached)


def test_an_invariant_that_is_taken_away_is_missed() -> None:
    """Without the invariant that it needs, an operation is no longer inductive: the proof does use its hypotheses."""
    methods = {n: m for n, m in BASE.definition.methods.items() if n != "what_is_to_be_written_is_private"}
    weaker = attrs.evolve(BASE.definition, methods=methods)
    parameters = BASE.sizes["induction"]["2+2, two tokens a block"]
    report = check_induction(weaker, parameters, operations=["append"])
    assert report.verdict is Verdict.NOT_INDUCTIVE
    assert {finding.rule for finding in report.findings} == {"write-unshared"}
