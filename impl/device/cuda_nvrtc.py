"""Compiling the kernels at run time with NVRTC, the compiler library that torch's CUDA builds bring along.

No compiler has to be installed: whoever has torch for CUDA has NVRTC. It makes machine code for the device at hand, so
that the driver need not translate PTX of a newer version than its own.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kvproof.impl.device.interface import DeviceError

OPTIONS = ("--std=c++17", "--generate-line-info")  # line numbers are for compute-sanitizer's reports


def kernel_source() -> str:
    """The text of kernels.cu."""
    return resources.files("kvproof.impl.device").joinpath("kernels.cu").read_text(encoding="utf-8")


def candidates(major: int) -> Iterator[str]:
    """Where NVRTC for CUDA `major` may be: in the wheels that torch depends on, or else where the loader looks."""
    name = f"libnvrtc.so.{major}"
    spec = find_spec("nvidia")
    for folder in spec.submodule_search_locations or () if spec is not None else ():
        for inner in (f"cu{major}", "cuda_nvrtc"):
            path = Path(folder, inner, "lib", name)
            if path.exists():
                yield str(path)
    spec = find_spec("torch")
    for folder in spec.submodule_search_locations or () if spec is not None else ():
        for path in sorted(Path(folder, "lib").glob(f"libnvrtc*.so.{major}*")):  # wheels that carry it renamed
            if "builtins" not in path.name:
                yield str(path)
    yield name


class Nvrtc:
    """The library.

    Args:
        major: of the CUDA version that torch was built for.
        paths: where to look instead of `candidates(major)`.

    Raises:
        DeviceError: it is nowhere.
    """

    def __init__(self, major: int, paths: Sequence[str] | None = None) -> None:
        tried = []
        for path in candidates(major) if paths is None else paths:
            try:
                # It opens its second part by name, which the loader finds only once that has been opened by its path.
                for builtins in sorted(Path(path).parent.glob("libnvrtc-builtins*.so*")) if "/" in path else ():
                    if "alt" not in builtins.name:
                        ctypes.CDLL(str(builtins))
                self._library = ctypes.CDLL(path)
                break
            except OSError as error:
                tried.append(str(error))
        else:
            raise DeviceError(
                f"NVRTC for CUDA {major}: not found ({'; '.join(tried)}); install the wheel nvidia-cuda-nvrtc that fits"
            )
        self._library.nvrtcGetErrorString.restype = ctypes.c_char_p

    def architectures(self) -> list[int]:
        """The compute capabilities that it has machine code for, as 90 for 9.0."""
        count = ctypes.c_int()
        self._check("nvrtcGetNumSupportedArchs", ctypes.byref(count))
        found = (ctypes.c_int * count.value)()
        self._check("nvrtcGetSupportedArchs", found)
        return sorted(found)

    def compile(self, source: str, architecture: int) -> bytes:
        """Machine code of `source` for a compute capability; PTX when the device is newer than the library.

        Raises:
            DeviceError: with the compiler's log.
        """
        known = self.architectures()
        exact = architecture in known
        if not exact:
            older = [known_one for known_one in known if known_one < architecture]
            if not older:
                raise DeviceError(f"NVRTC: knows no compute capability up to {architecture}; it has {known}")
            architecture = older[-1]
        options = [f"--gpu-architecture={'sm' if exact else 'compute'}_{architecture}", *OPTIONS]
        program = ctypes.c_void_p()
        self._check("nvrtcCreateProgram", ctypes.byref(program), source.encode(), b"kernels.cu", 0, None, None)
        try:
            array = (ctypes.c_char_p * len(options))(*[option.encode() for option in options])
            status = self._library.nvrtcCompileProgram(program, len(options), array)
            if status != 0:
                log = self._take("nvrtcGetProgramLog", program).decode(errors="replace").rstrip("\0\n")
                raise DeviceError(f"NVRTC: kernels.cu does not compile for {options[0]}:\n{log}")
            return self._take("nvrtcGetCUBIN" if exact else "nvrtcGetPTX", program)
        finally:
            self._check("nvrtcDestroyProgram", ctypes.byref(program))

    def _take(self, name: str, program: ctypes.c_void_p) -> bytes:
        size = ctypes.c_size_t()
        self._check(f"{name}Size", program, ctypes.byref(size))
        text = ctypes.create_string_buffer(size.value)
        self._check(name, program, text)
        return text.raw

    def _check(self, name: str, *arguments: Any) -> None:
        status = getattr(self._library, name)(*arguments)
        if status != 0:
            raise DeviceError(f"{name}: {self._library.nvrtcGetErrorString(status).decode()}")
