"""The sizes and policies of one block pool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import Attribute, field, frozen

from kvproof.impl.config import AtLeast
from kvproof.impl.device.interface import Device, Level
from kvproof.impl.device.layout import Pool

PRIORITIES_DEFAULT = 101  # retention priorities 0..100, as in TensorRT-LLM
DEFAULT_PRIORITY = 35  # what a sequence without retention settings gets, as in TensorRT-LLM
OFFLOAD_THRESHOLD = 30  # below it a victim is dropped instead of offloaded, as in TensorRT-LLM
PINS_MAX_DEFAULT = 3


def _is_switch(instance: object, attribute: Attribute[Any], value: object) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"PoolConfig.{attribute.name}: is True or False, got {value!r}")


def _are_pools(instance: object, attribute: Attribute[Any], value: object) -> None:
    if not isinstance(value, tuple) or not all(isinstance(pool, Pool) for pool in value):
        raise TypeError(f"PoolConfig.{attribute.name}: needs a tuple of Pool, got {value!r}")


@frozen(kw_only=True)
class PoolConfig:
    """Sizes in blocks, tokens and bytes; policies as priorities. Validated when made.

    Attributes:
        primary_blocks: slots in device memory, at least 1.
        secondary_blocks: slots in pinned host memory; 0 means no offloading.
        tokens_per_block: tokens whose KV data fill one block.
        block_bytes: bytes of one block, all layers and pools.
        pools: in which pieces a block lies in memory, `block_bytes` in all; empty: one piece.
        max_sequence_tokens: longest sequence accepted, prompt and generated tokens together.
        default_priority: retention priority of a sequence added without one.
        offload_threshold: lowest priority at which a victim is offloaded and not dropped; `priorities` means never.
        priorities: number of retention priorities; they are 0..priorities-1, and 0 goes first.
        pins_max: most pins that one block can have at a time; 0 switches pinning off.
        reuse: False: nothing is matched and nothing stored.
        partial_reuse: partly filled last blocks are cached when a sequence ends, and a prompt may match a part of a block.
        copy_on_partial_reuse: a block matched in part may be copied; False: only one that can be taken over as it is
            counts as a match.
        chunked: a request may ask for a part of its prompt to be prefilled at a time.
        duration_max: longest duration of a retention priority, in ticks; 0 means that priorities do not expire.
        extra_ids: prompts may carry extra ids beside their token ids; False saves a look at each token.
        events: keep a list of cache events for `BlockManager.drain_events`, which must then be called now and then.
    """

    primary_blocks: int = field(validator=AtLeast(1))
    secondary_blocks: int = field(validator=AtLeast(0))
    tokens_per_block: int = field(validator=AtLeast(1))
    block_bytes: int = field(validator=AtLeast(1))
    max_sequence_tokens: int = field(validator=AtLeast(1))
    pools: tuple[Pool, ...] = field(default=(), validator=_are_pools)
    default_priority: int = field(default=DEFAULT_PRIORITY, validator=AtLeast(0))
    offload_threshold: int = field(default=OFFLOAD_THRESHOLD, validator=AtLeast(0))
    priorities: int = field(default=PRIORITIES_DEFAULT, validator=AtLeast(1))
    pins_max: int = field(default=PINS_MAX_DEFAULT, validator=AtLeast(0))
    reuse: bool = field(default=True, validator=_is_switch)
    partial_reuse: bool = field(default=False, validator=_is_switch)
    copy_on_partial_reuse: bool = field(default=True, validator=_is_switch)
    chunked: bool = field(default=False, validator=_is_switch)
    duration_max: int = field(default=0, validator=AtLeast(0))
    extra_ids: bool = field(default=True, validator=_is_switch)
    events: bool = field(default=False, validator=_is_switch)

    def __attrs_post_init__(self) -> None:
        if self.default_priority >= self.priorities:
            raise ValueError(
                f"PoolConfig.default_priority: {self.default_priority} is not among the priorities "
                f"0..{self.priorities - 1}; lower it or raise `priorities`"
            )
        if self.offload_threshold > self.priorities:
            raise ValueError(
                f"PoolConfig.offload_threshold: {self.offload_threshold} is above {self.priorities}, which already "
                "means that nothing is offloaded"
            )
        if self.partial_reuse and self.block_bytes % self.tokens_per_block:
            raise ValueError(
                f"PoolConfig.block_bytes: {self.block_bytes} is not a multiple of tokens_per_block, "
                f"{self.tokens_per_block}; partial_reuse copies the bytes of single tokens"
            )
        self._check_pools()

    def _check_pools(self) -> None:
        size = sum(pool.block_bytes for pool in self.block_pools)
        if size != self.block_bytes:
            raise ValueError(
                f"PoolConfig.pools: they have {size} bytes for each block, but block_bytes is {self.block_bytes}"
            )
        for number, pool in enumerate(self.block_pools):
            if self.partial_reuse and pool.layer_bytes % self.tokens_per_block:
                raise ValueError(
                    f"PoolConfig.pools[{number}]: a layer of {pool.layer_bytes} bytes is not a multiple of "
                    f"tokens_per_block, {self.tokens_per_block}; partial_reuse copies the bytes of single tokens"
                )

    @property
    def block_pools(self) -> tuple[Pool, ...]:
        """The pools, with the one piece that `pools` leaves unsaid."""
        return self.pools or (Pool(self.block_bytes),)


def check_device(config: PoolConfig, device: Device) -> None:
    """Whether a device's memory is that of a pool: both come from one PoolConfig, or copies would go astray.

    Raises:
        ValueError: with all that differs, for a device that was not made for `config`.
    """
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
