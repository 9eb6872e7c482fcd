"""The free queues: victim order, and handles that are checked."""

from __future__ import annotations

import random

import pytest

from kvproof.impl.block_manager import ProtocolError
from kvproof.impl.block_manager.free_queues import FreeQueues
from kvproof.impl.device import Level


def test_lowest_rank_goes_first() -> None:
    queues = FreeQueues(3, 4)
    for block, rank in ((0, 3), (1, 1), (2, 2)):
        queues.push(block, Level.PRIMARY, rank, False)
    assert list(queues.victims(Level.PRIMARY)) == [1, 2, 0]


def test_same_rank_goes_in_order_of_release() -> None:
    queues = FreeQueues(3, 4)
    for block in (2, 0, 1):
        queues.push(block, Level.PRIMARY, 1, False)
    assert list(queues.victims(Level.PRIMARY)) == [2, 0, 1]


def test_push_to_front_makes_the_next_victim_of_its_rank() -> None:
    queues = FreeQueues(2, 4)
    queues.push(0, Level.PRIMARY, 1, False)
    queues.push(1, Level.PRIMARY, 1, True)
    assert queues.front(Level.PRIMARY) == 1


def test_emptied_rank_is_passed_over() -> None:
    queues = FreeQueues(2, 4)
    queues.push(0, Level.PRIMARY, 0, False)
    queues.push(1, Level.PRIMARY, 3, False)
    queues.remove(0, Level.PRIMARY, 0)
    assert queues.front(Level.PRIMARY) == 1


def test_second_push_is_an_error_that_names_block_and_queue() -> None:
    queues = FreeQueues(2, 4)
    queues.push(1, Level.SECONDARY, 3, False)
    with pytest.raises(ProtocolError, match="block 1: released twice, it is in the SECONDARY queue of rank 3"):
        queues.push(1, Level.SECONDARY, 3, False)


def test_removal_from_the_other_level_is_an_error() -> None:
    queues = FreeQueues(2, 4)
    queues.push(1, Level.SECONDARY, 3, False)
    with pytest.raises(ProtocolError, match="block 1: claimed from the PRIMARY queue of rank 3, but it is in the SEC"):
        queues.remove(1, Level.PRIMARY, 3)


def test_removal_from_another_rank_is_an_error() -> None:
    queues = FreeQueues(2, 4)
    queues.push(1, Level.PRIMARY, 3, False)
    with pytest.raises(ProtocolError, match="rank 2, but it is in the PRIMARY queue of rank 3"):
        queues.remove(1, Level.PRIMARY, 2)


def test_removal_of_an_unqueued_block_is_an_error() -> None:
    with pytest.raises(ProtocolError, match="in no queue"):
        FreeQueues(2, 4).remove(1, Level.PRIMARY, 0)


def test_front_of_an_empty_level_is_an_error() -> None:
    with pytest.raises(ProtocolError, match="level SECONDARY"):
        FreeQueues(2, 4).front(Level.SECONDARY)


@pytest.mark.parametrize("seed", range(5))
def test_behaves_like_lists(seed: int) -> None:
    rng = random.Random(seed)
    queues = FreeQueues(12, 3)
    lists: dict[tuple[int, int], list[int]] = {(level, priority): [] for level in Level for priority in range(3)}
    place: dict[int, tuple[int, int]] = {}
    for _ in range(400):
        block = rng.randrange(12)
        if block in place:
            level, priority = place.pop(block)
            queues.remove(block, level, priority)
            lists[level, priority].remove(block)
        else:
            level, priority, front = rng.choice(list(Level)), rng.randrange(3), rng.random() < 0.5
            queues.push(block, level, priority, front)
            lists[level, priority].insert(0 if front else len(lists[level, priority]), block)
            place[block] = (level, priority)
        for level in Level:
            expected = [b for priority in range(3) for b in lists[level, priority]]
            assert list(queues.victims(level)) == expected
            assert queues.counts[level] == len(expected)
            assert not expected or queues.front(level) == expected[0]
