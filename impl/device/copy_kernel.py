"""How a planned batch of copies is carried out: by one launch of a gather/scatter kernel.

Multiprocessors read and write pinned host memory themselves, 16 bytes a thread and access. That costs no copy engine and
hardly any submission, but multiprocessors. It works in every direction and never keeps the host waiting.

Also considered: an asynchronous copy a run of neighbouring blocks, and the driver's batched copy (CUDA 12.8). Which is
fastest depends on direction, size and number, and has not been measured on a GPU yet; `tests/bench/calibration.py` does.
Until then there is one way.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from kvproof.impl.device.copy_plan import Group
from kvproof.impl.device.cuda_driver import TILE_BYTES, CudaDriver, Kernel
from kvproof.impl.device.cuda_staging import Region, Staging

PAIR_BYTES = 16  # two addresses
PAIRS_MAX = 4096
"""Copies of one launch: the descriptors of more need a further launch."""

PAIRS_READ_FROM_HOST = 64
"""Up to so many descriptors a kernel reads from pinned memory itself; more are copied to device memory first, as each
warp reads its tile's anew."""

HOST_BLOCKS = 32
"""Blocks of threads that copy to or from host memory. Each has TILE_BYTES under way: 512 KiB, several times what a bus
of 64 GB/s and a latency of 2 us needs; the other multiprocessors stay with the engine's kernels. Not measured yet."""

BLOCKS_A_MULTIPROCESSOR = 5
"""As many as kernels.cu promises to fit (their registers are the limit), so that all of a launch run at once."""

TILES_MAX = (1 << 32) - 1  # kernels count tiles in 32 bits


class CopyKernel:
    """Carries groups of copies out on one GPU.

    Args:
        driver, staging: of the GPU.
        streams: where copies are submitted.
    """

    def __init__(self, driver: CudaDriver, staging: Staging, streams: Iterable[int]) -> None:
        self._driver = driver
        self._staging = staging
        streams = set(streams)
        self._on_device = driver.device_memory(len(streams) * PAIRS_MAX * PAIR_BYTES)
        # Of each stream the descriptors for its next launch.
        self._places = {
            stream: self._on_device.address + number * PAIRS_MAX * PAIR_BYTES for number, stream in enumerate(streams)
        }

    def run(self, stream: int, group: Group) -> None:
        """Submit `group`."""
        shape = group.shape
        tiles_each = shape.rows * tiles_of(shape.row_bytes)
        most = max(1, min(PAIRS_MAX, TILES_MAX // tiles_each))
        for first in range(0, len(group.sources), most):
            pairs = np.stack((group.sources[first : first + most], group.targets[first : first + most]), axis=1)
            region, address = self.put(stream, np.ascontiguousarray(pairs).tobytes())
            blocks = self.blocks(shape.source_level or shape.target_level, len(pairs) * tiles_each)
            pitches = (shape.source_pitch, shape.target_pitch)
            arguments = (address, len(pairs), shape.row_bytes, shape.rows, *pitches)
            self._driver.launch(stream, Kernel.COPY_PIECES, blocks, arguments)
            self._staging.give(region, stream)

    def put(self, stream: int, descriptors: bytes) -> tuple[Region, int]:
        """Where kernels that are launched next on `stream` find these bytes; the region goes back after the launch."""
        region = self._staging.take(len(descriptors))
        region.write(descriptors)
        if len(descriptors) <= PAIRS_READ_FROM_HOST * PAIR_BYTES:
            return region, region.address
        assert len(descriptors) <= PAIRS_MAX * PAIR_BYTES
        # In stream order after the launch before, which is the last to have read what is there.
        self._driver.copy(stream, self._places[stream], region.address, len(descriptors))
        return region, self._places[stream]

    def blocks(self, level: int, tiles: int) -> int:
        """How many blocks of threads to launch for so many tiles; `level` SECONDARY when host memory is involved."""
        return max(1, min(tiles, HOST_BLOCKS if level else BLOCKS_A_MULTIPROCESSOR * self._driver.multiprocessors))


def tiles_of(size: int) -> int:
    """How many tiles a kernel walks a row of `size` bytes in."""
    return -(-size // TILE_BYTES)
