"""Random operations on tight pools of every shape: sound bookkeeping, no race, right bytes, under every schedule."""

from __future__ import annotations

from collections import Counter
from typing import get_args

import pytest
from cache_cases import SIZES, WEIGHTS, CachePool, Walk

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.impl.device import SCHEDULES, ScheduleName, Stream
from kvproof.impl.sequence_caches import Reason, SequenceCaches
from kvproof.impl.sequence_caches.page_copies import Mark, PageCopies

TWO_STREAMS = (Stream.COMPUTE, Stream.EXECUTION)
LONGER = 120
"""Operations of a walk."""


@pytest.mark.parametrize("streams", [(Stream.COMPUTE,), TWO_STREAMS], ids=["one", "two"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_walk_is_sound(schedule: ScheduleName, streams: tuple[Stream, ...]) -> None:
    for seed, sizes in enumerate(SIZES):
        pool = CachePool(**sizes, rows=3, schedule=schedule, seed=seed, streams=streams)
        Walk(pool, seed).run(LONGER)
        assert pool.races() == []
        assert pool.wrong_contents() == []


def test_walk_reaches_every_operation_movement_and_refusal() -> None:
    outcomes: Counter[str] = Counter()
    for seed in range(6):
        for number, sizes in enumerate(SIZES):
            pool = CachePool(**sizes)
            outcomes += Walk(pool, 100 * seed + number).run(LONGER, check=False).outcomes
            outcomes += Counter(step[0] if step[0] != "migrate" else f"migrate {step[2]}" for step in pool.steps)
    results = {"create", "resume", "commit", "prefetch"}
    wanted = (set(WEIGHTS) - results) | {f"{name} {found}" for name in results for found in (True, False)}
    wanted |= set(get_args(Reason)) | {"migrate 0", "migrate 1", "destroy", "take_scratch", "give_scratch"}
    assert wanted - set(outcomes) == set()


def test_an_observer_does_not_change_what_happens() -> None:
    for seed, sizes in enumerate(SIZES):
        pool, silent = CachePool(**sizes), CachePool(**sizes)
        silent.caches = SequenceCaches(silent.devices, silent.config)
        for each in (pool, silent):
            Walk(each, seed).run(LONGER, check=False)
        assert pool.look.observe() == silent.look.observe()


COPIES = "sequence_caches.page_copies"

NO_SOURCE_EVENT = Patch(
    COPIES, "        self._marks[source_level][source] = (batch,)", "        self._marks[source_level][source] = ()"
)
"""The next owner of a slot does not wait until the page that left it has been copied (S-13)."""

NO_ARRIVAL_EVENT = Patch(
    COPIES, "        self._marks[target_level][target] = (batch,)", "        self._marks[target_level][target] = ()"
)
"""Nobody waits for the copy of a page."""

NO_WAIT_FOR_TARGET = Patch(COPIES, "        self.await_slot(stream, target_level, target)", "")
"""A copy does not wait for the end of what used its target before (S-13)."""

NO_WAIT_FOR_SOURCE = Patch(COPIES, "        self.await_slot(stream, source_level, source)", "")
"""A copy does not wait for what writes its source."""

NO_WAIT_OF_KERNELS = Patch(COPIES, "            self.await_slot(stream, Level.PRIMARY, slot)", "            pass")
"""Kernels do not wait for the pages that they use."""


class OtherStream(PageCopies):
    """Copies wait for the compute stream, wherever the passes run (V2-13)."""

    def finish(self, stream: Stream) -> Mark:
        return super().finish(Stream.COMPUTE)


class NotPublished(PageCopies):
    """A cache on another stream does not wait for the pass that wrote what it matched."""

    def publish(self, slot: int, stream: Stream) -> None:
        """It is ready at once."""


BROKEN = {
    "no source event": plant(SequenceCaches, NO_SOURCE_EVENT),
    "no arrival event": plant(SequenceCaches, NO_ARRIVAL_EVENT),
    "no wait for target": plant(SequenceCaches, NO_WAIT_FOR_TARGET),
    "no wait for source": plant(SequenceCaches, NO_WAIT_FOR_SOURCE),
    "no wait of kernels": plant(SequenceCaches, NO_WAIT_OF_KERNELS),
    "other stream": plant(SequenceCaches, parts={PageCopies: OtherStream}),
    "not published": plant(SequenceCaches, parts={PageCopies: NotPublished}),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_each_wait_is_needed(broken: str) -> None:
    races = 0
    for seed in range(4):
        for number, sizes in enumerate(SIZES):
            pool = CachePool(**sizes, manager_type=BROKEN[broken], streams=TWO_STREAMS)
            Walk(pool, 10 * seed + number).run(LONGER, check=False)
            races += len(pool.races())
    assert races > 0


def test_a_missing_wait_shows_in_the_bytes_of_some_schedule() -> None:
    wrong = 0
    for seed in range(4):
        for number, sizes in enumerate(SIZES):
            pool = CachePool(**sizes, manager_type=BROKEN["no wait of kernels"], schedule="adversarial", seed=seed)
            Walk(pool, 10 * seed + number).run(LONGER, check=False)
            wrong += len(pool.wrong_contents())
    assert wrong > 0
