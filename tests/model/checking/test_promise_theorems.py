"""P-4 and P-6 for all integers: proved for the machine, and false where a historic charge is used."""

from __future__ import annotations

import pytest

from kvproof.model import machines
from kvproof.model.checking.theorem import check_theorems
from kvproof.model.checking.verdict import Verdict

BASE = machines.load("block-manager")
BUDGET = "a_kept_estimate_costs_no_more_than_its_charge"


@pytest.mark.parametrize("theorem", sorted(BASE.definition.theorems()))
def test_it_is_proved_for_all_integers(theorem: str) -> None:
    verdicts = {report.theorem: report.verdict for report in check_theorems(BASE.definition, 60.0)}
    assert verdicts[theorem] is Verdict.PROVED


def test_the_charge_that_forgets_that_reuse_shifts_a_chunk_is_refuted() -> None:
    """M-51 (#12682)."""
    reports = {report.theorem: report for report in check_theorems(BASE.variant("M-51").definition, 60.0)}
    assert reports[BUDGET].verdict is Verdict.VIOLATED
