"""Steps taken out of turn are protocol errors: a bug in the manager, or in what extends it, is not passed over."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest
from cache_cases import CachePool

from kvproof.impl.refusals import ProtocolError
from kvproof.impl.sequence_caches import STEPS, Refused
from kvproof.impl.sequence_caches.sequence_cache import SequenceCache


def pool_with_three() -> tuple[CachePool, SequenceCache, SequenceCache]:
    """Cache 0 is suspended with blocks 0 and 1, of which 0 is committed; cache 1 is active with one; [7] is nobody's."""
    pool = CachePool(6, 2, window_tokens=9, window_primary=6, scratch_share=1)
    pool.keep((7,))
    pool.open(0, (1,), tokens=4, commit=1)
    pool.caches.suspend(0)
    pool.open(1, tokens=2)
    return pool, pool.caches._steps.caches[0], pool.caches._steps.caches[1]


Misuse = Callable[[CachePool, SequenceCache, SequenceCache], None]

MISUSES: dict[str, Misuse] = {
    "destroyed while it waits in a queue": lambda pool, zero, one: pool.caches._steps.step_destroy(zero.cells[0]),
    "destroyed, but 1 cells have it": lambda pool, zero, one: pool.caches._steps.step_destroy(one.cells[0]),
    "moved while it waits in a queue": lambda pool, zero, one: pool.caches._steps.step_migrate(zero.cells[0], 1),
    "moved while it is locked": lambda pool, zero, one: pool.caches._steps.step_migrate(one.cells[0], 1),
    "queued twice": lambda pool, zero, one: pool.caches._steps.step_enqueue(zero.cells[0]),
    "taken out of a queue, but it is in none": lambda pool, zero, one: pool.caches._steps.step_unqueue(one.cells[0]),
    "linked a second time": lambda pool, zero, one: _link(pool, zero),
    "put into place 0, which has one": lambda pool, zero, one: pool.caches._steps.step_hold(zero, 0, one.cells[0]),
    "lets go of place 0, which is empty or locked": lambda pool, zero, one: pool.caches._steps.step_let_go(one, 0),
    "lets go of place 3, which is empty or locked": lambda pool, zero, one: pool.caches._steps.step_let_go(zero, 3),
    "locks place 3, but it is empty": lambda pool, zero, one: pool.caches._steps.step_lock(zero, 3),
    "is on PRIMARY, queued: True": lambda pool, zero, one: pool.caches._steps.step_lock(zero, 0),
    "locked there already: True": lambda pool, zero, one: pool.caches._steps.step_lock(one, 0),
    "unlocks place 0, which it has not locked": lambda pool, zero, one: pool.caches._steps.step_unlock(zero, 0),
    "takes 9 scratch slots, but 2 are vacant": lambda pool, zero, one: pool.caches._steps.step_take_scratch(one, 9),
    "gives 1 scratch slots back, but has 0": lambda pool, zero, one: pool.caches._steps.step_give_scratch(one, 1),
    "activated while it is ACTIVE": lambda pool, zero, one: pool.caches._steps.step_activate(one),
    "deactivated while it is SUSPENDED": lambda pool, zero, one: pool.caches._steps.step_deactivate(zero),
    "3 blocks committed, history 2, capacity 2": lambda pool, zero, one: pool.caches._steps.step_measure(one, 3, 2, 2),
    "closed while it is ACTIVE": lambda pool, zero, one: pool.caches._steps.step_shut(one),
    "is to be taken, but no PRIMARY slot is vacant": lambda pool, zero, one: _take_all(pool),
    "moved to SECONDARY, where no slot is vacant": lambda pool, zero, one: _move_all(pool),
}


def _link(pool: CachePool, cache: SequenceCache) -> None:
    pool.caches._steps.step_link(cache.cells[0], pool.caches._steps.tree.root, "elsewhere")


def _take_all(pool: CachePool) -> None:
    for _ in range(9):
        pool.caches._steps.step_take_slot(pool.caches._steps.pages.next_unused(0), 0, 0)


def _move_all(pool: CachePool) -> None:
    for page in pool.look.pages():
        if page.group == 0 and not page.locks:
            pool.caches._steps.step_unqueue(page.page)
            pool.caches._steps.step_migrate(page.page, 1)


@pytest.mark.parametrize("message", MISUSES)
def test_a_step_out_of_turn_is_an_error(message: str) -> None:
    pool, suspended, active = pool_with_three()
    with pytest.raises(ProtocolError, match=message):
        MISUSES[message](pool, suspended, active)


def test_the_observer_is_told_of_every_step_and_only_of_plain_values() -> None:
    pool = CachePool(4, 1, window_tokens=2, window_primary=4, scratch_share=1, state_primary=2)
    pool.open(0, (1, 2), tokens=2, commit=1)
    pool.caches.resize(0, 8, 2)
    pool.caches.suspend(0)
    pool.open(1, tokens=2)
    pool.caches.close(1)
    pool.caches.resume(0)
    pool.caches.stop_committing(0)
    pool.caches.close(0)
    assert {step[0] for step in pool.steps} == set(STEPS)
    assert all(type(value) in (int, tuple) for step in pool.steps for value in step[1:])
    assert ("open", 0, (1, 2), 0) in pool.steps
    assert any(step[0] == "link" and step[2] == (1,) for step in pool.steps)


def test_a_refusal_survives_pickling() -> None:
    refused = pickle.loads(pickle.dumps(Refused("closed", "cache 1: is closed")))
    assert (refused.reason, refused.message) == ("closed", "cache 1: is closed")
