"""Index rows: they name what their owner has locked, and nobody else writes them."""

from __future__ import annotations

import pytest
from cache_cases import CachePool

from kvproof.impl.sequence_caches import Refused


def slots(pool: CachePool, cache: int) -> list[int]:
    """The slots of the full-attention pages of a cache."""
    return [pool.look.page(cell.page).slot for cell in pool.look.caches()[cache].full if cell is not None]


def test_a_row_names_the_slots_that_its_owner_has_locked() -> None:
    pool = CachePool(6, rows=2)
    pool.open(0, tokens=4)
    pool.caches.bind_row(0, 1)
    assert pool.caches.rows.full(1).tolist() == [*slots(pool, 0), -1, -1]
    pool.caches.resize(0, 6, 4)
    assert pool.caches.rows.full(1).tolist() == [*slots(pool, 0), -1]
    assert pool.caches.rows.full(0).tolist() == [-1] * 4


def test_suspending_keeps_the_row_and_clears_it() -> None:
    pool = CachePool(6, 6, rows=1)
    pool.open(0, tokens=4)
    pool.caches.bind_row(0, 0)
    pool.caches.suspend(0)
    assert pool.caches.rows.owner == [0]
    assert pool.caches.rows.full(0).tolist() == [-1] * 4
    pool.caches.resume(0)
    assert pool.caches.rows.full(0).tolist() == [*slots(pool, 0), -1, -1]


def test_windows_and_states_have_entries_of_their_own() -> None:
    pool = CachePool(6, window_tokens=1, window_primary=4, state_primary=1, rows=1)
    pool.open(0, tokens=4)
    pool.caches.bind_row(0, 0)
    view = pool.look.caches()[0]
    assert view.state is not None
    assert pool.caches.rows.state(0).tolist() == [pool.look.page(view.state.page).slot]
    assert pool.caches.rows.window(0).tolist() == [-1] * 4  # stale blocks are not locked
    pool.caches.resize(0, 5, 4)
    assert [entry >= 0 for entry in pool.caches.rows.window(0)] == [False, False, True, False]


def test_a_row_gets_a_new_owner_while_the_old_cache_goes_on() -> None:
    pool = CachePool(6, rows=1)
    pool.open(0, tokens=4)
    pool.caches.bind_row(0, 0)
    pool.caches.unbind_row(0)
    pool.open(1, tokens=2)
    pool.caches.bind_row(1, 0)
    named = pool.caches.rows.table.tolist()
    pool.caches.resize(0, 6, 4)
    pool.caches.suspend(0)
    pool.caches.close(0)
    assert pool.caches.rows.table.tolist() == named  # V2-14


def test_closing_leaves_the_row() -> None:
    pool = CachePool(6, rows=1)
    pool.open(0, tokens=4)
    pool.caches.bind_row(0, 0)
    pool.caches.close(0)
    assert pool.caches.rows.owner == [None]
    assert pool.caches.rows.full(0).tolist() == [-1] * 4


def test_misuse_is_refused_by_name() -> None:
    pool = CachePool(6, rows=2)
    pool.open(0)
    pool.open(1)
    pool.caches.bind_row(0, 0)
    with pytest.raises(ValueError, match="row 0: cache 0 is bound to it, so cache 1 cannot be; unbind it first"):
        pool.caches.bind_row(1, 0)
    with pytest.raises(ValueError, match=r"row 2: there are rows 0\.\.1"):
        pool.caches.bind_row(1, 2)
    with pytest.raises(ValueError, match="cache 0: is bound to row 0 already"):
        pool.caches.bind_row(0, 1)
    with pytest.raises(ValueError, match="cache 1: is bound to no row"):
        pool.caches.unbind_row(1)
    with pytest.raises(Refused, match="cache 7: is closed"):
        pool.caches.bind_row(7, 1)


def test_without_windows_and_states_their_rows_are_empty() -> None:
    rows = CachePool(6, rows=1).caches.rows
    assert (rows.window(0).size, rows.state(0).size) == (0, 0)
