"""The ways to carry a planned batch of copies out, until a GPU has shown which is worth having in the implementation.

- EACH: an asynchronous copy a run of neighbouring blocks, pitched where rows lie apart. Costs the host a call each.
- BATCH: all rows in one submission, where the driver has it (CUDA 12.8).
- KERNEL: what the implementation does, see `kvproof.impl.device.copy_kernel`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from ctypes import POINTER, byref, c_int, c_size_t, c_uint, c_uint64, c_void_p
from typing import NamedTuple

import numpy as np
from copy_table import CopyTable, Direction, Way, direction

from kvproof.impl.device import CudaDevice, DeviceError
from kvproof.impl.device.copy_kernel import CopyKernel
from kvproof.impl.device.copy_plan import Group, Shape
from kvproof.impl.device.cuda_driver import Addresses, CudaDriver
from kvproof.impl.device.cuda_staging import Staging

MEMORY_UNIFIED = 4  # CU_MEMORYTYPE_UNIFIED: the address says which memory it is
SOURCE_IN_STREAM_ORDER = 1  # CU_MEMCPY_SRC_ACCESS_ORDER_STREAM
LEGACY_DEFAULT_STREAM = 0  # does not take batches

PITCH_MAX = (1 << 31) - 1
"""Bytes between two rows of a pitched copy, at most: CU_DEVICE_ATTRIBUTE_MAX_PITCH of every device so far."""

BATCH_FUNCTION = "cuMemcpyBatchAsync"
"""Drivers for CUDA 12.8 and newer have it. Under this name the parameters stay those of 12.8, with the number of the copy
that failed; the form without it, of CUDA 13, is exported as `..._v2`."""

BATCH_PARAMETERS = (*(c_void_p,) * 3, c_size_t, *(c_void_p,) * 2, c_size_t, POINTER(c_size_t), c_void_p)


class BatchAttributes(ctypes.Structure):
    """CUmemcpyAttributes; the hints mean nothing for memory with a fixed place."""

    _fields_ = (
        ("source_access_order", c_int),
        ("source_hint", c_int * 2),
        ("target_hint", c_int * 2),
        ("flags", c_uint),
    )


class PitchedCopy(ctypes.Structure):
    """CUDA_MEMCPY2D."""

    _fields_ = (
        ("source_x", c_size_t),
        ("source_y", c_size_t),
        ("source_type", c_int),
        ("source_host", c_void_p),
        ("source", c_uint64),
        ("source_array", c_void_p),
        ("source_pitch", c_size_t),
        ("target_x", c_size_t),
        ("target_y", c_size_t),
        ("target_type", c_int),
        ("target_host", c_void_p),
        ("target", c_uint64),
        ("target_array", c_void_p),
        ("target_pitch", c_size_t),
        ("row_bytes", c_size_t),
        ("rows", c_size_t),
    )


class Runs(NamedTuple):
    """A group with neighbours joined: copies as wide as `widths` says, otherwise of the group's shape."""

    shape: Shape
    sources: Addresses
    targets: Addresses
    widths: Addresses


def join(group: Group) -> Runs:
    """The same copies, with those joined whose rows are neighbours at the source and at the target."""
    shape, sources, targets = group
    width, count = np.uint64(shape.row_bytes), len(sources)
    if count == 1:
        return Runs(shape, sources, targets, np.full(1, width))
    order = sources.argsort()
    sources, targets = sources[order], targets[order]
    apart = (sources[1:] - sources[:-1] != width) | (targets[1:] - targets[:-1] != width)
    if apart.all():
        return Runs(shape, sources, targets, np.full(count, width))
    starts = np.concatenate(([0], np.flatnonzero(apart) + 1))
    lengths = np.diff(starts, append=count)
    return Runs(shape, sources[starts], targets[starts], lengths.astype(np.uint64) * width)


def single_rows(runs: Runs) -> tuple[Addresses, Addresses, Addresses]:
    """Sources, targets and widths of all rows of all runs, as copies of their own."""
    shape = runs.shape
    if shape.rows == 1:
        return runs.sources, runs.targets, runs.widths
    numbers = np.arange(shape.rows, dtype=np.uint64)
    return (
        (runs.sources[:, None] + numbers * np.uint64(shape.source_pitch)).ravel(),
        (runs.targets[:, None] + numbers * np.uint64(shape.target_pitch)).ravel(),
        np.repeat(runs.widths, shape.rows),
    )


