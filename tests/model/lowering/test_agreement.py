"""The specification run directly and the generated reference do the same, step by step."""

from __future__ import annotations

import random
from typing import Any

import pytest
from random_runs import random_calls

from kvproof.model import machines
from kvproof.spec.lang import Rejected, RuleBroken, plain
from kvproof.spec.lang.containers import frozen

RUNS = 6
LENGTH = 50


def _outcome(runner: Any, call: tuple[str, dict[str, Any]]) -> Any:
    try:
        return plain(runner.apply(*call))
    except (Rejected, RuleBroken) as error:
        return str(error)
    except Exception as error:
        if type(error).__name__ in ("Rejected", "RuleBroken"):
            return str(error)
        raise


def _sizes() -> list[tuple[str, str, str]]:
    found = []
    for machine in ("block-manager", "transfers", "sequence-caches", "executor", "mailbox:Mailbox", "kitchen:Kitchen"):
        for purpose, named in machines.load(machine).sizes.items():
            found += [(machine, purpose, label) for label in named]
    return found


@pytest.mark.parametrize(("machine", "purpose", "label"), _sizes())
def test_the_reference_does_what_the_specification_says(machine: str, purpose: str, label: str) -> None:
    bundle = machines.load(machine)
    parameters = bundle.sizes[purpose][label]
    source = random.Random(f"{machine} {label}")
    for _ in range(RUNS):
        direct, reference = bundle.definition.cls(parameters), bundle.reference(parameters)
        steps: list[list[Any]] = [[], []]
        direct.on_step = lambda name, arguments, log=steps[0]: log.append((name, frozen(arguments)))  # type: ignore[misc]
        reference.on_step = lambda name, arguments, log=steps[1]: log.append((name, arguments))
        before = None
        for call in random_calls(bundle.definition, parameters, source, LENGTH):
            assert _outcome(direct, call) == _outcome(reference, call)
            state = direct.snapshot()
            assert state == reference.snapshot()
            assert steps[0] == steps[1]
            if state == before:
                continue  # refused, as most are: what follows depends on the state alone
            before = state
            assert direct.observe() == reference.observe()
            assert direct.check() == reference.check() == []


@pytest.mark.parametrize(
    "machine", ["block-manager", "transfers", "sequence-caches", "executor", "mailbox:Mailbox", "kitchen:Kitchen"]
)
def test_enabled_tells_the_outcome_and_changes_nothing(machine: str) -> None:
    bundle = machines.load(machine)
    parameters = next(iter(bundle.sizes["fuzz"].values()))
    reference = bundle.reference(parameters)
    for call in random_calls(bundle.definition, parameters, random.Random(5), 300):
        before = reference.snapshot()
        error = reference.enabled(*call)
        assert reference.snapshot() == before
        assert error == _rejection(reference, call)


def _rejection(reference: Any, call: tuple[str, dict[str, Any]]) -> str | None:
    try:
        reference.apply(*call)
    except reference.Rejected as rejection:
        return str(rejection.error)
    return None


def test_a_snapshot_restores_the_whole_state() -> None:
    bundle = machines.load("block-manager")
    parameters = bundle.sizes["fuzz"]["tight"]
    reference, other = bundle.reference(parameters), bundle.reference(parameters)
    for call in random_calls(bundle.definition, parameters, random.Random(6), 200):
        other.restore(reference.snapshot())
        assert _outcome(reference, call) == _outcome(other, call)
        assert reference.snapshot() == other.snapshot()


def test_the_agreement_can_fail() -> None:
    """A machine that differs in one helper is told apart."""
    bundle = machines.load("kitchen:Kitchen")
    faulty = bundle.variant("forgets")
    parameters = bundle.sizes["fuzz"]["3 tables"]
    direct, reference = bundle.definition.cls(parameters), faulty.reference(parameters)
    source = random.Random(7)
    agreed = True
    for call in random_calls(bundle.definition, parameters, source, 400):
        agreed = agreed and _outcome(direct, call) == _outcome(reference, call)
        agreed = agreed and direct.snapshot() == reference.snapshot()
    assert not agreed
