"""Where a forward pass reads and writes."""

from __future__ import annotations

import pytest
from cache_cases import CachePool

from kvproof.impl.device import Stream
from kvproof.impl.sequence_caches import Kind, Refused, Use


def touched(uses: tuple[Use, ...], kind: Kind) -> list[tuple[int, int, int]]:
    """Block, first token and end of each use of a life cycle."""
    return [(use.ordinal, use.first, use.end) for use in uses if use.kind is kind]


def test_a_pass_reads_what_is_below_it_and_writes_its_own_tokens() -> None:
    pool = CachePool()
    pool.open(0, tokens=3)
    pool.caches.resize(0, 6, 3)
    todo = pool.caches.forward(0, 3, 5)
    assert touched(todo.reads, Kind.FULL) == [(0, 0, 2), (1, 2, 3)]
    assert touched(todo.writes, Kind.FULL) == [(1, 3, 4), (2, 4, 5)]


def test_a_pass_runs_where_its_cache_was_resumed() -> None:
    pool = CachePool(streams=(Stream.COMPUTE, Stream.EXECUTION))
    pool.create(0)
    pool.caches.resume(0, Stream.EXECUTION)
    assert pool.caches.forward(0, 0, 0).stream is Stream.EXECUTION
    pool.caches.suspend(0)
    pool.caches.resume(0)
    assert pool.caches.forward(0, 0, 0).stream is Stream.COMPUTE


def test_windows_are_read_where_the_first_token_sees_them() -> None:
    pool = CachePool(12, window_tokens=3, sink_blocks=1)
    pool.open(0, tokens=6)
    pool.caches.resize(0, 8, 6)
    todo = pool.caches.forward(0, 6, 7)
    assert touched(todo.reads, Kind.WINDOW) == [(0, 0, 2), (2, 4, 6)]  # the sink block, and tokens 4 and 5
    assert touched(todo.writes, Kind.WINDOW) == [(3, 6, 7)]


def test_blocks_that_pass_through_share_scratch_slots() -> None:
    pool = CachePool(8, window_tokens=2, window_primary=4, scratch_share=2, blocks_max=6)
    pool.open(0)
    pool.caches.resize(0, 12, 0)
    writes = [use for use in pool.caches.forward(0, 0, 12).writes if use.kind is Kind.WINDOW]
    assert [use.scratch for use in writes] == [True] * 5 + [False]
    slots = [use.slot for use in writes]
    assert slots[0] == slots[1]
    assert slots[2] == slots[3]
    assert len(set(slots)) == 4


def test_a_block_out_of_sight_is_written_nowhere() -> None:
    pool = CachePool(8, window_tokens=1, window_primary=4)
    pool.open(0)
    pool.caches.resize(0, 8, 8)
    assert touched(pool.caches.forward(0, 0, 8).writes, Kind.WINDOW) == []
    assert len(touched(pool.caches.forward(0, 0, 8).writes, Kind.FULL)) == 4


def test_a_state_is_read_from_the_second_pass_on() -> None:
    pool = CachePool(6, state_primary=1)
    pool.open(0)
    pool.caches.resize(0, 4, 0)
    first = pool.caches.forward(0, 0, 3)
    assert touched(first.reads, Kind.STATE) == []
    assert touched(first.writes, Kind.STATE) == [(0, 0, 3)]
    assert touched(pool.caches.forward(0, 3, 4).reads, Kind.STATE) == [(0, 0, 3)]


def test_what_has_no_block_or_lock_is_refused() -> None:
    pool = CachePool()
    pool.open(0, tokens=3)
    assert len(touched(pool.caches.forward(0, 3, 4).writes, Kind.FULL)) == 1  # the block has room for it
    with pytest.raises(ValueError, match=r"tokens 3\.\.5, but its blocks have room for 4; resize it first"):
        pool.caches.forward(0, 3, 5)
    pool.caches.suspend(0)
    with pytest.raises(Refused, match="resume it first"):
        pool.caches.forward(0, 3, 4)
