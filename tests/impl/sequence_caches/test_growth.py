"""Resizing: which pages come and go, and what is refused without a trace."""

from __future__ import annotations

from typing import Any

import pytest
from cache_cases import CachePool
from caches_soundness import faults

from kvproof.impl.device import Level
from kvproof.impl.sequence_caches import WINDOW_GROUP


def windows(pool: CachePool, cache: int = 0) -> list[str]:
    """Per block: "-" for none, "held", "locked"."""
    cells = pool.look.caches()[cache].window
    return ["-" if cell is None else "locked" if cell.locked else "held" for cell in cells]


def test_each_block_of_the_capacity_gets_a_page() -> None:
    pool = CachePool(6)
    pool.open(0)
    for capacity, pages in ((1, 1), (2, 1), (3, 2), (8, 4), (4, 2), (0, 0)):
        pool.caches.resize(0, capacity, 0)
        assert 6 - pool.vacant() == pages


def test_within_a_block_only_the_numbers_change() -> None:
    pool = CachePool(6, 2)
    pool.open(0)
    pool.caches.resize(0, 3, 0)
    before = len(pool.steps)
    pool.caches.resize(0, 4, 3)
    assert [step[0] for step in pool.steps[before:]] == ["measure"]
    assert (pool.caches.history(0), pool.caches.capacity(0)) == (3, 4)


@pytest.mark.parametrize(("capacity", "history"), [(4, 1), (1, 2), (9, 2)])
def test_lengths_that_cannot_be_are_refused(capacity: int, history: int) -> None:
    pool = CachePool()
    pool.open(0, tokens=2)
    assert pool.refusal("resize", 0, capacity, history) == "bad-lengths"


def test_only_an_active_cache_is_resized() -> None:
    pool = CachePool()
    pool.create(0)
    assert pool.refusal("resize", 0, 2, 0) == "not-active"


def test_growing_takes_all_pages_or_none() -> None:
    pool = CachePool(5, 1)
    pool.open(0, tokens=4)
    pool.caches.suspend(0)
    pool.open(1)
    pool.caches.resize(1, 2, 0)
    pool.caches.resize(1, 8, 0)  # two vacant slots, and one of the two held pages can go to the host
    assert pool.vacant(Level.SECONDARY) == 0
    pool.open(2)
    assert pool.refusal("resize", 2, 2, 0) == "out-of-pages"


def test_what_a_resize_gives_up_counts_as_room() -> None:
    sizes: dict[str, Any] = {"window_tokens": 1, "window_primary": 1, "window_secondary": 0}
    pool = CachePool(6, 0, **sizes)
    pool.open(0, tokens=2)
    pool.caches.stop_committing(0)
    pool.caches.resize(0, 3, 2)  # block 0 is out of sight and goes, block 1 takes its slot
    assert windows(pool) == ["-", "locked"]
    assert pool.vacant(group=WINDOW_GROUP) == 0


def test_a_committed_window_page_that_becomes_stale_is_room() -> None:
    pool = CachePool(6, 0, window_tokens=2, window_primary=1)
    pool.open(0, (1,), tokens=2, commit=1)
    assert windows(pool) == ["locked"]
    pool.caches.resize(0, 4, 3)
    assert windows(pool) == ["-", "locked"]


def test_a_kept_window_page_is_no_room_without_host_memory() -> None:
    pool = CachePool(6, 0, window_tokens=1, window_primary=1)
    pool.open(0, (1,), tokens=2)
    assert windows(pool) == ["held"]  # stale, but it can still be committed
    assert pool.refusal("resize", 0, 3, 2) == "out-of-pages"
    assert pool.caches.commit(0) is False
    pool.caches.resize(0, 3, 2)
    assert windows(pool) == ["-", "locked"]


def test_a_kept_window_page_goes_to_the_host_when_there_is_one() -> None:
    pool = CachePool(6, 0, window_tokens=1, window_primary=1, window_secondary=1)
    pool.open(0, (1,), tokens=2)
    pool.caches.resize(0, 3, 2)
    assert windows(pool) == ["held", "locked"]
    assert [page.level for page in pool.look.pages() if page.group == WINDOW_GROUP] == [Level.SECONDARY, Level.PRIMARY]


