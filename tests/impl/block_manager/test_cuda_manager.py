"""The block manager on the CUDA device; on host memory, and on a GPU where there is one."""

from __future__ import annotations

import random

from cuda_cases import HostDriver
from pool_cases import Pool as Engine

from kvproof.fuzz.bugs.planting import plant
from kvproof.impl.block_manager import BlockManager, Inspection, PoolConfig, decode_entry
from kvproof.impl.block_manager.transfers import Batch, Transfers
from kvproof.impl.device import CudaDevice, Stream
from kvproof.impl.device.cuda_driver import CudaDriver


def stamp(tokens: tuple[int, ...], size: int) -> bytes:
    """A block's bytes for a path, repeated over the whole block so that a torn copy shows."""
    unit = bytes([len(tokens), *tokens]).ljust(16, b"\xff")
    return unit * (size // 16)


def managed(device: CudaDevice, manager_type: type[BlockManager] = BlockManager) -> BlockManager:
    config = PoolConfig(
        primary_blocks=device.slots[0],
        secondary_blocks=device.slots[1],
        tokens_per_block=device.tokens_per_block,
        block_bytes=device.block_bytes,
        max_sequence_tokens=64,
    )
    return manager_type(config, device)


def serve(device: CudaDevice, manager: BlockManager, prompts: int = 300) -> None:
    """Random prompts through a tight pool, each written to the blocks that are new."""
    rng = random.Random(1)
    for number in range(prompts):
        tokens = tuple(rng.randrange(3) for _ in range(rng.randrange(1, 13)))
        manager.begin_iteration()
        admission = manager.add_sequence(number, tokens)
        manager.end_iteration()
        table = manager.page_table(number)
        for position in admission.new_positions:
            level, slot = decode_entry(table[position])
            device.write(Stream.COMPUTE, level, slot, 0, stamp(tokens[: 2 * position + 2], device.block_bytes))
        manager.finish(number)


def wrong_paths(device: CudaDevice, manager: BlockManager) -> list[tuple[int, ...]]:
    """The cached paths whose bytes are wrong."""
    wrong = []
    for path, location in Inspection(manager.snapshot()).locations().items():
        if device.read(location.level, location.slot) != stamp(path, device.block_bytes):
            wrong.append(path)
    return wrong


def managed_on(driver: CudaDriver, tokens_per_block: int = 2) -> CudaDevice:
    size = 1 << (12 if isinstance(driver, HostDriver) else 20)  # on a GPU large enough that copies overlap
    return CudaDevice(8, 12, size, tokens_per_block=tokens_per_block, driver=driver)


def test_blocks_keep_their_bytes_through_offloading_and_onboarding(driver: CudaDriver) -> None:
    device = managed_on(driver)
    manager = managed(device)
    serve(device, manager)
    assert wrong_paths(device, manager) == []
    assert device.races == []


def test_blocks_keep_their_bytes_through_partial_copies(driver: CudaDriver) -> None:
    device = managed_on(driver, 4)
    pool = Engine(8, 12, device=device, block_bytes=device.block_bytes, tokens_per_block=4, partial_reuse=True)
    rng = random.Random(1)
    for number in range(300):
        pool.cache(number, [rng.randrange(3) for _ in range(rng.randrange(1, 13))])
    assert pool.manager.counters.blocks_copied_in_part > 20
    assert pool.wrong_contents() == []
    assert device.races == []


def test_host_waits_for_nothing_in_the_steady_state(host: HostDriver) -> None:
    device = managed_on(host)
    manager = managed(device)
    serve(device, manager, 20)  # from here on nothing needs to grow any more
    waits = (
        "cuStreamSynchronize",
        "cuEventSynchronize",
        "cuMemHostAlloc",
        "cuMemAlloc_v2",
        "cuMemFreeHost",
        "cuMemFree_v2",
    )
    before = [host.calls(name) for name in waits]
    serve(device, manager)
    assert [host.calls(name) for name in waits] == before
    assert wrong_paths(device, manager) == []


def test_manager_without_waits_is_caught_on_this_device_too(driver: CudaDriver) -> None:
    class NoWaits(Transfers):
        def wait_for_batch(self, stream: Stream, batch: Batch) -> None:
            """Copies are not ordered."""

    device = managed_on(driver)
    serve(device, managed(device, plant(BlockManager, parts={Transfers: NoWaits})))
    assert device.races != []
