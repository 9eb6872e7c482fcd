"""The shortest counterexample of each variant of the block manager, explored once for all tests."""

from __future__ import annotations

import functools

from kvproof.model import machines
from kvproof.model.checking.explore import Explored, explore
from kvproof.model.machines import Bundle


@functools.cache
def manager() -> Bundle:
    """The block manager."""
    return machines.load("block-manager")


@functools.cache
def faulty(variant: str) -> Bundle:
    """The block manager with a historic bug."""
    return manager().variant(variant)


@functools.cache
def explored(variant: str) -> Explored:
    """What exploring a variant at its sizes finds."""
    return explore(faulty(variant), manager().sizes["variants"][variant])
