"""Buffers beside the slots, page tables read when a kernel runs, and what the host knows of events."""

from __future__ import annotations

import pytest

from kvproof.impl.device import SCHEDULES, Buffer, DeviceError, Event, Level, ScheduleName, SimulatedDevice, Stream
from kvproof.impl.device.interface import UNWRITTEN

PRIMARY, SECONDARY = Level.PRIMARY, Level.SECONDARY


def entry(slot: int) -> bytes:
    return slot.to_bytes(4, "little")


class Table:
    """A device whose two PRIMARY slots hold `1111` and `2222`, with a table of two entries and its staging buffer."""

    def __init__(self, schedule: ScheduleName = "lazy", *, granule_bytes: int | None = None) -> None:
        self.device = SimulatedDevice(2, 1, 4, schedule=schedule, granule_bytes=granule_bytes)
        self.staging = self.device.buffer(SECONDARY, 8)
        self.table = self.device.buffer(PRIMARY, 8)
        for slot, data in enumerate((b"1111", b"2222")):
            self.device.write(Stream.COMPUTE, PRIMARY, slot, 0, data)
        self.device.synchronize()

    def upload(self, *slots: int, stream: Stream = Stream.COMPUTE) -> Event:
        """Write entries into the staging buffer and enqueue their upload."""
        data = b"".join(map(entry, slots))
        self.device.host_write(self.staging, 0, data)
        self.device.upload(stream, self.staging, self.table, len(data))
        return self.device.record_event(stream)

    def races(self) -> list[str]:
        return [str(race).partition(":")[0] for race in self.device.races]


def test_buffer_is_filled_with_what_marks_unwritten_memory() -> None:
    device = SimulatedDevice(1, 1, 4)
    assert device.peek_buffer(device.buffer(PRIMARY, 3)) == bytes([UNWRITTEN]) * 3


def test_buffer_has_level_size_and_a_place_of_its_own() -> None:
    device = SimulatedDevice(2, 1, 4)
    made = [device.buffer(PRIMARY, 3), device.buffer(SECONDARY, 5)]
    assert [(buffer.level, buffer.size, buffer.place) for buffer in made] == [(PRIMARY, 3, 3), (SECONDARY, 5, 4)]


def test_buffer_of_no_bytes_is_an_error() -> None:
    with pytest.raises(DeviceError, match="PRIMARY buffer: needs at least 1 byte, got 0"):
        SimulatedDevice(1, 1, 4).buffer(PRIMARY, 0)


def test_host_writes_at_once() -> None:
    table = Table("lazy")
    table.device.host_write(table.staging, 2, b"ab")
    assert table.device.peek_buffer(table.staging)[:5] == bytes([UNWRITTEN]) * 2 + b"ab" + bytes([UNWRITTEN])


def test_host_cannot_write_device_memory() -> None:
    table = Table()
    with pytest.raises(DeviceError, match="PRIMARY buffer of 8 bytes: what the host writes is in SECONDARY memory"):
        table.device.host_write(table.table, 0, b"a")


def test_host_write_beyond_the_buffer_is_an_error() -> None:
    table = Table()
    with pytest.raises(DeviceError, match=r"bytes 7\.\.9 are outside a SECONDARY buffer of 8 bytes"):
        table.device.host_write(table.staging, 7, b"ab")


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_upload_copies_the_first_bytes(schedule: ScheduleName) -> None:
    table = Table(schedule)
    table.upload(1)
    table.device.synchronize()
    assert table.device.peek_buffer(table.table) == entry(1) + bytes([UNWRITTEN]) * 4


def test_upload_takes_place_when_its_stream_gets_there() -> None:
    table = Table("lazy")
    table.upload(1)
    table.device.host_write(table.staging, 0, entry(0))  # too early: the mistake of #15546
    table.device.synchronize()
    assert table.device.peek_buffer(table.table)[:4] == entry(0)


def test_upload_can_be_torn() -> None:
    table = Table("lazy", granule_bytes=4)
    table.upload(1, 0)
    table.device.follow(["compute:1"])
    table.device.advance("follow", 0)
    assert table.device.peek_buffer(table.table) == bytes([UNWRITTEN]) * 4 + entry(0)


@pytest.mark.parametrize("size", [0, 9])
def test_upload_of_nothing_or_too_much_is_an_error(size: int) -> None:
    table = Table()
    with pytest.raises(DeviceError, match=f"upload of {size} bytes: the source is a SECONDARY buffer of 8 bytes"):
        table.device.upload(Stream.COMPUTE, table.staging, table.table, size)