def test_sink_blocks_stay() -> None:
    pool = CachePool(8, window_tokens=1, sink_blocks=1)
    pool.open(0, tokens=8)
    assert windows(pool) == ["locked", "held", "held", "held"]
    pool.caches.stop_committing(0)
    assert windows(pool) == ["locked", "-", "-", "-"]


def test_shrinking_destroys_the_last_blocks() -> None:
    pool = CachePool(9, 2, window_tokens=4)
    pool.open(0, tokens=2)
    pool.caches.resize(0, 8, 2)
    assert pool.vacant() == 1
    pool.caches.resize(0, 3, 2)
    assert pool.vacant() == 5
    assert windows(pool) == ["locked", "locked"]


def test_blocks_of_a_long_prefill_pass_through_scratch_slots() -> None:
    pool = CachePool(8, window_tokens=2, window_primary=4, scratch_share=2, blocks_max=6)
    pool.open(0)
    pool.caches.resize(0, 12, 0)
    assert windows(pool) == ["-"] * 5 + ["locked"]
    assert pool.look.caches()[0].scratch == 3
    pool.forward(0, 12)
    pool.caches.resize(0, 12, 12)
    assert pool.look.caches()[0].scratch == 0
    assert pool.vacant(group=WINDOW_GROUP) == 3
    assert pool.wrong_contents() == []


def test_a_history_that_ends_where_scratch_is_still_seen_is_refused() -> None:
    pool = CachePool(8, window_tokens=2, window_primary=6, scratch_share=1, blocks_max=6)
    pool.open(0)
    pool.caches.resize(0, 12, 0)
    assert pool.refusal("resize", 0, 12, 3) == "window-in-scratch"
    pool.caches.resize(0, 12, 11)  # there the last token seen is in the last block's page


def test_shrinking_gives_blocks_that_were_scratch_a_page() -> None:
    pool = CachePool(8, window_tokens=2, window_primary=4, scratch_share=2, blocks_max=6)
    pool.open(0)
    pool.caches.resize(0, 12, 0)
    pool.caches.resize(0, 6, 0)  # V2-02 (a): a fresh prompt that is deferred
    assert windows(pool) == ["-", "-", "locked"]
    pool.caches.resize(0, 4, 0)
    assert windows(pool) == ["-", "locked"]
    assert pool.look.caches()[0].scratch == 1


def test_the_pages_of_the_last_blocks_go_to_blocks_that_were_scratch() -> None:
    pool = CachePool(8, window_tokens=2, window_primary=2, scratch_share=8, blocks_max=6)
    pool.open(0)
    pool.caches.resize(0, 12, 0)
    assert pool.vacant(group=WINDOW_GROUP) == 0
    pool.caches.resize(0, 6, 0)
    assert windows(pool) == ["-", "-", "locked"]
    assert pool.look.caches()[0].scratch == 1


def test_tokens_that_may_be_taken_back_are_not_in_scratch() -> None:
    pool = CachePool(8, window_tokens=2, window_primary=6, scratch_share=2, rewind=6, blocks_max=6)
    pool.open(0)
    pool.caches.resize(0, 12, 0)
    assert windows(pool) == ["-", "-", "locked", "locked", "locked", "locked"]


def test_a_suspended_cache_has_no_scratch_slot_and_gets_them_back() -> None:
    pool = CachePool(8, window_tokens=2, window_primary=4, scratch_share=2, blocks_max=6)
    pool.open(0)
    pool.caches.resize(0, 12, 0)
    pool.caches.suspend(0)
    assert pool.look.caches()[0].scratch == 0
    assert faults(pool.caches) == []
    pool.open(1)
    pool.caches.resize(1, 4, 0)  # a page of block 1, and block 0 in scratch
    assert pool.refusal("resume", 0) == "out-of-pages"
    assert pool.look.caches()[0].scratch == 0  # V2-05
    pool.caches.close(1)
    pool.caches.resume(0)
    assert pool.look.caches()[0].scratch == 3
