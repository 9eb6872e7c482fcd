"""What a configuration of sequence caches refuses, and which groups and places it makes."""

from __future__ import annotations

from typing import Any

import pytest
from cache_cases import make_config, make_devices

from kvproof.impl.device import Pool, SimulatedDevice, Stream
from kvproof.impl.sequence_caches import FULL_GROUP, STATE_GROUP, WINDOW_GROUP, Kind, SequenceCaches


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"primary": 0}, "primary_slots: needs at least 1, got 0"),
        ({"blocks_max": 0}, "blocks_max: needs at least 1"),
        ({"tertiary_slots": 2}, "tertiary_slots: 2, but devices have two levels"),
        ({"gate_percent": 101}, "gate_percent: 101 is above 100"),
        ({"gate_percent": 0}, "gate_percent: needs at least 1"),
        ({"sink_blocks": 1}, "sink_blocks: 1 has no meaning while window_tokens is 0"),
        ({"scratch_share": 1}, "scratch_share: 1 has no meaning while window_tokens is 0"),
        ({"window_primary": 1}, "window_primary: 1 has no meaning while window_tokens is 0"),
        ({"window_tokens": 1, "window_secondary": 1}, "window_secondary: 1 has no meaning while window_primary is 0"),
        ({"state_secondary": 1}, "state_secondary: 1 has no meaning while state_primary is 0"),
        ({"pools": ()}, "pools: needs at least one pool"),
        ({"state_pools": (Pool(8),)}, "state_pools: there is no such group"),
        ({"pools": (Pool(7),)}, "pools of group 0: a layer of 7 bytes is not a multiple of tokens_per_block, 2"),
    ],
)
def test_refuses_what_cannot_be(sizes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_config(**sizes)


@pytest.mark.parametrize("value", [True, "4", 4.0])
def test_refuses_what_is_no_number(value: Any) -> None:
    with pytest.raises(TypeError, match=r"primary_slots: needs a whole number, got"):
        make_config(primary=value)


def test_refuses_pools_that_are_none() -> None:
    with pytest.raises(TypeError, match="pools: needs a tuple of Pool"):
        make_config(pools=[Pool(8)])


def test_windows_share_the_first_group_unless_they_have_slots() -> None:
    shared, own = make_config(window_tokens=4), make_config(window_tokens=4, window_primary=3)
    assert (shared.groups, shared.group_of(Kind.WINDOW)) == ((FULL_GROUP,), FULL_GROUP)
    assert (own.groups, own.group_of(Kind.WINDOW)) == ((FULL_GROUP, WINDOW_GROUP), WINDOW_GROUP)
    assert own.group_of(Kind.FULL) == FULL_GROUP


def test_recurrent_states_have_a_group_of_undivided_pages() -> None:
    config = make_config(state_primary=2, state_secondary=1)
    assert config.groups == (FULL_GROUP, STATE_GROUP)
    assert config.slots_of(STATE_GROUP) == (2, 1)
    assert (config.tokens_of(FULL_GROUP), config.tokens_of(STATE_GROUP)) == (2, 1)


def test_places_are_numbered_full_blocks_then_windows_then_state_and_snapshot() -> None:
    plain = make_config(blocks_max=3)
    both = make_config(blocks_max=3, window_tokens=4, state_primary=1)
    assert plain.places == 3
    assert [both.place_of(kind, 2) for kind in Kind] == [2, 5, 6]
    assert (both.state_place, both.snapshot_place, both.places) == (6, 7, 8)


def test_a_manager_refuses_devices_of_other_sizes() -> None:
    config = make_config(4, 2)
    with pytest.raises(ValueError, match=r"slots of group 0: has \(5, 2\), the configuration needs \(4, 2\)"):
        SequenceCaches({0: SimulatedDevice(5, 2, 8, tokens_per_block=2)}, config)
    with pytest.raises(ValueError, match="pools of group 0"):
        SequenceCaches({0: SimulatedDevice(4, 2, 16, tokens_per_block=2)}, config)


def test_a_manager_refuses_devices_for_other_groups() -> None:
    config = make_config(4, state_primary=1)
    devices = make_devices(config)
    with pytest.raises(ValueError, match=r"for groups \[0\], but the configuration has \[0, 2\]"):
        SequenceCaches({0: devices[0]}, config)


@pytest.mark.parametrize(
    ("streams", "error"), [((), ValueError), ((Stream.OFFLOAD,), ValueError), ([Stream.COMPUTE], TypeError)]
)
def test_a_manager_refuses_streams_on_which_no_kernel_can_run(streams: Any, error: type[Exception]) -> None:
    config = make_config()
    with pytest.raises(error, match="forward_streams"):
        SequenceCaches(make_devices(config), config, forward_streams=streams)
