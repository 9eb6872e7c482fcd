"""The one-pass forms of invariants say what the generated ones say."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from workload_cases import SUBJECT, generated

from kvproof.fuzz.workload.block_manager.invariants import ONE_PASS, broken_invariants
from kvproof.fuzz.workload.block_manager.prepare import prepare


def reference(seed: int, operations: int) -> Any:
    """A reference some way into a replay, with sequences live and both levels in use."""
    run = prepare(generated(60, seed), SUBJECT, 90, 60)
    steps = run.service.operations()
    operation = next(steps)
    side: Any = SUBJECT.reference(run.lockstep.parameters)
    for _ in range(operations):
        assert run.lockstep.apply(operation) is None
        if not hasattr(run.lockstep.outcome, "error"):
            side.apply(operation.name, operation.arguments)
        operation = steps.send(run.lockstep.outcome)
    return side


def twice_the_same_slot(side: Any, random: Random) -> None:
    one, other = random.sample(range(len(side.slot)), 2)
    side.slot[one] = side.slot[other]


def a_reference_too_many(side: Any, random: Random) -> None:
    side.refs[random.randrange(len(side.refs))] += 1


def a_block_that_is_dropped_without_its_reference(side: Any, random: Random) -> None:
    sequence = random.choice(sorted(side.live))
    side.blocks[sequence] = side.blocks[sequence][1:]


def a_child_under_a_second_key(side: Any, random: Random) -> None:
    block = random.choice(sorted(side.cached))
    side.child[side.parent[block]][(-1, -1)] = block


def a_parent_that_is_forgotten(side: Any, random: Random) -> None:
    side.parent[random.choice([b for b in sorted(side.cached) if side.parent[b] is not None])] = None


def a_free_block_that_falls_out_of_the_tree(side: Any, random: Random) -> None:
    side.cached.discard(random.choice([b for b in sorted(side.cached) if side.refs[b] == 0]))


BREAKAGES = (
    twice_the_same_slot,
    a_reference_too_many,
    a_block_that_is_dropped_without_its_reference,
    a_child_under_a_second_key,
    a_parent_that_is_forgotten,
    a_free_block_that_falls_out_of_the_tree,
)


@pytest.mark.parametrize("name", ONE_PASS)
def test_a_one_pass_form_is_of_an_invariant_that_there_is(name: str) -> None:
    assert name in reference(0, 0).INVARIANTS


@pytest.mark.parametrize(("seed", "operations"), [(0, 0), (1, 40), (2, 150)])
def test_all_hold_in_a_replay(seed: int, operations: int) -> None:
    side = reference(seed, operations)

    assert broken_invariants(side) == side.check() == []


@pytest.mark.parametrize("breakage", BREAKAGES)
@pytest.mark.parametrize("seed", range(3))
def test_both_forms_object_alike(breakage: Callable[[Any, Random], None], seed: int) -> None:
    side = reference(seed, 150)
    breakage(side, Random(seed))

    broken = broken_invariants(side)

    assert broken == side.check()
    assert set(broken) & set(ONE_PASS)
