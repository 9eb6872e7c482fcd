"""CUDA devices for tests: of a GPU where there is one, and of a library that does what libcuda does on host memory.

The library (fake_libcuda.cpp) is built with the C++ compiler of the machine, from the text of kernels.cu among others.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from copy_table import MEASURED, CopyTable, Way

import kvproof.impl.device
from kvproof.impl.device.cuda_driver import CudaDriver, Memory
from kvproof.impl.device.cuda_torch import host_tensor, unavailable

HERE = Path(__file__).parent
KERNELS = Path(kvproof.impl.device.__file__).parent / "kernels.cu"
CUDA_H = Path("/usr/local/cuda/include/cuda.h")
FLAGS = (
    "-std=c++17",
    "-O1",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wno-unknown-pragmas",
    f"-I{HERE}",
    f'-DKERNELS="{KERNELS}"',
)
SOURCES = (HERE / "fake_libcuda.cpp", HERE / "fake_device.h", HERE / "cuda_shim.h", KERNELS)

# Streams that share one of the eight queues that there are by default would wait for each other's gates.
os.environ.setdefault("CUDA_DEVICE_MAX_CONNECTIONS", "32")

REASON = unavailable()
"""Why there is no GPU; None when there is one."""


@cache
def compiler() -> str | None:
    """The C++ compiler."""
    return shutil.which("g++") or shutil.which("clang++")


def build(folder: Path) -> Path:
    """The library, made in `folder` unless it is there already. Skips where there is no compiler."""
    if compiler() is None:
        pytest.skip("no C++ compiler (g++ or clang++): the kernels cannot be run on the host")
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in SOURCES) + repr(FLAGS).encode())
    made = folder / f"fake_libcuda_{digest.hexdigest()[:16]}.so"
    if not made.exists():
        part = made.with_suffix(f".{os.getpid()}")  # others may be building, too
        command = [str(compiler()), *FLAGS, "-shared", "-fPIC", "-o", str(part), str(SOURCES[0])]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        part.rename(made)
    return made


class HostDriver(CudaDriver):
    """The driver on host memory.

    Attributes:
        fake: the library, for what only it has: `fake_calls` and others.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self.fake: Any = library
        super().__init__(library, 0, lambda capability: f"code for {capability[0]}.{capability[1]}".encode())

    def calls(self, name: str) -> int:
        """How often a function of libcuda was called."""
        return int(self.fake.fake_calls(name.encode()))

    def refuse(self, name: str, error: int) -> None:
        """The next call of a function returns `error`."""
        self.fake.fake_refuse(name.encode(), error)

    def tensor(self, memory: Memory) -> Any:
        """See `CudaDriver`."""
        return host_tensor(memory)


def host_driver(folder: Path, copy: Path) -> HostDriver:
    """A driver whose library, built in `folder` and copied to `copy`, nobody else has loaded."""
    shutil.copy(build(folder), copy)
    return HostDriver(ctypes.CDLL(str(copy)))


def all_by(way: Way) -> CopyTable:
    """A table by which everything that can be is copied in one way."""
    return CopyTable(f"only by {way}", (1,), (1,), dict.fromkeys(MEASURED, ((way,),)))
