"""A GPU as torch sees it: its allocator, its numbering, its tensors and streams.

torch is imported when a driver is made, so that this module can be imported, and everything else used, without it.
"""

from __future__ import annotations

import ctypes
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from kvproof.impl.device.cuda_driver import CudaDriver, Memory
from kvproof.impl.device.cuda_nvrtc import Nvrtc, kernel_source
from kvproof.impl.device.interface import DeviceError

if TYPE_CHECKING:
    import torch


def unavailable() -> str | None:
    """Why no CudaDevice can be made here; None when one can."""
    try:
        torch = import_module("torch")
    except ImportError:
        return "torch is not installed; install kvproof[cuda]"
    if not torch.cuda.is_available():
        return f"torch {torch.__version__} finds no CUDA device; use SimulatedDevice, or a machine with a GPU"
    return None


class TensorMemory(Memory):
    """Device memory of torch's allocator."""

    __slots__ = ("tensor",)

    def __init__(self, tensor: torch.Tensor) -> None:
        super().__init__(tensor.data_ptr(), tensor.numel(), None)
        self.tensor = tensor


class TorchDriver(CudaDriver):
    """GPU number `index`, as torch numbers them, in the context that torch uses. Use `driver_of`, which makes one a GPU.

    Raises:
        DeviceError: no such GPU, or a library is missing.
    """

    def __init__(self, index: int) -> None:
        reason = unavailable()
        if reason is not None:
            raise DeviceError(f"CUDA device {index}: {reason}")
        library: Any = import_module("torch")  # Any: torch leaves parts of torch.cuda untyped
        if not 0 <= index < library.cuda.device_count():
            raise DeviceError(f"CUDA device {index}: there are {library.cuda.device_count()}, numbered from 0")
        self._torch = library
        self.device = library.device("cuda", index)
        library.cuda.synchronize(self.device)  # torch makes the context, with settings of its own
        major = int(library.version.cuda.split(".")[0])
        super().__init__(
            load_libcuda(),
            index,
            lambda capability: Nvrtc(major).compile(kernel_source(), capability[0] * 10 + capability[1]),
        )

    def device_memory(self, size: int) -> Memory:
        """See `CudaDriver`; torch's own figures include it."""
        torch = self._torch
        try:
            tensor = torch.empty(size, dtype=torch.uint8, device=self.device)
        except torch.cuda.OutOfMemoryError as error:
            raise DeviceError(
                f"{self.name}: no room for {size} bytes of device memory; make the pool smaller"
            ) from error
        # Kernels of torch may still be at work on memory that was freed, and only torch's stream comes after them.
        torch.cuda.current_stream(self.device).synchronize()
        return TensorMemory(tensor)

    def tensor(self, memory: Memory) -> torch.Tensor:
        """See `CudaDriver`."""
        if isinstance(memory, TensorMemory):
            return memory.tensor
        return host_tensor(memory)

    def external(self, stream: int) -> torch.cuda.Stream:
        """See `CudaDriver`."""
        made: torch.cuda.Stream = self._torch.cuda.ExternalStream(stream, device=self.device)
        return made


def load_libcuda() -> ctypes.CDLL:
    """The library of the GPU's driver."""
    try:
        return ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise DeviceError(f"libcuda: {error}; it comes with the GPU's driver") from error


def host_tensor(memory: Memory) -> torch.Tensor:
    """Host memory as a uint8 tensor of one dimension, which keeps it."""
    library: Any = import_module("torch")
    array: Any = (ctypes.c_ubyte * memory.size).from_address(memory.address)
    array.memory = memory  # the tensor keeps the array, and the array the memory
    tensor: torch.Tensor = library.frombuffer(array, dtype=library.uint8)
    return tensor


@cache
def driver_of(index: int) -> TorchDriver:
    """The driver of GPU number `index`; all its devices share streams, events and kernels that are not in use."""
    return TorchDriver(index)
