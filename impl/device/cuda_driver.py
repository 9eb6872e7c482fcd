"""The driver of a GPU: ctypes on libcuda.

The driver interface and not the runtime's: torch links its runtime in a way of its own, libcuda is one library with a
stable binary interface, and kernels compiled at run time are loaded through it anyway. Nothing here knows of torch
(`kvproof.impl.device.cuda_torch` does) or of blocks. The tests run all of it against a library of their own that has the
same functions and works on host memory.

Addresses are integers and valid on both sides: pinned host memory has one address for the host and the device. Streams
and events are integers, too (a CUstream and a CUevent).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from ctypes import byref, c_char_p, c_int, c_uint64, c_void_p
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from kvproof.impl.device.cuda_functions import (
    CAPABILITY_MAJOR,
    CAPABILITY_MINOR,
    EVENT_DISABLE_TIMING,
    FUNCTIONS,
    HOST_PORTABLE_AND_MAPPED,
    MULTIPROCESSORS,
    NOT_READY,
    OUT_OF_MEMORY,
    STREAM_NON_BLOCKING,
)
from kvproof.impl.device.interface import DeviceError

if TYPE_CHECKING:
    import torch

THREADS = 256
"""Threads of a block, in every launch."""

TILE_BYTES = 4 * THREADS * 16
"""Bytes that a block of threads handles at once; as in kernels.cu."""

Addresses = npt.NDArray[np.uint64]
"""Addresses or sizes, one an element; contiguous."""


class Kernel(IntEnum):
    """The kernels of kernels.cu, under their names in lower case."""

    COPY_PIECES = 0
    COPY_SPAN = 1
    LOAD_THROUGH = 2
    WRITE_PATTERN = 3
    CHECK_PATTERN = 4
    GATE = 5


class Memory:
    """An allocation, given back when nothing refers to it any more.

    Attributes:
        address: of its first byte.
        size: bytes.
    """

    __slots__ = ("_free", "address", "size")

    def __init__(self, address: int, size: int, free: Callable[[int], None] | None) -> None:
        self.address = address
        self.size = size
        self._free = free

    def __del__(self) -> None:
        if self._free is not None:
            self._free(self.address)


class CudaDriver:
    """GPU number `index`.

    Args:
        library: libcuda.
        index: as the driver numbers them.
        compile_kernels: machine code of kernels.cu for a compute capability, such as (9, 0).

    Raises:
        DeviceError: the driver refuses, or the kernels do not compile.
    """

    def __init__(self, library: ctypes.CDLL, index: int, compile_kernels: Callable[[tuple[int, int]], bytes]) -> None:
        for name, parameters in FUNCTIONS.items():
            getattr(library, name).argtypes = parameters
        self._cuda = library
        self._device = self._open(index)
        self.name = self._name()
        """What the GPU is called, for reports."""
        self.multiprocessors = self._attribute(MULTIPROCESSORS)
        """How many the GPU has."""
        self.capability = (self._attribute(CAPABILITY_MAJOR), self._attribute(CAPABILITY_MINOR))
        """The compute capability."""
        context = c_void_p()
        self._check("cuDevicePrimaryCtxRetain", library.cuDevicePrimaryCtxRetain(byref(context), self._device))
        assert context.value is not None
        self._context = context.value
        self._streams: list[int] = []
        self._events: list[int] = []
        self._functions = self._load(compile_kernels(self.capability))

    # ---- what the GPU is ---------------------------------------------------------------------------------------------

    def version(self) -> str:
        """The CUDA version of the driver, as "13.0"."""
        number = c_int()
        self._check("cuDriverGetVersion", self._cuda.cuDriverGetVersion(byref(number)))
        return f"{number.value // 1000}.{number.value % 1000 // 10}"

    def _open(self, index: int) -> int:
        self._check("cuInit", self._cuda.cuInit(0))
        device = c_int()
        self._check("cuDeviceGet", self._cuda.cuDeviceGet(byref(device), index))
        return device.value

    def _name(self) -> str:
        name = ctypes.create_string_buffer(256)
        self._check("cuDeviceGetName", self._cuda.cuDeviceGetName(name, len(name), self._device))
        return name.value.decode()

    def _attribute(self, number: int) -> int:
        value = c_int()
        self._check("cuDeviceGetAttribute", self._cuda.cuDeviceGetAttribute(byref(value), number, self._device))
        return value.value

    def _load(self, code: bytes) -> list[int]:
        """Load all kernels, now: loading one later may wait for others that run, such as a closed gate."""
        functions = []
        with self._current():
            module = c_void_p()
            self._check("cuModuleLoadData", self._cuda.cuModuleLoadData(byref(module), code))
            for kernel in Kernel:
                function = c_void_p()
                name = kernel.name.lower()
                status = self._cuda.cuModuleGetFunction(byref(function), module, name.encode())
                self._check(f"cuModuleGetFunction({name})", status)
                assert function.value is not None
                functions.append(function.value)
        return functions

    def _check(self, what: str, status: int) -> None:
        if status != 0:
            name, text = c_char_p(), c_char_p()
            self._cuda.cuGetErrorName(status, byref(name))
            self._cuda.cuGetErrorString(status, byref(text))
            words = " ".join(part.value.decode() for part in (name, text) if part.value is not None)
            raise DeviceError(f"{what}: error {status} {words}")

    def _current(self) -> _Current:
        return _Current(self._cuda, self._context)

    # ---- memory ------------------------------------------------------------------------------------------------------

    def device_memory(self, size: int) -> Memory:
        """`size` bytes, at least 1, of device memory. Raises DeviceError when there is no room."""
        address = c_uint64()
        with self._current():
            status = self._cuda.cuMemAlloc_v2(byref(address), size)
        if status == OUT_OF_MEMORY:
            raise DeviceError(f"{self.name}: no room for {size} bytes of device memory; make the pool smaller")
        self._check("cuMemAlloc", status)
        return Memory(address.value, size, self._free_device)

    def host_memory(self, size: int) -> Memory:
        """`size` bytes, at least 1, of pinned host memory. Raises DeviceError when there is no room.

        The driver's own: torch's pinned allocator rounds up to a power of two.
        """
        address = c_void_p()
        with self._current():
            status = self._cuda.cuMemHostAlloc(byref(address), size, HOST_PORTABLE_AND_MAPPED)
        if status == OUT_OF_MEMORY:
            raise DeviceError(f"no room for {size} bytes of pinned host memory; make the pool smaller")
        self._check("cuMemHostAlloc", status)
        assert address.value is not None
        return Memory(address.value, size, self._free_host)

    # Errors of these two are not told: at the end of the process the driver may be gone already.

    def _free_device(self, address: int) -> None:
        with self._current():
            self._cuda.cuMemFree_v2(address)

    def _free_host(self, address: int) -> None:
        with self._current():
            self._cuda.cuMemFreeHost(address)

    def tensor(self, memory: Memory) -> torch.Tensor:
        """The memory as a uint8 tensor of one dimension, which keeps it. The plain driver has none: raises DeviceError."""
        raise DeviceError(
            f"memory at {memory.address:#x}: this driver has no tensors; make the device with torch's own driver"
        )

    def external(self, stream: int) -> torch.cuda.Stream:
        """`stream` for torch's functions. The plain driver knows of no torch: raises DeviceError."""
        raise DeviceError(f"stream {stream:#x}: this driver knows of no torch; make the device with torch's own driver")

    # ---- streams and events ------------------------------------------------------------------------------------------

    def new_stream(self) -> int:
        """A stream that nothing else uses."""
        if self._streams:
            return self._streams.pop()
        stream = c_void_p()
        with self._current():
            self._check("cuStreamCreate", self._cuda.cuStreamCreate(byref(stream), STREAM_NON_BLOCKING))
        assert stream.value is not None
        return stream.value

    def return_stream(self, stream: int) -> None:
        """`stream`, which has been synchronized, may be given to someone else."""
        self._streams.append(stream)

    def synchronize(self, stream: int) -> None:
        """Block the host until all work of `stream` has completed."""
        with self._current():
            self._check("cuStreamSynchronize", self._cuda.cuStreamSynchronize(stream))

    def record(self, stream: int) -> int:
        """A new event at the end of what `stream` holds now."""
        with self._current():
            if self._events:
                event = self._events.pop()
            else:
                made = c_void_p()
                self._check("cuEventCreate", self._cuda.cuEventCreate(byref(made), EVENT_DISABLE_TIMING))
                assert made.value is not None
                event = made.value
            self._check("cuEventRecord", self._cuda.cuEventRecord(event, stream))
        return event

    def return_event(self, event: int) -> None:
        """`event` may be recorded anew; waits for it that were submitted stay as they are."""
        self._events.append(event)

    def wait(self, stream: int, event: int) -> None:
        """Later work of `stream` starts only after `event`."""
        with self._current():
            self._check("cuStreamWaitEvent", self._cuda.cuStreamWaitEvent(stream, event, 0))

    def done(self, event: int) -> bool:
        """Whether `event` has completed."""
        with self._current():
            status: int = self._cuda.cuEventQuery(event)
        if status == NOT_READY:
            return False
        self._check("cuEventQuery", status)
        return True

    def wait_host(self, event: int) -> None:
        """Block the host until `event` has completed."""
        with self._current():
            self._check("cuEventSynchronize", self._cuda.cuEventSynchronize(event))

    # ---- work --------------------------------------------------------------------------------------------------------

    def fill(self, stream: int, address: int, size: int, value: int) -> None:
        """Fill device memory with a byte."""
        with self._current():
            self._check("cuMemsetD8Async", self._cuda.cuMemsetD8Async(address, value, size, stream))

    def copy(self, stream: int, target: int, source: int, size: int) -> None:
        """One asynchronous copy, in any direction but from host to host, for which the host would be kept waiting."""
        with self._current():
            self._check("cuMemcpyAsync", self._cuda.cuMemcpyAsync(target, source, size, stream))

    def launch(self, stream: int, kernel: Kernel, blocks: int, arguments: Sequence[int]) -> None:
        """Launch `blocks` blocks of THREADS threads; each argument is passed as 8 bytes."""
        values = (c_uint64 * len(arguments))(*arguments)
        first = ctypes.addressof(values)
        places = (c_void_p * len(arguments))(*range(first, first + 8 * len(arguments), 8))
        function = self._functions[kernel]
        with self._current():
            status = self._cuda.cuLaunchKernel(function, blocks, 1, 1, THREADS, 1, 1, 0, stream, places, None)
        if status != 0:
            self._check(f"cuLaunchKernel({kernel.name.lower()}, {blocks} blocks)", status)


class _Current:
    """Makes a context current in the calling thread, and afterwards the one that was there before."""

    __slots__ = ("_context", "_cuda", "_pushed")

    def __init__(self, cuda: Any, context: int) -> None:
        self._cuda = cuda
        self._context = context
        self._pushed = False

    def __enter__(self) -> None:
        now = c_void_p()
        self._cuda.cuCtxGetCurrent(byref(now))
        if now.value != self._context:
            self._cuda.cuCtxPushCurrent_v2(self._context)
            self._pushed = True

    def __exit__(self, *_: object) -> None:
        if self._pushed:
            self._cuda.cuCtxPopCurrent_v2(byref(c_void_p()))
