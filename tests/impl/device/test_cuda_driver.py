"""The driver, staging and compiler of the CUDA device; on host memory, and on a GPU where there is one."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from copy_candidates import BATCH_FUNCTION, DriverCopies
from cuda_cases import CUDA_H, FLAGS, KERNELS, SOURCES, HostDriver, build, compiler, host_driver

from kvproof.impl.device import DeviceError, cuda_torch
from kvproof.impl.device.copy_kernel import BLOCKS_A_MULTIPROCESSOR
from kvproof.impl.device.cuda_driver import THREADS, TILE_BYTES, CudaDriver, Kernel, Memory
from kvproof.impl.device.cuda_nvrtc import Nvrtc, candidates, kernel_source
from kvproof.impl.device.cuda_staging import LOOKED_AT, SLAB_BYTES, Staging
from kvproof.impl.device.cuda_torch import TorchDriver


def addresses(*values: int) -> Any:
    return np.array(values, dtype=np.uint64)


def filled(driver: CudaDriver, data: bytes) -> Memory:
    """Pinned memory with `data` in it."""
    memory = driver.host_memory(len(data))
    ctypes.memmove(memory.address, data, len(data))
    return memory


def bytes_of(memory: Memory) -> bytes:
    return ctypes.string_at(memory.address, memory.size)


def test_copy_to_the_device_and_back(driver: CudaDriver) -> None:
    source, there, back = filled(driver, b"0123456789"), driver.device_memory(10), driver.host_memory(10)
    stream = driver.new_stream()
    driver.copy(stream, there.address, source.address, 10)
    driver.copy(stream, back.address, there.address, 10)
    driver.synchronize(stream)
    driver.return_stream(stream)
    assert bytes_of(back) == b"0123456789"


@pytest.mark.parametrize("way", ["each", "batch"])
def test_copies_of_many(driver: CudaDriver, way: str) -> None:
    calls = DriverCopies(driver)
    if not calls.has_batch:
        pytest.skip("this driver has no batched copy (CUDA 12.8)")
    source, there, back = filled(driver, b"0123456789"), driver.device_memory(10), driver.host_memory(10)
    stream = driver.new_stream()
    driver.fill(stream, there.address, 10, ord("."))
    ends = addresses(there.address + 8, there.address), addresses(source.address, source.address + 4), addresses(2, 3)
    getattr(calls, way)(stream, *ends)
    driver.copy(stream, back.address, there.address, 10)
    driver.synchronize(stream)
    driver.return_stream(stream)
    assert bytes_of(back) == b"456.....01"


def test_pitched_copy_takes_the_pitch_of_each_side(driver: CudaDriver) -> None:
    source, there, back = filled(driver, b"ab--cd--ef"), driver.device_memory(12), driver.host_memory(12)
    stream = driver.new_stream()
    driver.fill(stream, there.address, 12, ord("."))
    DriverCopies(driver).pitched(stream, there.address, 5, source.address, 4, 2, 3)
    driver.copy(stream, back.address, there.address, 12)
    driver.synchronize(stream)
    driver.return_stream(stream)
    assert bytes_of(back) == b"ab...cd...ef"


def test_event_completes(driver: CudaDriver) -> None:
    stream = driver.new_stream()
    event = driver.record(stream)
    driver.wait_host(event)
    assert driver.done(event)
    driver.return_event(event)
    driver.return_stream(stream)


def test_driver_has_a_version(driver: CudaDriver) -> None:
    assert float(driver.version()) >= 12


def test_returned_streams_and_events_are_used_again(host: HostDriver) -> None:
    stream = host.new_stream()
    event = host.record(stream)
    host.return_event(event)
    host.return_stream(stream)
    assert host.new_stream() == stream
    assert host.record(stream) == event
    assert host.calls("cuStreamCreate") == host.calls("cuEventCreate") == 1


def test_every_call_has_the_context_and_leaves_the_callers(host: HostDriver) -> None:
    host.fake.fake_push_other_context()  # as of another GPU that torch is using
    stream = host.new_stream()
    host.synchronize(stream)
    del stream
    assert host.fake.fake_pushed_contexts() == 1
    host.fake.cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p()))


def test_memory_is_given_back_with_its_last_reference(host: HostDriver) -> None:
    before = host.fake.fake_allocations()
    memories = [host.device_memory(64), host.host_memory(64)]
    assert host.fake.fake_allocations() == before + 2
    memories.clear()
    assert host.fake.fake_allocations() == before


@pytest.mark.parametrize(
    ("method", "what"), [("device_memory", "device memory"), ("host_memory", "pinned host memory")]
)
def test_no_room_says_how_much_was_asked_for(host: HostDriver, method: str, what: str) -> None:
    host.refuse("cuMemAlloc_v2" if method == "device_memory" else "cuMemHostAlloc", 2)
    with pytest.raises(DeviceError, match=rf"no room for 4096 bytes of {what}; make the pool smaller"):
        getattr(host, method)(4096)


def test_error_names_the_function_and_the_reason(host: HostDriver) -> None:
    stream = host.new_stream()
    host.refuse("cuLaunchKernel", 700)
    with pytest.raises(DeviceError, match=r"cuLaunchKernel\(copy_span, 3 blocks\): error 700 CUDA_ERROR_OF_THE_FAKE"):
        host.launch(stream, Kernel.COPY_SPAN, 3, (0, 0, 0))


def test_failed_batch_names_the_copy(host: HostDriver) -> None:
    stream, there, source = host.new_stream(), host.device_memory(8), host.host_memory(8)
    with pytest.raises(DeviceError, match=f"{BATCH_FUNCTION} of 2 copies, at number 1"):
        DriverCopies(host).batch(stream, addresses(there.address, 12), addresses(source.address, 12), addresses(4, 4))


def test_copy_from_host_to_host_is_refused_by_the_stand_in(host: HostDriver) -> None:
    """CUDA would do it, and keep the caller waiting: no test may pass that needs it."""
    stream, there, source = host.new_stream(), host.host_memory(8), host.host_memory(8)
    with pytest.raises(DeviceError, match="cuMemcpyAsync: error 1"):
        host.copy(stream, there.address, source.address, 8)


def test_a_write_beside_an_allocation_is_seen(build_folder: Path, tmp_path: Path) -> None:
    driver = host_driver(build_folder, tmp_path / "libcuda.so")
    memory = driver.host_memory(8)
    ctypes.memset(memory.address + 8, 1, 1)
    assert driver.fake.fake_broken_guards() == 1


def test_driver_without_batched_copies_says_so(
    build_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("copy_candidates.BATCH_FUNCTION", "cuMemcpyBatchAsyncOfTheFuture")
    assert not DriverCopies(host_driver(build_folder, tmp_path / "libcuda.so")).has_batch


def test_stand_in_has_the_signatures_of_cuda_h() -> None:
    if compiler() is None or not CUDA_H.exists():
        pytest.skip(f"needs a C++ compiler and {CUDA_H}")
    command = [str(compiler()), *FLAGS, "-DKV_CUDA_H", f"-I{CUDA_H.parent}", "-fsyntax-only", str(SOURCES[0])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_kernel_is_in_the_source() -> None:
    for kernel in Kernel:
        assert f"\nKERNEL {kernel.name.lower()}(" in kernel_source()


def test_blocks_that_are_launched_fit() -> None:
    assert f"__launch_bounds__({THREADS}, {BLOCKS_A_MULTIPROCESSOR})" in kernel_source()


def test_tiles_are_those_of_the_kernels() -> None:
    assert f"UNROLLED * {THREADS} * 16" in kernel_source()
    assert TILE_BYTES == 4 * THREADS * 16


def test_kernels_compile_for_hopper_without_local_memory() -> None:
    if shutil.which("nvcc") is None:
        pytest.skip("no nvcc")
    command = ["nvcc", "-cubin", "-arch=sm_90", "-Xptxas", "-v", "-o", "/dev/null", str(KERNELS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads") == len(Kernel)


def nvrtc() -> Nvrtc:
    try:
        return Nvrtc(13)
    except DeviceError as error:
        pytest.skip(str(error))


def test_nvrtc_makes_machine_code() -> None:
    assert nvrtc().compile(kernel_source(), 90).startswith(b"\x7fELF")


def test_nvrtc_makes_ptx_for_a_newer_device_than_it_knows() -> None:
    assert b".target sm_" in nvrtc().compile(kernel_source(), 999)


def test_nvrtc_shows_its_log() -> None:
    with pytest.raises(DeviceError, match=r"does not compile for --gpu-architecture=sm_90:\nkernels.cu\(1\): error"):
        nvrtc().compile("nonsense;", 90)


def test_missing_nvrtc_says_where_it_was_looked_for_and_what_to_install() -> None:
    with pytest.raises(DeviceError, match=r"NVRTC for CUDA 99: not found \(libnvrtc.so.99: .*nvidia-cuda-nvrtc"):
        Nvrtc(99)


def test_nvrtc_is_looked_for_in_the_wheels_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = tmp_path / "nvidia" / "cu13" / "lib"
    inside.mkdir(parents=True)
    (inside / "libnvrtc.so.13").touch()
    monkeypatch.syspath_prepend(tmp_path)
    found = list(candidates(13))
    assert found.index(str(inside / "libnvrtc.so.13")) < found.index("libnvrtc.so.13")


def test_staging_uses_a_region_again_once_its_stream_is_past_it(driver: CudaDriver) -> None:
    staging, stream = Staging(driver), driver.new_stream()
    for _ in range(100):
        region = staging.take(SLAB_BYTES)
        staging.give(region, stream)
        driver.synchronize(stream)
    driver.return_stream(stream)
    assert staging.allocations == 1


def test_staging_makes_room_instead_of_waiting(host: HostDriver) -> None:
    staging, stream = Staging(host), host.new_stream()
    flag = staging.take(8)
    flag.write(bytes(8))
    host.launch(stream, Kernel.GATE, 1, (flag.address, 10**9, flag.address + 4))
    taken = set()
    for _ in range(LOOKED_AT + 2):  # the first few are still in use: more are looked at than that
        region = staging.take(SLAB_BYTES)
        taken.add(region.address)
        staging.give(region, stream)
    assert len(taken) == LOOKED_AT + 2
    assert host.calls("cuStreamSynchronize") == host.calls("cuEventSynchronize") == 0
    flag.write(b"\1")
    host.synchronize(stream)


def test_regions_of_a_slab_do_not_overlap(host: HostDriver) -> None:
    staging = Staging(host)
    regions = [staging.take(1 << 16) for _ in range(20)]
    starts = sorted(region.address for region in regions)
    assert all(high - low >= 1 << 16 for low, high in pairwise(starts))
    assert staging.allocations == 2


class TorchOnHost:
    """As much of torch with a GPU as the driver asks for, on host memory."""

    def __init__(self) -> None:
        torch: Any = import_module("torch")
        self.uint8, self.frombuffer = torch.uint8, torch.frombuffer
        self.version = SimpleNamespace(cuda="13.0")
        self.device = "device {} {}".format
        self.cuda = self
        self.OutOfMemoryError = MemoryError
        self.room = 100
        self._torch = torch

    def is_available(self) -> bool:
        return True

    def device_count(self) -> int:
        return 1

    def synchronize(self, device: object = None) -> None:
        assert device in (None, "device cuda 0")

    def current_stream(self, device: object) -> TorchOnHost:
        assert device == "device cuda 0"
        return self

    def empty(self, size: int, *, dtype: object, device: object) -> Any:
        assert device == "device cuda 0"
        if size > self.room:
            raise MemoryError
        return self._torch.empty(size, dtype=dtype)

    def ExternalStream(self, stream: int, *, device: object) -> tuple[int, object]:  # noqa: N802
        return stream, device


@pytest.fixture
def torch_driver(build_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TorchDriver:
    """The driver that works with torch, on the stand-ins for torch, libcuda and NVRTC."""
    shutil.copy(build(build_folder), tmp_path / "libcuda.so")
    torch = TorchOnHost()
    monkeypatch.setattr(cuda_torch, "import_module", lambda name: torch)
    monkeypatch.setattr(cuda_torch, "load_libcuda", lambda: ctypes.CDLL(str(tmp_path / "libcuda.so")))
    monkeypatch.setattr(Nvrtc, "__init__", lambda self, major: None)
    monkeypatch.setattr(Nvrtc, "compile", lambda self, source, capability: f"code for {capability / 10}".encode())
    return TorchDriver(0)


def test_torch_allocates_device_memory(torch_driver: TorchDriver) -> None:
    memory = torch_driver.device_memory(24)
    tensor = torch_driver.tensor(memory)
    assert (tensor.data_ptr(), tensor.numel()) == (memory.address, memory.size) == (memory.address, 24)


def test_torch_without_room_says_how_much_was_asked_for(torch_driver: TorchDriver) -> None:
    with pytest.raises(DeviceError, match="host memory: no room for 101 bytes of device memory"):
        torch_driver.device_memory(101)


def test_host_memory_as_a_tensor_lives_as_long_as_the_tensor(torch_driver: TorchDriver) -> None:
    memory = torch_driver.host_memory(24)
    tensor = torch_driver.tensor(memory)
    del memory
    tensor.fill_(3)
    assert ctypes.string_at(tensor.data_ptr(), 24) == b"\3" * 24


def test_streams_for_torch(torch_driver: TorchDriver) -> None:
    stream = torch_driver.new_stream()
    assert torch_driver.external(stream) == (stream, "device cuda 0")


def test_device_that_is_not_there(torch_driver: TorchDriver) -> None:
    with pytest.raises(DeviceError, match="CUDA device 1: there are 1, numbered from 0"):
        TorchDriver(1)


def test_build_is_done_once(build_folder: Path) -> None:
    first = build(build_folder).stat().st_mtime_ns
    assert build(build_folder).stat().st_mtime_ns == first


def test_a_driver_without_torch_says_so(host: HostDriver) -> None:
    memory = host.device_memory(64)
    with pytest.raises(DeviceError, match="this driver has no tensors"):
        CudaDriver.tensor(host, memory)
    with pytest.raises(DeviceError, match="this driver knows of no torch"):
        CudaDriver.external(host, 1)
