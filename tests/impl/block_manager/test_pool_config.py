"""The pool's configuration is checked when it is made, and against the device."""

from __future__ import annotations

from typing import Any

import pytest

from kvproof.impl.block_manager import BlockManager, PoolConfig
from kvproof.impl.device import Pool, SimulatedDevice

GOOD: dict[str, Any] = {
    "primary_blocks": 4,
    "secondary_blocks": 2,
    "tokens_per_block": 2,
    "block_bytes": 8,
    "max_sequence_tokens": 16,
}


@pytest.mark.parametrize("name", ["primary_blocks", "tokens_per_block", "block_bytes", "max_sequence_tokens"])
def test_size_below_its_least_is_an_error_that_names_it(name: str) -> None:
    with pytest.raises(ValueError, match=rf"PoolConfig\.{name}: needs at least 1, got 0"):
        PoolConfig(**{**GOOD, name: 0})


@pytest.mark.parametrize("value", [2.0, "2", None, True])
def test_size_that_is_no_whole_number_is_an_error(value: object) -> None:
    with pytest.raises(TypeError, match=r"PoolConfig\.primary_blocks: needs a whole number"):
        PoolConfig(**{**GOOD, "primary_blocks": value})


def test_pool_without_host_memory_is_allowed() -> None:
    assert PoolConfig(**{**GOOD, "secondary_blocks": 0}).secondary_blocks == 0


def test_default_priority_outside_the_range_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"default_priority: 35 is not among the priorities 0\.\.9"):
        PoolConfig(**GOOD, priorities=10, offload_threshold=5)


def test_threshold_above_never_is_an_error() -> None:
    with pytest.raises(ValueError, match="offload_threshold: 102 is above 101"):
        PoolConfig(**GOOD, offload_threshold=102)


def test_device_of_another_size_is_an_error_with_both_sizes() -> None:
    with pytest.raises(ValueError, match="PRIMARY slots: has 3, the pool needs 4; make both from one PoolConfig"):
        BlockManager(PoolConfig(**GOOD), SimulatedDevice(3, 2, 8))


@pytest.mark.parametrize("name", ["reuse", "partial_reuse", "copy_on_partial_reuse", "chunked", "extra_ids", "events"])
def test_switch_that_is_no_bool_is_an_error(name: str) -> None:
    with pytest.raises(TypeError, match=rf"PoolConfig\.{name}: is True or False, got 1"):
        PoolConfig(**{**GOOD, name: 1})


def test_negative_duration_limit_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"PoolConfig\.duration_max: needs at least 0, got -1"):
        PoolConfig(**GOOD, duration_max=-1)


def test_pools_of_another_size_than_the_block_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"PoolConfig\.pools: they have 12 bytes for each block, but block_bytes is 8"):
        PoolConfig(**GOOD, pools=(Pool(4, layers=3),))


def test_pools_that_are_no_tuple_of_pools_are_an_error() -> None:
    with pytest.raises(TypeError, match=r"PoolConfig\.pools: needs a tuple of Pool, got \[8\]"):
        PoolConfig(**GOOD, pools=[8])


def test_layer_that_does_not_divide_into_tokens_is_an_error_where_parts_are_copied() -> None:
    pools = (Pool(3), Pool(5))
    assert PoolConfig(**GOOD, pools=pools).block_pools == pools
    with pytest.raises(ValueError, match=r"PoolConfig\.pools\[0\]: a layer of 3 bytes is not a multiple"):
        PoolConfig(**GOOD, pools=pools, partial_reuse=True)


def test_pool_that_is_not_described_is_one_piece() -> None:
    assert PoolConfig(**GOOD).block_pools == (Pool(8),)


def test_device_with_other_pools_is_an_error_with_both() -> None:
    config = PoolConfig(**GOOD, pools=(Pool(2, layers=2, layer_first=True), Pool(4)))
    expected = "pools: has 1 x 8 bytes, the pool needs 2 x 2 bytes layer first \\+ 1 x 4 bytes;"
    with pytest.raises(ValueError, match=expected):
        BlockManager(config, SimulatedDevice(4, 2, 8))


def test_device_that_counts_tokens_otherwise_is_an_error_where_parts_are_copied() -> None:
    device = SimulatedDevice(4, 2, 8, tokens_per_block=4)
    assert BlockManager(PoolConfig(**GOOD), device).device is device
    with pytest.raises(ValueError, match="tokens a block: has 4, the pool needs 2"):
        BlockManager(PoolConfig(**GOOD, partial_reuse=True), device)
