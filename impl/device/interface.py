"""What the block manager needs of a device: two levels of slots, streams, events, copies, small buffers.

All work is submitted to a stream and runs later: in order within its stream, in any order between streams except
where a wait on an event says otherwise. The host never blocks, but for `synchronize`, `wait_host` and `read`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import IntEnum

from kvproof.impl.device.happens_before import Clock, HappensBefore, Race
from kvproof.impl.device.layout import Layout, Move, Pool, PrefixMove


class Level(IntEnum):
    """Where a slot is: PRIMARY in device memory, SECONDARY in pinned host memory."""

    PRIMARY = 0
    SECONDARY = 1


class Stream(IntEnum):
    """What runs where.

    COMPUTE: the engine's kernels. ONBOARD: copies to device memory. OFFLOAD: copies to host memory. EXECUTION: forward
    passes of an engine whose scheduler works ahead and runs them elsewhere (#15349). SEND: a disaggregated sender, which
    reads blocks to ship them (#16913).
    """

    COMPUTE = 0
    ONBOARD = 1
    OFFLOAD = 2
    EXECUTION = 3
    SEND = 4


UNWRITTEN = 0xDB
"""What fills fresh memory, so that a block read before it is written is not mistaken for zeros."""

ENTRY_BYTES = 4  # a page-table entry is a uint32
ENTRY_SECONDARY_BIT = 1 << 31


class Event:
    """A point in a stream's work that other streams can wait for."""

    __slots__ = ("clock",)

    def __init__(self) -> None:
        self.clock: Clock = ()


class Buffer:
    """A small region of memory beside the slots, such as a page table's (PRIMARY) or its staging buffer (SECONDARY).

    Attributes:
        level: PRIMARY in device memory, SECONDARY in pinned host memory.
        size: bytes.
        place: its number in the happens-before record.
    """

    __slots__ = ("level", "place", "size")

    def __init__(self, level: Level, size: int, place: int) -> None:
        self.level = level
        self.size = size
        self.place = place

    def __str__(self) -> str:
        return f"{self.level.name} buffer of {self.size} bytes"


class Loaded(ABC):
    """The result of `Device.load` and `Device.load_through`."""

    @abstractmethod
    def arrived(self) -> bool:
        """Whether `value` can tell by now; does not block, and the record does not learn of it."""

    @abstractmethod
    def value(self) -> bytes:
        """The bytes of the slot, as its logical image, that the stream saw.

        Raises:
            DeviceError: the load has not completed (see `synchronize`), or the table entry named no PRIMARY slot.
        """


class DeviceError(RuntimeError):
    """The device is missing, or was asked for something outside its memory."""


def entry_fault(index: int, entry: int, primary_slots: int) -> str | None:
    """Why a kernel cannot read what page-table entry number `index` names; None when it names a PRIMARY slot."""
    if 0 <= entry < primary_slots:
        return None
    if entry == int.from_bytes(bytes([UNWRITTEN]) * ENTRY_BYTES, "little"):
        named = "was never written"
    elif entry & ENTRY_SECONDARY_BIT:
        named = f"names SECONDARY slot {entry ^ ENTRY_SECONDARY_BIT}"
    else:
        named = f"names slot {entry}, but PRIMARY has slots 0..{primary_slots - 1}"
    return f"load: entry {index} of the page table ({entry:#010x}) {named}; is the table stale, or not uploaded yet?"


class Device(ABC):
    """Memory and streams; records each access for the happens-before check.

    Args:
        primary_blocks: slots of PRIMARY, at least 1.
        secondary_blocks: slots of SECONDARY.
        block_bytes: size of a block, all pools.
        check: keep the happens-before record; without it `races` stays empty.
        pools: where a block's bytes are; one pool of one layer when None.
        tokens_per_block: into how many tokens each layer of a block divides; copies of beginnings count in them.
        layout_type: plans the copies.

    Raises:
        ValueError: a size is too small, or the pools do not make up a block.
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
    ) -> None:
        for name, value, least in (
            ("primary_blocks", primary_blocks, 1),
            ("secondary_blocks", secondary_blocks, 0),
            ("block_bytes", block_bytes, 1),
        ):
            if value < least:
                raise ValueError(f"device {name}: needs at least {least}, got {value}")
        pools = (Pool(block_bytes),) if pools is None else tuple(pools)
        self.slots = (primary_blocks, secondary_blocks)
        """Number of slots per level."""
        self.block_bytes = block_bytes
        self.image = Layout(self.slots, pools, tokens_per_block)
        """Where kernels find a block's bytes: what is true of the memory."""
        if self.image.block_bytes != block_bytes:
            raise ValueError(
                f"device pools: a block has {' + '.join(str(pool.block_bytes) for pool in pools)} bytes in them, "
                f"but block_bytes is {block_bytes}"
            )
        self.layout = self.image if layout_type is Layout else layout_type(self.slots, pools, tokens_per_block)
        """Where copies take them from and put them: the same, unless `layout_type` gets it wrong."""
        self.pools = self.image.pools
        self.tokens_per_block = tokens_per_block
        names = [stream.name.lower() for stream in Stream]
        self.record = HappensBefore(names, primary_blocks, secondary_blocks) if check else None
        """The happens-before record, or None."""
        self._made: list[Buffer] = []

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
        for source_level, source, target_level, target, tokens in prefixes:
            self.check_slot(source_level, source)
            self.check_slot(target_level, target)
            if not 0 < tokens <= self.tokens_per_block:
                raise DeviceError(
                    f"copy of {tokens} tokens from {Level(source_level).name} slot {source}: a block has "
                    f"{self.tokens_per_block} tokens; copy 1 to all of them"
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
        """Submit a kernel that writes `data` at byte `offset` of a slot's logical image. `data` is taken at once."""
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

    def load_through(self, stream: Stream, table: Buffer, index: int, slot: int) -> Loaded:
        """Submit a kernel that reads entry `index` of a page table when it runs, and the PRIMARY slot named there.

        Args:
            stream: where it runs.
            table: a PRIMARY buffer of uint32 entries; see `kvproof.impl.page_table`.
            index: of the entry.
            slot: the PRIMARY slot that the host takes the entry to name by then: all that the record can know.
        """
        self._check_buffer(table, Level.PRIMARY, "the table of a load")
        if not 0 <= index < table.size // ENTRY_BYTES:
            raise DeviceError(f"load through entry {index}: the table has {table.size // ENTRY_BYTES} entries")
        self.check_slot(Level.PRIMARY, slot)
        if self.record is not None:
            self.record.submit(stream, (table.place, slot), ())
        return self._load_through(stream, table, index, slot)

    def buffer(self, level: Level, size: int) -> Buffer:
        """A new buffer of `size` bytes, at least 1, filled with UNWRITTEN. It lives as long as the device."""
        if size < 1:
            raise DeviceError(f"{Level(level).name} buffer: needs at least 1 byte, got {size}")
        made = self._buffer(Level(level), size, sum(self.slots) + len(self._made))
        self._made.append(made)
        if self.record is not None:
            self.record.add_buffer(made.level)
        return made

    def host_write(self, buffer: Buffer, offset: int, data: bytes) -> None:
        """The host writes `data` at byte `offset` of a SECONDARY buffer, now, whatever is pending (#15546)."""
        self._check_buffer(buffer, Level.SECONDARY, "what the host writes")
        if offset < 0 or offset + len(data) > buffer.size:
            raise DeviceError(f"host write: bytes {offset}..{offset + len(data)} are outside a {buffer}")
        if self.record is not None:
            self.record.host_access((), (buffer.place,))
        self._host_write(buffer, offset, data)

    def upload(self, stream: Stream, source: Buffer, target: Buffer, size: int) -> None:
        """Submit a copy of the first `size` bytes of a SECONDARY buffer to the beginning of a PRIMARY one."""
        self._check_buffer(source, Level.SECONDARY, "the source of an upload")
        self._check_buffer(target, Level.PRIMARY, "the target of an upload")
        if not 0 < size <= min(source.size, target.size):
            raise DeviceError(f"upload of {size} bytes: the source is a {source}, the target a {target}")
        if self.record is not None:
            self.record.submit(stream, (source.place,), (target.place,))
        self._upload(stream, source, target, size)

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

    def event_done(self, event: Event) -> bool:
        """Whether `event` has completed; does not block. True: what the host does from now on comes after it."""
        if not self._event_done(event):
            return False
        if self.record is not None:
            self.record.host_wait(event.clock)
        return True

    def wait_host(self, event: Event) -> None:
        """Block the host until `event` has completed; what it does from now on comes after."""
        self._wait_host(event)
        if self.record is not None:
            self.record.host_wait(event.clock)

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
            self.record.host_access((self._place(level, slot),), ())
        return self._peek(level, slot)

    def peek(self, level: int, slot: int) -> bytes:
        """The bytes of a slot right now, whatever is pending; not recorded, for tests and debugging."""
        self.check_slot(level, slot)
        return self._peek(level, slot)

    def peek_buffer(self, buffer: Buffer) -> bytes:
        """The bytes of a buffer right now, whatever is pending; not recorded, for tests and debugging."""
        self._check_buffer(buffer, buffer.level, "what is looked at")
        return self._peek_buffer(buffer)

    def check_slot(self, level: int, slot: int) -> None:
        """Raises DeviceError when `level` has no such slot."""
        if not 0 <= slot < self.slots[level]:
            raise DeviceError(
                f"{Level(level).name} slot {slot}: the level has slots 0..{self.slots[level] - 1}; "
                "was a block id used as a slot (#13124)?"
            )

    def _check_buffer(self, buffer: Buffer, level: Level, role: str) -> None:
        number = buffer.place - sum(self.slots)
        if not (0 <= number < len(self._made) and self._made[number] is buffer):
            raise DeviceError(f"{buffer}: {role} was made on another device")
        if buffer.level != level:
            raise DeviceError(f"{buffer}: {role} is in {level.name} memory")

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

    @abstractmethod
    def _buffer(self, level: Level, size: int, place: int) -> Buffer: ...

    @abstractmethod
    def _host_write(self, buffer: Buffer, offset: int, data: bytes) -> None: ...

    @abstractmethod
    def _upload(self, stream: Stream, source: Buffer, target: Buffer, size: int) -> None: ...

    @abstractmethod
    def _load_through(self, stream: Stream, table: Buffer, index: int, slot: int) -> Loaded: ...

    @abstractmethod
    def _event_done(self, event: Event) -> bool: ...

    @abstractmethod
    def _wait_host(self, event: Event) -> None: ...

    @abstractmethod
    def _peek_buffer(self, buffer: Buffer) -> bytes: ...
