"""The kernels that write and check content patterns; on host memory, and on a GPU where there is one.

Without gates: compute-sanitizer may run one kernel at a time, and a gate would never open.
"""

from __future__ import annotations

import numpy as np
import pytest

from kvproof.impl.device import CudaDevice, DeviceError, Level, SimulatedDevice, Stream
from kvproof.impl.device.copy_kernel import PAIRS_READ_FROM_HOST
from kvproof.impl.device.cuda_driver import CudaDriver
from kvproof.impl.device.cuda_pattern import BLOCKS_MAX, Difference, Patterns, block_pattern, pattern_bytes
from kvproof.impl.device.layout import Pool

PRIMARY, SECONDARY = Level.PRIMARY, Level.SECONDARY
POOLS = (Pool(96, 3), Pool(32, 2, layer_first=True), Pool(20, 2, layer_first=True))
KEY, OTHER = 0x0123456789ABCDEF, 0xFEDCBA9876543210
BLOCK_BYTES = 3 * 96 + 2 * 32 + 2 * 20


def device_on(driver: CudaDriver, blocks: int = 5) -> CudaDevice:
    return CudaDevice(blocks, 4, BLOCK_BYTES, pools=POOLS, tokens_per_block=4, driver=driver)


@pytest.mark.parametrize("level", Level)
def test_what_the_kernel_writes_is_the_pattern(driver: CudaDriver, level: Level) -> None:
    device = device_on(driver)
    Patterns(device).write(Stream.COMPUTE, [(level, 3), (level, 1)], [KEY, OTHER])
    assert device.read(level, 3) == block_pattern(device, KEY)
    assert device.read(level, 1) == block_pattern(device, OTHER)
    assert device.read(level, 2) == b"\xdb" * BLOCK_BYTES


@pytest.mark.parametrize("size", [16, 20_000])
def test_a_layer_of_several_tiles(driver: CudaDriver, size: int) -> None:
    device = CudaDevice(2, 1, size, driver=driver)
    Patterns(device).write(Stream.COMPUTE, [(PRIMARY, 1)], [KEY])
    assert device.read(PRIMARY, 1) == pattern_bytes(KEY, 0, size)


def test_beginning_of_each_layer_is_written(driver: CudaDriver) -> None:
    device = device_on(driver)
    Patterns(device).write(Stream.COMPUTE, [(PRIMARY, 0)], [KEY], tokens=3)
    whole, found = block_pattern(device, KEY), device.read(PRIMARY, 0)
    assert found[:72] == whole[:72]
    assert found[72:96] == b"\xdb" * 24


@pytest.mark.parametrize("tokens", [None, 1, 4])
def test_right_content_passes(driver: CudaDriver, tokens: int | None) -> None:
    device = device_on(driver)
    patterns, places = Patterns(device), [(PRIMARY, 4), (SECONDARY, 2), (PRIMARY, 0)]
    patterns.write(Stream.COMPUTE, places, [KEY, OTHER, 7], tokens)
    check = patterns.check(Stream.COMPUTE, places, [KEY, OTHER, 7], tokens)
    device.synchronize()
    assert check.value() == check.value() == []
    assert device.races == []


def test_one_wrong_byte_is_found_and_located(driver: CudaDriver) -> None:
    device = device_on(driver)
    patterns, places = Patterns(device), [(PRIMARY, 4), (SECONDARY, 2)]
    patterns.write(Stream.COMPUTE, places, [KEY, OTHER])
    device.write(Stream.COMPUTE, SECONDARY, 2, 96 + 37, b"\0\0")  # block 1, layer 1 of pool 0
    device.write(Stream.COMPUTE, SECONDARY, 2, 3 * 96 + 2 * 32 + 20 + 3, b"\0")  # layer 1 of pool 2
    check = patterns.check(Stream.COMPUTE, places, [KEY, OTHER])
    device.synchronize()
    assert check.value() == [Difference(0, 1, 0, (1, 1, 32)), Difference(2, 1, 0, (1, 1, 3))]


