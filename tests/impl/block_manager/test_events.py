"""Cache events."""

from __future__ import annotations

import pytest
from pool_cases import Pool

from kvproof.fuzz.bugs.planting import plant
from kvproof.impl.block_manager import BlockManager, Removed, Stored, Updated
from kvproof.impl.block_manager.event_log import EventLog
from kvproof.impl.device import Level


def event_pool(primary: int, secondary: int = 0, manager_type: type[BlockManager] = BlockManager) -> Pool:
    return Pool(primary, secondary, events=True, manager_type=manager_type)


def test_stored_blocks_chain_to_their_parents() -> None:
    pool = event_pool(4)
    pool.cache(0, [1, 2, 3, 4])
    first, second = pool.manager.drain_events()
    assert isinstance(first, Stored)
    assert isinstance(second, Stored)
    assert (first.parent_hash, first.key, first.level) == (None, (1, 2), Level.PRIMARY)
    assert (second.parent_hash, second.key) == (first.hash, (3, 4))


def test_drained_events_are_gone() -> None:
    pool = event_pool(4)
    pool.cache(0, [1, 2])
    pool.manager.drain_events()
    assert pool.manager.drain_events() == []


def test_same_path_has_the_same_hash_in_every_manager() -> None:
    hashes = []
    for _ in range(2):
        pool = event_pool(4)
        pool.cache(0, [1, 2, 3, 4])
        hashes.append([event.hash for event in pool.manager.drain_events()])
    assert hashes[0] == hashes[1]
    assert len(set(hashes[0])) == 2


def test_same_key_under_another_parent_has_another_hash() -> None:
    pool = event_pool(6)
    pool.cache(0, [1, 1, 1, 1])
    assert len({event.hash for event in pool.manager.drain_events()}) == 2


def test_offload_and_onboarding_say_where_the_block_is() -> None:
    pool = event_pool(2, 1)
    pool.cache(0, [1, 2])
    stored = pool.manager.drain_events()[0]
    pool.offload([1, 2])
    pool.add(1, [1, 2, 3])
    assert pool.manager.drain_events() == [
        Updated(stored.hash, Level.SECONDARY),
        Updated(stored.hash, Level.PRIMARY),
    ]


def test_evicted_subtree_is_removed_children_first() -> None:
    pool = event_pool(3)
    pool.cache(0, [1, 2, 3, 4], 80)
    pool.cache(1, [1, 2, 9], 0)
    pool.cache(2, [7, 7], 90)
    first, second, _ = (event.hash for event in pool.manager.drain_events())
    pool.add(3, [5, 6])
    assert pool.manager.drain_events() == [Removed(second), Removed(first)]


def test_block_taken_in_place_is_removed() -> None:
    pool = Pool(2, events=True, partial_reuse=True)
    pool.cache(0, [1, 2])
    stored = pool.manager.drain_events()[0]
    pool.add(1, [1, 9])
    assert pool.manager.drain_events() == [Removed(stored.hash)]


def test_events_need_the_pools_consent() -> None:
    with pytest.raises(ValueError, match=r"PoolConfig\.events is False"):
        Pool(2).manager.drain_events()


def test_wrong_parent_hash_shows_in_the_chain() -> None:
    class RootForAll(EventLog):
        def parent_hash(self, parent: int) -> bytes | None:
            return None  # M-73

    pool = event_pool(4, manager_type=plant(BlockManager, parts={EventLog: RootForAll}))
    pool.cache(0, [1, 2, 3, 4])
    assert [event.parent_hash for event in pool.manager.drain_events() if isinstance(event, Stored)] == [None, None]
