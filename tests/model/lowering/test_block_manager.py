"""The block manager's circuits agree with its reference on random reachable states, variants included."""

from __future__ import annotations

import pytest
from symbolic_agreement import disagreements, random_runs

from kvproof.model.lowering.system import System
from kvproof.model.machines import load


@pytest.mark.parametrize("variant", [None, "M-01", "M-03", "M-17"])
def test_circuits_and_reference_agree(variant: str | None) -> None:
    bundle = load("block-manager")
    sizes = bundle.sizes["induction"]["2+2"]
    if variant is not None:
        bundle = bundle.variant(variant)
    system = System(bundle.definition, sizes)
    found, outcomes = disagreements(system, random_runs(system, lambda: bundle.reference(sizes), 500, seed=3))
    assert found == []
    assert {f"{name} accepted" for name in ("add", "store", "finish")} <= set(outcomes)


def test_an_operation_reports_the_branches_of_the_reference() -> None:
    bundle = load("block-manager")
    system = System(bundle.definition, bundle.sizes["induction"]["2+2"])
    known = set(bundle.reference.BRANCHES.values())
    for name in system.operations:
        assert {tuple(branch) for branch in system.transition(name).record.branches} <= known
