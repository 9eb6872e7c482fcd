"""The devices and pools that targets of the block manager use: how they are laid out, and when their work completes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from kvproof.fuzz.content import BYTES_PER_TOKEN
from kvproof.impl.block_manager import PoolConfig
from kvproof.impl.device import CudaDevice, Device, FileDevice, Layout, Pool, SimulatedDevice
from kvproof.impl.device.cuda_driver import CudaDriver

DeviceFactory = Callable[[PoolConfig], Device]
PoolsFactory = Callable[[int], tuple[Pool, ...]]
"""From the number of tokens of a block to the pools in which it lies, each layer `BYTES_PER_TOKEN` a token."""

SCHEDULE_SEED = 12834
"""Where nothing else says when work completes: fixed, so that a run is repeated exactly."""


def one_pool(block_tokens: int) -> tuple[Pool, ...]:
    """One layer: what the manager does with a block does not depend on more."""
    return (Pool(block_tokens * BYTES_PER_TOKEN),)


def layered_pools(block_tokens: int) -> tuple[Pool, ...]:
    """Two layers that lie layer first and one in a pool of its own: every way in which pitches and pools can differ."""
    layer_bytes = block_tokens * BYTES_PER_TOKEN
    return Pool(layer_bytes, layers=2, layer_first=True), Pool(layer_bytes)


def pool_config(parameters: Mapping[str, int], make_pools: PoolsFactory = one_pool) -> PoolConfig:
    """The pool that the machine's parameters describe.

    Raises:
        ValueError: the pool does not allow them.
    """
    pools = make_pools(parameters["tokens_per_block"])
    return PoolConfig(
        primary_blocks=parameters["primary_blocks"],
        secondary_blocks=parameters["secondary_blocks"],
        tokens_per_block=parameters["tokens_per_block"],
        block_bytes=sum(pool.block_bytes for pool in pools),
        pools=pools,
        max_sequence_tokens=parameters["max_tokens"],
        default_priority=parameters["default_priority"],
        offload_threshold=parameters["offload_threshold"],
        priorities=parameters["priorities"],
        pins_max=parameters["pins_max"],
        reuse=bool(parameters["reuse"]),
        partial_reuse=bool(parameters["partial_reuse"]),
        copy_on_partial_reuse=bool(parameters["copy_on_partial_reuse"]),
        chunked=parameters["budget_max"] > 0,
        duration_max=parameters["duration_max"],
        events=True,
    )


def simulated_device(config: PoolConfig, layout_type: type[Layout] = Layout) -> SimulatedDevice:
    """The embedded device. Work completes when it is told to, copies token by token, so that half a block can be seen."""
    return SimulatedDevice(
        config.primary_blocks,
        config.secondary_blocks,
        config.block_bytes,
        pools=config.block_pools,
        tokens_per_block=config.tokens_per_block,
        layout_type=layout_type,
        schedule="lazy",
        granule_bytes=BYTES_PER_TOKEN,
    )


def file_device(config: PoolConfig, folder: Path, device_type: type[FileDevice] = FileDevice) -> FileDevice:
    """The same with a file in `folder` for each host slot."""
    return device_type(
        config.primary_blocks,
        config.secondary_blocks,
        config.block_bytes,
        folder=folder,
        pools=config.block_pools,
        tokens_per_block=config.tokens_per_block,
        schedule="lazy",
        granule_bytes=BYTES_PER_TOKEN,
    )


def random_device(config: PoolConfig) -> SimulatedDevice:
    """The embedded device, completing work by itself in a random order and copies whole: for millions of copies."""
    return SimulatedDevice(
        config.primary_blocks,
        config.secondary_blocks,
        config.block_bytes,
        pools=config.block_pools,
        tokens_per_block=config.tokens_per_block,
        schedule="random",
        seed=SCHEDULE_SEED,
    )


def cuda_device(config: PoolConfig, driver: CudaDriver | None = None) -> CudaDevice:
    """The first GPU; a driver of the tests' own puts another device in its place. Raises when there is none."""
    return CudaDevice(
        config.primary_blocks,
        config.secondary_blocks,
        config.block_bytes,
        pools=config.block_pools,
        tokens_per_block=config.tokens_per_block,
        driver=driver,
    )
