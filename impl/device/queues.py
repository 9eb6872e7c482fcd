"""The streams of the simulated device: queues of pending work, and what may complete next.

Work at the head of a stream may run; what is behind it waits for it, and for the events awaited in between. Work is
made of *parts* that are unordered among themselves, as the copies of a batch are: they complete one by one. Events take
no time: one that is at the head of its stream is passed at once.

A completed part is named by a *pick*: the stream's name, and `:k` when it was the k-th of what remained of the head.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from kvproof.impl.device.interface import DeviceError, Event

Places = tuple[Sequence[int], Sequence[int]]
"""What a part reads and what it writes: places as in the happens-before record."""

TAKEN_MAX = 1 << 20  # picks kept for a program that never asks for them, which is most programs


class SimulatedEvent(Event):
    """An event that completes when its place in the queue is reached; only the device that recorded it knows it."""

    __slots__ = ("done", "queues")

    def __init__(self, queues: StreamQueues) -> None:
        super().__init__()
        self.queues = queues
        self.done = False


class Work:
    """One entry of a queue: parts to run, or an event to wait for (`awaits`) or to complete (`completes`).

    `run` carries out some of the parts, in the order given, and `places` tells what one of them reads and writes.
    """

    __slots__ = ("_accesses", "awaits", "completes", "parts", "places", "run", "sequence")

    def __init__(
        self,
        run: Callable[[Sequence[Any]], None] | None = None,
        parts: list[Any] | None = None,
        places: Callable[[Any], Places] | None = None,
        awaits: SimulatedEvent | None = None,
        completes: SimulatedEvent | None = None,
    ) -> None:
        self.sequence = 0
        self.run = run
        self.parts = parts if parts is not None else []
        self.places = places
        self.awaits = awaits
        self.completes = completes
        self._accesses: tuple[set[int], set[int]] | None = None

    def accesses(self) -> tuple[set[int], set[int]]:
        """All that its parts read, and all that they write; of what has completed in part perhaps the rest alone."""
        if self._accesses is not None:
            return self._accesses
        reads: set[int] = set()
        writes: set[int] = set()
        if self.places is not None:
            for part in self.parts:
                of_part = self.places(part)
                reads.update(of_part[0])
                writes.update(of_part[1])
        self._accesses = reads, writes
        return reads, writes


class StreamQueues:
    """The queues of all streams; a stream is its index in `names`. `keeps_taken`: remember what completes, as picks."""

    def __init__(self, names: Sequence[str], keeps_taken: bool) -> None:
        self.names = tuple(names)
        self.keeps_taken = keeps_taken
        self.queues: list[deque[Work]] = [deque() for _ in names]
        self.pending = 0
        """Entries that have not completed, events included."""
        self.works = 0
        """Entries that have not completed and are not events."""
        self._sequence = 0
        self._taken: list[str] = []
        self._forgotten = 0
        self._undo: _Undo | None = None

    def push(self, stream: int, work: Work) -> None:
        """Append `work` to a stream."""
        self._sequence += 1
        work.sequence = self._sequence
        self.queues[stream].append(work)
        self.pending += 1
        if work.run is not None:
            self.works += 1

    def settle(self) -> None:
        """Pass all events that can be passed, so that each head is work or waits for other work."""
        moved = True
        while moved:
            moved = False
            for queue in self.queues:
                while queue and queue[0].run is None and self._pass(queue):
                    moved = True

    def heads(self) -> list[tuple[int, int]]:
        """(submission number, stream) of each stream whose head may run; `settle` first."""
        return [
            (queue[0].sequence, stream)
            for stream, queue in enumerate(self.queues)
            if queue and queue[0].run is not None
        ]

    def part_count(self) -> int:
        """Parts that have not completed."""
        return sum(len(work.parts) for queue in self.queues for work in queue)

    def can_complete(self, stream: int, index: int) -> bool:
        """Whether the head of `stream` is work with a part of that number left; `settle` first."""
        queue = self.queues[stream]
        return bool(queue) and queue[0].run is not None and index < len(queue[0].parts)

    def complete(self, stream: int, index: int) -> None:
        """Complete one part of the head of `stream`, which must be work; `index` counts those that remain."""
        queue = self.queues[stream]
        work = queue[0]
        if self._undo is not None:
            self._undo.keep_parts(work)
        part = work.parts.pop(index)
        if not work.parts:
            self._leave(queue)
        if self.keeps_taken:
            self._note(stream, (index,))
        if work.run is not None:
            work.run((part,))

    def complete_head(self, stream: int, order: Sequence[int] | None = None) -> None:
        """Complete the head of `stream`, which must be work, its parts in `order` (None: as they come)."""
        work = self._leave(self.queues[stream])
        parts = work.parts
        if self.keeps_taken:
            self._note(stream, (0,) * len(parts) if order is None else _counted_among_those_left(order))
        if work.run is not None:
            work.run(parts if order is None else [parts[place] for place in order])

    def complete_oldest(self, backwards: bool = False) -> None:
        """Complete everything in order of submission, which is always possible: what an event awaits is older.

        `backwards` is about the parts of one piece of work: the last first.
        """
        queues = self.queues
        while self.pending:
            order = sorted((queue[0].sequence, stream) for stream, queue in enumerate(queues) if queue)
            stream = order[0][1]
            limit = order[1][0] if len(order) > 1 else self._sequence + 1
            queue = queues[stream]
            while queue and queue[0].sequence < limit:
                if queue[0].run is not None:
                    self.complete_head(stream, range(len(queue[0].parts) - 1, -1, -1) if backwards else None)
                else:
                    self._pass(queue)

    def take_taken(self) -> list[str]:
        """All picks since this was last asked, in order.

        Raises:
            DeviceError: they are not kept, or there were more than TAKEN_MAX.
        """
        if not self.keeps_taken:
            raise DeviceError("taken picks: only kept by a device made with schedule='lazy', which is driven by picks")
        taken, self._taken = self._taken, []
        forgotten, self._forgotten = self._forgotten, 0
        if forgotten:
            raise DeviceError(f"taken picks: the first {forgotten} are forgotten; ask at least every {TAKEN_MAX} parts")
        return taken

    def taken_so_far(self) -> list[str]:
        """The picks that `take_taken` would give; they stay."""
        return list(self._taken)

    def begin_undo(self) -> None:
        """Keep what `undo` needs to bring back the queues and events as they are now."""
        self._undo = _Undo(self)
        self._taken, self._forgotten, self.keeps_taken = [], 0, True

    def undo(self) -> list[str]:
        """Bring them back; returns the picks since `begin_undo`."""
        undo, self._undo = self._undo, None
        if undo is None:
            raise DeviceError("undo: nothing was begun")
        taken, self._taken = self._taken, undo.taken
        self._forgotten, self.keeps_taken = undo.forgotten, undo.keeps_taken
        self.queues, self.pending, self.works = undo.queues, undo.pending, undo.works
        for work, parts in undo.parts.values():
            work.parts = parts
        for event in undo.events:
            event.done = False
        return taken

    def _leave(self, queue: deque[Work]) -> Work:
        self.pending -= 1
        self.works -= 1
        return queue.popleft()

    def _pass(self, queue: deque[Work]) -> bool:
        """Pass the event at the head of a queue if it can be passed."""
        entry = queue[0]
        if entry.completes is not None:
            entry.completes.done = True
            if self._undo is not None:
                self._undo.events.append(entry.completes)
        elif entry.awaits is not None and not entry.awaits.done:
            return False
        queue.popleft()
        self.pending -= 1
        return True

    def _note(self, stream: int, indices: Sequence[int]) -> None:
        taken, name = self._taken, self.names[stream]
        if len(taken) >= TAKEN_MAX:
            self._forgotten += len(taken)
            taken.clear()
        taken.extend([f"{name}:{index}" if index else name for index in indices])


def _counted_among_those_left(order: Sequence[int]) -> list[int]:
    """For each place of `order`, which is a permutation, the number of those after it in `order` that are less."""
    left = list(range(len(order)))
    found = []
    for place in order:
        found.append(left.index(place))
        del left[found[-1]]
    return found


class _Undo:
    """How the queues were; parts and events are added when they are about to change."""

    def __init__(self, queues: StreamQueues) -> None:
        self.queues = [deque(queue) for queue in queues.queues]
        self.pending = queues.pending
        self.works = queues.works
        self.taken = queues._taken
        self.forgotten = queues._forgotten
        self.keeps_taken = queues.keeps_taken
        self.parts: dict[int, tuple[Work, list[Any]]] = {}
        self.events: list[SimulatedEvent] = []

    def keep_parts(self, work: Work) -> None:
        """Called before a part of `work` goes."""
        if work.sequence not in self.parts:
            self.parts[work.sequence] = (work, list(work.parts))
