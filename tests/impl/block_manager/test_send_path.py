"""A sender reads the blocks of a pinned path from where they are."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from pool_cases import BLOCK_BYTES, Pool, content

from kvproof.fuzz.bugs.planting import plant
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.paths import CachedPaths
from kvproof.impl.device import SCHEDULES, Loaded, ScheduleName

WIDTH = BLOCK_BYTES // 2


class NotedSlots(CachedPaths):
    """Sends from where the blocks were when it first sent them (#16913)."""

    def send(self, tokens: Iterable[int], extra_ids: Iterable[int] | None) -> list[Loaded]:
        if not hasattr(self, "_noted"):
            self._noted = [self._blocks.slot[block] for block in self.pinned_path(tokens, extra_ids)]
        loads = [self._blocks.transfers.send(slot) for slot in self._noted]
        self._blocks.transfers.flush()
        return loads


NotedAddresses = plant(BlockManager, parts={CachedPaths: NotedSlots})


def sent(pool: Pool, *tokens: int) -> list[bytes]:
    loads = pool.manager.send_path(tokens)
    pool.device.synchronize()
    return [load.value() for load in loads]


def wanted(*tokens: int) -> list[bytes]:
    return [content(tokens[: end + 2], 2, WIDTH) for end in range(0, len(tokens), 2)]


def pinned_in_host_memory(manager_type: type[BlockManager] = BlockManager, schedule: ScheduleName = "lazy") -> Pool:
    pool = Pool(2, 1, manager_type=manager_type, schedule=schedule)
    pool.cache(0, [1, 2])
    pool.offload([1, 2])
    pool.manager.pin([1, 2])
    return pool


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_all_blocks_of_the_path_are_read_in_order(schedule: ScheduleName) -> None:
    pool = Pool(3, schedule=schedule)
    pool.cache(0, [1, 2, 3, 4])
    pool.manager.pin([1, 2, 3, 4])
    assert sent(pool, 1, 2, 3, 4) == wanted(1, 2, 3, 4)
    assert pool.device.races == []


def test_a_block_in_host_memory_is_read_there() -> None:
    assert sent(pinned_in_host_memory(), 1, 2) == wanted(1, 2)


def moved_and_overwritten(pool: Pool) -> Pool:
    """The pinned block is reused, which brings it to device memory, and another takes its place in host memory."""
    pool.manager.send_path([1, 2])
    pool.add(1, [1, 2, 3])
    pool.manager.finish(1)
    pool.cache(2, [7, 8])
    pool.offload([7, 8])
    return pool


def test_a_block_that_has_moved_is_read_where_it_is_now() -> None:
    pool = moved_and_overwritten(pinned_in_host_memory())
    assert sent(pool, 1, 2) == wanted(1, 2)
    assert pool.device.races == []


def test_a_sender_with_addresses_of_its_own_reads_what_others_have_put_there() -> None:
    pool = moved_and_overwritten(pinned_in_host_memory(NotedAddresses))
    assert sent(pool, 1, 2) == wanted(7, 8)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_what_is_sent_may_be_unpinned_and_overwritten_at_once(schedule: ScheduleName) -> None:
    pool = Pool(1, schedule=schedule)
    pool.cache(0, [1, 2])
    pool.manager.pin([1, 2])
    load = pool.manager.send_path([1, 2])[0]
    pool.manager.unpin([1, 2])
    pool.add(1, [3, 4])
    pool.device.synchronize()
    assert load.value() == wanted(1, 2)[0]
    assert pool.device.races == []


def test_a_path_that_is_only_the_beginning_of_a_pinned_one_is_refused() -> None:
    pool = Pool(3)
    pool.cache(0, [1, 2, 3, 4])
    pool.manager.pin([1, 2, 3, 4])
    assert pool.refusal("send_path", [1, 2]).reason == "not-pinned"


def test_a_path_that_is_not_cached_is_refused() -> None:
    assert Pool(1).refusal("send_path", [1, 2]).reason == "not-cached"