class DriverCopies:
    """The copies that libcuda has, beside those of `driver`."""

    def __init__(self, driver: CudaDriver) -> None:
        self._driver = driver
        driver._cuda.cuMemcpy2DAsync_v2.argtypes = (c_void_p, c_void_p)
        self.has_batch = hasattr(driver._cuda, BATCH_FUNCTION)
        """Whether `batch` works."""
        if self.has_batch:
            getattr(driver._cuda, BATCH_FUNCTION).argtypes = BATCH_PARAMETERS
        self._in_order = BatchAttributes(source_access_order=SOURCE_IN_STREAM_ORDER)

    def each(self, stream: int, targets: Addresses, sources: Addresses, sizes: Addresses) -> None:
        """One asynchronous copy, once for each element."""
        copy = self._driver._cuda.cuMemcpyAsync
        with self._driver._current():
            for target, source, size in zip(targets.tolist(), sources.tolist(), sizes.tolist(), strict=True):
                status = copy(target, source, size, stream)
                if status != 0:
                    self._driver._check("cuMemcpyAsync", status)

    def pitched(
        self, stream: int, target: int, target_pitch: int, source: int, source_pitch: int, row_bytes: int, rows: int
    ) -> None:
        """One asynchronous copy of rows that lie a pitch apart, PITCH_MAX at most; not from host to host."""
        order = PitchedCopy(
            source_type=MEMORY_UNIFIED,
            source=source,
            source_pitch=source_pitch,
            target_type=MEMORY_UNIFIED,
            target=target,
            target_pitch=target_pitch,
            row_bytes=row_bytes,
            rows=rows,
        )
        with self._driver._current():
            self._driver._check("cuMemcpy2DAsync", self._driver._cuda.cuMemcpy2DAsync_v2(byref(order), stream))

    def batch(self, stream: int, targets: Addresses, sources: Addresses, sizes: Addresses) -> None:
        """The runtime's batched copy: one submission, the copies unordered among themselves. Needs `has_batch`."""
        first, failed = c_size_t(0), c_size_t(0)
        with self._driver._current():
            status = getattr(self._driver._cuda, BATCH_FUNCTION)(
                targets.ctypes.data,
                sources.ctypes.data,
                sizes.ctypes.data,
                len(targets),
                byref(self._in_order),
                byref(first),
                1,
                byref(failed),
                stream,
            )
        if status != 0:
            self._driver._check(f"{BATCH_FUNCTION} of {len(targets)} copies, at number {failed.value}", status)


class CandidateCopies(CopyKernel):
    """Carries groups of copies out in the way that a table names."""

    def __init__(self, driver: CudaDriver, staging: Staging, streams: Iterable[int], table: CopyTable) -> None:
        super().__init__(driver, staging, streams)
        self.calls = DriverCopies(driver)
        """What the other ways call."""
        self.table = table
        """Which way when."""
        self.counts = dict.fromkeys(Way, 0)
        """How often each way was taken."""

    def run(self, stream: int, group: Group) -> None:
        """Submit `group` in the way that the table names for it."""
        shape = group.shape
        towards = direction(shape.source_level, shape.target_level)
        runs = join(group)
        count = len(runs.sources) * shape.rows
        way = self.table.way(towards, shape.row_bytes * len(group.sources) // len(runs.sources), count)
        self.run_as(way, stream, group, runs)

    def run_as(self, way: Way, stream: int, group: Group, runs: Runs | None = None) -> None:
        """Submit `group` in one way; in the kernel's where there is no batched copy.

        Raises:
            DeviceError: copies from host to host in another way than the kernel's, for which the host would wait.
        """
        if way is Way.BATCH and (stream == LEGACY_DEFAULT_STREAM or not self.calls.has_batch):
            way = Way.KERNEL
        self.counts[way] += 1
        if way is Way.KERNEL:
            super().run(stream, group)
            return
        if direction(group.shape.source_level, group.shape.target_level) is Direction.HOST:
            raise DeviceError(
                f"copy from host to host by {way}: only the kernel does it without keeping the host waiting"
            )
        runs = join(group) if runs is None else runs
        if way is Way.BATCH:
            sources, targets, widths = single_rows(runs)
            self.calls.batch(stream, targets, sources, widths)
        else:
            self._each(stream, runs)

    def _each(self, stream: int, runs: Runs) -> None:
        shape = runs.shape
        if shape.rows == 1 or max(shape.source_pitch, shape.target_pitch) > PITCH_MAX:
            sources, targets, widths = single_rows(runs)
            self.calls.each(stream, targets, sources, widths)
            return
        for source, target, width in zip(
            runs.sources.tolist(), runs.targets.tolist(), runs.widths.tolist(), strict=True
        ):
            self.calls.pitched(stream, target, shape.target_pitch, source, shape.source_pitch, width, shape.rows)


def with_table(device: CudaDevice, table: CopyTable) -> CudaDevice:
    """`device`, which copies as the table says from now on."""
    device.copies = CandidateCopies(device.driver, device.staging, device._streams, table)
    return device
