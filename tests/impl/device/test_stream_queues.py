"""Queues of pending work: the order of completion, and the picks that name it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import pytest

from kvproof.impl.device.queues import SimulatedEvent, StreamQueues, Work


class Queues:
    """Two streams with work whose parts are characters, and what has completed."""

    def __init__(self) -> None:
        self.queues = StreamQueues(["a", "b"], keeps_taken=True)
        self.done = ""

    def push(self, stream: int, parts: str) -> None:
        self.queues.push(stream, Work(self._run, list(parts), lambda part: ((), (ord(part),))))

    def _run(self, parts: Sequence[str]) -> None:
        self.done += "".join(parts)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_picks_of_any_order_repeat_it_part_by_part(order: tuple[int, ...]) -> None:
    whole, single = Queues(), Queues()
    for queues in (whole, single):
        queues.push(0, "wxyz")
    whole.queues.complete_head(0, order)
    picks = whole.queues.take_taken()
    for pick in picks:
        single.queues.complete(0, int(pick.partition(":")[2] or 0))
    assert (single.done, single.queues.take_taken()) == (whole.done, picks)


def test_head_is_there_until_its_last_part_has_completed() -> None:
    queues = Queues()
    queues.push(0, "wx")
    queues.push(0, "y")
    queues.queues.complete(0, 1)
    queues.queues.complete(0, 0)
    queues.queues.complete(0, 0)
    assert (queues.done, queues.queues.pending) == ("xwy", 0)


def test_oldest_first_goes_across_streams() -> None:
    queues = Queues()
    for stream, part in ((0, "u"), (1, "v"), (1, "w"), (0, "x"), (1, "y")):
        queues.push(stream, part)
    queues.queues.complete_oldest()
    assert queues.done == "uvwxy"


def test_work_behind_an_awaited_event_is_no_head() -> None:
    queues = Queues()
    event = SimulatedEvent(queues.queues)
    queues.push(0, "u")
    queues.queues.push(0, Work(completes=event))
    queues.queues.push(1, Work(awaits=event))
    queues.push(1, "v")
    queues.queues.settle()
    before = queues.queues.heads()
    queues.queues.complete(0, 0)
    queues.queues.settle()
    assert (before, queues.queues.heads(), event.done) == ([(1, 0)], [(4, 1)], True)


def test_work_and_events_are_counted_apart() -> None:
    queues = Queues()
    queues.push(0, "uv")
    queues.queues.push(0, Work(completes=SimulatedEvent(queues.queues)))
    counts = (queues.queues.pending, queues.queues.works, queues.queues.part_count())
    queues.queues.complete_oldest()
    assert (counts, queues.queues.pending, queues.queues.works) == ((2, 1, 2), 0, 0)


def test_accesses_of_work_are_those_of_its_parts() -> None:
    queues = Queues()
    queues.push(0, "uv")
    assert queues.queues.queues[0][0].accesses() == (set(), {ord("u"), ord("v")})
