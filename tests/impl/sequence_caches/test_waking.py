"""Creating, resuming, suspending, prefetching and closing caches."""

from __future__ import annotations

import pytest
from cache_cases import CachePool
from caches_soundness import faults

from kvproof.impl.device import Level, Stream
from kvproof.impl.sequence_caches import STATE_GROUP, Refused, Status

HOST = Level.SECONDARY


def test_a_new_cache_is_suspended_and_has_nothing() -> None:
    pool = CachePool()
    assert pool.create(0, (1, 2)) == 0
    assert pool.caches.status(0) is Status.SUSPENDED
    assert (pool.caches.committed(0), pool.caches.history(0), pool.caches.capacity(0)) == (0, 0, 0)
    assert pool.vacant() == 6


def test_a_number_is_used_once_at_a_time() -> None:
    pool = CachePool()
    pool.create(0)
    assert pool.refusal("create", 0, (), 0) == "cache-in-use"
    pool.caches.close(0)
    assert pool.create(0) == 0


def test_nonsense_is_refused_by_name() -> None:
    caches = CachePool().caches
    with pytest.raises(ValueError, match="a text of 5 blocks, but blocks_max is 4"):
        caches.create(0, (1,) * 5, 0)
    with pytest.raises(ValueError, match=r"priority 2, but there are 0\.\.1"):
        caches.create(0, (), 2)
    with pytest.raises(ValueError, match="stream EXECUTION: is no forward stream of this manager; it has COMPUTE"):
        caches.resume(0, Stream.EXECUTION)


def test_a_refusal_names_thing_value_and_remedy() -> None:
    caches = CachePool().caches
    with pytest.raises(Refused, match="cache 3: is CLOSED; resume it first") as refused:
        caches.suspend(3)
    assert refused.value.reason == "not-active"


def test_what_is_committed_is_held_where_it_is() -> None:
    pool = CachePool(4, 2)
    pool.keep((1, 2))
    assert pool.victims() == [("FULL", [1, 2]), ("FULL", [1])]
    assert pool.create(0, (1, 2, 3)) == 2
    view = pool.look.caches()[0]
    assert (view.committed, view.history, view.capacity) == (2, 4, 4)
    assert [cell is not None and cell.locked for cell in view.full] == [False, False]
    assert pool.victims() == [("FULL", [1, 2]), ("FULL", [1])]  # held, and kept their places


def test_without_host_memory_a_held_page_cannot_give_way() -> None:
    pool = CachePool(4, 0)
    pool.keep((1, 2))
    pool.create(0, (1, 2))
    assert pool.victims() == []
    pool.caches.close(0)
    assert pool.victims() == [("FULL", [1, 2]), ("FULL", [1])]


def test_a_match_can_be_limited_and_asked_for() -> None:
    pool = CachePool()
    pool.keep((1, 2, 3))
    assert [pool.caches.matched((1, 2, 3), limit) for limit in (0, 2, None)] == [0, 2, 3]
    assert pool.caches.create(0, (1, 2, 3), 0, limit=1) == 1
    assert pool.look.caches()[0].text == (1, 2, 3)


def test_resuming_locks_and_suspending_lets_give_way() -> None:
    pool = CachePool(4, 2)
    pool.open(0, (1,), tokens=4)
    assert pool.look.caches()[0].full[1] is not None
    assert all(page.locks == 1 for page in pool.look.pages())
    assert pool.victims() == []
    pool.caches.suspend(0)
    assert pool.caches.status(0) is Status.SUSPENDED
    assert pool.victims() == [("cache", 0, "FULL", 1)[1:], ("cache", 0, "FULL", 0)[1:]]  # the last block leaves first
    assert pool.caches.resume(0) == 0
    assert pool.victims() == []


def test_resuming_brings_pages_up_and_counts_them() -> None:
    pool = CachePool(3, 3)
    pool.open(0, tokens=4)
    pool.caches.suspend(0)
    pool.open(1, tokens=6)
    assert pool.vacant(HOST) == 1
    pool.caches.suspend(1)
    assert pool.caches.resume(0) == 2
    assert pool.wrong_contents() == []


def test_only_a_suspended_cache_resumes() -> None:
    pool = CachePool()
    assert pool.refusal("resume", 0) == "not-suspended"
    pool.open(0)
    assert pool.refusal("resume", 0) == "not-suspended"


