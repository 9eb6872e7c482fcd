"""Taking free blocks: eviction of subtrees, offloading during allocation, onboarding, explicit offload."""

from __future__ import annotations

import pytest
from pool_cases import Pool

from kvproof.fuzz.bugs.planting import plant
from kvproof.impl.block_manager import BlockManager, ProtocolError
from kvproof.impl.block_manager.allocation import Allocation
from kvproof.impl.block_manager.batch import BatchPhases
from kvproof.impl.block_manager.free_queues import NOT_QUEUED
from kvproof.impl.block_manager.plan import Plan
from kvproof.impl.device import Level


def test_empty_blocks_are_taken_before_cached_ones() -> None:
    pool = Pool(3)
    pool.cache(0, [1, 2], 0)
    pool.add(1, [3, 4, 5])
    assert pool.inspection.cached_paths() == [(1, 2)]


def test_lowest_priority_is_evicted_first() -> None:
    pool = Pool(2)
    pool.cache(0, [1, 2], 10)
    pool.cache(1, [3, 4], 5)
    pool.add(2, [5, 6])
    assert pool.inspection.cached_paths() == [(1, 2)]


def test_leaf_goes_before_its_parent() -> None:
    pool = Pool(2)
    pool.cache(0, [1, 2, 3, 4])
    pool.add(1, [5, 6])
    assert pool.inspection.cached_paths() == [(1, 2)]


def orphaning_pool(secondary: int = 0) -> Pool:
    """[1,2] at priority 0 with its child [1,2,3,4] at priority 80, both free, and no empty block."""
    pool = Pool(3, secondary)
    pool.cache(0, [1, 2, 3, 4], 80)
    pool.cache(1, [1, 2, 9], 0)  # its third block, the partial one, is empty again afterwards
    pool.cache(2, [7, 7], 90)
    return pool


def test_eviction_takes_the_whole_subtree() -> None:
    pool = orphaning_pool()
    pool.add(3, [5, 6])
    assert pool.inspection.cached_paths() == [(7, 7)]


def test_unreachable_block_is_the_first_victim() -> None:
    pool = orphaning_pool()
    pool.add(3, [5, 6])
    assert pool.victims() == [(0, None), (90, (7, 7))]


def test_block_in_use_under_an_evicted_one_loses_its_key_only() -> None:
    pool = Pool(4)
    pool.add(0, [1, 2])
    pool.add(1, [1, 2, 3, 4])
    pool.manager.store(0)
    pool.manager.store(1)  # [3, 4] of sequence 1 is now under the block of sequence 0
    pool.manager.finish(0)
    pool.add(2, [5, 6, 7])  # takes the empty block and [1, 2]
    assert pool.inspection.cached_paths() == []
    assert [block.cached for block in pool.inspection.sequences()[1].blocks] == [False, False]
    assert pool.manager.finish(1) == 2


def test_victim_worth_it_is_offloaded() -> None:
    pool = Pool(1, 1)
    pool.cache(0, [1, 2], 30)
    pool.add(1, [3, 4])
    assert pool.level_of((1, 2)) is Level.SECONDARY


def test_victim_below_the_threshold_is_dropped() -> None:
    pool = Pool(1, 1)
    pool.cache(0, [1, 2], 29)
    pool.add(1, [3, 4])
    assert pool.level_of((1, 2)) is None


def test_offloaded_victim_keeps_its_priority() -> None:
    pool = Pool(1, 1)
    pool.cache(0, [1, 2], 66)
    pool.add(1, [3, 4])
    assert pool.victims(Level.SECONDARY) == [(66, (1, 2))]


def test_full_host_pool_drops_its_own_victim() -> None:
    pool = Pool(1, 1)
    pool.cache(0, [1, 2])
    pool.cache(1, [3, 4])
    pool.cache(2, [5, 6])
    assert sorted(pool.inspection.cached_paths()) == [(3, 4), (5, 6)]


def test_descendant_made_unreachable_by_the_host_eviction_is_taken_without_a_copy() -> None:
    pool = Pool(2, 1)
    pool.cache(0, [1, 2, 3, 4])
    pool.offload([1, 2])
    pool.cache(1, [9])  # leaves an empty block
    pool.add(2, [7, 7, 8, 8])
    # The empty block went first. Then [1,2,3,4] would be offloaded, but room for it is made by evicting its parent.
    assert pool.inspection.cached_paths() == []
    assert pool.manager.counters.blocks_offloaded == 1  # the explicit one


