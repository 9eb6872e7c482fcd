"""Which page gives way, what goes with it, and that a refusal leaves every queue as it was."""

from __future__ import annotations

from typing import Any

import pytest
from cache_cases import SIZES, CachePool, Walk
from caches_soundness import faults

from kvproof.fuzz.bugs.planting import plant
from kvproof.impl.device import Level
from kvproof.impl.sequence_caches import WINDOW_GROUP, Kind, Refused, SequenceCaches
from kvproof.impl.sequence_caches.committing import Commits
from kvproof.impl.sequence_caches.life_cycle import LifeCycle
from kvproof.impl.sequence_caches.room import Room

HOST = Level.SECONDARY


def test_lower_priorities_leave_first() -> None:
    pool = CachePool(2, 2)
    pool.keep((1,), priority=1)
    pool.keep((2,), priority=0)
    pool.open(0, tokens=2)
    assert pool.victims() == [("FULL", [1])]
    assert pool.victims(HOST) == [("FULL", [2])]


def test_a_droppable_page_goes_to_the_host_and_from_there_for_good() -> None:
    pool = CachePool(1, 1)
    for text in ((1,), (2,), (3,)):
        pool.keep(text)
    assert (pool.victims(), pool.victims(HOST)) == ([("FULL", [3])], [("FULL", [2])])
    assert pool.caches.matched((1,)) == 0


def test_a_held_page_is_passed_over_when_the_host_is_full_of_held_ones() -> None:
    pool = CachePool(4, 1)
    pool.open(0, tokens=2)
    pool.caches.suspend(0)
    pool.open(1, tokens=8)  # that page went to the host
    pool.caches.close(1)
    pool.open(1, tokens=2)
    pool.caches.suspend(1)
    pool.keep((7,))
    assert pool.victims() == [("cache", 1, "FULL", 0)[1:], ("FULL", [7])]
    pool.open(2, tokens=6)
    assert pool.caches.matched((7,)) == 0
    assert pool.victims() == [("cache", 1, "FULL", 0)[1:]]


def test_a_refused_operation_leaves_the_queues_as_they_were() -> None:
    pool = CachePool(3, 1)
    pool.open(0, tokens=4)
    pool.caches.suspend(0)
    pool.open(1, tokens=2)
    before = pool.victims()
    assert pool.refusal("resize", 1, 6, 2) == "out-of-pages"
    assert pool.victims() == before == [("cache", 0, "FULL", 1)[1:], ("cache", 0, "FULL", 0)[1:]]  # V2-01


def test_dropping_a_block_drops_what_is_below_it_in_every_group() -> None:
    pool = CachePool(3, 0, window_tokens=9, window_primary=3)
    pool.open(0, (1, 2), tokens=4, commit=2)
    pool.caches.close(0)
    node = pool.look.committed()
    assert len(node) == 4
    pool.keep((1,))  # its page was used last, and so its descendant's goes first
    pool.open(1, tokens=6)
    assert pool.look.committed() == {}
    assert pool.vacant(group=WINDOW_GROUP) == 0
    assert faults(pool.caches) == []


def test_dropping_a_window_page_leaves_its_block() -> None:
    pool = CachePool(6, 0, window_tokens=9, window_primary=2)
    pool.keep((1, 2))
    pool.open(0, tokens=2)
    assert {kind for _, kind in pool.look.committed()} == {Kind.FULL, Kind.WINDOW}
    assert len([1 for _, kind in pool.look.committed() if kind is Kind.FULL]) == 2  # V2-10


def test_a_victim_may_go_with_the_host_page_that_makes_room_for_it() -> None:
    pool = CachePool(2, 1)
    pool.keep((1, 2))
    assert pool.victims() == [("FULL", [1, 2]), ("FULL", [1])]
    pool.caches.create(0, (1,), 0)
    pool.caches.resume(0)
    pool.open(1, tokens=2)  # [1, 2] goes to the host
    pool.caches.close(0)
    pool.caches.close(1)
    assert (pool.victims(), pool.victims(HOST)) == ([("FULL", [1])], [("FULL", [1, 2])])
    pool.open(2, tokens=4)
    assert pool.caches.matched((1, 2)) in (0, 1)
    assert faults(pool.caches) == []


def test_without_open_caches_everything_can_be_had() -> None:
    for seed, sizes in enumerate(SIZES):
        pool = CachePool(**sizes)
        Walk(pool, seed).run(80, check=False)
        for cache in list(pool.look.caches()):
            pool.caches.close(cache)
        for group in pool.config.groups:
            for level, slots in enumerate(pool.config.slots_of(group)):
                assert pool.vacant(Level(level), group) + len(pool.look.victims(level, group)) == slots  # S-14, S-16


class LostVictims(Room):
    """Decides while it goes: what had been pushed down before it finds no room stays out of the queues (V2-01)."""

    def has_room(self, group: int, need: int, *others: int, **more: int) -> bool:
        for _ in range(need):
            try:
                self.make_room(0, group)
            except Exception:  # noqa: BLE001  # an empty queue
                return False
        return super().has_room(group, need, *others, **more)


class PrunesOneLifeCycle(Room):
    """A window page takes its block with it (V2-10)."""

    def drop(self, page: int) -> None:
        node = self._pages.node[page]
        if node is not None and self._pages.kind[page] == Kind.WINDOW and not node.children:
            node.parent.children.pop(node.chunk)  # type: ignore[union-attr]
        self._steps.step_destroy(page)


class KeepsStaleWindows(Commits):
    """A window block committed when it is stale already stays held (V2-18)."""

    def let_go_of_stale(self, cache: Any, ordinal: int) -> None:
        """Nothing."""


class QueuesAtTheLastLevel(Room):
    """A held page is queued although it cannot go down."""

    def evictable(self, page: int) -> bool:
        return self._pages.node[page] is not None if not self._pages.holds[page] else not self._pages.locks[page]


class KeepsScratch(LifeCycle):
    """A refused resume keeps the scratch slots that it took (V2-05)."""

    def check_resume(self, cache: Any, places: list[int], scratch: int, fresh: bool) -> int:
        try:
            return super().check_resume(cache, places, scratch, fresh)
        except Refused:
            self._steps.step_take_scratch(cache, min(scratch, len(self._pages.vacant[0][self._window_group])))
            raise


@pytest.mark.parametrize(
    ("part", "broken"),
    [
        (Room, LostVictims),
        (Room, PrunesOneLifeCycle),
        (Commits, KeepsStaleWindows),
        (Room, QueuesAtTheLastLevel),
        (LifeCycle, KeepsScratch),
    ],
)
def test_each_rule_is_checked(part: type, broken: type) -> None:
    planted = plant(SequenceCaches, parts={part: broken})

    def runs(seed: int, sizes: dict[str, Any]) -> bool:
        pool = CachePool(**sizes, manager_type=planted)
        try:
            Walk(pool, seed).run(80)
        except Exception:  # noqa: BLE001  # whatever comes first: a fault, a change by a refusal, a protocol error
            return False
        return True

    assert not all(runs(10 * seed + number, sizes) for seed in range(4) for number, sizes in enumerate(SIZES))
