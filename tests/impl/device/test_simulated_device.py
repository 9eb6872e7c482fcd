"""The simulated device: which orders it can take, which it cannot, and that a seed repeats one."""

from __future__ import annotations

import pytest

from kvproof.impl.device import SCHEDULES, DeviceError, Level, Schedule, ScheduleName, SimulatedDevice, Stream

PRIMARY, SECONDARY = Level.PRIMARY, Level.SECONDARY


def device(schedule: ScheduleName, seed: int = 0) -> SimulatedDevice:
    return SimulatedDevice(2, 2, 4, tokens_per_block=4, schedule=schedule, seed=seed)


def unordered_writers(schedule: ScheduleName, seed: int = 0) -> bytes:
    """What a slot holds after two streams wrote it with nothing to order them, the offload stream last submitted."""
    target = device(schedule, seed)
    target.write(Stream.ONBOARD, PRIMARY, 0, 0, b"1111")
    target.write(Stream.OFFLOAD, PRIMARY, 0, 0, b"2222")
    return target.read(PRIMARY, 0)


def test_eager_and_lazy_keep_the_order_of_submission() -> None:
    assert unordered_writers("eager") == unordered_writers("lazy") == b"2222"


def test_reversed_takes_the_newest_first() -> None:
    assert unordered_writers("reversed") == b"1111"


def test_random_takes_both_orders() -> None:
    assert {unordered_writers("random", seed) for seed in range(20)} == {b"1111", b"2222"}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_stream_order_is_kept(schedule: ScheduleName) -> None:
    for seed in range(10):
        target = device(schedule, seed)
        for value in range(8):
            target.write(Stream.COMPUTE, PRIMARY, 0, 0, bytes([value] * 4))
        assert target.read(PRIMARY, 0) == bytes([7] * 4)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_wait_is_kept(schedule: ScheduleName) -> None:
    for seed in range(10):
        target = device(schedule, seed)
        target.write(Stream.ONBOARD, PRIMARY, 0, 0, b"1111")
        target.wait_event(Stream.OFFLOAD, target.record_event(Stream.ONBOARD))
        target.write(Stream.OFFLOAD, PRIMARY, 0, 0, b"2222")
        assert target.read(PRIMARY, 0) == b"2222"


def test_seed_repeats_a_schedule() -> None:
    outcomes = [[unordered_writers("random", seed) for seed in range(20)] for _ in range(2)]
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("schedule", ["lazy", "reversed"])
def test_copy_only_takes_place_when_the_host_waits(schedule: ScheduleName) -> None:
    target = device(schedule)
    target.write(Stream.COMPUTE, PRIMARY, 0, 0, b"abcd")
    assert target.peek(PRIMARY, 0) != b"abcd"
    target.synchronize()
    assert target.peek(PRIMARY, 0) == b"abcd"


def test_eager_leaves_nothing_pending() -> None:
    target = device("eager")
    target.write(Stream.COMPUTE, PRIMARY, 0, 0, b"abcd")
    assert (target.pending, target.peek(PRIMARY, 0)) == (0, b"abcd")


def test_batch_is_unordered_inside() -> None:
    moves = [(0, 0, 1, 0), (1, 0, 0, 1)]  # the second reads what the first writes
    outcomes = set()
    for schedule in SCHEDULES:
        target = device(schedule)
        target.write(Stream.OFFLOAD, PRIMARY, 0, 0, b"abcd")
        target.copy(Stream.OFFLOAD, moves)
        outcomes.add(target.read(PRIMARY, 1))
    assert len(outcomes) == 2


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_copy_moves_the_bytes_between_levels(schedule: ScheduleName) -> None:
    target = device(schedule)
    target.write(Stream.OFFLOAD, PRIMARY, 1, 0, b"abcd")
    target.copy(Stream.OFFLOAD, [(0, 1, 1, 0)])
    assert target.read(SECONDARY, 0) == b"abcd"


