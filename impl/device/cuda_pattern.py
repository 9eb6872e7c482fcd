"""Content patterns at memory speed: kernels that write a block's bytes from a key, and that check them.

A key stands for what a block is to hold, such as a hash of its tokens. Each 16 bytes of each layer differ with the key,
the layer and the position, so that a block in a wrong place, a wrong layer, a torn copy or a shifted one shows. Checks
go through page-table entries, as a forward pass does, and may read a device's table itself when they run.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from attrs import frozen

from kvproof.impl.device.copy_kernel import PAIRS_MAX, tiles_of
from kvproof.impl.device.cuda import CudaBuffer, CudaDevice
from kvproof.impl.device.cuda_driver import Kernel
from kvproof.impl.device.cuda_staging import Region
from kvproof.impl.device.interface import ENTRY_BYTES, Buffer, DeviceError, Level, Stream

BLOCKS_MAX = PAIRS_MAX
"""Blocks that one call writes or checks, at most."""

SECONDARY_BIT = 1 << 31  # of a page-table entry; see kvproof.impl.block_manager.page_table
KEY_BYTES = 8
PLACE_BYTES = 32  # struct Place of kernels.cu
RESULT_BYTES = 24  # of each pool: wrong vectors, first wrong position, entries without a slot

Place = tuple[int, int]
"""Level and slot."""


def pattern_bytes(key: int, layer: int, size: int) -> bytes:
    """The first `size` bytes of a layer of the block with this key, as the kernels make them.

    Args:
        key: 64 bits.
        layer: counted through all pools.
        size: bytes.
    """
    low, high = np.uint32(key & 0xFFFFFFFF), np.uint32(key >> 32)
    with np.errstate(over="ignore"):  # 32-bit arithmetic wraps, here as there
        x: npt.NDArray[np.uint32] = np.arange(-(-size // 16), dtype=np.uint32) * np.uint32(0x9E3779B9)
        x ^= low ^ (np.uint32(layer) * np.uint32(0x85EBCA77))
        x ^= x >> np.uint32(16)
        x *= np.uint32(0x7FEB352D)
        x ^= x >> np.uint32(15)
        x *= np.uint32(0x846CA68B)
        x ^= x >> np.uint32(16)
        words = (
            x ^ high,
            x * np.uint32(0x9E3779B1) + high,
            (x ^ np.uint32(0x27D4EB2F)) * np.uint32(0xC2B2AE3D) + high,
            ~x + (high ^ low),
        )
    return np.stack(words, axis=1).astype("<u4").tobytes()[:size]


def block_pattern(device: CudaDevice, key: int) -> bytes:
    """The whole logical image of the block with this key."""
    parts, layer = [], 0
    for shape in device.pools:
        for _ in range(shape.layers):
            parts.append(pattern_bytes(key, layer, shape.layer_bytes))
            layer += 1
    return b"".join(parts)


@frozen
class Difference:
    """What a check found in one pool.

    Attributes:
        pool: which.
        wrong: 16-byte vectors that differ (bytes, where a layer's beginning is not a multiple of 16).
        missing: blocks whose entry names no slot.
        first: the first wrong place: number of the block in the call, layer of the pool, byte of the layer (where the
            first wrong vector begins); None when nothing is wrong.
    """

    pool: int
    wrong: int
    missing: int
    first: tuple[int, int, int] | None


class PatternCheck:
    """The result of a check on its way to the host."""

    def __init__(self, device: CudaDevice, region: Region, rows: Sequence[tuple[int, int]]) -> None:
        self._device = device
        self._region: Region | None = region
        self._rows = rows
        self._found: list[Difference] = []

    def value(self) -> list[Difference]:
        """The pools with differences; none: every byte is right.

        Raises:
            DeviceError: the check has not completed.
        """
        region = self._region
        if region is not None:
            if region.event is not None and not self._device.driver.done(region.event):
                raise DeviceError("pattern check: not completed yet; synchronize the device first")
            words = np.frombuffer(region.read(RESULT_BYTES * len(self._rows)), dtype=np.uint64).reshape(-1, 3).tolist()
            for pool, ((wrong, first, missing), (row_bytes, layers)) in enumerate(zip(words, self._rows, strict=True)):
                if wrong or missing:
                    line, byte = divmod(first, row_bytes)
                    place = (line // layers, line % layers, byte) if wrong else None
                    self._found.append(Difference(pool, wrong, missing, place))
            self._give_back()
        return self._found

    def _give_back(self) -> None:
        region, self._region = self._region, None
        if region is not None:
            self._device.staging.give_back(region)

    def __del__(self) -> None:
        self._give_back()


class Patterns:
    """Writes and checks patterns in the slots of `device`."""

    def __init__(self, device: CudaDevice) -> None:
        self._device = device
        driver, pools = device.driver, len(device.pools)
        self._places = driver.device_memory(PLACE_BYTES * 2 * pools)
        # Of each stream its own, as its checks come one after the other.
        self._results = driver.device_memory(RESULT_BYTES * pools * len(Stream))
        table = [self._place(pool, level) for pool in range(pools) for level in Level]
        region, stream = device.staging.take(PLACE_BYTES * len(table)), device.handle(Stream.COMPUTE)
        region.write(np.array(table, dtype=np.uint64).tobytes())
        driver.copy(stream, self._places.address, region.address, PLACE_BYTES * len(table))
        driver.synchronize(stream)  # the other streams use it, too
        device.staging.give_back(region)

    def _place(self, pool: int, level: int) -> tuple[int, int, int, int]:
        image = self._device.image
        first, stride = image.offset(pool, level, 0), image.offset(pool, level, 1) - image.offset(pool, level, 0)
        address = self._device.address(pool, level) + first
        return address, self._device.slots[level], stride, image.pitch(pool, level)

    def write(self, stream: Stream, places: Sequence[Place], keys: Sequence[int], tokens: int | None = None) -> None:
        """Submit a kernel that writes the pattern of `keys[i]` to `places[i]`: its first `tokens` tokens, or all."""
        self._check_arguments(places, keys)
        if self._device.record is not None:
            self._device.record.submit(stream, (), [self._number(place) for place in places])
        handle = self._device.handle(stream)
        region, address = self._put(handle, keys, places)
        entries = address + KEY_BYTES * len(keys)
        self._launch(Kernel.WRITE_PATTERN, handle, entries, address, places, tokens, None)
        self._device.staging.give(region, handle)

    def check(
        self,
        stream: Stream,
        places: Sequence[Place],
        keys: Sequence[int],
        tokens: int | None = None,
        *,
        table: Buffer | None = None,
        first: int = 0,
    ) -> PatternCheck:
        """Submit a kernel that compares `places[i]` with the pattern of `keys[i]`.

        Args:
            stream: where it runs.
            places: levels and slots; with a table what the host takes it to name, for the happens-before record only.
            keys: what the blocks are to hold.
            tokens: how many at the beginning of each block; None: all.
            table: a PRIMARY buffer of page-table entries that the kernel reads instead, when it runs.
            first: the entry for `places[0]`; the others follow.
        """
        self._check_arguments(places, keys)
        device, handle = self._device, self._device.handle(stream)
        reads = [self._number(place) for place in places]
        if table is not None:
            if not isinstance(table, CudaBuffer) or table.level != Level.PRIMARY:
                raise DeviceError(f"{table}: a table that a kernel reads is a PRIMARY buffer of a CUDA device")
            if not 0 <= first <= table.size // ENTRY_BYTES - len(places):
                raise DeviceError(
                    f"entries {first}..{first + len(places)}: the table has {table.size // ENTRY_BYTES} entries"
                )
            reads.append(table.place)
        if device.record is not None:
            device.record.submit(stream, reads, ())
        region, address = self._put(handle, keys, places)
        entries = address + KEY_BYTES * len(keys)
        if isinstance(table, CudaBuffer):
            entries = table.memory.address + ENTRY_BYTES * first
        size = RESULT_BYTES * len(device.pools)
        results = self._results.address + size * stream
        device.driver.fill(handle, results, size, 0)
        for pool in range(len(device.pools)):
            device.driver.fill(handle, results + RESULT_BYTES * pool + 8, 8, 0xFF)
        rows = self._launch(Kernel.CHECK_PATTERN, handle, entries, address, places, tokens, results)
        device.staging.give(region, handle)
        found = device.staging.take(size)
        device.driver.copy(handle, found.address, results, size)
        found.event = device.driver.record(handle)
        return PatternCheck(device, found, rows)

    def _check_arguments(self, places: Sequence[Place], keys: Sequence[int]) -> None:
        if len(places) != len(keys) or not 0 < len(places) <= BLOCKS_MAX:
            raise DeviceError(
                f"pattern of {len(places)} places and {len(keys)} keys: needs as many of both, 1 to {BLOCKS_MAX}"
            )
        for level, slot in places:
            self._device.check_slot(level, slot)

    def _number(self, place: Place) -> int:
        level, slot = place
        return slot + self._device.slots[Level.PRIMARY] if level else slot

    def _put(self, handle: int, keys: Sequence[int], places: Sequence[Place]) -> tuple[Region, int]:
        entries = [slot | SECONDARY_BIT if level else slot for level, slot in places]
        return self._device.copies.put(
            handle, np.array(keys, dtype=np.uint64).tobytes() + np.array(entries, dtype=np.uint32).tobytes()
        )

    def _launch(
        self,
        kernel: Kernel,
        handle: int,
        entries: int,
        keys: int,
        places: Sequence[Place],
        tokens: int | None,
        results: int | None,
    ) -> list[tuple[int, int]]:
        """One launch a pool; returns of each the bytes of a layer looked at and the number of layers."""
        device, first_layer, rows = self._device, 0, []
        level = max(level for level, _ in places)
        for pool, shape in enumerate(device.pools):
            row_bytes = shape.layer_bytes
            if tokens is not None:
                row_bytes = row_bytes // device.tokens_per_block * tokens
            tiles = len(places) * shape.layers * tiles_of(row_bytes)
            where = self._places.address + PLACE_BYTES * 2 * pool
            arguments = [entries, keys, len(places), where, row_bytes, shape.layers, first_layer]
            if results is not None:
                arguments.append(results + RESULT_BYTES * pool)
            device.driver.launch(handle, kernel, device.copies.blocks(level, tiles), arguments)
            rows.append((row_bytes, shape.layers))
            first_layer += shape.layers
        return rows
