"""The pool's configuration is checked when it is made, and against the device."""

from __future__ import annotations

from typing import Any

import pytest

from kvproof.impl import BlockManager, PoolConfig
from kvproof.impl.device import SimulatedDevice

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
    with pytest.raises(ValueError, match="has 3 primary and 2 secondary slots of 8 bytes, but the pool needs 4 and 2"):
        BlockManager(PoolConfig(**GOOD), SimulatedDevice(3, 2, 8))


@pytest.mark.parametrize("name", ["reuse", "partial_reuse", "copy_on_partial_reuse", "chunked", "extra_ids", "events"])
def test_switch_that_is_no_bool_is_an_error(name: str) -> None:
    with pytest.raises(TypeError, match=rf"PoolConfig\.{name}: is True or False, got 1"):
        PoolConfig(**{**GOOD, name: 1})


def test_negative_duration_limit_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"PoolConfig\.duration_max: needs at least 0, got -1"):
        PoolConfig(**GOOD, duration_max=-1)
