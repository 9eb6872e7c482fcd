"""The CUDA device. What needs a GPU is marked, and skips with the reason where there is none."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest
from pool_cases import Pool

from kvproof.impl import BlockManager, Inspection, PoolConfig, decode_entry
from kvproof.impl.device import CudaDevice, DeviceError, Level, Stream
from kvproof.impl.device.cuda import merge_runs, unavailable
from kvproof.impl.transfers import Batch, Transfers

REASON = unavailable()
PRIMARY, SECONDARY = Level.PRIMARY, Level.SECONDARY


def gpu_device(primary: int = 4, secondary: int = 4, block_bytes: int = 64) -> CudaDevice:
    if REASON is not None:
        pytest.skip(REASON)
    return CudaDevice(primary, secondary, block_bytes)


def test_importing_the_package_does_not_import_torch() -> None:
    code = "import sys, kvproof.impl, kvproof.impl.device; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.skipif(REASON is None, reason="a CUDA device is there")
def test_without_cuda_the_error_says_what_to_do() -> None:
    with pytest.raises(DeviceError, match=r"CUDA device 0: torch .*(SimulatedDevice|kvproof.cuda)"):
        CudaDevice(1, 1, 1)


def test_neighbouring_slots_are_copied_as_one() -> None:
    assert list(merge_runs([(0, 2, 1, 5), (0, 1, 1, 4), (0, 3, 1, 6)])) == [(0, 1, 1, 4, 3)]


def test_slots_apart_in_the_target_are_copied_apart() -> None:
    assert list(merge_runs([(0, 1, 1, 4), (0, 2, 1, 6)])) == [(0, 1, 1, 4, 1), (0, 2, 1, 6, 1)]


def test_directions_are_not_merged() -> None:
    assert len(list(merge_runs([(0, 1, 1, 4), (1, 2, 0, 5)]))) == 2


@pytest.mark.parametrize("seed", range(5))
def test_merged_runs_are_the_same_copies(seed: int) -> None:
    rng = random.Random(seed)
    moves = [(0, source, 1, target) for source, target in zip(rng.sample(range(9), 6), range(6), strict=True)]
    found = [(a, f + i, b, t + i) for a, f, b, t, count in merge_runs(moves) for i in range(count)]
    assert sorted(found) == sorted(moves)


@pytest.mark.gpu
def test_write_copy_and_read_back() -> None:
    device = gpu_device()
    device.write(Stream.OFFLOAD, PRIMARY, 1, 0, bytes(range(64)))
    device.copy(Stream.OFFLOAD, [(0, 1, 1, 3)])
    assert device.read(SECONDARY, 3) == bytes(range(64))


@pytest.mark.gpu
def test_write_to_host_memory_is_the_streams_work() -> None:
    device = gpu_device()
    device.write(Stream.COMPUTE, SECONDARY, 0, 8, b"abcd")
    assert device.read(SECONDARY, 0)[8:12] == b"abcd"


@pytest.mark.gpu
@pytest.mark.parametrize("level", Level)
def test_load_arrives(level: Level) -> None:
    device = gpu_device()
    device.write(Stream.COMPUTE, level, 2, 0, b"z" * 64)
    loaded = device.load(Stream.COMPUTE, level, 2)
    device.synchronize()
    assert loaded.value() == b"z" * 64


@pytest.mark.gpu
def test_copy_within_host_memory_is_an_error() -> None:
    device = gpu_device()
    with pytest.raises(DeviceError, match="within host memory"):
        device.copy(Stream.OFFLOAD, [(1, 0, 1, 1)])


@pytest.mark.gpu
@pytest.mark.parametrize("level", Level)
def test_prefix_copy_leaves_the_rest_of_the_target(level: Level) -> None:
    device = gpu_device()
    device.write(Stream.ONBOARD, level, 0, 0, b"a" * 64)
    device.write(Stream.ONBOARD, PRIMARY, 1, 0, b"b" * 64)
    device.copy(Stream.ONBOARD, [], [(level, 0, 0, 1, 24)])
    assert device.read(PRIMARY, 1) == b"a" * 24 + b"b" * 40


@pytest.mark.gpu
def test_prefix_copy_within_host_memory_is_an_error() -> None:
    device = gpu_device()
    with pytest.raises(DeviceError, match="within host memory"):
        device.copy(Stream.OFFLOAD, [], [(1, 0, 1, 1, 8)])


@pytest.mark.gpu
def test_missing_wait_is_found() -> None:
    device = gpu_device()
    device.write(Stream.COMPUTE, PRIMARY, 0, 0, b"abcd")
    device.copy(Stream.OFFLOAD, [(0, 0, 1, 0)])
    assert len(device.races) == 1


def churn(device: CudaDevice, manager_type: type[BlockManager]) -> list[tuple[int, ...]]:
    """Prompts through a tight pool; returns the cached paths whose bytes are wrong."""
    config = PoolConfig(
        primary_blocks=device.slots[0],
        secondary_blocks=device.slots[1],
        tokens_per_block=2,
        block_bytes=device.block_bytes,
        max_sequence_tokens=64,
    )
    manager = manager_type(config, device)
    look = Inspection(manager)
    rng = random.Random(1)
    for number in range(300):
        tokens = tuple(rng.randrange(3) for _ in range(rng.randrange(1, 13)))
        manager.begin_iteration()
        admission = manager.add_sequence(number, tokens)
        manager.end_iteration()
        table = manager.page_table(number)
        for position in admission.new_positions:
            level, slot = decode_entry(table[position])
            device.write(Stream.COMPUTE, level, slot, 0, stamp(tokens[: 2 * position + 2], device.block_bytes))
        manager.finish(number)
    wrong = []
    for path in look.cached_paths():
        location = look.locate(path)
        assert location is not None
        if device.read(location.level, location.slot) != stamp(path, device.block_bytes):
            wrong.append(path)
    return wrong


def stamp(tokens: tuple[int, ...], size: int) -> bytes:
    """A block's bytes for a path, repeated over the whole block so that a torn copy shows."""
    unit = bytes([len(tokens), *tokens]).ljust(16, b"\xff")
    return unit * (size // 16)


@pytest.mark.gpu
def test_blocks_keep_their_bytes_through_offloading_and_onboarding() -> None:
    device = gpu_device(8, 12, 1 << 20)
    assert churn(device, BlockManager) == []
    assert device.races == []


@pytest.mark.gpu
def test_blocks_keep_their_bytes_through_partial_copies() -> None:
    device = gpu_device(8, 12, 1 << 20)
    pool = Pool(8, 12, device=device, block_bytes=1 << 20, tokens_per_block=4, partial_reuse=True)
    rng = random.Random(1)
    for number in range(300):
        pool.cache(number, [rng.randrange(3) for _ in range(rng.randrange(1, 13))])
    assert pool.manager.counters.blocks_copied_in_part > 20
    assert pool.wrong_contents() == []
    assert device.races == []


@pytest.mark.gpu
def test_manager_without_waits_is_caught_on_the_gpu_too() -> None:
    class NoWaits(Transfers):
        def wait_for_batch(self, stream: Stream, batch: Batch) -> None:
            """Copies are not ordered."""

    class Unordered(BlockManager):
        transfers_type = NoWaits

    device = gpu_device(8, 12, 1 << 20)
    churn(device, Unordered)
    assert device.races != []
