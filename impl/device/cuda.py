"""The CUDA device: device memory for PRIMARY, pinned host memory for SECONDARY.

Nothing here keeps the host waiting except what says so in `Device`. What is staged in pinned memory stays there until an
event tells that the device has come past it.
"""

from __future__ import annotations

import contextlib
import ctypes
import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from kvproof.impl.device.copy_kernel import PAIR_BYTES, PAIRS_MAX, CopyKernel, tiles_of
from kvproof.impl.device.copy_plan import CopyPlanner
from kvproof.impl.device.cuda_driver import CudaDriver, Kernel, Memory
from kvproof.impl.device.cuda_staging import Region, Staging
from kvproof.impl.device.cuda_torch import driver_of, unavailable
from kvproof.impl.device.interface import (
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

if TYPE_CHECKING:
    import torch

__all__ = ["CudaBuffer", "CudaDevice", "CudaEvent", "CudaLoad", "unavailable"]

SEEN_BYTES = 16  # before the bytes of a load through a table: the entry that the kernel saw, padded for alignment


class CudaEvent(Event):
    """An event with the driver's."""

    __slots__ = ("_driver", "native")

    def __init__(self, driver: CudaDriver, native: int) -> None:
        super().__init__()
        self._driver = driver
        self.native = native

    def __del__(self) -> None:
        self._driver.return_event(self.native)


class CudaBuffer(Buffer):
    """A buffer with its memory."""

    __slots__ = ("memory",)

    def __init__(self, level: Level, size: int, place: int, memory: Memory) -> None:
        super().__init__(level, size, place)
        self.memory = memory


class CudaLoad(Loaded):
    """Bytes on their way into pinned memory, the rest of a region from `offset`."""

    def __init__(self, driver: CudaDriver, staging: Staging, region: Region, offset: int, size: int) -> None:
        self._driver = driver
        self._staging = staging
        self._region: Region | None = region
        self._offset = offset
        self._size = size
        self._data = b""

    def arrived(self) -> bool:
        """See `Loaded.arrived`."""
        region = self._region
        return region is None or region.event is None or self._driver.done(region.event)

    def value(self) -> bytes:
        """See `Loaded.value`."""
        region = self._region
        if region is not None:
            if not self.arrived():
                raise DeviceError("load: not completed yet; synchronize the device first")
            self.check(region)
            self._data = region.read(self._size, self._offset)
            self._give_back()
        return self._data

    def check(self, region: Region) -> None:
        """Raises DeviceError when the kernel found nothing to load."""

    def _give_back(self) -> None:
        region, self._region = self._region, None
        if region is not None:
            self._staging.give_back(region)

    def __del__(self) -> None:
        self._give_back()


class CudaLoadThrough(CudaLoad):
    """As `CudaLoad`, with the page-table entry that the kernel saw at the beginning of the region."""

    def __init__(
        self, driver: CudaDriver, staging: Staging, region: Region, size: int, index: int, primary_slots: int
    ) -> None:
        super().__init__(driver, staging, region, SEEN_BYTES, size)
        self._index = index
        self._primary_slots = primary_slots

    def check(self, region: Region) -> None:
        """See `CudaLoad.check`."""
        seen = int.from_bytes(region.read(8), "little")
        fault = entry_fault(self._index, seen, self._primary_slots)
        if fault is not None:
            raise DeviceError(fault)


class CudaDevice(Device):
    """One CUDA device.

    Args:
        primary_blocks, secondary_blocks, block_bytes, check, pools, tokens_per_block, layout_type: see `Device`.
        index: which CUDA device.
        streams: the engine's own torch streams for some of ours; the others are new.
        driver: instead of that of CUDA device `index`.

    Raises:
        DeviceError: no CUDA device, or not enough memory for the pools.
        ValueError: sizes or pools are not possible.
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
        index: int = 0,
        streams: Mapping[Stream, torch.cuda.Stream] | None = None,
        driver: CudaDriver | None = None,
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
        self.driver = driver_of(index) if driver is None else driver
        """What talks to the GPU."""
        self._memory_of_buffers: list[Memory] = []  # kept, as whoever drops a buffer may have work pending on it
        self._memory = [
            [self._allocate(level, max(1, self.image.pool_bytes(pool, level))) for level in Level]
            for pool in range(len(self.pools))
        ]
        theirs = {} if streams is None else {stream: int(each.cuda_stream) for stream, each in streams.items()}
        ours = {stream: self.driver.new_stream() for stream in Stream if stream not in theirs}
        self._peeks = self.driver.new_stream()  # reads what is there now, before what is pending elsewhere
        self._streams = [theirs[stream] if stream in theirs else ours[stream] for stream in Stream]
        every = {*self._streams, self._peeks}
        self.close = weakref.finalize(self, _close, self.driver, every, (*ours.values(), self._peeks))
        """Wait for all work and give the streams back; happens by itself when nothing refers to the device any more."""
        self.staging = Staging(self.driver)
        """Pinned memory for what is on its way."""
        self.staging.reserve(SEEN_BYTES + block_bytes)
        self.staging.reserve(min(PAIRS_MAX, sum(self.slots)) * PAIR_BYTES)
        self.copies = CopyKernel(self.driver, self.staging, self._streams)
        """How copies are carried out."""
        self._planner = CopyPlanner(
            self.layout, [(primary.address, secondary.address) for primary, secondary in self._memory]
        )
        for memories in self._memory:
            for level in Level:
                self._fill(level, memories[level])

    def native(self, stream: Stream) -> torch.cuda.Stream:
        """The torch stream behind `stream`, on which the engine launches its kernels."""
        return self.driver.external(self._streams[stream])

    def handle(self, stream: Stream) -> int:
        """The CUstream behind `stream`."""
        return self._streams[stream]

    def view(self, level: Level, pool: int = 0) -> torch.Tensor:
        """The memory of `level` itself, for the engine's kernels: a uint8 tensor.

        Block first, it has one row a slot; layer first, one row a slot of a layer, layer after layer.
        """
        shape = self.pools[pool]
        tensor = self.driver.tensor(self._memory[pool][level])[: self.image.pool_bytes(pool, level)]
        return tensor.view(-1, shape.layer_bytes if shape.layer_first else shape.block_bytes)

    def address(self, pool: int, level: int) -> int:
        """Where the memory of a pool and level begins."""
        return self._memory[pool][level].address

    def _allocate(self, level: Level, size: int) -> Memory:
        return self.driver.device_memory(size) if level == Level.PRIMARY else self.driver.host_memory(size)

    def _fill(self, level: Level, memory: Memory) -> None:
        if level == Level.SECONDARY:
            ctypes.memset(memory.address, UNWRITTEN, memory.size)
        else:
            self.driver.fill(self._peeks, memory.address, memory.size, UNWRITTEN)
            self.driver.synchronize(self._peeks)

    def _copy(self, stream: Stream, moves: Sequence[Move], prefixes: Sequence[PrefixMove]) -> None:
        for group in self._planner.plan(moves, prefixes):
            self.copies.run(self._streams[stream], group)

    def _copy_span(self, stream: int, target: int, source: int, size: int) -> None:
        """Copy between any two memories by a kernel, which is the stream's work from host to host, too."""
        blocks = self.copies.blocks(Level.SECONDARY, tiles_of(size))
        self.driver.launch(stream, Kernel.COPY_SPAN, blocks, (target, source, size))

    def _write(self, stream: Stream, level: int, slot: int, offset: int, data: bytes) -> None:
        if not data:
            return
        handle, region = self._streams[stream], self.staging.take(len(data))
        region.write(data)
        source = region.address
        for span in self.image.spans(level, slot, offset, offset + len(data)):
            self._copy_span(handle, self._memory[span.pool][level].address + span.offset, source, span.size)
            source += span.size
        self.staging.give(region, handle)

    def _load(self, stream: Stream, level: int, slot: int) -> Loaded:
        handle, region = self._streams[stream], self.staging.take(self.block_bytes)
        target = region.address
        for span in self.image.spans(level, slot):
            self._copy_span(handle, target, self._memory[span.pool][level].address + span.offset, span.size)
            target += span.size
        region.event = self.driver.record(handle)
        return CudaLoad(self.driver, self.staging, region, 0, self.block_bytes)

    def _load_through(self, stream: Stream, table: Buffer, index: int, slot: int) -> Loaded:
        del slot  # the kernel sees for itself
        handle, region = self._streams[stream], self.staging.take(SEEN_BYTES + self.block_bytes)
        target = region.address + SEEN_BYTES
        slots, entries = self.slots[Level.PRIMARY], self._own(table).memory.address
        for pool, shape in enumerate(self.pools):
            first, stride = self.image.offset(pool, Level.PRIMARY, 0), self.image.offset(pool, Level.PRIMARY, 1)
            pitch = self.image.pitch(pool, Level.PRIMARY)
            row_bytes, rows = shape.layer_bytes, shape.layers
            if pitch == row_bytes:
                row_bytes, rows = shape.block_bytes, 1
            memory = self._memory[pool][Level.PRIMARY].address + first
            blocks = self.copies.blocks(Level.SECONDARY, rows * tiles_of(row_bytes))
            arguments = (entries, index, slots, memory, stride - first, row_bytes, rows, pitch, target, region.address)
            self.driver.launch(handle, Kernel.LOAD_THROUGH, blocks, arguments)
            target += shape.block_bytes
        region.event = self.driver.record(handle)
        return CudaLoadThrough(self.driver, self.staging, region, self.block_bytes, index, slots)

    def _buffer(self, level: Level, size: int, place: int) -> Buffer:
        memory = self._allocate(level, size)
        self._fill(level, memory)
        self._memory_of_buffers.append(memory)
        return CudaBuffer(level, size, place, memory)

    def _own(self, buffer: Buffer) -> CudaBuffer:
        if not isinstance(buffer, CudaBuffer):
            raise DeviceError(f"{buffer}: was made by another kind of device")
        return buffer

    def _host_write(self, buffer: Buffer, offset: int, data: bytes) -> None:
        ctypes.memmove(self._own(buffer).memory.address + offset, data, len(data))

    def _upload(self, stream: Stream, source: Buffer, target: Buffer, size: int) -> None:
        addresses = (self._own(target).memory.address, self._own(source).memory.address)
        self.driver.copy(self._streams[stream], *addresses, size)

    def _record_event(self, stream: Stream) -> Event:
        return CudaEvent(self.driver, self.driver.record(self._streams[stream]))

    def _wait_event(self, stream: Stream, event: Event) -> None:
        self.driver.wait(self._streams[stream], self._native(event))

    def _event_done(self, event: Event) -> bool:
        return self.driver.done(self._native(event))

    def _wait_host(self, event: Event) -> None:
        self.driver.wait_host(self._native(event))

    @staticmethod
    def _native(event: Event) -> int:
        if not isinstance(event, CudaEvent):
            raise DeviceError(f"event {event!r}: was recorded on another kind of device")
        return event.native

    def _synchronize(self) -> None:
        for stream in self._streams:
            self.driver.synchronize(stream)

    def _peek(self, level: int, slot: int) -> bytes:
        return b"".join(
            self._now(level, self._memory[span.pool][level].address + span.offset, span.size)
            for span in self.image.spans(level, slot)
        )

    def _peek_buffer(self, buffer: Buffer) -> bytes:
        return self._now(buffer.level, self._own(buffer).memory.address, buffer.size)

    def _now(self, level: int, address: int, size: int) -> bytes:
        if level == Level.SECONDARY:
            return ctypes.string_at(address, size)
        region = self.staging.take(size)
        self.driver.copy(self._peeks, region.address, address, size)
        self.driver.synchronize(self._peeks)
        data = region.read(size)
        self.staging.give_back(region)
        return data


def _close(driver: CudaDriver, streams: Iterable[int], ours: Iterable[int]) -> None:
    with contextlib.suppress(DeviceError):  # a kernel that failed has said so to whoever asked before
        for stream in streams:
            driver.synchronize(stream)
        for stream in ours:
            driver.return_stream(stream)
