"""Committing: whose pages the others find, and what a cache gives up for them."""

from __future__ import annotations

from typing import Any

from cache_cases import CachePool
from caches_soundness import faults

from kvproof.impl.device import Level
from kvproof.impl.sequence_caches import STATE_GROUP, WINDOW_GROUP, Kind

HOST = Level.SECONDARY


def committed(pool: CachePool) -> set[tuple[str, Any]]:
    """Life cycle and path of all that is committed."""
    return {(kind.name, path) for path, kind in pool.look.committed()}


def test_blocks_are_committed_in_order_as_they_are_computed() -> None:
    pool = CachePool()
    pool.open(0, (1, 2, 3), tokens=5)
    assert [pool.caches.commit(0), pool.caches.commit(0)] == [False, False]
    assert committed(pool) == {("FULL", (1,)), ("FULL", (1, 2))}
    assert pool.refusal("commit", 0) == "nothing-to-commit"  # two tokens a block: the third is not full (V2-17)


def test_only_the_known_text_is_committed() -> None:
    pool = CachePool()
    pool.open(0, (1,), tokens=6)
    pool.caches.commit(0)
    assert pool.refusal("commit", 0) == "nothing-to-commit"


def test_only_an_active_cache_commits() -> None:
    pool = CachePool()
    pool.open(0, (1,), tokens=2)
    pool.caches.suspend(0)
    assert pool.refusal("commit", 0) == "not-active"


def test_after_stopping_nothing_is_committed() -> None:
    pool = CachePool()
    pool.open(0, (1,), tokens=2)
    pool.caches.stop_committing(0)
    pool.caches.stop_committing(0)  # idempotent
    assert pool.caches.stopped(0)
    assert pool.refusal("commit", 0) == "nothing-to-commit"
    pool.caches.close(0)
    assert pool.refusal("stop_committing", 0) == "closed"


def test_a_block_that_is_committed_already_is_taken_over() -> None:
    pool = CachePool(6, 2)
    for cache in (0, 1):
        pool.open(cache, (1, 2), tokens=4)
    assert pool.caches.commit(0) is False
    assert pool.caches.commit(1) is True
    assert pool.vacant() == 3
    mine, theirs = (pool.look.caches()[cache].full[0] for cache in (0, 1))
    assert mine == theirs
    assert pool.wrong_contents() == []


def test_taking_over_never_runs_out_of_pages() -> None:
    pool = CachePool(2, 2)
    pool.open(0, (1,), tokens=2)
    pool.open(1, (1,), tokens=2)
    pool.caches.commit(0)
    pool.caches.close(0)
    pool.open(2, tokens=2)  # the committed page goes to the host, and the device is full (V2-07)
    assert [page.level for page in pool.look.committed().values()] == [HOST]
    assert pool.caches.commit(1) is True
    assert [page.level for page in pool.look.committed().values()] == [Level.PRIMARY]
    assert pool.vacant(HOST) == 2
    assert pool.races() == []
    assert pool.wrong_contents() == []


def test_a_live_window_page_is_committed_and_taken_over_with_its_block() -> None:
    pool = CachePool(8, 2, window_tokens=4, window_primary=4)
    for cache in (0, 1):
        pool.open(cache, (1, 2), tokens=2)
    pool.caches.commit(0)
    assert committed(pool) == {("FULL", (1,)), ("WINDOW", (1,))}
    assert pool.caches.commit(1) is True
    assert pool.vacant(group=WINDOW_GROUP) == 3


def test_a_stale_window_page_is_kept_until_it_is_committed() -> None:
    pool = CachePool(8, 2, window_tokens=1, window_primary=4)
    pool.open(0, (1,), tokens=4)
    assert pool.look.caches()[0].window[0] is not None
    pool.caches.commit(0)
    assert pool.look.caches()[0].window[0] is None  # V2-18
    assert pool.victims(group=WINDOW_GROUP) == [("WINDOW", [1])]


def test_a_block_that_lost_its_window_page_gets_one_from_whoever_has_it() -> None:
    pool = CachePool(8, 2, window_tokens=4, window_primary=3)
    pool.keep((1,))
    for cache in range(3):
        pool.open(cache, tokens=1)
    assert committed(pool) == {("FULL", (1,))}  # the window page went, and its block stays (V2-10)
    pool.caches.close(2)
    pool.open(3, (1,), tokens=2)
    assert pool.caches.commit(3) is True
    assert committed(pool) == {("FULL", (1,)), ("WINDOW", (1,))}


def test_of_two_stale_window_pages_the_own_one_goes() -> None:
    pool = CachePool(8, 2, window_tokens=1, window_primary=6)
    for cache in (0, 1):
        pool.open(cache, (1,), tokens=4)
    pool.caches.commit(0)
    assert pool.caches.commit(1) is True
    assert pool.vacant(group=WINDOW_GROUP) == 3  # the blocks of token 3, and the one that is committed
    assert faults(pool.caches) == []


def test_a_snapshot_is_kept_where_the_history_ends_with_a_block() -> None:
    pool = CachePool(6, 2, state_primary=3)
    pool.open(0, (1, 2), tokens=2, commit=1)
    assert ("STATE", (1,)) in committed(pool)
    pool.compute(0, 5)
    pool.caches.commit(0)
    assert ("STATE", (1, 2)) not in committed(pool)
    pool.compute(0, 6)
    assert pool.wrong_contents() == []


def test_a_snapshot_is_a_copy_that_later_passes_do_not_change() -> None:
    pool = CachePool(6, 2, state_primary=3, schedule="lazy")
    pool.open(0, (1, 2, 3), tokens=2, commit=1)
    for history, expected in ((4, {(1,), (1, 2)}), (6, {(1, 2), (1, 2, 3)})):
        pool.compute(0, history)
        pool.caches.commit(0)
        assert {path for path, kind in pool.look.committed() if kind is Kind.STATE} == expected  # the oldest went
    assert pool.races() == []
    assert pool.wrong_contents() == []


def test_without_room_there_is_no_snapshot() -> None:
    pool = CachePool(6, 2, state_primary=1, state_secondary=1)
    pool.open(0, (1,), tokens=2)
    assert pool.caches.commit(0) is False
    assert {kind for _, kind in pool.look.committed()} == {Kind.FULL}
    assert pool.vacant(HOST, STATE_GROUP) == 1


def test_a_snapshot_pushes_held_states_down() -> None:
    pool = CachePool(6, 2, state_primary=2, state_secondary=1)
    pool.open(1)
    pool.caches.suspend(1)
    pool.open(0, (1,), tokens=2, commit=1)
    levels = {page.path: page.level for page in pool.look.pages() if page.group == STATE_GROUP}
    assert levels[(1,)] is Level.PRIMARY
    assert pool.vacant(HOST, STATE_GROUP) == 0
