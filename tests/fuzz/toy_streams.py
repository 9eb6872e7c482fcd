"""The toy queue with a schedule: words are written to places by work that completes later, on two streams.

`push` enqueues a fill of a place on the stream `fill`; `extend` enqueues a copy to another place, with the new letters, on
the stream `move`. Both wait for pending work that they conflict with. `drain` waits for everything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from itertools import count
from random import Random
from typing import NamedTuple

from toy_queue import ToyTarget

from kvproof.fuzz.content import pattern
from kvproof.fuzz.target import Content, Operation, Outcome, Returned

UNWRITTEN = b"\x99"
STREAMS = ("fill", "move")


class Work(NamedTuple):
    """Put `size` bytes of `source` and then `data` into `target`, once the works `waits` are over."""

    number: int
    stream: str
    target: int
    source: int | None
    size: int
    data: bytes
    waits: frozenset[int]

    def conflicts(self, target: int, source: int | None) -> bool:
        return self.target in (target, source) or self.source == target


class Device:
    """Places and pending work. A pick is the name of a stream."""

    def __init__(self) -> None:
        self.places: dict[int, bytes] = {}
        self.pending: list[Work] = []
        self.submitted = 0

    def submit(
        self, stream: str, target: int, source: int | None, size: int, data: bytes, waits: frozenset[int]
    ) -> None:
        self.pending.append(Work(self.submitted, stream, target, source, size, data, waits))
        self.submitted += 1

    def conflicting(self, target: int, source: int | None) -> frozenset[int]:
        return frozenset(work.number for work in self.pending if work.conflicts(target, source))

    def ready(self) -> list[Work]:
        """What may complete next, the oldest first: the head of each stream, if what it waits for is over."""
        pending = {work.number for work in self.pending}
        heads = [next((work for work in self.pending if work.stream == stream), None) for stream in STREAMS]
        return sorted(work for work in heads if work is not None and not work.waits & pending)

    def complete(self, work: Work) -> str:
        self.pending.remove(work)
        copied = b"" if work.source is None else self.places.get(work.source, b"")[: work.size]
        self.places[work.target] = copied.ljust(work.size, UNWRITTEN) + work.data
        return work.stream

    def complete_all(self, pick: Callable[[Sequence[Work]], Work]) -> list[str]:
        return [self.complete(pick(self.ready())) for _ in range(len(self.pending))]


def oldest(works: Sequence[Work]) -> Work:
    return works[0]


def newest(works: Sequence[Work]) -> Work:
    return works[-1]


class Scheduled(ToyTarget):
    """A correct implementation; subclasses below break one thing each."""

    paces: list[tuple[str, int]] | None = None
    """Set it in a subclass to see what lockstep asked for."""

    def reset(self, parameters: Mapping[str, int]) -> None:
        super().reset(parameters)
        self.device = Device()
        self.place_of: dict[int, int] = {}
        self.completed: list[str] = []
        self.ahead: list[str] = []
        self.given: list[str] | None = None
        self.mode, self.random = "eager", Random(0)

    # The schedule.

    def pace(self, mode: str, seed: int) -> None:
        if self.paces is not None:
            self.paces.append((mode, seed))
        self.given, self.mode, self.random = None, mode, Random(seed)

    def follow(self, picks: Sequence[str]) -> None:
        self.given = list(picks)

    def schedule(self) -> list[str]:
        found, self.completed = self.completed, []
        return found

    def schedule_ahead(self) -> list[str]:
        return self.ahead

    def _next(self) -> Callable[[Sequence[Work]], Work]:
        if self.given is not None or self.mode in ("eager", "lazy"):
            return oldest
        return newest if self.mode == "adversarial" else self.random.choice

    def _advance(self) -> None:
        if self.given is not None:
            self._take_given()
        elif self.mode == "drawn":
            for _ in range(self.random.randrange(4)):
                ready = self.device.ready()
                if ready:
                    self.completed.append(self.device.complete(self.random.choice(ready)))
        elif self.mode != "lazy":
            self.completed += self.device.complete_all(self._next())

    def _take_given(self) -> None:
        """Complete what was given; what cannot complete is passed over."""
        picks, self.given = self.given or [], []
        for pick in picks:
            work = next((work for work in self.device.ready() if work.stream == pick), None)
            if work is not None:
                self.completed.append(self.device.complete(work))

    def apply(self, operation: Operation) -> Outcome:
        outcome = super().apply(operation)
        self._advance()
        return outcome

    # The queue.

    def enter(self, job: int, word: tuple[int, ...]) -> None:
        super().enter(job, word)
        place = self.place_of[job] = self._free_place()
        self.device.submit("fill", place, None, 0, pattern(word, 0), self.fill_waits(place))

    def extend(self, job: int, word: tuple[int, ...]) -> Outcome:
        result = super().extend(job, word)
        source, target = self.place_of[job], self._free_place()
        whole = self.words[self.jobs.index(job)]
        before = len(whole) - len(word)
        size = len(pattern(whole[:before], 0))
        self.device.submit("move", target, source, size, pattern(whole, before), self.move_waits(target, source))
        self.place_of[job] = target
        return result

    def drain(self) -> Outcome:
        if len(self.jobs) == self.parameters["capacity"]:
            if self.given is not None:
                self._take_given()
            self.completed += self.device.complete_all(self._next())
        return super().drain()

    def leave(self, place: int) -> int:
        job = super().leave(place)
        del self.place_of[job]
        return job

    def _free_place(self) -> int:
        taken = set(self.place_of.values())
        return next(place for place in count() if place not in taken)

    def fill_waits(self, target: int) -> frozenset[int]:
        return self.device.conflicting(target, None)

    def move_waits(self, target: int, source: int) -> frozenset[int]:
        return self.device.conflicting(target, source)

    def contents(self) -> list[Content]:
        device = deepcopy(self.device)
        self.ahead = device.complete_all(self._next())
        return [
            Content(f"job {job}", word, 0, device.places[self.place_of[job]])
            for job, word in zip(self.jobs, self.words, strict=True)
        ]


class MissingWait(Scheduled):
    """Copies a word that may not be written yet: wrong only if the copy overtakes the fill."""

    def move_waits(self, target: int, source: int) -> frozenset[int]:
        return frozenset()


class MissingWaitOfFill(Scheduled):
    """Fills a place from which a pending copy may still read: wrong only if the fill overtakes the copy."""

    def fill_waits(self, target: int) -> frozenset[int]:
        return frozenset()


class PopNeedsPending(Scheduled):
    """Cannot pop a job whose word has been written: it takes early work, in whatever order."""

    def pop(self) -> Outcome:
        if self.jobs and not any(work.target == self.place_of[self.jobs[0]] for work in self.device.pending):
            raise ZeroDivisionError("the word was written already")
        return super().pop()


class PopNeedsWritten(Scheduled):
    """Cannot pop a job whose word has not been written: it takes late work."""

    def pop(self) -> Outcome:
        if self.jobs and any(work.target == self.place_of[self.jobs[0]] for work in self.device.pending):
            raise ZeroDivisionError("the word is not written yet")
        return super().pop()


class WrongAtAnyPace(Scheduled):
    """Returns the length before the push once the queue has two jobs, whatever completes."""

    def push(self, job: int, word: tuple[int, ...]) -> Outcome:
        result = super().push(job, word)
        return Returned(2) if result == Returned(3) else result


class ScheduleRaises(Scheduled):
    """Cannot tell what completed during `pop`."""

    popped = False

    def pop(self) -> Outcome:
        self.popped = True
        return super().pop()

    def schedule(self) -> list[str]:
        if self.popped:
            raise LookupError("the record is lost")
        return super().schedule()


class SometimesScheduled(Scheduled):
    """Has a schedule only when the capacity is above one."""

    def schedule(self) -> list[str] | None:  # type: ignore[override]  # the protocol allows it
        return super().schedule() if self.parameters["capacity"] > 1 else None


class FollowMissing(Scheduled):
    """Offers a part of the methods that belong together."""

    follow = None  # type: ignore[assignment]
