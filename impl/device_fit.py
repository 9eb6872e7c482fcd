"""Whether a device's memory is that of a pool: both come from one PoolConfig, or copies would go astray."""

from __future__ import annotations

from collections.abc import Sequence

from kvproof.impl.config import PoolConfig
from kvproof.impl.device.interface import Device, Level
from kvproof.impl.device.layout import Pool


def check_device(config: PoolConfig, device: Device) -> None:
    """Raises ValueError, with all that differs, for a device that was not made for `config`."""
    primary, secondary = device.slots
    pairs: list[tuple[str, object, object]] = [
        (f"{Level.PRIMARY.name} slots", primary, config.primary_blocks),
        (f"{Level.SECONDARY.name} slots", secondary, config.secondary_blocks),
        ("bytes a block", device.block_bytes, config.block_bytes),
        ("pools", _shown(device.layout.pools), _shown(config.block_pools)),
    ]
    if config.partial_reuse:  # nothing else divides a block into tokens
        pairs.append(("tokens a block", device.layout.tokens_per_block, config.tokens_per_block))
    wrong = [f"{name}: has {has}, the pool needs {needs}" for name, has, needs in pairs if has != needs]
    if wrong:
        raise ValueError(f"device: {'; '.join(wrong)}; make both from one PoolConfig")


def _shown(pools: Sequence[Pool]) -> str:
    """Pools in one line: layers and bytes of each."""
    return " + ".join(
        f"{pool.layers} x {pool.layer_bytes} bytes{' layer first' if pool.layer_first else ''}" for pool in pools
    )