def test_write_at_an_offset_leaves_the_rest() -> None:
    target = device("eager")
    target.write(Stream.COMPUTE, PRIMARY, 0, 0, b"abcd")
    target.write(Stream.COMPUTE, PRIMARY, 0, 1, b"XY")
    assert target.read(PRIMARY, 0) == b"aXYd"


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_load_sees_what_its_stream_saw(schedule: ScheduleName) -> None:
    target = device(schedule)
    target.write(Stream.COMPUTE, PRIMARY, 0, 0, b"1111")
    loaded = target.load(Stream.COMPUTE, PRIMARY, 0)
    target.write(Stream.COMPUTE, PRIMARY, 0, 0, b"2222")
    target.synchronize()
    assert loaded.value() == b"1111"


def test_load_before_its_time_is_an_error() -> None:
    with pytest.raises(DeviceError, match="synchronize"):
        device("lazy").load(Stream.COMPUTE, PRIMARY, 0).value()


def test_slot_outside_the_level_is_an_error_that_says_what_to_suspect() -> None:
    with pytest.raises(DeviceError, match=r"PRIMARY slot 2: the level has slots 0\.\.1; was a block id used"):
        device("eager").write(Stream.COMPUTE, PRIMARY, 2, 0, b"")


def test_copy_to_a_slot_outside_the_level_is_an_error() -> None:
    with pytest.raises(DeviceError, match="SECONDARY slot 2"):
        device("eager").copy(Stream.OFFLOAD, [(0, 0, 1, 2)])


def test_write_beyond_the_block_is_an_error() -> None:
    with pytest.raises(DeviceError, match=r"bytes 2\.\.6 are outside a block of 4 bytes"):
        device("eager").write(Stream.COMPUTE, PRIMARY, 0, 2, b"abcd")


def test_unknown_schedule_is_an_error() -> None:
    with pytest.raises(ValueError, match="'fair': there are eager, lazy, reversed, random, adversarial"):
        Schedule("fair")  # type: ignore[arg-type]  # the point of the test


def test_size_out_of_range_is_an_error() -> None:
    with pytest.raises(ValueError, match="primary_blocks: needs at least 1, got 0"):
        SimulatedDevice(0, 2, 4)


def test_pending_work_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kvproof.impl.device.simulated.PENDING_MAX", 10)
    target = device("lazy")
    for _ in range(30):
        target.write(Stream.COMPUTE, PRIMARY, 0, 0, b"abcd")
    assert target.pending == 10


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_prefix_copy_leaves_the_rest_of_the_target(schedule: ScheduleName) -> None:
    target = device(schedule)
    target.write(Stream.COMPUTE, SECONDARY, 0, 0, b"abcd")
    target.write(Stream.COMPUTE, PRIMARY, 1, 0, b"wxyz")
    target.synchronize()
    target.copy(Stream.ONBOARD, [], [(1, 0, 0, 1, 3)])
    assert target.read(PRIMARY, 1) == b"abcz"


@pytest.mark.parametrize("length", [0, 5])
def test_prefix_of_no_tokens_or_too_many_is_an_error(length: int) -> None:
    with pytest.raises(DeviceError, match=rf"copy of {length} tokens from SECONDARY slot 0: a block has 4 tokens"):
        device("eager").copy(Stream.ONBOARD, [], [(1, 0, 0, 1, length)])


def test_prefix_copy_outside_the_pool_is_an_error() -> None:
    with pytest.raises(DeviceError, match="PRIMARY slot 2"):
        device("eager").copy(Stream.ONBOARD, [], [(1, 0, 0, 2, 1)])


def test_prefix_copy_is_an_access_of_both_slots() -> None:
    target = device("eager")
    target.write(Stream.COMPUTE, SECONDARY, 0, 0, b"abcd")
    target.write(Stream.COMPUTE, PRIMARY, 1, 0, b"wxyz")
    target.copy(Stream.ONBOARD, [], [(1, 0, 0, 1, 1)])
    assert [(race.level, race.slot) for race in target.races] == [(1, 0), (0, 1)]
