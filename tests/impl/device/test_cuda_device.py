"""The CUDA device: bytes, buffers, events and order; on host memory, and on a GPU where there is one."""

from __future__ import annotations

import gc
import random
import subprocess
import sys
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from copy_candidates import with_table
from copy_table import Way
from cuda_cases import REASON, HostDriver, all_by

from kvproof.impl.device import CudaDevice, DeviceError, Level, SimulatedDevice, Stream
from kvproof.impl.device.copy_kernel import PAIR_BYTES, PAIRS_MAX, PAIRS_READ_FROM_HOST
from kvproof.impl.device.cuda_driver import CudaDriver, Kernel
from kvproof.impl.device.cuda_gate import Gate
from kvproof.impl.device.cuda_pattern import Patterns
from kvproof.impl.device.layout import Pool

PRIMARY, SECONDARY = Level.PRIMARY, Level.SECONDARY
LAYERED = (Pool(64, 3), Pool(32, 2, layer_first=True), Pool(10, 2, layer_first=True))
LAYERED_BYTES = 3 * 64 + 2 * 32 + 2 * 10


def device_on(driver: CudaDriver, primary: int = 4, secondary: int = 4, block_bytes: int = 64) -> CudaDevice:
    return CudaDevice(primary, secondary, block_bytes, tokens_per_block=4, driver=driver)


def layered_on(driver: CudaDriver) -> CudaDevice:
    return CudaDevice(5, 7, LAYERED_BYTES, pools=LAYERED, tokens_per_block=2, driver=driver)


