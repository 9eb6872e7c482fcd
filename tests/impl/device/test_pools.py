"""Several pools and layouts on the simulated device, and copies that are torn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from kvproof.impl.device import (
    SCHEDULES,
    DeviceError,
    Layout,
    Level,
    Move,
    Piece,
    Pool,
    PrefixMove,
    ScheduleName,
    SimulatedDevice,
    Stream,
)

PRIMARY, SECONDARY = Level.PRIMARY, Level.SECONDARY
POOLS = (Pool(layer_bytes=4, layers=2, layer_first=True), Pool(layer_bytes=6))  # 14 bytes a block, 2 tokens
DATA = b"AaBbCcDd123456"
OTHER = b"..............".replace(b".", b"-")


def device(
    schedule: ScheduleName = "eager",
    *,
    layout_type: type[Layout] = Layout,
    granule_bytes: int | None = None,
    slots: tuple[int, int] = (3, 2),
) -> SimulatedDevice:
    return SimulatedDevice(
        *slots,
        14,
        pools=POOLS,
        tokens_per_block=2,
        layout_type=layout_type,
        schedule=schedule,
        granule_bytes=granule_bytes,
    )


def round_trip(target: SimulatedDevice, through: int = 1) -> bytes:
    """What is left of DATA after it went from a PRIMARY slot to a SECONDARY one and to another PRIMARY one."""
    target.write(Stream.OFFLOAD, PRIMARY, 1, 0, DATA)
    target.copy(Stream.OFFLOAD, [(0, 1, 1, through)])
    target.copy(Stream.OFFLOAD, [(1, through, 0, 2)])
    return target.read(PRIMARY, 2)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("granule_bytes", [None, 1, 3, 100])
def test_block_keeps_its_bytes_in_every_layout(schedule: ScheduleName, granule_bytes: int | None) -> None:
    assert round_trip(device(schedule, granule_bytes=granule_bytes)) == DATA


@pytest.mark.parametrize("granule_bytes", [None, 1])
def test_neighbours_of_a_copied_slot_keep_theirs(granule_bytes: int | None) -> None:
    target = device(granule_bytes=granule_bytes)
    target.write(Stream.OFFLOAD, PRIMARY, 0, 0, OTHER)
    target.write(Stream.OFFLOAD, SECONDARY, 0, 0, OTHER)
    round_trip(target)
    assert (target.read(PRIMARY, 0), target.read(SECONDARY, 0)) == (OTHER, OTHER)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("granule_bytes", [None, 1])
def test_beginning_of_a_block_is_that_of_each_layer(schedule: ScheduleName, granule_bytes: int | None) -> None:
    target = device(schedule, granule_bytes=granule_bytes)
    target.write(Stream.ONBOARD, SECONDARY, 1, 0, DATA)
    target.write(Stream.ONBOARD, PRIMARY, 2, 0, OTHER)
    target.copy(Stream.ONBOARD, [], [(1, 1, 0, 2, 1)])
    assert target.read(PRIMARY, 2) == b"Aa--Cc--123---"


def test_write_across_layers_and_pools_goes_where_the_image_says() -> None:
    target = device()
    target.write(Stream.COMPUTE, PRIMARY, 1, 0, OTHER)
    target.write(Stream.COMPUTE, PRIMARY, 1, 3, b"abcdef")
    assert target.read(PRIMARY, 1) == b"---abcdef-----"


def test_load_gives_the_image() -> None:
    target = device()
    target.write(Stream.COMPUTE, PRIMARY, 1, 0, DATA)
    assert target.load(Stream.COMPUTE, PRIMARY, 1).value() == DATA


def test_view_of_a_layer_first_pool_has_a_row_a_slot_of_a_layer() -> None:
    target = device()
    target.write(Stream.COMPUTE, PRIMARY, 1, 0, DATA)
    rows = target.view(PRIMARY, 0)
    assert (rows.shape, rows[1].tobytes(), rows[3 + 1].tobytes()) == ((6, 4), b"AaBb", b"CcDd")


def test_view_of_a_block_first_pool_has_a_row_a_slot() -> None:
    target = device()
    target.write(Stream.COMPUTE, PRIMARY, 1, 0, DATA)
    assert target.view(PRIMARY, 1)[1].tobytes() == b"123456"


def test_pools_that_do_not_make_up_a_block_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"a block has 8 \+ 6 bytes in them, but block_bytes is 15"):
        SimulatedDevice(1, 1, 15, pools=POOLS)


def test_tokens_that_do_not_divide_a_layer_are_an_error() -> None:
    with pytest.raises(ValueError, match="device pool 1: a layer of 6 bytes is not a multiple"):
        SimulatedDevice(1, 1, 14, pools=POOLS, tokens_per_block=4)


# Layouts that are wrong in the copies alone.


class PrimaryPitch(Layout):
    """M-64: the pitch of PRIMARY stands for both levels."""

    def pitch(self, pool: int, level: int) -> int:
        del level
        return super().pitch(pool, PRIMARY)


class NextSlot(Layout):
    """A slot begins where the next one does."""

    def offset(self, pool: int, level: int, slot: int) -> int:
        return super().offset(pool, level, slot + 1)


def test_layout_is_asked_where_a_slot_is_a_row_too() -> None:
    wrong = SimulatedDevice(2, 2, 4, layout_type=NextSlot)
    wrong.write(Stream.OFFLOAD, PRIMARY, 1, 0, b"abcd")
    wrong.copy(Stream.OFFLOAD, [(0, 0, 1, 0)])
    assert wrong.read(SECONDARY, 1) == b"abcd"


class SharedList(Layout):
    """V2-20: the lists of all pools are one."""

    def pieces(self, moves: Sequence[Move], prefixes: Sequence[PrefixMove]) -> list[list[Piece]]:
        shared = [piece for pieces in super().pieces(moves, prefixes) for piece in pieces]
        return [shared for _ in self.pools]


def test_pitch_of_the_other_level_spoils_a_layer_first_pool() -> None:
    wrong = device(layout_type=PrimaryPitch, slots=(3, 5))
    wrong.write(Stream.OFFLOAD, PRIMARY, 1, 0, DATA)
    wrong.copy(Stream.OFFLOAD, [(0, 1, 1, 1)])
    assert wrong.read(SECONDARY, 1)[4:8] != b"CcDd"


def test_pitch_beyond_the_memory_of_the_level_is_an_error() -> None:
    with pytest.raises(DeviceError, match="ends at byte 20 of pool 0 in SECONDARY memory, which has 16 bytes"):
        round_trip(device(layout_type=PrimaryPitch))


def test_pitch_of_the_other_level_does_no_harm_to_levels_of_one_size() -> None:
    assert round_trip(device(layout_type=PrimaryPitch, slots=(3, 3))) == DATA


def test_shared_list_of_copies_spoils_the_other_slots() -> None:
    wrong = device(layout_type=SharedList, slots=(3, 3))
    for slot in range(3):
        wrong.write(Stream.OFFLOAD, SECONDARY, slot, 0, OTHER)
    wrong.write(Stream.OFFLOAD, PRIMARY, 0, 0, DATA)
    wrong.copy(Stream.OFFLOAD, [(0, 0, 1, 0)])
    assert any(wrong.read(SECONDARY, slot) != OTHER for slot in (1, 2))


# Torn copies.


def half_done(granule_bytes: int | None) -> bytes:
    """What a slot holds after one pick of a copy into it."""
    target = SimulatedDevice(1, 1, 8, schedule="lazy", granule_bytes=granule_bytes)
    target.write(Stream.ONBOARD, SECONDARY, 0, 0, b"abcdefgh")
    target.write(Stream.ONBOARD, PRIMARY, 0, 0, b"--------")
    target.synchronize()
    target.copy(Stream.ONBOARD, [(1, 0, 0, 0)])
    target.follow(["onboard"])
    target.advance("follow", 0)
    return target.peek(PRIMARY, 0)


def test_reader_without_a_wait_sees_half_of_a_torn_copy() -> None:
    assert half_done(4) == b"abcd----"


def test_copy_that_is_not_torn_is_there_whole() -> None:
    assert half_done(None) == b"abcdefgh"


def test_last_granule_of_a_row_may_be_shorter() -> None:
    target = SimulatedDevice(1, 1, 8, schedule="lazy", granule_bytes=3)
    target.write(Stream.ONBOARD, SECONDARY, 0, 0, b"abcdefgh")
    target.synchronize()
    target.taken_picks()
    target.copy(Stream.ONBOARD, [(1, 0, 0, 0)])
    target.synchronize()
    assert (target.peek(PRIMARY, 0), target.taken_picks()) == (b"abcdefgh", ["onboard"] * 3)


def test_random_schedule_lets_a_load_see_half_of_a_torn_copy() -> None:
    seen = set()
    for seed in range(40):
        target = SimulatedDevice(1, 1, 4, schedule="random", seed=seed, granule_bytes=2)
        target.write(Stream.ONBOARD, SECONDARY, 0, 0, b"abcd")
        target.write(Stream.ONBOARD, PRIMARY, 0, 0, b"----")
        target.synchronize()
        target.copy(Stream.ONBOARD, [(1, 0, 0, 0)])
        load = target.load(Stream.COMPUTE, PRIMARY, 0)
        target.synchronize()
        seen.add(load.value())
    assert seen == {b"abcd", b"----", b"ab--", b"--cd"}


@pytest.mark.parametrize("size", [0, -1, 1.5, "2"])
def test_granule_that_is_no_number_of_bytes_is_an_error(size: Any) -> None:
    with pytest.raises(ValueError, match=f"granule_bytes: needs a whole number, at least 1, got {size!r}"):
        SimulatedDevice(1, 1, 4, granule_bytes=size)


@pytest.mark.parametrize("granule_bytes", [None, 1])
def test_empty_batch_leaves_nothing_pending(granule_bytes: int | None) -> None:
    target = SimulatedDevice(1, 1, 4, schedule="lazy", granule_bytes=granule_bytes)
    target.copy(Stream.OFFLOAD, [])
    assert target.pending == 0