def test_host_match_is_onboarded() -> None:
    pool = Pool(2, 1)
    pool.cache(0, [1, 2])
    pool.offload([1, 2])
    assert pool.add(1, [1, 2, 3]) == 2
    assert pool.level_of((1, 2)) is Level.PRIMARY
    assert pool.wrong_contents() == []


def test_slot_left_by_onboarding_is_the_first_host_victim() -> None:
    pool = Pool(2, 2)
    pool.cache(0, [1, 2])
    pool.offload([1, 2])
    pool.add(1, [1, 2, 3])
    assert pool.victims(Level.SECONDARY) == [(0, None), (0, None)]


def host_chain(manager_type: type[BlockManager] = BlockManager) -> Pool:
    """[1,2] and [1,2,3,4] fill the host pool, three other blocks the device (M-30)."""
    pool = Pool(3, 2, manager_type=manager_type)
    pool.cache(0, [1, 2, 3, 4])
    pool.offload([1, 2, 3, 4])
    pool.offload([1, 2])
    pool.cache(1, [7, 7, 8, 8, 6, 6])
    return pool


def test_onboarding_does_not_evict_the_rest_of_the_match() -> None:
    pool = host_chain()
    assert pool.add(2, [1, 2, 3, 4, 5]) == 4
    assert pool.wrong_contents() == []


def test_claiming_each_match_only_when_its_turn_comes_breaks_the_match() -> None:
    class ClaimsLate(BatchPhases):
        def claim_matches(self, plans: list[Plan]) -> None:
            for plan in plans:
                plan.fresh, plan.kept = self._retention.by_position(plan.request.ranges, plan.needed)

        def take_match(self, sequence: int, block: int) -> None:
            if self._blocks.handle[block] != NOT_QUEUED:
                self._blocks.step_claim(block)
            super().take_match(sequence, block)

    pool = host_chain(plant(BlockManager, parts={BatchPhases: ClaimsLate}))
    pool.add(2, [1, 2, 3, 4, 5])
    assert pool.wrong_contents() != [] or (1, 2, 3, 4) not in pool.inspection.cached_paths()


def test_claim_after_swap_is_an_error() -> None:
    class ClaimsAfterSwap(Allocation):
        def exchange_with_host(self, victim: int, host: int) -> None:
            self._blocks.step_copy(victim, host, 2)
            self._blocks.step_swap(victim, host)
            self._blocks.step_claim(victim)

    pool = Pool(1, 1, manager_type=plant(BlockManager, parts={Allocation: ClaimsAfterSwap}))
    pool.cache(0, [1, 2])
    with pytest.raises(ProtocolError, match="block 0: claimed from the SECONDARY queue of rank 36, but it is in"):
        pool.add(1, [7, 8])


def test_explicit_offload_moves_the_block_and_its_bytes() -> None:
    pool = Pool(2, 2)
    pool.cache(0, [1, 2, 3, 4])
    pool.offload([1, 2])
    assert pool.level_of((1, 2)) is Level.SECONDARY
    assert pool.level_of((1, 2, 3, 4)) is Level.PRIMARY
    assert pool.wrong_contents() == []


def test_offload_of_what_is_not_cached_is_refused() -> None:
    pool = Pool(2, 1)
    pool.cache(0, [1, 2])
    for tokens in ([], [1], [3, 4], [1, 2, 3, 4]):
        assert pool.refusal("offload", tokens).reason == "not-cached"


def test_offload_of_a_block_in_use_is_refused() -> None:
    pool = Pool(2, 1)
    pool.add(0, [1, 2])
    pool.manager.store(0)
    assert pool.refusal("offload", [1, 2]).reason == "in-use"


def test_offload_of_a_host_block_is_refused() -> None:
    pool = Pool(2, 2)
    pool.cache(0, [1, 2])
    pool.offload([1, 2])
    assert pool.refusal("offload", [1, 2]).reason == "not-on-primary"


def test_offload_without_a_host_pool_is_refused() -> None:
    pool = Pool(2)
    pool.cache(0, [1, 2])
    assert pool.refusal("offload", [1, 2]).reason == "no-host-block"


def test_offload_that_would_evict_its_own_ancestor_is_refused() -> None:
    pool = Pool(2, 1)
    pool.cache(0, [1, 2, 3, 4])
    pool.offload([1, 2])
    assert pool.refusal("offload", [1, 2, 3, 4]).reason == "no-host-block"


def test_bookkeeping_is_sound_after_each_kind_of_movement() -> None:
    for pool in (orphaning_pool(2), host_chain()):
        pool.add(5, [5, 6])
        assert pool.inspection.check() == []