def test_wrong_byte_in_a_later_tile_is_located(driver: CudaDriver) -> None:
    device = CudaDevice(2, 1, 40_000, driver=driver)
    patterns = Patterns(device)
    patterns.write(Stream.COMPUTE, [(PRIMARY, 1)], [KEY])
    device.write(Stream.COMPUTE, PRIMARY, 1, 35_000, b"\0\0")
    check = patterns.check(Stream.COMPUTE, [(PRIMARY, 1)], [KEY])
    device.synchronize()
    assert check.value() == [Difference(0, 1, 0, (0, 0, 35_000 // 16 * 16))]


def test_pattern_differs_with_the_key_the_layer_and_the_position() -> None:
    parts = [pattern_bytes(key, layer, 64) for key in (1, 2, 1 << 32) for layer in (0, 1, 2)]
    vectors = [part[at : at + 16] for part in parts for at in range(0, 64, 16)]
    assert len(set(vectors)) == len(vectors)


def test_key_of_another_block_fails_everywhere(driver: CudaDriver) -> None:
    device = device_on(driver)
    patterns = Patterns(device)
    patterns.write(Stream.COMPUTE, [(PRIMARY, 0)], [KEY])
    check = patterns.check(Stream.COMPUTE, [(PRIMARY, 0)], [OTHER])
    device.synchronize()
    assert [(found.wrong, found.first) for found in check.value()[:2]] == [(18, (0, 0, 0)), (4, (0, 0, 0))]


def test_check_reads_a_devices_table_when_it_runs(driver: CudaDriver) -> None:
    device = device_on(driver)
    patterns = Patterns(device)
    staging, table = device.buffer(SECONDARY, 16), device.buffer(PRIMARY, 16)
    patterns.write(Stream.COMPUTE, [(PRIMARY, 2), (PRIMARY, 3)], [KEY, OTHER])
    device.host_write(staging, 0, np.array([0, 2, 3, 0], dtype=np.uint32).tobytes())
    device.upload(Stream.COMPUTE, staging, table, 16)
    places = [(PRIMARY, 2), (PRIMARY, 3)]
    right = patterns.check(Stream.COMPUTE, places, [KEY, OTHER], table=table, first=1)
    wrong = patterns.check(Stream.COMPUTE, places, [KEY, OTHER], table=table, first=2)
    device.synchronize()
    assert right.value() == []
    assert len(wrong.value()) == len(POOLS)
    assert device.races == []


def test_entries_without_a_slot_are_counted(driver: CudaDriver) -> None:
    device = device_on(driver)
    patterns = Patterns(device)
    patterns.write(Stream.COMPUTE, [(PRIMARY, 0)], [KEY])
    staging, table = device.buffer(SECONDARY, 8), device.buffer(PRIMARY, 8)
    device.host_write(staging, 0, np.array([0, 5], dtype=np.uint32).tobytes())
    device.upload(Stream.COMPUTE, staging, table, 8)
    check = patterns.check(Stream.COMPUTE, [(PRIMARY, 0)] * 2, [KEY, KEY], table=table)
    device.synchronize()
    assert check.value() == [Difference(pool, 0, 1, None) for pool in range(len(POOLS))]


def test_checks_of_one_stream_do_not_mix(driver: CudaDriver) -> None:
    device = device_on(driver)
    patterns = Patterns(device)
    patterns.write(Stream.COMPUTE, [(PRIMARY, 0)], [KEY])
    checks = [patterns.check(Stream.COMPUTE, [(PRIMARY, 0)], [key]) for key in (OTHER, KEY, OTHER)]
    device.synchronize()
    assert [bool(check.value()) for check in checks] == [True, False, True]


def test_more_blocks_than_a_kernel_reads_from_the_host(driver: CudaDriver) -> None:
    count = 2 * PAIRS_READ_FROM_HOST
    device = device_on(driver, count)
    patterns, places = Patterns(device), [(PRIMARY, slot) for slot in reversed(range(count))]
    patterns.write(Stream.COMPUTE, places, list(range(count)))
    check = patterns.check(Stream.COMPUTE, places, list(range(count)))
    device.synchronize()
    assert check.value() == []
    assert device.read(PRIMARY, 0) == block_pattern(device, count - 1)


@pytest.mark.parametrize(
    ("places", "keys", "message"),
    [
        ([], [], f"pattern of 0 places and 0 keys: needs as many of both, 1 to {BLOCKS_MAX}"),
        ([(0, 1)], [1, 2], "pattern of 1 places and 2 keys"),
        ([(0, 5)], [1], "PRIMARY slot 5: the level has slots 0..4"),
    ],
)
def test_impossible_arguments(driver: CudaDriver, places: list[tuple[int, int]], keys: list[int], message: str) -> None:
    with pytest.raises(DeviceError, match=message):
        Patterns(device_on(driver)).write(Stream.COMPUTE, places, keys)


def test_table_of_another_kind_of_device_is_refused(driver: CudaDriver) -> None:
    other = SimulatedDevice(1, 1, 16).buffer(PRIMARY, 4)
    with pytest.raises(DeviceError, match="a PRIMARY buffer of a CUDA device"):
        Patterns(device_on(driver)).check(Stream.COMPUTE, [(PRIMARY, 0)], [1], table=other)


def test_table_that_is_too_short_is_refused(driver: CudaDriver) -> None:
    device = device_on(driver)
    with pytest.raises(DeviceError, match=r"entries 1\.\.3: the table has 2 entries"):
        Patterns(device).check(Stream.COMPUTE, [(PRIMARY, 0)] * 2, [1, 1], table=device.buffer(PRIMARY, 8), first=1)
