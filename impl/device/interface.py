"""What the block manager needs of a device: two pools of slots, three streams, events, copies.

All work is submitted to a stream and runs later: in order within its stream, in any order between streams except
where a wait on an event says otherwise. The host never blocks, but for `synchronize` and `read`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import IntEnum

from kvproof.impl.device.happens_before import Clock, HappensBefore, Race


class Level(IntEnum):
    """Where a slot is: PRIMARY in device memory, SECONDARY in pinned host memory."""

    PRIMARY = 0
    SECONDARY = 1


class Stream(IntEnum):
    """COMPUTE runs the engine's kernels, ONBOARD copies to device memory, OFFLOAD copies to host memory."""

    COMPUTE = 0
    ONBOARD = 1
    OFFLOAD = 2


Move = tuple[int, int, int, int]
"""One copy of a whole block: source level, source slot, target level, target slot."""

PrefixMove = tuple[int, int, int, int, int]
"""A copy of a block's beginning: as `Move`, then the number of bytes."""


UNWRITTEN = 0xDB
"""What fills fresh memory, so that a block read before it is written is not mistaken for zeros."""


class Event:
    """A point in a stream's work that other streams can wait for."""

    __slots__ = ("clock",)

    def __init__(self) -> None:
        self.clock: Clock = ()


class Loaded(ABC):
    """The result of `Device.load`."""

    @abstractmethod
    def value(self) -> bytes:
        """The bytes that the stream saw; raises DeviceError before the load has completed (see `synchronize`)."""


class DeviceError(RuntimeError):
    """The device is missing, or was asked for something outside its memory."""


class Device(ABC):
    """Memory and streams; records each access for the happens-before check.

    Args:
        primary_blocks: slots of PRIMARY, at least 1.
        secondary_blocks: slots of SECONDARY.
        block_bytes: size of a slot.
        check: keep the happens-before record; without it `races` stays empty.
    """

    def __init__(self, primary_blocks: int, secondary_blocks: int, block_bytes: int, *, check: bool = True) -> None:
        for name, value, least in (
            ("primary_blocks", primary_blocks, 1),
            ("secondary_blocks", secondary_blocks, 0),
            ("block_bytes", block_bytes, 1),
        ):
            if value < least:
                raise ValueError(f"device {name}: needs at least {least}, got {value}")
        self.slots = (primary_blocks, secondary_blocks)
        """Number of slots per level."""
        self.block_bytes = block_bytes
        names = [stream.name.lower() for stream in Stream]
        self.record = HappensBefore(names, primary_blocks, secondary_blocks) if check else None
        """The happens-before record, or None."""

    @property
    def races(self) -> list[Race]:
        """The unordered conflicting accesses found so far; empty when nothing is recorded."""
        return self.record.races if self.record is not None else []

    def copy(self, stream: Stream, moves: Sequence[Move], prefixes: Sequence[PrefixMove] = ()) -> None:
        """Submit a batch of copies, of whole blocks and of beginnings of blocks, which are unordered among themselves."""
        primary, secondary = self.slots
        for source_level, source, target_level, target in moves:
            if not (
                0 <= source < (secondary if source_level else primary)
                and 0 <= target < (secondary if target_level else primary)
            ):
                self.check_slot(source_level, source)
                self.check_slot(target_level, target)
        for source_level, source, target_level, target, length in prefixes:
            self.check_slot(source_level, source)
            self.check_slot(target_level, target)
            if not 0 < length <= self.block_bytes:
                raise DeviceError(
                    f"copy of {length} bytes from {Level(source_level).name} slot {source}: a block has "
                    f"{self.block_bytes} bytes; copy 1 to all of them"
                )
        if self.record is not None:
            every = [*moves, *prefixes] if prefixes else moves
            self.record.submit(
                stream,
                [move[1] + primary if move[0] else move[1] for move in every],
                [move[3] + primary if move[2] else move[3] for move in every],
            )
        self._copy(stream, moves, prefixes)

    def write(self, stream: Stream, level: int, slot: int, offset: int, data: bytes) -> None:
        """Submit a kernel that writes `data` at byte `offset` of a slot. `data` is taken at once."""
        self.check_slot(level, slot)
        if offset < 0 or offset + len(data) > self.block_bytes:
            raise DeviceError(
                f"{Level(level).name} slot {slot}: bytes {offset}..{offset + len(data)} are outside a block of "
                f"{self.block_bytes} bytes"
            )
        if self.record is not None:
            self.record.submit(stream, (), (self._place(level, slot),))
        self._write(stream, level, slot, offset, data)

    def load(self, stream: Stream, level: int, slot: int) -> Loaded:
        """Submit a kernel that reads a whole slot; the result is there once the stream has come so far."""
        self.check_slot(level, slot)
        if self.record is not None:
            self.record.submit(stream, (self._place(level, slot),), ())
        return self._load(stream, level, slot)

    def record_event(self, stream: Stream) -> Event:
        """An event that completes when all work submitted to `stream` so far has."""
        event = self._record_event(stream)
        if self.record is not None:
            event.clock = self.record.record(stream)
        return event

    def wait_event(self, stream: Stream, event: Event) -> None:
        """Later work on `stream` starts only after `event`; the host does not wait."""
        if self.record is not None:
            self.record.wait(stream, event.clock)
        self._wait_event(stream, event)

    def synchronize(self) -> None:
        """Block the host until all submitted work has completed."""
        self._synchronize()
        if self.record is not None:
            self.record.synchronize()

    def read(self, level: int, slot: int) -> bytes:
        """The bytes of a slot after all submitted work: synchronizes first."""
        self.check_slot(level, slot)
        self.synchronize()
        if self.record is not None:
            self.record.host_read(self._place(level, slot))
        return self._peek(level, slot)

    def peek(self, level: int, slot: int) -> bytes:
        """The bytes of a slot right now, whatever is pending; not recorded, for tests and debugging."""
        self.check_slot(level, slot)
        return self._peek(level, slot)

    def check_slot(self, level: int, slot: int) -> None:
        """Raises DeviceError when `level` has no such slot."""
        if not 0 <= slot < self.slots[level]:
            raise DeviceError(
                f"{Level(level).name} slot {slot}: the level has slots 0..{self.slots[level] - 1}; "
                "was a block id used as a slot (#13124)?"
            )

    def _place(self, level: int, slot: int) -> int:
        return slot + self.slots[0] if level else slot

    @abstractmethod
    def _copy(self, stream: Stream, moves: Sequence[Move], prefixes: Sequence[PrefixMove]) -> None: ...

    @abstractmethod
    def _write(self, stream: Stream, level: int, slot: int, offset: int, data: bytes) -> None: ...

    @abstractmethod
    def _load(self, stream: Stream, level: int, slot: int) -> Loaded: ...

    @abstractmethod
    def _record_event(self, stream: Stream) -> Event: ...

    @abstractmethod
    def _wait_event(self, stream: Stream, event: Event) -> None: ...

    @abstractmethod
    def _synchronize(self) -> None: ...

    @abstractmethod
    def _peek(self, level: int, slot: int) -> bytes: ...
