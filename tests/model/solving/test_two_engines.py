"""What CaDiCaL proves, z3 proves: for each machine some operations at small sizes, and with the same things reached."""

from __future__ import annotations

import pytest

from kvproof.model.checking.induction import check_induction
from kvproof.model.checking.verdict import Report, Verdict
from kvproof.model.machines import load, names
from kvproof.model.solving.solver import ENGINES

PROVED = {
    ("block-manager", "2+2"): ["store", "offload"],
    ("block-manager", "2+1, parts of blocks"): ["append"],
    ("transfers", "1+1, 3 works"): ["move", "complete", "read"],
    ("sequence-caches", "2+0"): ["resize", "commit", "slots_that_can_be_had_are_had"],
    ("executor", "2+0, two rows"): ["run", "releases_do_not_meet"],
}
"""Operations that take either engine a second or two."""


def test_every_machine_is_among_them() -> None:
    assert {machine for machine, _ in PROVED} == set(names())


@pytest.mark.parametrize(("machine", "sizes"), PROVED)
def test_both_engines_prove_the_same(machine: str, sizes: str) -> None:
    bundle = load(machine)

    def prove(engine: str) -> Report:
        parameters = bundle.sizes["induction"][sizes]
        return check_induction(bundle.definition, parameters, engine=engine, operations=PROVED[machine, sizes])

    reports = [prove(engine) for engine in ENGINES]
    for report in reports:
        assert report.verdict is Verdict.PROVED, report.summary()
        assert not report.off
    reached = [[sorted(one.reached) for one in report.operations] for report in reports]
    assert reached[0] == reached[1]
