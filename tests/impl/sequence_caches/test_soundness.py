"""The self-check finds what it is for: each fault is made by hand, and named."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cache_cases import CachePool
from caches_soundness import faults

from kvproof.impl.sequence_caches import SequenceCaches
from kvproof.impl.sequence_caches.kinds import FULL, NO_PAGE, WINDOW
from kvproof.impl.sequence_caches.pages import Pages
from kvproof.impl.sequence_caches.sequence_cache import SequenceCache

WINDOWS = 4
"""The place of window block 0."""


def pool_to_spoil() -> CachePool:
    """Cache 0 is active, with blocks 0, committed and stale, and 1. Cache 1 is suspended with one. [7] is nobody's."""
    pool = CachePool(8, 2, window_tokens=2, window_primary=6, scratch_share=1, state_primary=3, rows=2)
    pool.keep((7,))
    pool.open(1, (3,), tokens=1)
    pool.caches.suspend(1)
    pool.open(0, (1, 2), tokens=2, commit=1)
    pool.compute(0, 3, 4)
    pool.caches.bind_row(0, 1)
    return pool


Spoil = Callable[[SequenceCaches, SequenceCache, Pages], object]


def _measure(cache: SequenceCache, committed: int, history: int, capacity: int) -> None:
    cache.committed, cache.history, cache.capacity = committed, history, capacity


def _lose_full(caches: SequenceCaches) -> None:
    node = caches._steps.tree.root.children[7]
    node.pages[FULL] = NO_PAGE


def _swap_pages(caches: SequenceCaches) -> None:
    root = caches._steps.tree.root
    root.children[7].pages, root.children[1].pages = root.children[1].pages, root.children[7].pages


SPOILT: dict[str, Spoil] = {
    "S-1: lengths are out of order": lambda caches, cache, pages: setattr(cache, "history", 9),
    "S-2: FULL 1 has page": lambda caches, cache, pages: _measure(cache, 1, 2, 2),
    "S-2: FULL 1 is locked: False": lambda caches, cache, pages: cache.locked.__setitem__(1, 0),
    "S-2: FULL 1 is committed: False": lambda caches, cache, pages: _measure(cache, 2, 4, 4),
    "S-2: WINDOW 1 is live, but empty": lambda caches, cache, pages: cache.cells.__setitem__(WINDOWS + 1, NO_PAGE),
    "S-2: WINDOW 3 has a page beyond the capacity": lambda caches, cache, pages: cache.cells.__setitem__(
        WINDOWS + 3, 9
    ),
    "S-2: WINDOW 1 is locked: False": lambda caches, cache, pages: cache.locked.__setitem__(WINDOWS + 1, 0),
    "S-2: WINDOW 0 is kept for nothing": lambda caches, cache, pages: cache.cells.__setitem__(WINDOWS, 9),
    "while it is active": lambda caches, cache, pages: cache.cells.__setitem__(9, cache.cells[8]),
    "S-6: has 1 scratch slots, where 0 are needed": lambda caches, cache, pages: cache.scratch.append(0),
    "hold and 1 lock it": lambda caches, cache, pages: pages.holds.__setitem__(cache.cells[1], 2),
    "does not exist, but is queued, held or committed": lambda caches, cache, pages: pages.slot.__setitem__(
        cache.cells[0], -1
    ),
    "S-3: page": lambda caches, cache, pages: pages.level.__setitem__(cache.cells[0], 1),
    "private, and nobody has it": lambda caches, cache, pages: pages.node.__setitem__(
        caches._steps.tree.root.children[7].pages[FULL], None
    ),
    "queued: False": lambda caches, cache, pages: caches._steps.step_unqueue(
        caches._steps.tree.root.children[7].pages[FULL]
    ),
    "in the queue of another level, group or priority": lambda caches, cache, pages: pages.priority.__setitem__(
        caches._steps.tree.root.children[7].pages[FULL], 1
    ),
    "S-4: queue 0": lambda caches, cache, pages: caches._steps.queues.counts.__setitem__(0, 9),
    "S-5: group 0, PRIMARY": lambda caches, cache, pages: pages.vacant[0][0].append(0),
    "S-6: cache 1: is SUSPENDED": lambda caches, cache, pages: caches._steps.caches[1].locked.__setitem__(0, 1),
    "without a FULL page": lambda caches, cache, pages: _lose_full(caches),
    "does not know that it is at": lambda caches, cache, pages: _swap_pages(caches),
    "is committed where nothing finds it": lambda caches, cache, pages: caches._steps.tree.root.children.pop(7),
    "S-11: cache 0: its committed text is not in the tree": lambda caches, cache, pages: setattr(
        cache, "tip", caches._steps.tree.root
    ),
    "S-7: row 1 of cache 0": lambda caches, cache, pages: caches.rows.table.__setitem__((1, 0), 5),
    "S-7: row 0 of cache None": lambda caches, cache, pages: caches.rows.table.__setitem__((0, 0), 5),
}


def test_what_is_to_be_spoilt_is_sound() -> None:
    pool = pool_to_spoil()
    assert faults(pool.caches) == []
    assert pool.caches._steps.caches[0].cells[WINDOWS] == NO_PAGE
    assert pool.caches._steps.tree.root.children[1].pages[WINDOW] != NO_PAGE


@pytest.mark.parametrize("fault", SPOILT)
def test_each_fault_is_named(fault: str) -> None:
    pool = pool_to_spoil()
    SPOILT[fault](pool.caches, pool.caches._steps.caches[0], pool.caches._steps.pages)
    assert any(fault in found for found in faults(pool.caches)), faults(pool.caches)