def random_bytes(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def test_importing_the_package_does_not_import_torch() -> None:
    code = "import sys, kvproof.impl, kvproof.impl.device; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.skipif(REASON is None, reason="a CUDA device is there")
def test_without_cuda_the_error_says_what_to_do() -> None:
    with pytest.raises(DeviceError, match=r"CUDA device 0: torch .*(SimulatedDevice|kvproof.cuda)"):
        CudaDevice(1, 1, 1)


def test_fresh_memory_is_not_zero(driver: CudaDriver) -> None:
    device = layered_on(driver)
    assert {device.read(level, slot) for level in Level for slot in range(5)} == {b"\xdb" * LAYERED_BYTES}


def test_write_copy_and_read_back(driver: CudaDriver) -> None:
    device = device_on(driver)
    device.write(Stream.OFFLOAD, PRIMARY, 1, 0, bytes(range(64)))
    device.copy(Stream.OFFLOAD, [(0, 1, 1, 3)])
    assert device.read(SECONDARY, 3) == bytes(range(64))


@pytest.mark.parametrize("level", Level)
def test_write_goes_to_an_offset(driver: CudaDriver, level: Level) -> None:
    device = device_on(driver)
    device.write(Stream.COMPUTE, level, 0, 9, b"abcd")
    assert device.read(level, 0) == b"\xdb" * 9 + b"abcd" + b"\xdb" * 51


@pytest.mark.parametrize("level", Level)
def test_write_across_pools_and_layers(driver: CudaDriver, level: Level) -> None:
    device, data = layered_on(driver), random_bytes(1, 120)
    device.write(Stream.COMPUTE, level, 3, 150, data)
    assert device.read(level, 3) == b"\xdb" * 150 + data + b"\xdb" * (LAYERED_BYTES - 270)


@pytest.mark.parametrize("level", Level)
def test_load_arrives(driver: CudaDriver, level: Level) -> None:
    device, data = layered_on(driver), random_bytes(2, LAYERED_BYTES)
    device.write(Stream.COMPUTE, level, 2, 0, data)
    loaded = device.load(Stream.COMPUTE, level, 2)
    device.synchronize()
    assert loaded.arrived()
    assert loaded.value() == loaded.value() == data


def test_load_behind_a_gate_has_not_completed(driver: CudaDriver) -> None:
    device = device_on(driver)
    with Gate(device, Stream.COMPUTE):
        loaded = device.load(Stream.COMPUTE, PRIMARY, 0)
        assert not loaded.arrived()
        with pytest.raises(DeviceError, match="not completed yet"):
            loaded.value()


def test_load_that_nobody_looked_at_keeps_its_memory_until_it_is_over(host: HostDriver) -> None:
    device = device_on(host)
    with Gate(device, Stream.COMPUTE):
        region = device.staging.take(64)
        device.staging.give_back(region)
        device.load(Stream.COMPUTE, PRIMARY, 0)
        gc.collect()
        assert [device.staging.take(64).address for _ in range(8)].count(region.address) == 0


@pytest.mark.parametrize("way", Way)
@pytest.mark.parametrize("seed", range(3))
def test_copies_of_layered_blocks(driver: CudaDriver, way: Way, seed: int) -> None:
    """Against the simulated device, all ways, all directions, whole blocks and beginnings of blocks."""
    rng = random.Random(seed)
    sizes = {"pools": LAYERED, "tokens_per_block": 2, "check": False}
    device = with_table(CudaDevice(5, 7, LAYERED_BYTES, driver=driver, **sizes), all_by(way))
    model = SimulatedDevice(5, 7, LAYERED_BYTES, **sizes)
    places = [(level, slot) for level in Level for slot in range(device.slots[level])]
    for level, slot in places:
        for each in (device, model):
            each.write(Stream.ONBOARD, level, slot, 0, random_bytes(level * 100 + slot + seed, LAYERED_BYTES))
    for _ in range(12):
        rng.shuffle(places)
        half = len(places) // 2
        pairs = list(zip(places[:half], places[half:], strict=True))
        cut = rng.randrange(half + 1)
        moves = [(*source, *target) for source, target in pairs[:cut]]
        prefixes = [(*source, *target, rng.choice([1, 2])) for source, target in pairs[cut:]]
        for each in (device, model):
            each.copy(Stream.ONBOARD, moves, prefixes)
    assert [device.read(*place) for place in places] == [model.read(*place) for place in places]


def test_view_is_the_memory_with_a_row_a_slot(driver: CudaDriver) -> None:
    device, data = device_on(driver), random_bytes(3, 64)
    device.write(Stream.COMPUTE, PRIMARY, 2, 0, data)
    device.synchronize()
    view = device.view(PRIMARY)
    assert (tuple(view.shape), bytes(view[2].cpu().numpy())) == ((4, 64), data)


def test_view_of_a_layer_first_pool_has_a_row_a_layer_and_slot(driver: CudaDriver) -> None:
    device, data = layered_on(driver), random_bytes(3, LAYERED_BYTES)
    device.write(Stream.COMPUTE, SECONDARY, 2, 0, data)
    device.synchronize()
    view = device.view(SECONDARY, 1)
    assert tuple(view.shape) == (2 * 7, 32)
    assert bytes(view[7 + 2].cpu().numpy()) == data[3 * 64 + 32 :][:32]


@pytest.mark.gpu
def test_engine_kernels_run_on_the_native_stream(gpu: CudaDriver) -> None:
    import torch

    device = device_on(gpu)
    device.write(Stream.COMPUTE, PRIMARY, 0, 0, bytes(64))
    with torch.cuda.stream(device.native(Stream.COMPUTE)):
        device.view(PRIMARY)[0].add_(7)
    assert device.read(PRIMARY, 0) == bytes([7]) * 64


@pytest.mark.gpu
def test_streams_of_the_engine_are_used(gpu: CudaDriver) -> None:
    import torch

    stream = torch.cuda.Stream()
    device = CudaDevice(1, 1, 16, driver=gpu, streams={Stream.EXECUTION: stream})
    assert device.native(Stream.EXECUTION).cuda_stream == stream.cuda_stream


@pytest.mark.parametrize("way", Way)
def test_an_engine_on_the_default_stream(host: HostDriver, way: Way) -> None:
    """It takes no batched copies."""
    default: Any = SimpleNamespace(cuda_stream=0)
    device = with_table(CudaDevice(4, 4, 16, driver=host, streams={Stream.OFFLOAD: default}), all_by(way))
    device.write(Stream.OFFLOAD, PRIMARY, 1, 0, b"a" * 16)
    device.copy(Stream.OFFLOAD, [(0, 1, 1, 2), (0, 3, 1, 1)])
    assert device.read(SECONDARY, 2) == b"a" * 16


def test_upload_takes_what_the_host_has_written(driver: CudaDriver) -> None:
    device = device_on(driver)
    staging, table = device.buffer(SECONDARY, 12), device.buffer(PRIMARY, 12)
    device.host_write(staging, 4, b"abcd")
    device.upload(Stream.COMPUTE, staging, table, 8)
    device.synchronize()
    assert device.peek_buffer(table) == b"\xdb" * 4 + b"abcd" + b"\xdb" * 4


def test_load_goes_through_the_table_as_it_is_when_the_kernel_runs(driver: CudaDriver) -> None:
    device = layered_on(driver)
    staging, table = device.buffer(SECONDARY, 16), device.buffer(PRIMARY, 16)
    for slot in (1, 4):
        device.write(Stream.COMPUTE, PRIMARY, slot, 0, random_bytes(slot, LAYERED_BYTES))
    device.host_write(staging, 0, np.array([0, 1, 2, 4], dtype=np.uint32).tobytes())
    with Gate(device, Stream.COMPUTE):
        loaded = [device.load_through(Stream.COMPUTE, table, index, slot) for index, slot in ((1, 1), (3, 4))]
        device.upload(Stream.ONBOARD, staging, table, 16)  # overtakes the loads: the table is not yet there for them
        device.wait_host(device.record_event(Stream.ONBOARD))
    device.synchronize()
    assert [each.value() for each in loaded] == [random_bytes(slot, LAYERED_BYTES) for slot in (1, 4)]
    assert len(device.races) > 0


@pytest.mark.parametrize(
    ("entry", "message"),
    [(2 | 1 << 31, "names SECONDARY slot 2"), (5, r"names slot 5, but PRIMARY has slots 0\.\.4")],
)
def test_load_through_an_entry_without_a_primary_slot(driver: CudaDriver, entry: int, message: str) -> None:
    device = layered_on(driver)
    staging, table = device.buffer(SECONDARY, 4), device.buffer(PRIMARY, 4)
    device.host_write(staging, 0, entry.to_bytes(4, "little"))
    device.upload(Stream.COMPUTE, staging, table, 4)
    loaded = device.load_through(Stream.COMPUTE, table, 0, 2)
    device.synchronize()
    with pytest.raises(DeviceError, match=message):
        loaded.value()


def test_load_through_a_table_that_was_never_uploaded(driver: CudaDriver) -> None:
    device = device_on(driver)
    loaded = device.load_through(Stream.COMPUTE, device.buffer(PRIMARY, 4), 0, 0)
    device.synchronize()
    with pytest.raises(DeviceError, match="was never written"):
        loaded.value()


def test_peek_does_not_wait(driver: CudaDriver) -> None:
    device = device_on(driver)
    with Gate(device, Stream.COMPUTE):
        device.write(Stream.COMPUTE, PRIMARY, 0, 0, b"a" * 64)
        assert device.peek(PRIMARY, 0) == b"\xdb" * 64
    device.synchronize()
    assert device.peek(PRIMARY, 0) == b"a" * 64


def test_event_is_done_when_its_stream_is_past_it(driver: CudaDriver) -> None:
    device = device_on(driver)
    with Gate(device, Stream.OFFLOAD):
        event = device.record_event(Stream.OFFLOAD)
        assert not device.event_done(event)
    device.wait_host(event)
    assert device.event_done(event)


def test_stream_waits_for_an_event_of_another(driver: CudaDriver) -> None:
    device = device_on(driver)
    with Gate(device, Stream.COMPUTE):
        device.write(Stream.COMPUTE, PRIMARY, 0, 0, b"a" * 64)
        device.wait_event(Stream.OFFLOAD, device.record_event(Stream.COMPUTE))
        device.copy(Stream.OFFLOAD, [(0, 0, 1, 0)])
    assert device.read(SECONDARY, 0) == b"a" * 64
    assert device.races == []


def test_copy_without_the_wait_overtakes(driver: CudaDriver) -> None:
    """What the record reports does happen: the gate makes sure of it."""
    device = device_on(driver)
    with Gate(device, Stream.COMPUTE):
        device.write(Stream.COMPUTE, PRIMARY, 0, 0, b"a" * 64)
        device.copy(Stream.OFFLOAD, [(0, 0, 1, 0)])
        device.wait_host(device.record_event(Stream.OFFLOAD))
    assert device.read(SECONDARY, 0) == b"\xdb" * 64
    assert len(device.races) == 1


def test_gate_that_nobody_opens_says_so(driver: CudaDriver) -> None:
    device = device_on(driver)
    gate = Gate(device, Stream.COMPUTE, timeout_s=0.001)
    device.synchronize()
    with pytest.raises(DeviceError, match="gate on the compute stream: opened by itself"):
        gate.open()


def test_check_without_a_wait_is_a_race_and_fails(driver: CudaDriver) -> None:
    device = layered_on(driver)
    patterns = Patterns(device)
    with Gate(device, Stream.COMPUTE):
        patterns.write(Stream.COMPUTE, [(PRIMARY, 0)], [7])
        check = patterns.check(Stream.EXECUTION, [(PRIMARY, 0)], [7])
        device.wait_host(device.record_event(Stream.EXECUTION))
        assert len(check.value()) == len(LAYERED)
    device.synchronize()
    assert len(device.races) == 1


def test_check_that_is_pending_has_no_result(driver: CudaDriver) -> None:
    device = layered_on(driver)
    patterns = Patterns(device)
    with Gate(device, Stream.COMPUTE):
        check = patterns.check(Stream.COMPUTE, [(PRIMARY, 0)], [7])
        with pytest.raises(DeviceError, match="not completed yet"):
            check.value()


def test_descriptors_of_two_streams_do_not_mix(driver: CudaDriver) -> None:
    """Those of batches too large to be read from pinned memory: each stream has a place of its own for the next."""
    device = device_on(driver)
    descriptors = bytes(PAIR_BYTES * (PAIRS_READ_FROM_HOST + 1))
    places = [device.copies.put(device.handle(stream), descriptors)[1] for stream in Stream]
    device.synchronize()
    assert min(high - low for low, high in pairwise(sorted(places))) >= PAIR_BYTES * PAIRS_MAX


def test_kernel_loads_nothing_through_an_entry_without_a_slot(driver: CudaDriver) -> None:
    device = layered_on(driver)
    region, stream = device.staging.take(512), device.handle(Stream.COMPUTE)
    region.write(b"." * 512)
    region.write((5).to_bytes(8, "little"))
    arguments = (region.address, 0, 5, device.address(0, 0), 192, 192, 1, 0, region.address + 64, region.address + 32)
    driver.launch(stream, Kernel.LOAD_THROUGH, 1, arguments)
    driver.synchronize(stream)
    assert region.read(8, 32) == (5).to_bytes(8, "little")
    assert region.read(448, 64) == b"." * 448


def test_streams_go_back_and_memory_is_freed_with_the_device(host: HostDriver) -> None:
    devices = [device_on(host)]
    devices[0].write(Stream.COMPUTE, PRIMARY, 0, 0, b"a" * 64)
    made, after_first = host.calls("cuStreamCreate"), host.fake.fake_allocations()
    for _ in range(3):
        devices.clear()
        gc.collect()
        devices.append(device_on(host))
    assert (host.calls("cuStreamCreate"), host.fake.fake_allocations()) == (made, after_first)
