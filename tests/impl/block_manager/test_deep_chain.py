"""A chain of cached blocks may be as deep as the pool is large: nothing walks it by recursion (#9767, #10379)."""

from __future__ import annotations

import sys

from pool_cases import Pool

DEPTH = 5 * sys.getrecursionlimit()


def deep_pool() -> Pool:
    """One free chain of `DEPTH` blocks in a pool that has no others, its head the next victim."""
    pool = Pool(DEPTH, tokens_per_block=1, max_sequence_tokens=DEPTH)
    pool.manager.add_sequence(0, [1] * DEPTH)
    pool.manager.finish(0)
    pool.manager.release_subtree([1])
    return pool


def test_a_deep_chain_is_evicted_at_its_head() -> None:
    pool = deep_pool()
    pool.manager.add_sequence(0, [2])
    assert pool.manager.free_counts() == (DEPTH - 1, 0)
    assert pool.manager.estimate([1] * DEPTH) == 0


def test_a_deep_chain_is_matched_whole() -> None:
    assert deep_pool().manager.estimate([1] * DEPTH) == DEPTH - 1
