"""Giving up a cached subtree: it stays cached until its blocks are needed, which is before all others."""

from __future__ import annotations

import pytest
from pool_cases import Pool

from kvproof.fuzz.bugs.planting import plant
from kvproof.impl.block_manager import BlockManager, ProtocolError, Request, RetentionRange
from kvproof.impl.block_manager.paths import CachedPaths


def tree_pool(manager_type: type[BlockManager] = BlockManager) -> Pool:
    """[7,7] at the default priority; [1,2] with the children [3,4] and [5,6] at priority 80."""
    pool = Pool(8, duration_max=5, manager_type=manager_type)
    pool.cache(0, [7, 7])
    for sequence, tokens in enumerate(([1, 2, 5, 6], [1, 2, 3, 4]), 1):
        pool.batch(Request(sequence, tokens, (RetentionRange(0, 4, 80, 5),)))
        pool.manager.finish(sequence)
    return pool


def cached_victims(pool: Pool) -> list[tuple[int, tuple[int, ...] | None]]:
    return [victim for victim in pool.victims() if victim[1] is not None]


def test_released_blocks_are_the_next_cached_victims_from_the_top() -> None:
    pool = tree_pool()
    assert pool.manager.release_subtree([1, 2]) == 3
    assert cached_victims(pool) == [(0, (1, 2)), (0, (1, 2, 3, 4)), (0, (1, 2, 5, 6)), (35, (7, 7))]


def test_deepest_goes_to_the_front_first_and_children_by_key() -> None:
    pool = tree_pool()
    pool.steps.clear()
    pool.manager.release_subtree([1, 2])
    paths = [pool.manager.snapshot().paths[step[1]] for step in pool.steps if step[0] == "claim"]
    assert paths == [(1, 2, 5, 6), (1, 2, 3, 4), (1, 2)]


def test_released_blocks_stay_cached() -> None:
    pool = tree_pool()
    pool.manager.release_subtree([1, 2])
    assert pool.add(9, [1, 2, 3, 4, 9]) == 4


def test_released_blocks_lose_their_duration() -> None:
    pool = tree_pool()
    pool.manager.release_subtree([1, 2])
    assert pool.manager.refresh(9) == 0


def test_block_in_use_only_loses_its_priority() -> None:
    pool = tree_pool()
    pool.add(9, [1, 2, 9], 90)
    pool.steps.clear()
    pool.manager.release_subtree([1, 2])
    assert pool.steps[-1] == ("prioritise", pool.steps[-1][1], 0, 0)
    assert [block.priority for block in pool.inspection.in_use() if block.path == (1, 2)] == [0]


def test_path_that_is_not_cached_is_refused() -> None:
    for tokens in ([], [1], [3, 4], [1, 2, 9, 9]):
        assert tree_pool().refusal("release_subtree", tokens).reason == "not-cached"


def test_release_without_claim_is_an_error() -> None:
    class WithoutClaim(CachedPaths):
        def demote(self, block: int) -> None:
            self._blocks.priority[block] = 0
            self._blocks.step_release(block, True)  # M-44

    with pytest.raises(ProtocolError, match="released twice"):
        tree_pool(plant(BlockManager, parts={CachedPaths: WithoutClaim})).manager.release_subtree([1, 2])
