"""Exhaustive exploration: complete, shortest, and unmoved by the names of interchangeable things."""

from __future__ import annotations

import random
from typing import Any

import attrs
import pytest
from random_runs import random_calls
from shortest import explored, faulty

from kvproof.fuzz.shell.counterexample import Disagreement, execute, settle
from kvproof.model import machines
from kvproof.model.checking.canonical import Canonical
from kvproof.model.checking.explore import explore
from kvproof.model.checking.verdict import Call, Verdict
from kvproof.model.machines import Bundle

SHORTEST = {
    "M-01": ("claim-before-swap", 3),
    "M-02": ("claim-before-pin", 3),
    "M-03": ("references_are_counted", 3),
    "M-04": ("references_are_counted", 3),
    "M-07": ("prioritise-only-claimed", 3),
    "M-11": ("unreachable-to-front", 4),
    "M-17": ("nothing_hangs_from_outside", 3),
    "M-18": ("detach-leaf-first", 4),
    "M-19": ("detach-leaf-first", 4),
    "M-22": ("claims-change-nothing", 3),
    "M-29": ("reuse-as-estimated", 4),
    "M-30": ("copy-from-cached", 5),
    "M-31": ("matched-blocks-are-claimed", 3),
    "M-32": ("admitted-never-fails", 3),
    "M-34": ("claim-before-acquire", 3),
    "M-37": ("all-or-nothing", 1),
    "M-38": ("admitted-never-fails", 4),
    "M-44": ("release-once", 3),
    "M-48": ("the-last-token-is-never-reused", 3),
    "M-51": ("within-budget-as-estimated", 3),
    "M-53": ("within-token-budget", 1),
    "M-54": ("reuse-as-estimated", 3),
    "M-55": ("attach-what-the-slot-holds", 2),
    "M-75": ("matched-blocks-are-claimed", 3),
}


def _manager() -> Bundle:
    return machines.load("block-manager")


@pytest.mark.parametrize("variant", sorted(SHORTEST))
def test_each_variant_has_its_shortest_counterexample(variant: str) -> None:
    found = explored(variant)
    assert found.verdict is Verdict.VIOLATED
    assert found.finding is not None
    assert (found.finding.rule, len(found.finding.calls)) == SHORTEST[variant]


def test_every_variant_is_explored() -> None:
    assert set(SHORTEST) == set(_manager().variants)


@pytest.mark.parametrize("variant", sorted(SHORTEST))
def test_the_implementation_survives_each_counterexample(variant: str) -> None:
    base = _manager()
    parameters = base.sizes["variants"][variant]
    violation = explored(variant).finding
    assert violation is not None
    settled = settle(base, faulty(variant), parameters, violation.calls, "exploration", None)
    assert settled.broken == violation.rule
    assert settled.implementation is not None


def test_a_counterexample_that_breaks_nothing_is_an_error() -> None:
    base = _manager()
    calls = (Call("add", {"sequence": 0, "tokens": (0,), "priority": 0}),)
    with pytest.raises(Disagreement, match="nothing breaks"):
        settle(base, base.variant("M-01"), base.sizes["variants"]["M-01"], calls, "exploration", None)


def test_the_repaired_machine_is_explored_without_a_finding() -> None:
    base = _manager()
    found = explore(base, base.sizes["explore"]["3+0, batches, parts"])
    assert found.verdict is Verdict.EXPLORED
    assert "a source of copies is released" in found.events


def test_too_little_time_is_no_pass() -> None:
    base = _manager()
    assert explore(base, base.sizes["explore"]["2+2"], seconds=0.0).verdict is Verdict.UNKNOWN


def test_states_that_are_forgotten_are_not_taken_for_new(monkeypatch: pytest.MonkeyPatch) -> None:
    base = _manager()
    parameters = base.sizes["explore"]["1+1, prompts that never fit"]
    remembering = explore(base, parameters)
    monkeypatch.setattr("kvproof.model.checking.explore.REMEMBERED", 0)
    assert attrs.evolve(explore(base, parameters), seconds=remembering.seconds) == remembering


def test_an_open_choice_is_explored_in_every_way() -> None:
    mailbox = machines.load("mailbox:Mailbox")
    found = explore(mailbox, mailbox.sizes["explore"]["3 jobs"])
    assert found.verdict is Verdict.EXPLORED
    first = attrs.evolve(mailbox, reference=_first_choice_only(mailbox.reference))
    policy = explore(first, mailbox.sizes["explore"]["3 jobs"])
    assert policy.transitions < found.transitions


def _first_choice_only(reference: Any) -> Any:
    class Policy(reference):  # type: ignore[misc]  # a generated class
        def apply(self, operation: str, arguments: dict[str, Any]) -> Any:
            result = super().apply(operation, arguments)
            self.offered = []
            return result

    return Policy


def test_canonical_states_do_not_depend_on_names() -> None:
    """Renaming sequences and tokens of a run gives the same canonical states, where parts of blocks are not compared."""
    base = _manager()
    parameters = attrs.evolve(base.sizes["fuzz"]["tight"], partial_reuse=0, batch_max=0, budget_max=0)
    canonical = Canonical(base.definition, parameters)
    one, other = base.reference(parameters), base.reference(parameters)
    rename = {0: 1, 1: 0}
    agreed = 0
    for name, arguments in random_calls(base.definition, parameters, random.Random(2), 300):
        changed = dict(arguments)
        if "tokens" in changed:
            changed["tokens"] = tuple(rename[t] for t in changed["tokens"])
        outcomes = []
        for reference, call in ((one, arguments), (other, changed)):
            try:
                outcomes.append(reference.apply(name, call))
            except reference.Rejected as rejection:
                outcomes.append(rejection.error)
        assert outcomes[0] == outcomes[1]
        agreed += canonical.digest(one) == canonical.digest(other)
    assert agreed >= 290  # sequences of equal length are ordered by their tokens, so a few states keep two names


def test_every_canonical_state_is_in_normal_form() -> None:
    """This is what allows induction to look at states in normal form alone."""
    base = _manager()
    for label in ("tight", "tiny"):
        parameters = base.sizes["fuzz"][label]
        canonical = Canonical(base.definition, parameters)
        reference, renamed = base.reference(parameters), base.reference(parameters)
        for name, arguments in random_calls(base.definition, parameters, random.Random(label), 300):
            try:
                reference.apply(name, arguments)
            except reference.Rejected:
                continue
            renamed.restore(canonical.state(reference))
            assert renamed.named_by_place()
            assert renamed.check() == []


def test_a_counterexample_runs_on_the_reference_with_the_same_result() -> None:
    base = _manager()
    variant = base.variant("M-30")
    parameters = base.sizes["variants"]["M-30"]
    violation = explore(variant, parameters).finding
    assert violation is not None
    assert execute(variant, parameters, violation.calls) == "copy-from-cached"
    assert execute(base, parameters, violation.calls) is None
