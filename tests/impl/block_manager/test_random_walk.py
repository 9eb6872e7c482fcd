"""Random operations on tight pools: sound bookkeeping, no race, right bytes, under every schedule."""

from __future__ import annotations

import random
from collections import Counter
from typing import get_args

import pytest
from pool_cases import Pool
from random_operations import OPERATIONS, pool_for, walk

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.impl.block_manager import BlockManager, Reason
from kvproof.impl.block_manager.transfers import Batch, Transfers
from kvproof.impl.device import SCHEDULES, ScheduleName, Stream


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_walk_is_sound(schedule: ScheduleName) -> None:
    for seed in range(30):
        pool = pool_for(seed, schedule)
        walk(pool, random.Random(seed), 80)
        assert pool.device.races == []
        assert pool.wrong_contents() == []


def test_walk_reaches_every_operation_movement_and_refusal() -> None:
    outcomes: Counter[str] = Counter()
    for seed in range(60):
        pool = pool_for(seed, "eager")
        outcomes += walk(pool, random.Random(seed), 80)
        counters = pool.manager.counters
        outcomes += Counter(
            offloads=counters.blocks_offloaded,
            onboards=counters.blocks_onboarded,
            copies=counters.blocks_copied_in_part,
            takeovers=counters.blocks_taken_in_part,
            expired=counters.blocks_expired,
        )
    never = set(OPERATIONS) | {"offloads", "onboards", "copies", "takeovers", "expired"} | set(get_args(Reason))
    assert never - set(outcomes) == {"sequence-too-long", "empty-append", "empty-batch", "empty-prompt"}


def test_walk_with_the_waits_removed_is_caught() -> None:
    class NoWaits(Transfers):
        def wait_for_batch(self, stream: Stream, batch: Batch) -> None:
            """Copies are not ordered."""

    unordered = plant(BlockManager, parts={Transfers: NoWaits})
    races = 0
    for seed in range(40):
        pool = pool_for(seed, "eager", unordered)
        walk(pool, random.Random(seed), 60)
        races += len(pool.device.races)
    assert races > 0


def test_one_event_a_slot_number_is_caught_within_an_iteration_of_several_operations() -> None:
    # The bug of #15272: host slot 1 and device slot 1 share one pending read.
    one_event_without_level = (
        Patch(
            "block_manager.transfers",
            old="        self.await_source(stream, source)",
            new="        source, target = source % primary, target % primary\n        self.await_source(stream, source)",
        ),
        Patch(
            "block_manager.transfers",
            old="        self.remember_read(batch, source)",
            new="        self._reads[source] = {batch.stream: batch}",
        ),
    )
    races = []
    for manager_type in (BlockManager, plant(BlockManager, *one_event_without_level)):
        pool = Pool(4, 4, manager_type=manager_type)
        pool.cache(0, [1, 2, 3, 4])
        pool.offload([1, 2, 3, 4])  # to host slot 0
        pool.offload([1, 2])  # to host slot 1
        pool.add(1, [9])  # in device slot 0
        pool.cache(2, [5, 6])  # in device slot 1
        manager = pool.manager
        manager.begin_iteration()
        manager.offload([5, 6])  # reads device slot 1
        manager.finish(1)  # device slot 0 becomes the next victim
        manager.add_sequence(3, [1, 2, 3, 4, 5])  # host slot 1 to device slot 0, then host slot 0 to device slot 1
        manager.end_iteration()
        races.append(len(pool.device.races))
    assert races == [0, 1]


def test_observer_does_not_change_what_happens() -> None:
    for seed in range(10):
        pool, silent = pool_for(seed, "eager"), pool_for(seed, "eager")
        silent.manager = BlockManager(silent.config, silent.device)
        for each in (pool, silent):
            walk(each, random.Random(seed), 80)
        assert pool.state()[:3] == silent.state()[:3]  # type: ignore[index]  # a tuple; its last entry counts reports
