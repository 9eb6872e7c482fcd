"""The embedded device: host memory, with streams as queues whose work completes in the order that a schedule picks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from kvproof.impl.device.interface import (
    UNWRITTEN,
    Device,
    DeviceError,
    Event,
    Level,
    Loaded,
    Move,
    PrefixMove,
    Stream,
)
from kvproof.impl.device.schedule import Schedule, ScheduleName

PENDING_MAX = 8192  # like a driver's queue: at the limit a submission first completes other work


class SimulatedEvent(Event):
    """An event that completes when its place in the queue is reached."""

    __slots__ = ("done",)

    def __init__(self) -> None:
        super().__init__()
        self.done = False


class SimulatedLoad(Loaded):
    """Bytes that arrive when the stream gets there."""

    def __init__(self) -> None:
        self.data: bytes | None = None

    def value(self) -> bytes:
        """See `Loaded.value`."""
        if self.data is None:
            raise DeviceError("load: not completed yet; synchronize the device first")
        return self.data


class _Pending:
    """One piece of work in a stream's queue: something to run, an event to wait for, or one to complete."""

    __slots__ = ("awaits", "completes", "run", "sequence")

    def __init__(
        self,
        sequence: int,
        run: Callable[[], None] | None,
        awaits: SimulatedEvent | None,
        completes: SimulatedEvent | None,
    ) -> None:
        self.sequence = sequence
        self.run = run
        self.awaits = awaits
        self.completes = completes


class SimulatedDevice(Device):
    """Numpy arrays for both levels.

    Args:
        primary_blocks, secondary_blocks, block_bytes, check: see `Device`.
        schedule: eager, lazy, reversed or random; see `Schedule`.
        seed: of the random schedule.
    """

    def __init__(
        self,
        primary_blocks: int,
        secondary_blocks: int,
        block_bytes: int,
        *,
        check: bool = True,
        schedule: ScheduleName = "eager",
        seed: int = 0,
    ) -> None:
        super().__init__(primary_blocks, secondary_blocks, block_bytes, check=check)
        self.schedule = Schedule(schedule, seed)
        self._at_once = schedule == "eager"  # then queues are always empty and work runs when it is submitted
        self._memory: list[npt.NDArray[np.uint8]] = [
            np.full((slots, block_bytes), UNWRITTEN, dtype=np.uint8) for slots in self.slots
        ]
        self._queues: list[deque[_Pending]] = [deque() for _ in Stream]
        self._submitted = 0
        self._pending = 0

    @property
    def pending(self) -> int:
        """Pieces of work that were submitted and have not completed."""
        return self._pending

    def view(self, level: Level) -> npt.NDArray[np.uint8]:
        """The memory of `level` itself, one row a slot, for kernels that run on the host after `synchronize`."""
        return self._memory[level]

    def _copy(self, stream: Stream, moves: Sequence[Move], prefixes: Sequence[PrefixMove]) -> None:
        if self._at_once:
            self._move(moves, prefixes)
        else:
            moves, prefixes = tuple(moves), tuple(prefixes)
            self._submit(stream, lambda: self._move(moves, prefixes))

    def _move(self, moves: Sequence[Move], prefixes: Sequence[PrefixMove]) -> None:
        memory, whole = self._memory, len(moves)
        for index in self.schedule.batch_order(whole + len(prefixes)):
            if index < whole:
                source_level, source, target_level, target = moves[index]
                memory[target_level][target] = memory[source_level][source]
            else:
                source_level, source, target_level, target, length = prefixes[index - whole]
                memory[target_level][target, :length] = memory[source_level][source, :length]

    def _write(self, stream: Stream, level: int, slot: int, offset: int, data: bytes) -> None:
        data = bytes(data)

        def run() -> None:
            self._memory[level][slot, offset : offset + len(data)] = np.frombuffer(data, dtype=np.uint8)

        self._submit(stream, run)

    def _load(self, stream: Stream, level: int, slot: int) -> Loaded:
        loaded = SimulatedLoad()

        def run() -> None:
            loaded.data = self._memory[level][slot].tobytes()

        self._submit(stream, run)
        return loaded

    def _record_event(self, stream: Stream) -> Event:
        event = SimulatedEvent()
        if self._at_once:
            event.done = True
        else:
            self._enqueue(stream, completes=event)
        return event

    def _wait_event(self, stream: Stream, event: Event) -> None:
        if not isinstance(event, SimulatedEvent):
            raise DeviceError(f"event {event!r}: was recorded on another kind of device")
        if not event.done:  # a completed event orders nothing any more
            self._enqueue(stream, awaits=event)

    def _synchronize(self) -> None:
        while self._pending:
            self._complete_one()

    def _peek(self, level: int, slot: int) -> bytes:
        row: npt.NDArray[np.uint8] = self._memory[level][slot]
        return row.tobytes()

    def _submit(self, stream: Stream, run: Callable[[], None]) -> None:
        if self._at_once:
            run()
        else:
            self._enqueue(stream, run=run)

    def _enqueue(
        self,
        stream: Stream,
        *,
        run: Callable[[], None] | None = None,
        awaits: SimulatedEvent | None = None,
        completes: SimulatedEvent | None = None,
    ) -> None:
        while self._pending >= PENDING_MAX:
            self._complete_one()
        self._submitted += 1
        self._queues[stream].append(_Pending(self._submitted, run, awaits, completes))
        self._pending += 1
        for _ in range(self.schedule.picks_after_submission()):
            if self._pending:
                self._complete_one()

    def _complete_one(self) -> None:
        """Complete the work that the schedule picks, after all events on the way to any that may be picked.

        Events take no time. If they were picked like work, a schedule that wants the newest work would be kept from it
        by an older event in front of it.
        """
        moved = True
        while moved:
            moved = False
            for queue in self._queues:
                while queue and queue[0].run is None:
                    event = queue[0]
                    if event.completes is not None:
                        event.completes.done = True
                    elif event.awaits is not None and not event.awaits.done:
                        break
                    queue.popleft()
                    self._pending -= 1
                    moved = True
        heads = [
            (queue[0].sequence, stream)
            for stream, queue in enumerate(self._queues)
            if queue and queue[0].run is not None
        ]
        if not heads:  # only events were left: the oldest pending work can always run, as what it awaits is older
            return
        work = self._queues[self.schedule.pick(heads)].popleft()
        self._pending -= 1
        if work.run is not None:
            work.run()
