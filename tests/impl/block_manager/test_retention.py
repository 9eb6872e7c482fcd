"""Priorities and durations of ranges, and what happens when a duration has run out."""

from __future__ import annotations

import random

import pytest
from pool_cases import Pool

from kvproof.fuzz.bugs.planting import plant
from kvproof.impl.block_manager import BlockManager, Request, RetentionRange
from kvproof.impl.block_manager.expiry import COMPACT_FROM, Expiry
from kvproof.impl.block_manager.retention import BlockRetention
from kvproof.impl.device import Level


def timed_pool(primary: int = 6, secondary: int = 0, manager_type: type[BlockManager] = BlockManager) -> Pool:
    return Pool(primary, secondary, duration_max=9, manager_type=manager_type)


def cache(pool: Pool, sequence: int, tokens: list[int], *ranges: RetentionRange) -> None:
    pool.batch(Request(sequence, tokens, ranges))
    pool.manager.finish(sequence)


def timed(pool: Pool, level: Level = Level.PRIMARY) -> list[tuple[int, tuple[int, ...], int]]:
    """(priority, path, ticks left) of the cached free blocks, in victim order."""
    return [(b.priority, b.path, b.remaining) for b in pool.inspection.victim_order(level) if b.path is not None]


# Which retention a block gets


def priorities(*ranges: RetentionRange, tokens: int = 6) -> list[int]:
    pool = timed_pool()
    pool.batch(Request(0, [1] * tokens, ranges))
    return [step[2] for step in pool.steps if step[0] == "prioritise"]


def test_block_outside_all_ranges_gets_the_default() -> None:
    assert priorities(RetentionRange(2, 4, 80)) == [35, 80, 35]


def test_first_range_that_a_block_begins_in_counts() -> None:
    assert priorities(RetentionRange(2, 4, 80), RetentionRange(0, 6, 10)) == [10, 80, 10]


def test_range_counts_for_blocks_that_begin_in_it() -> None:
    assert priorities(RetentionRange(1, 3, 80)) == [35, 80, 35]


def test_empty_range_and_range_beyond_the_prompt_count_for_nothing() -> None:
    assert priorities(RetentionRange(2, 2, 80), RetentionRange(6, 64, 81)) == [35, 35, 35]


def test_reuse_without_a_demand_keeps_the_priority_and_clears_the_duration() -> None:
    pool = timed_pool()
    cache(pool, 0, [1, 2], RetentionRange(0, 2, 80, 5))
    pool.batch(Request(1, [1, 2, 3]))
    assert [(b.priority, b.duration) for b in pool.inspection.in_use() if b.path] == [(80, 0)]


def test_reuse_with_a_demand_gets_it() -> None:
    pool = timed_pool()
    cache(pool, 0, [1, 2], RetentionRange(0, 2, 80, 5))
    pool.batch(Request(1, [1, 2, 3], (RetentionRange(0, 2, 10, 3),)))
    assert [(b.priority, b.duration) for b in pool.inspection.in_use() if b.path] == [(10, 3)]


def test_copy_source_keeps_its_priority_and_duration() -> None:
    pool = Pool(6, partial_reuse=True, duration_max=9)
    cache(pool, 0, [1, 2, 3, 4], RetentionRange(0, 4, 80, 5))
    pool.batch(Request(1, [1, 9], (RetentionRange(0, 2, 10, 3),)))
    assert (80, (1, 2), 5) in timed(pool)
    assert [(b.priority, b.duration) for b in pool.inspection.in_use()] == [(10, 3)]


def test_appended_blocks_get_the_decode_retention() -> None:
    pool = timed_pool()
    pool.batch(Request(0, [1, 2], decode_priority=70, decode_duration=4))
    pool.append(0, [3, 4])
    pool.manager.finish(0)
    assert timed(pool) == [(35, (1, 2), 0), (70, (1, 2, 3, 4), 4)]


def test_unreachable_block_goes_before_a_cached_one_of_priority_0() -> None:
    pool = timed_pool(2)
    cache(pool, 0, [1, 2], RetentionRange(0, 2, 0))
    pool.manager.release_subtree([1, 2])  # to the front of priority 0
    assert pool.victims() == [(0, None), (0, (1, 2))]


def test_unreachable_block_has_neither_priority_nor_duration() -> None:
    pool = timed_pool(1)
    pool.batch(Request(0, [1], (RetentionRange(0, 1, 80, 5),)))
    pool.manager.finish(0)
    assert [(b.priority, b.remaining) for b in pool.inspection.victim_order(Level.PRIMARY)] == [(0, 0)]


# Expiry


def test_priority_runs_out_after_its_duration() -> None:
    pool = timed_pool()
    cache(pool, 0, [1, 2], RetentionRange(0, 2, 80, 5))
    assert pool.manager.refresh(4) == 0
    assert timed(pool) == [(80, (1, 2), 1)]
    assert pool.manager.refresh(5) == 1
    assert timed(pool) == [(35, (1, 2), 0)]


def test_duration_counts_from_the_release() -> None:
    pool = timed_pool()
    pool.batch(Request(0, [1, 2], (RetentionRange(0, 2, 80, 5),)))
    pool.manager.refresh(100)
    pool.manager.finish(0)
    assert timed(pool) == [(80, (1, 2), 5)]


