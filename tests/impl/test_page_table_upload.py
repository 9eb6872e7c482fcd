"""Page tables reach the device without the host waiting, and each pass reads its own."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

import pytest
from pool_cases import Pool

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.impl.block_manager import Refused
from kvproof.impl.device import SCHEDULES, DeviceError, Level, Loaded, ScheduleName, SimulatedDevice, Stream
from kvproof.impl.page_table_upload import ENTRIES_AT_FIRST, STAGING_BUFFERS, PageTableUpload, Staging

SLOTS = 8


class Uploads:
    """An upload over a device whose PRIMARY slot n holds the byte n."""

    def __init__(self, schedule: ScheduleName = "lazy", upload_type: type[PageTableUpload] = PageTableUpload) -> None:
        self.device = SimulatedDevice(SLOTS, 0, 1, schedule=schedule)
        for slot in range(SLOTS):
            self.device.write(Stream.COMPUTE, Level.PRIMARY, slot, 0, bytes([slot]))
        self.device.synchronize()
        self.tables = upload_type(self.device)
        self.loads: list[tuple[int, Loaded]] = []

    def run_pass(self, tables: Mapping[int, list[int]], stream: Stream = Stream.COMPUTE) -> None:
        """Upload, and a kernel that reads every block of every sequence through its table."""
        uploaded = self.tables.upload(stream, {each: array("I", table) for each, table in tables.items()})
        for sequence, table in tables.items():
            for position, slot in enumerate(table):
                index = uploaded.index(sequence, position)
                self.loads.append((slot, self.device.load_through(stream, uploaded.buffer, index, slot)))

    def wrong(self) -> list[tuple[int, int]]:
        """Slots that kernels were to read, with those that they read instead."""
        self.device.synchronize()
        return [(slot, load.value()[0]) for slot, load in self.loads if load.value() != bytes([slot])]


class OneBuffer(PageTableUpload):
    """Writes the only staging buffer again before its upload has run (#15546)."""

    def take_staging(self) -> Staging:
        return self._ring[0] if self._ring else super().take_staging()


NeverAgain = plant(
    PageTableUpload,
    Patch(
        "page_table_upload",
        old="        if self._present.get(stream) != data:",
        new="        if stream not in self._present:",
    ),
)
"""Takes any table for the one that is there."""


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_each_pass_reads_through_its_own_tables(schedule: ScheduleName) -> None:
    uploads = Uploads(schedule)
    for number in range(3 * STAGING_BUFFERS):
        uploads.run_pass({3: [number % SLOTS, 1], 5: [(number + 3) % SLOTS]})
    assert uploads.wrong() == []
    assert uploads.device.races == []


def test_a_staging_buffer_that_is_written_too_soon_is_found_in_any_order() -> None:
    uploads = Uploads("eager", OneBuffer)
    uploads.run_pass({0: [1]})
    uploads.run_pass({0: [2]})
    assert [(race.what, race.first.stream, race.second.stream) for race in uploads.device.races] == [
        ("buffer", "compute", "host")
    ]


def test_a_staging_buffer_that_is_written_too_soon_shows_in_what_kernels_read() -> None:
    uploads = Uploads("lazy", OneBuffer)
    uploads.run_pass({0: [1]})
    uploads.run_pass({0: [2]})
    assert uploads.wrong() == [(1, 2)]


def test_a_stale_table_shows_in_what_kernels_read() -> None:
    uploads = Uploads(upload_type=NeverAgain)
    uploads.run_pass({0: [1]})
    uploads.run_pass({0: [2]})
    assert uploads.wrong() == [(2, 1)]


def test_the_host_waits_only_when_all_staging_buffers_are_in_use() -> None:
    uploads = Uploads("lazy")
    waits = []
    for number in range(STAGING_BUFFERS + 1):
        uploads.run_pass({0: [number]})
        waits.append(uploads.tables.waits)
    assert waits == [0] * STAGING_BUFFERS + [1]


def test_the_staging_buffer_whose_upload_is_the_oldest_is_taken_next() -> None:
    uploads = Uploads("lazy")
    waits = []
    for number in range(STAGING_BUFFERS):
        uploads.run_pass({0: [number]})
    uploads.device.follow(["compute", "compute"])  # the first upload, and its kernel
    uploads.device.advance("follow", 0)
    for number in range(2):
        uploads.run_pass({0: [STAGING_BUFFERS + number]})
        waits.append(uploads.tables.waits)
    assert waits == [0, 1]
    assert uploads.wrong() == []


def test_the_host_never_waits_for_a_device_that_keeps_up() -> None:
    uploads = Uploads("eager")
    for number in range(3 * STAGING_BUFFERS):
        uploads.run_pass({0: [number % SLOTS]})
    assert (uploads.tables.uploads, uploads.tables.waits) == (3 * STAGING_BUFFERS, 0)


def test_a_table_that_has_not_changed_is_not_uploaded_again() -> None:
    uploads = Uploads()
    for _ in range(3):
        uploads.run_pass({0: [1, 2]})
    assert uploads.tables.uploads == 1


def test_equal_entries_of_other_sequences_need_no_upload_but_are_found() -> None:
    uploads = Uploads()
    uploads.run_pass({0: [1, 2]})
    uploads.run_pass({7: [1], 8: [2]})
    assert uploads.tables.uploads == 1
    assert uploads.wrong() == []


def test_each_forward_stream_has_a_table_of_its_own() -> None:
    uploads = Uploads("reversed")
    uploads.run_pass({0: [1]}, Stream.COMPUTE)
    uploads.run_pass({0: [2]}, Stream.EXECUTION)
    uploads.run_pass({0: [1]}, Stream.COMPUTE)
    assert uploads.tables.uploads == 2
    assert uploads.wrong() == []
    assert uploads.device.races == []


def test_tables_grow_while_kernels_still_read_the_smaller_one() -> None:
    uploads = Uploads("lazy")
    uploads.run_pass({0: [1]})
    uploads.run_pass({0: [2] * (ENTRIES_AT_FIRST + 1)})
    uploads.run_pass({0: [3]})
    assert uploads.wrong() == []
    assert uploads.device.races == []


def test_the_table_of_one_stream_stays_when_that_of_another_grows() -> None:
    uploads = Uploads("lazy")
    uploads.run_pass({0: [1]}, Stream.COMPUTE)
    uploads.run_pass({0: [2] * (ENTRIES_AT_FIRST + 1)}, Stream.EXECUTION)
    uploads.run_pass({0: [1]}, Stream.COMPUTE)
    assert uploads.wrong() == []


def test_a_pass_without_sequences_uploads_nothing() -> None:
    uploads = Uploads()
    uploads.run_pass({})
    uploads.run_pass({0: [3]})
    assert uploads.tables.uploads == 1
    assert uploads.wrong() == []


def test_the_managers_tables_are_found_by_sequence_and_position() -> None:
    pool = Pool(4)
    pool.add(0, [1, 2, 3])
    pool.add(1, [4])
    uploaded = pool.manager.upload_page_tables([1, 0])
    entries = pool.device.peek_buffer(uploaded.buffer)
    for sequence in (0, 1):
        for position, entry in enumerate(pool.manager.page_table(sequence)):
            at = 4 * uploaded.index(sequence, position)
            assert int.from_bytes(entries[at : at + 4], "little") == entry


def test_tables_of_a_sequence_that_is_not_live_are_refused() -> None:
    with pytest.raises(Refused, match="sequence 3: is not live"):
        Pool(1).manager.upload_page_tables([3])


def test_a_stream_without_forward_passes_is_an_error() -> None:
    with pytest.raises(ValueError, match="stream EXECUTION: is no forward stream of this manager; it has COMPUTE"):
        Pool(1).manager.upload_page_tables([], Stream.EXECUTION)


def test_an_entry_beyond_the_pool_is_told_when_a_kernel_has_read_it() -> None:
    uploads = Uploads()
    uploaded = uploads.tables.upload(Stream.COMPUTE, {0: array("I", [SLOTS])})
    load = uploads.device.load_through(Stream.COMPUTE, uploaded.buffer, uploaded.index(0, 0), 0)
    uploads.device.synchronize()
    with pytest.raises(DeviceError):
        load.value()
