"""What becomes of a mutant: refuted by a rule, a promise or an invariant, equivalent, something else, or nothing at all."""

from __future__ import annotations

import pytest
from larder import Larder, Sizes

from kvproof.model import machines
from kvproof.model.mutation.check import Fate, Noticed, check_mutant, known_bits
from kvproof.model.mutation.mutants import Mutant, mutants
from kvproof.spec.lang import compile_machine
from kvproof.spec.lang.definition import Definition

ORIGINAL = compile_machine(Larder)
KNOWN = known_bits(ORIGINAL, Sizes())


def _mutant(definition: Definition, method: str, shown: str) -> Mutant:
    found = [one for one in mutants(definition) if one.method.name == method and one.shown == shown]
    assert len(found) == 1, [one.shown for one in mutants(definition) if one.method.name == method]
    return found[0]


def _noticed(method: str, shown: str, operation: str, seconds: float = 60.0) -> Noticed:
    return check_mutant(_mutant(ORIGINAL, method, shown), Sizes(), operation, KNOWN, seconds)


@pytest.mark.parametrize(
    ("method", "shown", "operation", "by", "kind"),
    [
        ("cook", "reject('not-empty') -> pass", "cook", "fill-empty-jars", "rule"),
        ("fill", "self.spoons[jar] = spoons -> nothing", "cook", "all-jam-is-kept", "rule"),
        ("open", "self.sealed[jar] = False -> self.sealed[jar] = True", "pour", "empty_jars_are_open", "invariant"),
        ("eat", "self.spoons[jar] -= 1 -> self.spoons[jar] -= 2", "taste", "bound: self.spoons[jar]", "obligation"),
        ("is_empty", "return self.spoons[jar] < 1 -> return self.spoons[jar] <= 1", "cook", "fill-empty-jars", "rule"),
    ],
)
def test_a_mistake_is_refuted_by_what_it_breaks(method: str, shown: str, operation: str, by: str, kind: str) -> None:
    noticed = _noticed(method, shown, operation)
    assert (noticed.fate, noticed.by, noticed.kind) == (Fate.REFUTED, by, kind)


@pytest.mark.parametrize(
    ("method", "shown", "operation"),
    [
        ("pour", "self.open(source) | self.open(target) -> self.open(target) | self.open(source)", "pour"),
        ("label", "return Label(min(spoons, 3), True) -> return Label(min(spoons, 4), True)", "cook"),
    ],
)
def test_a_change_that_changes_nothing_is_equivalent(method: str, shown: str, operation: str) -> None:
    assert _noticed(method, shown, operation).fate is Fate.EQUIVALENT


def test_a_difference_that_breaks_nothing_is_told_with_a_call_and_a_state() -> None:
    noticed = _noticed("taste", "count += 1 -> count += 2", "taste")
    assert noticed.fate is Fate.SURVIVED
    assert noticed.by.startswith("result differ after taste(jars=(")
    assert "spoons: {0: " in noticed.by


def test_another_order_of_rejections_is_a_difference() -> None:
    swapped = (
        "if not self.is_empty(jar): | reject('not-empty') | if spoons == 0: | reject('nothing') -> "
        "if spoons == 0: | reject('nothing') | if not self.is_empty(jar): | reject('not-empty')"
    )
    noticed = _noticed("cook", swapped, "cook")
    assert noticed.fate is Fate.SURVIVED
    where = noticed.by.partition(" differ")[0]
    assert sorted(where.split(", ")) == ["rejected: not-empty", "rejected: nothing"]


def test_an_operation_that_is_never_accepted_is_switched_off() -> None:
    shown = "return self.spoons[jar] < 1 -> return self.spoons[jar] < 0"
    assert _noticed("is_empty", shown, "cook").fate is Fate.OFF


def test_what_has_no_value_is_no_machine() -> None:
    swapped = (
        "written = self.label(spoons) | self.fill(jar, written.spoons, written.sealed) -> "
        "self.fill(jar, written.spoons, written.sealed) | written = self.label(spoons)"
    )
    noticed = _noticed("cook", swapped, "cook")
    assert noticed.fate is Fate.MEANINGLESS
    assert "written has no value on this path" in noticed.by


def test_too_little_time_decides_nothing() -> None:
    assert _noticed("cook", "reject('not-empty') -> pass", "cook", seconds=0.0).fate is Fate.UNKNOWN


def test_the_first_phase_that_claims_one_match_is_refuted_where_chains_have_two() -> None:
    bundle = machines.load("block-manager")
    shown = "for position in range(len(plan.chain)): -> for position in range(0, min(1, len(plan.chain))):"
    mutant = _mutant(bundle.definition, "claim_matches", shown)
    fates = {}
    for label in ("3+0, batches", "3+0, batches, chains"):
        sizes = bundle.sizes["induction"][label]
        fates[label] = check_mutant(mutant, sizes, "add", known_bits(bundle.definition, sizes), 60)
    assert fates["3+0, batches"].fate is Fate.EQUIVALENT
    assert fates["3+0, batches, chains"].by == "matched-blocks-are-claimed"