def test_claim_stops_the_timer() -> None:
    pool = timed_pool()
    cache(pool, 0, [1, 2], RetentionRange(0, 2, 80, 5))
    pool.manager.pin([1, 2])
    assert pool.manager.refresh(100) == 0
    pool.manager.unpin([1, 2])
    assert timed(pool) == [(80, (1, 2), 5)]


def test_default_priority_does_not_run_out() -> None:
    pool = timed_pool()
    cache(pool, 0, [1, 2], RetentionRange(0, 2, 35, 5))
    assert timed(pool) == [(35, (1, 2), 0)]
    assert pool.manager.refresh(100) == 0


def test_expired_block_goes_behind_those_of_the_default_priority() -> None:
    pool = timed_pool()
    cache(pool, 0, [1, 2], RetentionRange(0, 2, 80, 5))
    cache(pool, 1, [3, 4])
    pool.manager.refresh(5)
    assert timed(pool) == [(35, (3, 4), 0), (35, (1, 2), 0)]


def test_blocks_expire_in_the_order_of_their_times_then_of_victims() -> None:
    pool = timed_pool()
    cache(pool, 0, [1, 1], RetentionRange(0, 2, 80, 5))
    cache(pool, 1, [2, 2], RetentionRange(0, 2, 10, 5))
    cache(pool, 2, [3, 3], RetentionRange(0, 2, 90, 2))
    cache(pool, 3, [4, 4], RetentionRange(0, 2, 10, 5))
    assert pool.manager.refresh(9) == 4
    assert [path for _, path, _ in timed(pool)] == [(3, 3), (2, 2), (4, 4), (1, 1)]


def test_block_at_the_front_of_its_queue_expires_before_those_behind() -> None:
    pool = timed_pool()
    pool.batch(Request(0, [1, 1], (RetentionRange(0, 2, 80, 5),)))
    pool.batch(Request(1, [1, 1, 2, 2, 3, 3], (RetentionRange(0, 6, 80, 5),)))
    pool.manager.store(1)
    pool.manager.finish(0)
    pool.rewind(1, 2)  # (1, 1, 2, 2, 3, 3) goes to the front
    pool.rewind(1, 2)  # (1, 1, 2, 2) goes before it
    pool.manager.finish(1)
    pool.manager.refresh(5)
    assert [path for _, path, _ in timed(pool)] == [(1, 1, 2, 2), (1, 1, 2, 2, 3, 3), (1, 1)]


def test_primary_blocks_expire_before_host_blocks() -> None:
    pool = timed_pool(2, 2)
    cache(pool, 0, [1, 2, 3, 4], RetentionRange(0, 4, 80, 5))
    pool.offload([1, 2])
    pool.steps.clear()
    assert pool.manager.refresh(9) == 2
    assert [step[0] for step in pool.steps] == [*("claim", "prioritise", "release") * 2, "tick"]
    assert [step[1] for step in pool.steps if step[0] == "claim"] == [1, 0]


def test_offloading_starts_the_duration_anew() -> None:
    pool = timed_pool(2, 1)
    cache(pool, 0, [1, 2], RetentionRange(0, 2, 80, 5))
    pool.manager.refresh(4)
    pool.offload([1, 2])
    assert timed(pool, Level.SECONDARY) == [(80, (1, 2), 5)]


def test_time_passes_though_nothing_expires() -> None:
    pool = timed_pool()
    pool.manager.refresh(3)
    pool.manager.refresh(3)
    assert pool.steps == [("tick", 3), ("tick", 0)]


def test_time_does_not_go_back() -> None:
    pool = timed_pool()
    pool.manager.refresh(3)
    with pytest.raises(ValueError, match="refresh at tick 2: the last was at 3"):
        pool.manager.refresh(2)


def test_expiry_to_the_front_changes_the_victim_order() -> None:
    class ToTheFront(BlockRetention):
        def expire(self, block: int) -> None:
            self._blocks.step_claim(block)
            self._blocks.step_prioritise(block, self._config.default_priority, 0)
            self._blocks.step_release(block, True)  # M-10

    pool = timed_pool(manager_type=plant(BlockManager, parts={BlockRetention: ToTheFront}))
    cache(pool, 0, [1, 2], RetentionRange(0, 2, 80, 5))
    cache(pool, 1, [3, 4])
    pool.manager.refresh(5)
    assert timed(pool) == [(35, (1, 2), 0), (35, (3, 4), 0)]


# The heap


def test_timers_come_out_as_a_sorted_list_would_give_them() -> None:
    rng = random.Random(1)
    expiry = Expiry()
    for _ in range(3000):
        block = rng.randrange(50)
        if block in expiry.timers:
            expiry.cancel(block)
        else:
            expiry.start(block, 0, rng.randrange(3), rng.random() < 0.5, rng.randrange(1, 20))
        if rng.random() < 0.1:
            expected = [timer.block for timer in sorted(expiry.timers.values()) if timer.time <= expiry.now + 3]
            found = []
            while (due := expiry.next_due(0, expiry.now + 3)) is not None:
                found.append(due)
                expiry.cancel(due)
            assert found == expected
            expiry.now += 3


def test_cancelled_timers_do_not_pile_up() -> None:
    expiry = Expiry()
    for _ in range(10_000):
        expiry.start(0, 0, 1, False, 9)
        expiry.cancel(0)
    assert len(expiry._heaps[0]) <= COMPACT_FROM + 1
