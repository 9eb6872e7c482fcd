"""The adversary: it lets whatever is unordered and in conflict overtake, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from device_programs import BLOCK_BYTES, SLOTS, TOKENS, Running, prepare, program

from kvproof.impl.device import Level, ScheduleName, SimulatedDevice, Stream
from kvproof.impl.device.adversary import ADVERSARIAL_PENDING, _streams_conflict

PRIMARY, SECONDARY = Level.PRIMARY, Level.SECONDARY


def device(schedule: ScheduleName = "adversarial") -> SimulatedDevice:
    """Two slots a level, which hold their own names."""
    made = SimulatedDevice(2, 2, 2, schedule=schedule)
    for level, slot, data in ((0, 0, b"P0"), (0, 1, b"P1"), (1, 0, b"S0"), (1, 1, b"S1")):
        made.write(Stream.COMPUTE, level, slot, 0, data)
    made.synchronize()
    return made


def read_after_write(made: SimulatedDevice, wait: Callable[[], None]) -> tuple[bytes, bytes]:
    """The host copy of a block must be what the kernel before wrote."""
    made.write(Stream.COMPUTE, PRIMARY, 0, 0, b"P!")
    wait()
    made.copy(Stream.OFFLOAD, [(0, 0, 1, 0)])
    return made.read(SECONDARY, 0), b"P!"


def write_after_read(made: SimulatedDevice, wait: Callable[[], None]) -> tuple[bytes, bytes]:
    """The host copy of a block must be what it was before another was onboarded into its slot (M-56)."""
    made.copy(Stream.COMPUTE, [(0, 0, 1, 0)])
    wait()
    made.copy(Stream.OFFLOAD, [(1, 1, 0, 0)])
    return made.read(SECONDARY, 0), b"P0"


def write_after_write(made: SimulatedDevice, wait: Callable[[], None]) -> tuple[bytes, bytes]:
    """Of two copies into one slot the later one stays."""
    made.copy(Stream.COMPUTE, [(0, 0, 1, 0)])
    wait()
    made.copy(Stream.OFFLOAD, [(0, 1, 1, 0)])
    return made.read(SECONDARY, 0), b"P1"


HAZARDS = (read_after_write, write_after_read, write_after_write)


def run(hazard: Callable[..., tuple[bytes, bytes]], schedule: ScheduleName, *, waits: bool) -> bool:
    """Whether the bytes are right."""
    made = device(schedule)

    def wait() -> None:
        if waits:
            made.wait_event(Stream.OFFLOAD, made.record_event(Stream.COMPUTE))

    found, expected = hazard(made, wait)
    return found == expected


@pytest.mark.parametrize("hazard", HAZARDS)
def test_missing_wait_spoils_the_bytes(hazard: Callable[..., tuple[bytes, bytes]]) -> None:
    assert not run(hazard, "adversarial", waits=False)


@pytest.mark.parametrize("schedule", ["eager", "lazy"])
@pytest.mark.parametrize("hazard", HAZARDS)
def test_other_orders_hide_a_missing_wait(hazard: Callable[..., tuple[bytes, bytes]], schedule: ScheduleName) -> None:
    assert run(hazard, schedule, waits=False)


@pytest.mark.parametrize("hazard", HAZARDS)
def test_wait_keeps_the_bytes(hazard: Callable[..., tuple[bytes, bytes]]) -> None:
    assert run(hazard, "adversarial", waits=True)


def taken(made: SimulatedDevice) -> list[str]:
    """What an adversarial advance completes."""
    made.taken_picks()
    made.advance("adversarial", 0)
    return made.taken_picks()


def test_work_that_conflicts_with_nothing_stays_pending() -> None:
    made = device("lazy")
    made.write(Stream.COMPUTE, PRIMARY, 0, 0, b"aa")
    made.write(Stream.OFFLOAD, PRIMARY, 1, 0, b"bb")
    assert taken(made) == []


def test_two_readers_do_not_overtake_each_other() -> None:
    made = device("lazy")
    made.load(Stream.COMPUTE, PRIMARY, 0)
    made.load(Stream.OFFLOAD, PRIMARY, 0)
    assert taken(made) == []


def test_work_on_its_way_to_an_overtaker_goes_first() -> None:
    made = device("lazy")
    made.write(Stream.COMPUTE, PRIMARY, 0, 0, b"aa")
    made.write(Stream.ONBOARD, PRIMARY, 1, 0, b"bb")
    made.wait_event(Stream.OFFLOAD, made.record_event(Stream.ONBOARD))
    made.load(Stream.OFFLOAD, PRIMARY, 1)
    made.load(Stream.OFFLOAD, PRIMARY, 0)
    assert taken(made) == ["onboard", "offload", "offload"]


def test_work_that_can_overtake_most_goes_first() -> None:
    made = device("lazy")
    made.load(Stream.COMPUTE, PRIMARY, 0)
    made.load(Stream.ONBOARD, PRIMARY, 0)
    made.write(Stream.OFFLOAD, PRIMARY, 0, 0, b"aa")  # overtakes both
    made.write(Stream.SEND, SECONDARY, 0, 0, b"bb")
    made.load(Stream.EXECUTION, SECONDARY, 0)  # overtakes one
    assert taken(made) == ["offload", "execution"]


def test_newest_of_equals_goes_first() -> None:
    made = device("lazy")
    made.write(Stream.COMPUTE, PRIMARY, 0, 0, b"aa")
    made.write(Stream.COMPUTE, PRIMARY, 1, 0, b"aa")
    made.load(Stream.OFFLOAD, PRIMARY, 0)
    made.load(Stream.SEND, PRIMARY, 1)
    assert taken(made) == ["send", "offload"]


def test_conflict_over_a_buffer_counts() -> None:
    made = device("lazy")
    staging, table = made.buffer(SECONDARY, 4), made.buffer(PRIMARY, 4)
    made.upload(Stream.COMPUTE, staging, table, 4)
    made.load_through(Stream.EXECUTION, table, 0, 0)
    assert taken(made) == ["execution"]


def test_batch_is_carried_out_from_its_end() -> None:
    made = device("lazy")
    made.load(Stream.COMPUTE, SECONDARY, 1)
    made.copy(Stream.OFFLOAD, [(0, 0, 1, 0), (1, 0, 1, 1)])  # the second copy reads what the first writes
    assert taken(made) == ["offload:1", "offload"]
    assert made.peek(SECONDARY, 1) == b"S0"


def test_half_of_a_torn_copy_can_be_overtaken() -> None:
    made = SimulatedDevice(1, 1, 4, schedule="lazy", granule_bytes=2)
    made.copy(Stream.ONBOARD, [(1, 0, 0, 0)])
    made.follow(["onboard"])
    made.advance("follow", 0)
    made.load(Stream.COMPUTE, PRIMARY, 0)
    assert taken(made) == ["compute"]


def test_newest_goes_when_too_much_is_pending() -> None:
    made = device("lazy")
    for _ in range(ADVERSARIAL_PENDING):
        made.load(Stream.COMPUTE, PRIMARY, 0)
    made.load(Stream.SEND, PRIMARY, 1)
    assert taken(made) == ["send"]


def test_adversarial_schedule_keeps_no_more_pending() -> None:
    made = device("adversarial")
    for _ in range(3 * ADVERSARIAL_PENDING):
        made.load(Stream.COMPUTE, PRIMARY, 0)
    assert made.pending == ADVERSARIAL_PENDING


@pytest.mark.parametrize("granule_bytes", [None, 3])
@pytest.mark.parametrize("seed", range(60))
def test_something_overtakes_just_when_the_record_has_a_race(seed: int, granule_bytes: int | None) -> None:
    """Two answers to one question, found in different ways: whether submissions that are all pending are ordered."""
    made = SimulatedDevice(
        SLOTS, SLOTS, BLOCK_BYTES, tokens_per_block=TOKENS, schedule="lazy", granule_bytes=granule_bytes
    )
    running = Running(made)
    prepare(running)
    inside = 0  # conflicts inside one batch are races, too, but no work can overtake itself
    for submit in program(seed, 8):
        before = len(made.races)
        submit(running)
        inside += sum(race.first.sequence == race.second.sequence for race in made.races[before:])
    assert bool(taken(made)) == (len(made.races) > inside)


def test_that_comparison_sees_races_and_conflicts_that_waits_have_ordered() -> None:
    races, ordered = 0, 0
    for seed in range(60):
        made = SimulatedDevice(SLOTS, SLOTS, BLOCK_BYTES, tokens_per_block=TOKENS, schedule="lazy")
        running = Running(made)
        prepare(running)
        for submit in program(seed, 8):
            submit(running)
        conflict = _streams_conflict(made._queues)
        races += bool(made.races)
        ordered += conflict and not made.races
    assert min(races, ordered) > 5
