"""The eviction queues: order, counts, and the first page that nobody holds."""

from __future__ import annotations

import random

import pytest

from kvproof.impl.refusals import ProtocolError
from kvproof.impl.sequence_caches.eviction_queues import GROUPS, NOT_QUEUED, EvictionQueues

HOST = GROUPS  # the queue of group 0 on the host


def test_lower_priorities_go_first_and_the_oldest_of_one() -> None:
    queues = EvictionQueues(5, 3)
    for page, priority in enumerate((2, 1, 0, 1, 2)):
        queues.push(page, 0, priority, True)
    assert list(queues.victims(0)) == [2, 1, 3, 0, 4]


def test_an_emptied_priority_is_not_asked_again() -> None:
    queues = EvictionQueues(2, 40)
    queues.push(0, 0, 10, True)
    queues.push(1, 0, 35, True)
    queues.remove(queues.front(0), True)
    assert queues.front(0) == 1


def test_queues_of_levels_and_groups_are_apart() -> None:
    queues = EvictionQueues(3, 2)
    queues.push(0, 0, 0, True)
    queues.push(1, 1, 0, True)
    queues.push(2, HOST, 0, False)
    assert [queues.front(queue) for queue in (0, 1, HOST)] == [0, 1, 2]
    assert (queues.counts, queues.droppable) == ([1, 1, 0, 1, 0, 0], [1, 1, 0, 0, 0, 0])


def test_a_page_keeps_its_place_when_it_is_held_and_let_go() -> None:
    queues = EvictionQueues(3, 1)
    for page in range(3):
        queues.push(page, 0, 0, True)
    queues.become_held(1)
    assert (list(queues.victims(0)), queues.droppable[0]) == ([0, 1, 2], 2)
    queues.become_droppable(1)
    assert (list(queues.victims(0)), queues.droppable[0]) == ([0, 1, 2], 3)


def test_the_first_droppable_page_may_stand_behind_held_ones() -> None:
    queues, holds = EvictionQueues(4, 2), [1, 1, 0, 0]
    for page, priority in enumerate((0, 1, 1, 1)):
        queues.push(page, 0, priority, not holds[page])
    assert queues.first_droppable(0, holds) == 2
    holds[1] = 0
    queues.become_droppable(1)
    assert queues.first_droppable(0, holds) == 1


def test_first_droppable_agrees_with_a_search_whatever_happens() -> None:
    rng = random.Random(0)
    for _ in range(30):
        count = rng.choice((6, 40, 300))
        queues, holds = EvictionQueues(count, 3), [0] * count
        for _ in range(6 * count):
            page = rng.randrange(count)
            queued = queues.handle[page] != NOT_QUEUED
            if not queued:
                holds[page] = rng.randrange(2)
                queues.push(page, 0, rng.randrange(3), not holds[page])
            elif rng.random() < 0.5:
                queues.remove(page, not holds[page])
            elif holds[page]:
                holds[page] = 0
                queues.become_droppable(page)
            else:
                holds[page] = 1
                queues.become_held(page)
            free = [each for each in queues.victims(0) if not holds[each]]
            assert queues.droppable[0] == len(free)
            if free and rng.random() < 0.5:
                assert queues.first_droppable(0, holds) == free[0]


def test_the_order_of_droppable_pages_does_not_grow_with_time() -> None:
    queues, holds = EvictionQueues(3, 1), [1, 0, 0]
    queues.push(0, 0, 0, False)
    for _ in range(2000):
        queues.push(1, 0, 0, True)
        assert queues.first_droppable(0, holds) == 1
        queues.push(2, 0, 0, True)
        queues.remove(1, True)
        queues.remove(2, True)
    assert all(order is None or len(order) < 200 for order in queues._order)


def test_misuse_is_an_error() -> None:
    queues = EvictionQueues(2, 2)
    queues.push(0, HOST, 1, False)
    with pytest.raises(ProtocolError, match="page 0: queued twice, it is in the SECONDARY/0 queue of priority 1"):
        queues.push(0, 0, 0, True)
    with pytest.raises(ProtocolError, match="page 1: taken out of a queue, but it is in none"):
        queues.remove(1, True)
    with pytest.raises(ProtocolError, match="PRIMARY/0: a victim was asked for, but no page is queued"):
        queues.front(0)
    with pytest.raises(
        ProtocolError, match="SECONDARY/0: a droppable victim was asked for, but all pages there are held"
    ):
        queues.first_droppable(HOST, [1, 0])
