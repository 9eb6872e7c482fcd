"""The embedded device: host memory, with streams as queues whose work completes in the order that a schedule picks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from kvproof.impl.device.interface import (
    ENTRY_BYTES,
    UNWRITTEN,
    Buffer,
    Device,
    DeviceError,
    Event,
    Level,
    Loaded,
    Stream,
    entry_fault,
)
from kvproof.impl.device.layout import Layout, Move, Pool, PrefixMove
from kvproof.impl.device.memory import Bytes, HostMemory
from kvproof.impl.device.pacing import Pacing
from kvproof.impl.device.queues import Places, SimulatedEvent, StreamQueues, Work
from kvproof.impl.device.schedule import Schedule, ScheduleName

PENDING_MAX = 8192  # like a driver's queue: at the limit a submission first completes other work


class SimulatedBuffer(Buffer):
    """A buffer with its memory."""

    __slots__ = ("memory",)

    def __init__(self, level: Level, size: int, place: int) -> None:
        super().__init__(level, size, place)
        self.memory: Bytes = np.full(size, UNWRITTEN, dtype=np.uint8)


class SimulatedLoad(Loaded):
    """Bytes, or what was wrong, that arrive when the stream gets there."""

    def __init__(self) -> None:
        self.data: bytes | None = None
        self.fault: str | None = None

    def arrived(self) -> bool:
        """See `Loaded.arrived`."""
        return self.data is not None or self.fault is not None

    def value(self) -> bytes:
        """See `Loaded.value`."""
        if self.fault is not None:
            raise DeviceError(self.fault)
        if self.data is None:
            raise DeviceError("load: not completed yet; synchronize the device first")
        return self.data


class SimulatedDevice(Device):
    """Numpy arrays for both levels.

    By itself it completes work as `schedule` says. A harness that decides after each operation what completes makes it
    with schedule="lazy" and uses `advance`, `follow` and `taken_picks`; `ahead` shows what the bytes will be.

    Args:
        primary_blocks, secondary_blocks, block_bytes, check, pools, tokens_per_block, layout_type: see `Device`.
        schedule: eager, lazy, reversed, random or adversarial; see `Schedule`.
        seed: of the random schedule.
        granule_bytes: copies are torn: so many bytes of a row complete at a time, in any order, and a reader that does
            not wait can see half a block. None: each block of a batch is copied whole.

    Raises:
        ValueError: sizes, pools, schedule or granule are not possible.
    """

    def __init__(
        self,
        primary_blocks: int,
        secondary_blocks: int,
        block_bytes: int,
        *,
        check: bool = True,
        pools: Sequence[Pool] | None = None,
        tokens_per_block: int = 1,
        layout_type: type[Layout] = Layout,
        schedule: ScheduleName = "eager",
        seed: int = 0,
        granule_bytes: int | None = None,
    ) -> None:
        super().__init__(
            primary_blocks,
            secondary_blocks,
            block_bytes,
            check=check,
            pools=pools,
            tokens_per_block=tokens_per_block,
            layout_type=layout_type,
        )
        if granule_bytes is not None and (not isinstance(granule_bytes, int) or granule_bytes < 1):
            raise ValueError(f"device granule_bytes: needs a whole number, at least 1, got {granule_bytes!r}")
        self.granule_bytes = granule_bytes
        self.schedule = Schedule(schedule, seed, torn=granule_bytes is not None)
        self._at_once = schedule == "eager"  # then queues are always empty and work runs when it is submitted
        self._memory = self._make_memory()
        self._buffers: list[SimulatedBuffer] = []
        self._queues = StreamQueues([stream.name.lower() for stream in Stream], keeps_taken=schedule == "lazy")
        self._pacing = Pacing(self._queues, self.schedule)
        self._ahead_loads: list[SimulatedLoad] | None = None  # completed in `ahead`, while in there
        self._ahead_picks: list[str] = []

    @property
    def pending(self) -> int:
        """Pieces of work and events that were submitted and have not completed."""
        return self._queues.pending

    def view(self, level: Level, pool: int = 0) -> Bytes:
        """The memory of `level` itself, for kernels that run on the host after `synchronize`.

        Block first, it has one row a slot; layer first, one row a slot of a layer, layer after layer.
        """
        return self._memory.view(level, pool)

    def _make_memory(self) -> HostMemory:
        """The memory of both levels."""
        return HostMemory(self.image, self.layout, self.granule_bytes)

    # What completes when.

    def advance(self, mode: str, seed: int) -> None:
        """An operation has ended: complete some of what is pending.

        Args:
            mode: eager: everything, oldest first. lazy: nothing. adversarial: what can overtake conflicting earlier
                work (see `adversary`), and the newest when too much is pending. drawn: a random number of random parts.
                follow: the rest of the picks that `follow` was given, and nothing more.
            seed: of the drawn mode.

        Raises:
            ValueError: an unknown mode.
            DeviceError: what a piece of work raises, such as a file that is not there.
        """
        self._check_not_ahead("advance")
        self._pacing.advance(mode, seed)

    def follow(self, picks: Sequence[str]) -> None:
        """Queue picks for the host's next waits and the next `advance("follow", 0)`; one that cannot run is skipped.

        Raises:
            ValueError: something that is no pick: a stream's lower-case name, or name:k for part k of its head.
        """
        self._check_not_ahead("follow")
        self._pacing.follow(picks)

    def taken_picks(self) -> list[str]:
        """What has completed since this was last asked, in order, also because the host waited.

        Raises:
            DeviceError: the schedule is not lazy, or more picks were taken than are kept; ask after each operation.
        """
        self._check_not_ahead("taken_picks")
        return self._queues.take_taken()

    @contextmanager
    def ahead(self, mode: str, seed: int) -> Iterator[None]:
        """A look at what the bytes will be: inside, everything pending has completed, in the order of `mode`.

        On leaving, memory, buffers, loads, events and what is pending are as they were before; the happens-before record
        learns of nothing. Inside, `peek`, `peek_buffer` and `Loaded.value` may be called, and nothing be submitted.

        Raises:
            ValueError: an unknown mode. DeviceError: a look inside a look, or what a piece of work raises.
        """
        self._check_not_ahead("ahead")
        changes = bool(self._queues.works)
        kept = self._memory.keep() if changes else None
        kept_buffers = [buffer.memory.copy() for buffer in self._buffers] if changes else []
        self._queues.begin_undo()
        self._ahead_loads = []
        try:
            self._pacing.complete_all(mode, seed)
            yield
        finally:
            self._ahead_picks = self._queues.undo()
            if changes:
                self._memory.bring_back(kept)
                for buffer, before in zip(self._buffers, kept_buffers, strict=True):
                    buffer.memory[:] = before
            for load in self._ahead_loads:
                load.data = load.fault = None
            self._ahead_loads = None

    def ahead_picks(self) -> list[str]:
        """In which order the last look ahead, or the one that is under way, completed what was pending."""
        return self._queues.taken_so_far() if self._ahead_loads is not None else list(self._ahead_picks)

    def _check_not_ahead(self, what: str) -> None:
        if self._ahead_loads is not None:
            raise DeviceError(f"{what}: inside a look ahead only peek, peek_buffer and Loaded.value are possible")

    # What is submitted.

    def _copy(self, stream: Stream, moves: Sequence[Move], prefixes: Sequence[PrefixMove]) -> None:
        memory = self._memory
        if not memory.whole_rows:
            parts = memory.parts(moves, prefixes)
            if self._at_once:
                memory.run_parts(parts)
            elif parts:
                self._enqueue(stream, Work(memory.run_parts, parts, memory.places_of_part))
        elif self._at_once:
            memory.run_moves(moves)
            if prefixes:
                memory.run_moves(prefixes)
        elif moves or prefixes:
            self._enqueue(stream, Work(memory.run_moves, [*moves, *prefixes], memory.places_of_move))

    def _write(self, stream: Stream, level: int, slot: int, offset: int, data: bytes) -> None:
        data = bytes(data)
        place = self._place(level, slot)
        self._submit(stream, lambda _: self._memory.put(level, slot, offset, data), ((), (place,)))

    def _load(self, stream: Stream, level: int, slot: int) -> Loaded:
        loaded = SimulatedLoad()

        def run(_: Sequence[Any]) -> None:
            if self._ahead_loads is not None:
                self._ahead_loads.append(loaded)
            loaded.data = self._memory.get(level, slot)

        self._submit(stream, run, ((self._place(level, slot),), ()))
        return loaded

    def _load_through(self, stream: Stream, table: Buffer, index: int, slot: int) -> Loaded:
        loaded = SimulatedLoad()
        entries = self._own(table)

        def run(_: Sequence[Any]) -> None:
            if self._ahead_loads is not None:
                self._ahead_loads.append(loaded)
            entry = int.from_bytes(entries[index * ENTRY_BYTES : (index + 1) * ENTRY_BYTES].tobytes(), "little")
            loaded.fault = entry_fault(index, entry, self.slots[Level.PRIMARY])
            if loaded.fault is None:
                loaded.data = self._memory.get(Level.PRIMARY, entry)

        self._submit(stream, run, ((table.place, slot), ()))
        return loaded

    def _peek(self, level: int, slot: int) -> bytes:
        return self._memory.get(level, slot)

    def _buffer(self, level: Level, size: int, place: int) -> Buffer:
        self._check_not_ahead("buffer")
        made = SimulatedBuffer(level, size, place)
        self._buffers.append(made)
        return made

    def _own(self, buffer: Buffer) -> Bytes:
        """The memory of a buffer of this device."""
        return self._buffers[buffer.place - sum(self.slots)].memory

    def _host_write(self, buffer: Buffer, offset: int, data: bytes) -> None:
        self._check_not_ahead("host_write")
        self._own(buffer)[offset : offset + len(data)] = np.frombuffer(data, np.uint8)

    def _upload(self, stream: Stream, source: Buffer, target: Buffer, size: int) -> None:
        from_memory, to_memory = self._own(source), self._own(target)
        step = self.granule_bytes or size
        places = ((source.place,), (target.place,))

        def run(starts: Sequence[int]) -> None:
            for start in starts:
                end = min(start + step, size)
                to_memory[start:end] = from_memory[start:end]

        starts = list(range(0, size, step))
        if self._at_once:
            run(starts)
        else:
            self._enqueue(stream, Work(run, starts, lambda _: places))

    def _peek_buffer(self, buffer: Buffer) -> bytes:
        return self._own(buffer).tobytes()

    def _record_event(self, stream: Stream) -> Event:
        event = SimulatedEvent(self._queues)
        if self._at_once:
            event.done = True
        else:
            self._enqueue(stream, Work(completes=event))
        return event

    def _wait_event(self, stream: Stream, event: Event) -> None:
        known = self._known(event)
        if not known.done:  # a completed event orders nothing any more
            self._enqueue(stream, Work(awaits=known))

    def _event_done(self, event: Event) -> bool:
        self._check_not_ahead("event_done")
        known = self._known(event)
        self._queues.settle()
        return known.done

    def _wait_host(self, event: Event) -> None:
        self._check_not_ahead("wait_host")
        known = self._known(event)
        self._pacing.force(lambda: known.done)

    def _known(self, event: Event) -> SimulatedEvent:
        if not isinstance(event, SimulatedEvent) or event.queues is not self._queues:
            raise DeviceError(f"event {event!r}: was recorded on another device")
        return event

    def _synchronize(self) -> None:
        self._check_not_ahead("synchronize")
        if self._queues.pending:
            self._pacing.finish()

    def _submit(self, stream: Stream, run: Any, places: Places) -> None:
        """Work of a single part; its places stand for it."""
        if self._at_once:
            run(())
        else:
            self._enqueue(stream, Work(run, [places], _itself))

    def _enqueue(self, stream: Stream, work: Work) -> None:
        self._check_not_ahead("submission")
        if self._queues.pending >= PENDING_MAX:
            self._pacing.force(lambda: self._queues.pending < PENDING_MAX)
        self._queues.push(stream, work)
        self._pacing.after_submission(is_event=work.run is None)


def _itself(places: Places) -> Places:
    return places
