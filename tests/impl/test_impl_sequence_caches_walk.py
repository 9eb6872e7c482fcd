"""Random operations on tight pools of every shape: sound bookkeeping, no race, right bytes, under every schedule."""

from __future__ import annotations

from collections import Counter
from typing import get_args

import pytest
from cache_cases import SIZES, WEIGHTS, CachePool, Walk

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
        silent.look = type(silent.look)(silent.caches)
        for each in (pool, silent):
            Walk(each, seed).run(LONGER, check=False)
        assert pool.look.observe() == silent.look.observe()


class NoSourceEvent(PageCopies):
    """The next owner of a slot does not wait until the page that left it has been copied (S-13)."""

    def leave_source(self, level: int, slot: int, batch: Mark) -> None:
        self._marks[level][slot] = ()


class NoArrivalEvent(PageCopies):
    """Nobody waits for the copy of a page."""

    def arrive(self, level: int, slot: int, batch: Mark) -> None:
        self._marks[level][slot] = ()


class NoWaitForTarget(PageCopies):
    """A copy does not wait for the end of what used its target before (S-13)."""

    def await_target(self, stream: Stream, level: int, slot: int) -> None:
        """It is ready at once."""


class NoWaitForSource(PageCopies):
    """A copy does not wait for what writes its source."""

    def await_source(self, stream: Stream, level: int, slot: int) -> None:
        """It is ready at once."""


class NoWaitOfKernels(PageCopies):
    """Kernels do not wait for the pages that they use."""

    def await_page(self, stream: Stream, slot: int) -> None:
        """It is ready at once."""


class OtherStream(PageCopies):
    """Copies wait for the compute stream, wherever the passes run (V2-13)."""

    def finish(self, stream: Stream) -> Mark:
        return super().finish(Stream.COMPUTE)


class NotPublished(PageCopies):
    """A cache on another stream does not wait for the pass that wrote what it matched."""

    def publish(self, slot: int, stream: Stream) -> None:
        """It is ready at once."""


@pytest.mark.parametrize(
    "broken",
    [NoSourceEvent, NoArrivalEvent, NoWaitForTarget, NoWaitForSource, NoWaitOfKernels, OtherStream, NotPublished],
)
def test_each_wait_is_needed(broken: type[PageCopies]) -> None:
    class Broken(SequenceCaches):
        copies_type = broken

    races = 0
    for seed in range(4):
        for number, sizes in enumerate(SIZES):
            pool = CachePool(**sizes, manager_type=Broken, streams=TWO_STREAMS)
            Walk(pool, 10 * seed + number).run(LONGER, check=False)
            races += len(pool.races())
    assert races > 0


def test_a_missing_wait_shows_in_the_bytes_of_some_schedule() -> None:
    class Broken(SequenceCaches):
        copies_type = NoWaitOfKernels

    wrong = 0
    for seed in range(4):
        for number, sizes in enumerate(SIZES):
            pool = CachePool(**sizes, manager_type=Broken, schedule="adversarial", seed=seed)
            Walk(pool, 10 * seed + number).run(LONGER, check=False)
            wrong += len(pool.wrong_contents())
    assert wrong > 0