def test_upload_the_wrong_way_is_an_error() -> None:
    table = Table()
    with pytest.raises(DeviceError, match="PRIMARY buffer of 8 bytes: the source of an upload is in SECONDARY memory"):
        table.device.upload(Stream.COMPUTE, table.table, table.staging, 4)
    with pytest.raises(DeviceError, match="SECONDARY buffer of 8 bytes: the target of an upload is in PRIMARY memory"):
        table.device.upload(Stream.COMPUTE, table.staging, table.staging, 4)


def test_buffer_of_another_device_is_an_error() -> None:
    table = Table()
    foreign = SimulatedDevice(2, 1, 4).buffer(SECONDARY, 8)
    with pytest.raises(DeviceError, match="what the host writes was made on another device"):
        table.device.host_write(foreign, 0, b"a")


# Loads through a table.


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_load_through_a_table_reads_the_slot_of_its_entry(schedule: ScheduleName) -> None:
    table = Table(schedule)
    table.upload(1, 0)
    loads = [table.device.load_through(Stream.COMPUTE, table.table, index, 1 - index) for index in (0, 1)]
    table.device.synchronize()
    assert [load.value() for load in loads] == [b"2222", b"1111"]


def test_table_is_read_when_the_kernel_runs() -> None:
    table = Table("lazy")
    table.upload(0)
    load = table.device.load_through(Stream.EXECUTION, table.table, 0, 0)  # without a wait, after the next upload
    table.device.synchronize()
    table.upload(1)
    late = table.device.load_through(Stream.EXECUTION, table.table, 0, 1)
    table.device.follow(["execution"])
    table.device.synchronize()
    assert (load.value(), late.value()) == (b"1111", b"1111")


def test_load_through_is_complete_when_it_has_arrived() -> None:
    table = Table("lazy")
    table.upload(0)
    load = table.device.load_through(Stream.COMPUTE, table.table, 0, 0)
    before = load.arrived()
    table.device.synchronize()
    assert (before, load.arrived()) == (False, True)


def fault_of(number: int) -> str:
    """What a load through an entry of this value says."""
    table = Table("lazy")
    table.upload(number)
    load = table.device.load_through(Stream.COMPUTE, table.table, 0, 0)
    table.device.synchronize()
    with pytest.raises(DeviceError) as caught:
        load.value()
    return str(caught.value)


def test_entry_that_names_host_memory_is_an_error_of_the_load() -> None:
    assert "entry 0 of the page table (0x80000001) names SECONDARY slot 1" in fault_of(0x80000001)


def test_entry_outside_the_level_is_an_error_of_the_load() -> None:
    assert "entry 0 of the page table (0x00000002) names slot 2, but PRIMARY has slots 0..1" in fault_of(2)


def test_entry_that_was_never_uploaded_is_an_error_of_the_load() -> None:
    table = Table()
    load = table.device.load_through(Stream.COMPUTE, table.table, 1, 0)
    table.device.synchronize()
    assert load.arrived()
    with pytest.raises(DeviceError, match=r"entry 1 of the page table \(0xdbdbdbdb\) was never written"):
        load.value()


def test_entry_beyond_the_table_is_an_error() -> None:
    table = Table()
    with pytest.raises(DeviceError, match="load through entry 2: the table has 2 entries"):
        table.device.load_through(Stream.COMPUTE, table.table, 2, 0)


def test_table_in_host_memory_is_an_error() -> None:
    table = Table()
    with pytest.raises(DeviceError, match="the table of a load is in PRIMARY memory"):
        table.device.load_through(Stream.COMPUTE, table.staging, 0, 0)


# The host and events.


def test_event_is_done_when_its_stream_got_there() -> None:
    table = Table("lazy")
    event = table.upload(0)
    before = table.device.event_done(event)
    table.device.advance("eager", 0)
    assert (before, table.device.event_done(event)) == (False, True)


def test_event_after_nothing_is_done_at_once() -> None:
    device = Table("lazy").device
    assert device.event_done(device.record_event(Stream.ONBOARD))


