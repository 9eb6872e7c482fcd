"""The happens-before check finds what nothing orders, and nothing else."""

from __future__ import annotations

import pytest

from kvproof.impl.device import SCHEDULES, HappensBefore, Race, ScheduleName, SimulatedDevice, Stream
from kvproof.impl.device.happens_before import RACES_KEPT

READ, WRITE = "read", "write"


def races(first: str, second: str, *, wait: bool) -> list[Race]:
    """One access on stream 0, then one on stream 1 to the same place, with or without a wait between."""
    record = HappensBefore(["a", "b"], 1, 0)
    for stream, kind in ((0, first), (1, second)):
        if stream and wait:
            record.wait(1, record.record(0))
        record.submit(stream, [0] if kind == READ else [], [0] if kind == WRITE else [])
    return record.races


@pytest.mark.parametrize(("first", "second"), [(READ, WRITE), (WRITE, READ), (WRITE, WRITE)])
def test_unordered_conflict_is_reported(first: str, second: str) -> None:
    (race,) = races(first, second, wait=False)
    assert (race.first.kind, race.second.kind) == (first, second)


@pytest.mark.parametrize(("first", "second"), [(READ, WRITE), (WRITE, READ), (WRITE, WRITE)])
def test_wait_orders_a_conflict(first: str, second: str) -> None:
    assert races(first, second, wait=True) == []


def test_two_reads_do_not_conflict() -> None:
    assert races(READ, READ, wait=False) == []


def test_one_stream_is_in_order_with_itself() -> None:
    record = HappensBefore(["a"], 1, 0)
    record.submit(0, [], [0])
    record.submit(0, [0], [])
    record.submit(0, [], [0])
    assert record.races == []


def test_event_does_not_cover_what_came_after_it() -> None:
    record = HappensBefore(["a", "b"], 1, 0)
    event = record.record(0)
    record.submit(0, [], [0])
    record.wait(1, event)
    record.submit(1, [0], [])
    assert record.race_count == 1


def test_order_is_passed_on_through_a_third_stream() -> None:
    record = HappensBefore(["a", "b", "c"], 1, 0)
    record.submit(0, [], [0])
    record.wait(1, record.record(0))
    record.wait(2, record.record(1))
    record.submit(2, [], [0])
    assert record.races == []


def test_write_must_come_after_every_reader() -> None:
    record = HappensBefore(["a", "b", "c"], 1, 0)
    record.submit(0, [0], [])
    record.submit(1, [0], [])
    record.wait(2, record.record(1))
    record.submit(2, [], [0])
    assert [race.first.stream for race in record.races] == ["a"]


def test_same_slot_number_on_the_other_level_is_another_place() -> None:
    device = SimulatedDevice(1, 1, 4)
    device.copy(Stream.OFFLOAD, [(0, 0, 1, 0)])
    device.load(Stream.COMPUTE, 0, 0)
    assert device.races == []


def test_conflict_inside_one_batch_is_reported() -> None:
    record = HappensBefore(["a"], 3, 0)
    record.submit(0, [0, 1], [1, 2])
    assert record.race_count == 1


def test_host_synchronization_orders_everything() -> None:
    record = HappensBefore(["a", "b"], 1, 0)
    record.submit(0, [], [0])
    record.synchronize()
    record.host_access((0,), ())
    record.submit(1, [], [0])
    assert record.races == []


def test_host_read_without_synchronization_is_reported() -> None:
    record = HappensBefore(["a"], 1, 0)
    record.submit(0, [], [0])
    record.host_access((0,), ())
    assert [race.second.stream for race in record.races] == ["host"]


def test_host_access_comes_before_what_is_submitted_later() -> None:
    record = HappensBefore(["a", "b"], 1, 0)
    record.host_access((), (0,))
    record.submit(1, [], [0])
    assert record.races == []


def test_host_write_under_a_pending_read_is_reported() -> None:
    record = HappensBefore(["a"], 1, 0)
    record.submit(0, [0], [])
    record.host_access((), (0,))
    assert str(record.races[0].second) == "write #2 by the host"


def test_what_the_host_waited_for_comes_before_all_that_follows() -> None:
    record = HappensBefore(["a", "b"], 2, 0)
    record.submit(0, [], [0])
    record.host_wait(record.record(0))
    record.host_access((0,), ())
    record.submit(1, [], [0])
    assert record.races == []


def test_host_that_waited_knows_nothing_of_later_work() -> None:
    record = HappensBefore(["a"], 1, 0)
    event = record.record(0)
    record.submit(0, [], [0])
    record.host_wait(event)
    record.host_access((0,), ())
    assert record.race_count == 1


def test_what_the_host_waited_for_reaches_streams_through_other_streams() -> None:
    record = HappensBefore(["a", "b", "c"], 1, 0)
    record.submit(0, [], [0])
    record.wait(1, record.record(0))
    record.host_wait(record.record(1))
    record.submit(2, [], [0])
    assert record.races == []


def test_every_reader_of_many_is_reported() -> None:
    record = HappensBefore(["a", "b", "c"], 1, 0)
    for stream in range(3):
        record.submit(stream, [0], [])
    record.submit(1, [], [0])
    assert sorted(race.first.stream for race in record.races) == ["a", "c"]


def test_readers_before_the_last_write_are_forgotten() -> None:
    record = HappensBefore(["a", "b", "c"], 1, 0)
    record.submit(0, [0], [])
    record.wait(1, record.record(0))
    record.submit(1, [], [0])
    record.wait(2, record.record(1))
    record.submit(2, [], [0])
    assert record.races == []


def test_buffer_is_a_place_after_the_slots() -> None:
    record = HappensBefore(["a", "b"], 2, 1)
    assert [record.add_buffer(1), record.add_buffer(0)] == [3, 4]
    record.submit(0, [], [4])
    record.submit(1, [4], [])
    assert [(race.level, race.slot, race.what) for race in record.races] == [(0, 1, "buffer")]


def test_report_names_a_buffer_as_one() -> None:
    record = HappensBefore(["compute"], 1, 1)
    record.submit(0, [record.add_buffer(1)], [])
    record.host_access((), (2,))
    assert str(record.races[0]) == (
        "SECONDARY buffer 0: nothing orders the write #2 by the host after the read #1 on the compute stream"
    )


def test_report_names_level_slot_and_both_accesses() -> None:
    record = HappensBefore(["compute", "offload"], 2, 2)
    record.submit(0, [], [3])
    record.submit(1, [3], [])
    assert str(record.races[0]) == (
        "SECONDARY slot 1: nothing orders the read #2 on the offload stream after the write #1 on the compute stream"
    )


def test_memory_for_races_is_bounded() -> None:
    record = HappensBefore(["a", "b"], 1, 0)
    for number in range(3 * RACES_KEPT):
        record.submit(number % 2, [], [0])
    assert len(record.races) == RACES_KEPT
    assert record.race_count == 3 * RACES_KEPT - 1


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_missing_wait_is_found_under_every_schedule(schedule: ScheduleName) -> None:
    device = SimulatedDevice(1, 1, 4, schedule=schedule)
    device.write(Stream.COMPUTE, 0, 0, 0, b"abcd")
    device.copy(Stream.OFFLOAD, [(0, 0, 1, 0)])
    assert len(device.races) == 1
