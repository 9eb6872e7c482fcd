"""Pinned host memory for what is on its way: data to write, results of loads, descriptors for kernels.

A region is in use until the stream that works on it has come past it, which an event tells. The host never waits for a
region: when none is free, there is room for more, so that after a while none is allocated any more (an allocation of
pinned memory takes long, and may wait for the device).
"""

from __future__ import annotations

import ctypes
from collections import deque

from kvproof.impl.device.cuda_driver import CudaDriver, Memory

REGION_BYTES_MIN = 4096
SLAB_BYTES = 1 << 20  # what is allocated at once, at least: 16 regions for the descriptors of 4096 copies
LOOKED_AT = 4  # of the regions of a size, oldest first, before more are allocated


class Region:
    """Pinned memory that its taker may use until it gives it back.

    Attributes:
        address: of its first byte.
        size: bytes, at least as many as were asked for.
    """

    __slots__ = ("_slab", "address", "event", "size")

    def __init__(self, slab: Memory, address: int, size: int) -> None:
        self._slab = slab  # keeps the memory
        self.address = address
        self.size = size
        self.event: int | None = None
        """Completes when nothing is under way in it any more; None: nothing is."""

    def write(self, data: bytes, offset: int = 0) -> None:
        """The host puts `data` there."""
        assert 0 <= offset <= self.size - len(data)
        ctypes.memmove(self.address + offset, data, len(data))

    def read(self, size: int, offset: int = 0) -> bytes:
        """The host looks at `size` bytes."""
        assert 0 <= offset <= self.size - size
        return ctypes.string_at(self.address + offset, size)


class Staging:
    """The regions of one GPU."""

    def __init__(self, driver: CudaDriver) -> None:
        self._driver = driver
        self._free: dict[int, deque[Region]] = {}
        self.allocations = 0
        """How often memory was allocated."""

    def take(self, size: int) -> Region:
        """A region of at least `size` bytes, nobody else's until it is given back."""
        rounded = max(REGION_BYTES_MIN, 1 << (size - 1).bit_length())
        free = self._free.setdefault(rounded, deque())
        for _ in range(min(LOOKED_AT, len(free))):
            region = free.popleft()
            if region.event is None:
                return region
            if self._driver.done(region.event):
                self._driver.return_event(region.event)
                region.event = None
                return region
            free.append(region)
        self._allocate(rounded, free)
        return free.popleft()

    def reserve(self, size: int) -> None:
        """See to it that the next `take` of this size allocates nothing."""
        self.give_back(self.take(size))

    def give(self, region: Region, stream: int) -> None:
        """The taker has submitted its last work on `region`, to `stream`."""
        assert region.event is None
        region.event = self._driver.record(stream)
        self.give_back(region)

    def give_back(self, region: Region) -> None:
        """The taker is done with `region` once `region.event` has completed."""
        self._free[region.size].append(region)

    def _allocate(self, size: int, free: deque[Region]) -> None:
        self.allocations += 1
        slab = self._driver.host_memory(max(size, SLAB_BYTES))
        for offset in range(0, slab.size - size + 1, size):
            free.appendleft(Region(slab, slab.address + offset, size))