def test_the_gate_counts_what_nothing_can_vacate() -> None:
    pool = CachePool(4, 2, gate_percent=50)
    pool.open(0, tokens=4)
    pool.create(1)
    assert pool.caches.resume(1) == 0  # half is in use, which is allowed
    pool.caches.resize(1, 2, 0)
    pool.create(2)
    assert pool.refusal("resume", 2) == "device-full"
    pool.caches.suspend(0)
    assert pool.caches.resume(2) == 0


def test_a_cache_that_does_not_fit_beside_others_is_refused() -> None:
    pool = CachePool(3, 3)
    pool.open(0, tokens=4)
    pool.caches.suspend(0)
    pool.open(1, tokens=4)
    assert pool.refusal("resume", 0) == "out-of-pages"
    pool.caches.suspend(1)
    assert pool.caches.resume(0) >= 0


def test_pages_are_exchanged_one_by_one_through_a_single_slot() -> None:
    pool = CachePool(3, 3)
    pool.open(0, tokens=4)
    pool.caches.suspend(0)
    pool.open(1, tokens=6)
    pool.caches.suspend(1)
    assert (pool.vacant(), pool.vacant(HOST)) == (0, 1)
    assert pool.caches.resume(0) == 2  # and two of cache 1 went down (V2-03)
    assert pool.races() == []
    assert pool.wrong_contents() == []


def test_prefetch_fills_vacant_slots_and_evicts_nothing() -> None:
    pool = CachePool(3, 3)
    pool.open(0, tokens=6)
    pool.caches.suspend(0)
    pool.open(1, tokens=4)
    assert pool.refusal("prefetch", 1) == "not-suspended"
    assert pool.caches.prefetch(0) == 0
    pool.caches.close(1)
    batches = pool.caches.copy_batches()
    assert pool.caches.prefetch(0) == 2
    assert pool.caches.copy_batches() == batches + 1  # under way, before anybody needs them
    assert pool.caches.prefetch(0) == 0
    assert pool.caches.resume(0) == 0
    assert pool.wrong_contents() == []


def test_closing_keeps_what_is_committed_and_nothing_else() -> None:
    pool = CachePool(4, 2)
    pool.open(0, (1,), tokens=4, commit=1)
    pool.caches.close(0)
    assert pool.caches.status(0) is Status.CLOSED
    assert pool.victims() == [("FULL", [1])]
    assert pool.vacant() == 3
    assert pool.refusal("close", 0) == "closed"


def test_closing_an_active_cache_queues_as_suspending_it_first_does() -> None:
    orders = []
    for suspends in (False, True):
        pool = CachePool(6, 3)
        pool.open(1, (1, 2, 3), tokens=6, commit=3)
        pool.open(0, (1, 2, 4), tokens=6, commit=1)
        pool.caches.suspend(1)
        if suspends:
            pool.caches.suspend(0)
        pool.caches.close(0)
        orders.append(pool.look.observe())
    assert orders[0] == orders[1]


def test_a_recurrent_state_begins_as_a_copy_of_the_matched_snapshot() -> None:
    pool = CachePool(4, 2, state_primary=3, state_secondary=1)
    pool.open(0, (1, 2), tokens=2, commit=1)
    pool.caches.close(0)
    assert pool.create(1, (1, 2)) == 1
    assert pool.look.caches()[1].snapshot is not None
    pool.caches.resume(1)
    view = pool.look.caches()[1]
    assert view.snapshot is None
    assert view.state is not None
    assert view.state.locked
    pool.compute(1, 3)
    assert pool.wrong_contents() == []


def test_a_snapshot_on_the_host_is_copied_from_there() -> None:
    pool = CachePool(6, 2, state_primary=1, state_secondary=1)
    pool.keep((1,))  # no slot is left for a snapshot
    assert pool.caches.matched((1,)) == 0
    pool = CachePool(6, 2, state_primary=2, state_secondary=1)
    pool.keep((1,))
    pool.open(1)
    pool.open(2)  # the snapshot gives way
    assert [page.level for page in pool.look.committed().values() if page.group == STATE_GROUP] == [HOST]
    pool.caches.close(2)
    pool.create(3, (1,))
    assert pool.caches.resume(3) == 0  # pages of its own that were brought up: none
    assert faults(pool.caches) == []
    pool.compute(3, 3)
    assert pool.races() == []
    assert pool.wrong_contents() == []
