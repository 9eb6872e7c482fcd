"""The specification's invariants on pools of thousands of blocks.

Some are stated over pairs of blocks, which is how they read best and what z3 takes; at 10,000 blocks they take many
seconds. For those there is a form here that says the same in one pass, and a test holds each against the generated one,
on states that satisfy it and on broken ones. All others are the generated ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any


def slots_are_a_permutation(side: Any) -> bool:
    """No slot comes twice."""
    return len(set(side.slot)) == len(side.slot)


def references_are_counted(side: Any) -> bool:
    """Count all uses at once."""
    uses = Counter(block for blocks in side.blocks for block in blocks)
    return all(refs == pins + uses[block] for block, (refs, pins) in enumerate(zip(side.refs, side.pins, strict=True)))


def children_know_their_parents(side: Any) -> bool:
    """Count the cached blocks by their parents at once."""
    named = Counter(side.parent[block] for block in side.cached)
    return all(len(below) == named[node] for node, below in side.child.items())


ONE_PASS: Mapping[str, Callable[[Any], bool]] = {
    form.__name__: form for form in (slots_are_a_permutation, references_are_counted, children_know_their_parents)
}
"""By the name that the specification gives the invariant."""


def broken_invariants(side: Any) -> list[str]:
    """What `check` of a generated reference returns, in time that grows with the number of blocks only."""
    return [
        name for name in side.INVARIANTS if not (ONE_PASS[name](side) if name in ONE_PASS else getattr(side, name)())
    ]