def test_event_is_done_as_soon_as_the_work_before_it_is() -> None:
    table = Table("lazy")
    event = table.upload(0)
    table.device.follow(["compute"])
    table.device.advance("follow", 0)
    assert table.device.event_done(event)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_host_waits_for_an_event(schedule: ScheduleName) -> None:
    table = Table(schedule)
    event = table.upload(1)
    table.device.wait_host(event)
    assert table.device.event_done(event)
    assert table.device.peek_buffer(table.table)[:4] == entry(1)


def test_waiting_for_an_event_leaves_later_work_pending() -> None:
    table = Table("lazy")
    event = table.upload(1)
    load = table.device.load(Stream.OFFLOAD, PRIMARY, 0)
    table.device.wait_host(event)
    assert not load.arrived()


def test_event_of_another_device_is_an_error() -> None:
    event = Table().device.record_event(Stream.COMPUTE)
    for wait in (Table().device.wait_host, Table().device.event_done):
        with pytest.raises(DeviceError, match="was recorded on another device"):
            wait(event)
    with pytest.raises(DeviceError, match="was recorded on another device"):
        Table().device.wait_event(Stream.ONBOARD, event)


# What the happens-before record makes of them.


def rewrite(table: Table) -> None:
    """The host writes the staging buffer again."""
    table.device.host_write(table.staging, 0, entry(1))


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_host_write_under_a_pending_upload_is_a_race(schedule: ScheduleName) -> None:
    table = Table(schedule)
    table.upload(0)
    rewrite(table)
    assert [str(race) for race in table.device.races] == [
        "SECONDARY buffer 0: nothing orders the write #5 by the host after the read #4 on the compute stream"
    ]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_host_write_after_a_wait_is_none(schedule: ScheduleName) -> None:
    table = Table(schedule)
    table.device.wait_host(table.upload(0))
    rewrite(table)
    assert table.races() == []


def test_host_write_after_the_event_was_seen_done_is_none() -> None:
    table = Table("eager")
    assert table.device.event_done(table.upload(0))
    rewrite(table)
    assert table.races() == []


def test_event_seen_pending_orders_nothing() -> None:
    table = Table("lazy")
    assert not table.device.event_done(table.upload(0))
    rewrite(table)
    assert table.races() == ["SECONDARY buffer 0"]


def test_event_of_earlier_work_does_not_cover_the_upload() -> None:
    table = Table("eager")
    event = table.device.record_event(Stream.COMPUTE)
    table.upload(0)
    table.device.wait_host(event)
    rewrite(table)
    assert table.races() == ["SECONDARY buffer 0"]


def test_work_submitted_after_the_host_waited_comes_after_the_event() -> None:
    table = Table("eager")
    table.device.wait_host(table.upload(0))
    table.device.load_through(Stream.EXECUTION, table.table, 0, 0)
    assert table.races() == []


def test_kernel_that_reads_a_table_without_a_wait_is_a_race() -> None:
    table = Table("eager")
    table.upload(0)
    table.device.load_through(Stream.EXECUTION, table.table, 0, 0)
    assert table.races() == ["PRIMARY buffer 1"]


def test_upload_under_a_kernel_that_reads_the_table_is_a_race() -> None:
    table = Table("eager")
    table.upload(0)
    table.device.load_through(Stream.COMPUTE, table.table, 0, 0)
    table.device.host_write(table.staging, 0, b"")  # the same staging buffer again: a race of its own
    table.device.upload(Stream.EXECUTION, table.staging, table.table, 4)
    assert "PRIMARY buffer 1" in table.races()


def test_load_through_reads_the_slot_that_the_host_expects() -> None:
    table = Table("eager")
    table.upload(1)
    table.device.load_through(Stream.COMPUTE, table.table, 0, 1)
    table.device.write(Stream.ONBOARD, PRIMARY, 1, 0, b"3333")
    assert table.races() == ["PRIMARY slot 1"]


def test_what_the_host_wrote_comes_before_what_it_submits() -> None:
    table = Table("eager")
    for stream in Stream:
        table.device.wait_host(table.upload(0, stream=stream))
    assert table.races() == []


def test_buffers_need_no_record() -> None:
    device = SimulatedDevice(1, 1, 4, check=False)
    staging: Buffer = device.buffer(SECONDARY, 4)
    device.host_write(staging, 0, entry(0))
    device.upload(Stream.COMPUTE, staging, device.buffer(PRIMARY, 4), 4)
    device.wait_host(device.record_event(Stream.COMPUTE))
    assert device.event_done(device.record_event(Stream.COMPUTE))
    assert device.races == []
