"""SECONDARY as a folder of files."""

from __future__ import annotations

from pathlib import Path

import pytest
from device_programs import BLOCK_BYTES, SLOTS, TOKENS, Running, prepare, program

from kvproof.impl.device import (
    SCHEDULES,
    DeviceError,
    FileDevice,
    FileMemory,
    Level,
    Pool,
    ScheduleName,
    SimulatedDevice,
    Stream,
)
from kvproof.impl.device.interface import UNWRITTEN

PRIMARY, SECONDARY = Level.PRIMARY, Level.SECONDARY
POOLS = (Pool(layer_bytes=2, layers=2, layer_first=True), Pool(layer_bytes=4))
DATA = b"AaBb1234"
OTHER = b"--------"


def device(folder: Path, schedule: ScheduleName = "eager", granule_bytes: int | None = None) -> FileDevice:
    return FileDevice(2, 2, 8, folder, pools=POOLS, tokens_per_block=2, schedule=schedule, granule_bytes=granule_bytes)


@pytest.mark.parametrize("granule_bytes", [None, 3])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_block_comes_back_from_its_file(tmp_path: Path, schedule: ScheduleName, granule_bytes: int | None) -> None:
    files = device(tmp_path, schedule, granule_bytes)
    files.write(Stream.OFFLOAD, PRIMARY, 0, 0, DATA)
    files.copy(Stream.OFFLOAD, [(0, 0, 1, 1)])
    files.copy(Stream.OFFLOAD, [(1, 1, 0, 1)])
    assert files.read(PRIMARY, 1) == DATA


def test_slot_has_a_file_from_its_first_write_on(tmp_path: Path) -> None:
    files = device(tmp_path)
    before = list(tmp_path.iterdir())
    files.write(Stream.OFFLOAD, PRIMARY, 0, 0, DATA)
    files.copy(Stream.OFFLOAD, [(0, 0, 1, 1)])
    assert (before, [(path.name, path.read_bytes()) for path in tmp_path.iterdir()]) == ([], [("slot-1.kv", DATA)])


def test_copy_takes_place_when_its_stream_gets_there(tmp_path: Path) -> None:
    files = device(tmp_path, "lazy")
    files.copy(Stream.OFFLOAD, [(0, 0, 1, 1)])
    before = list(tmp_path.iterdir())
    files.synchronize()
    assert (before, [path.name for path in tmp_path.iterdir()]) == ([], ["slot-1.kv"])


@pytest.mark.parametrize("granule_bytes", [None, 1])
def test_beginning_of_a_block_goes_to_a_file(tmp_path: Path, granule_bytes: int | None) -> None:
    files = device(tmp_path, granule_bytes=granule_bytes)
    files.write(Stream.OFFLOAD, PRIMARY, 0, 0, DATA)
    files.write(Stream.OFFLOAD, SECONDARY, 1, 0, OTHER)
    files.copy(Stream.OFFLOAD, [], [(0, 0, 1, 1, 1)])
    assert files.read(SECONDARY, 1) == b"A-B-12--"


def test_what_a_new_file_was_not_given_is_marked_unwritten(tmp_path: Path) -> None:
    files = device(tmp_path)
    files.write(Stream.OFFLOAD, SECONDARY, 0, 6, b"zz")
    assert files.peek(SECONDARY, 0) == bytes([UNWRITTEN]) * 6 + b"zz"


def test_beginning_of_a_block_in_device_memory_needs_no_file(tmp_path: Path) -> None:
    files = device(tmp_path)
    files.write(Stream.ONBOARD, PRIMARY, 0, 0, DATA)
    files.write(Stream.ONBOARD, PRIMARY, 1, 0, OTHER)
    files.copy(Stream.ONBOARD, [], [(0, 0, 0, 1, 1)])
    assert files.read(PRIMARY, 1) == b"A-B-12--"


class SourceFile(FileMemory):
    """M-65: the source of a beginning is looked for in a file, wherever it is."""

    def reads_file(self, source_level: int, whole: bool) -> bool:
        return source_level == SECONDARY or not whole


class LooksForAFile(FileDevice):
    memory_type = SourceFile


def test_beginning_that_is_looked_for_in_a_file_that_nobody_wrote_is_an_error(tmp_path: Path) -> None:
    files = LooksForAFile(2, 2, 8, tmp_path, tokens_per_block=2)
    with pytest.raises(DeviceError, match=r"^slot-0\.kv: was never written, and is read"):  # in whatever folder
        files.copy(Stream.ONBOARD, [], [(0, 0, 0, 1, 1)])


def test_beginning_that_is_looked_for_in_another_slots_file_is_wrong(tmp_path: Path) -> None:
    files = LooksForAFile(2, 2, 8, tmp_path, tokens_per_block=2)
    files.write(Stream.ONBOARD, SECONDARY, 0, 0, OTHER)
    files.write(Stream.ONBOARD, PRIMARY, 0, 0, DATA)
    files.copy(Stream.ONBOARD, [], [(0, 0, 0, 1, 1)])
    assert files.read(PRIMARY, 1)[:4] == OTHER[:4]


def test_slot_that_was_never_written_cannot_be_read(tmp_path: Path) -> None:
    files = device(tmp_path)
    for read in (files.peek, files.read):
        with pytest.raises(DeviceError, match=r"slot-1\.kv: was never written, and is read"):
            read(SECONDARY, 1)


def test_copy_from_a_slot_that_was_never_written_is_an_error_when_it_runs(tmp_path: Path) -> None:
    files = device(tmp_path, "lazy")
    files.copy(Stream.ONBOARD, [(1, 1, 0, 0)])
    with pytest.raises(DeviceError, match=r"slot-1\.kv: was never written"):
        files.synchronize()


def test_look_ahead_touches_no_file(tmp_path: Path) -> None:
    files = device(tmp_path, "lazy", 1)
    files.write(Stream.OFFLOAD, SECONDARY, 0, 0, OTHER)
    files.synchronize()
    files.write(Stream.OFFLOAD, PRIMARY, 0, 0, DATA)
    files.copy(Stream.OFFLOAD, [(0, 0, 1, 1)], [(0, 0, 1, 0, 1)])
    with files.ahead("drawn", 1):
        assert (files.peek(SECONDARY, 1), files.peek(SECONDARY, 0)) == (DATA, b"A-B-12--")
        assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("slot-0.kv", OTHER)]
    assert files.peek(SECONDARY, 0) == OTHER
    with pytest.raises(DeviceError, match="never written"):
        files.peek(SECONDARY, 1)


def test_failure_in_a_look_ahead_leaves_the_work_pending(tmp_path: Path) -> None:
    files = device(tmp_path, "lazy")
    files.copy(Stream.ONBOARD, [(1, 1, 0, 0)])
    with pytest.raises(DeviceError, match="never written"), files.ahead("eager", 0):
        pass
    assert files.pending == 1


def test_files_have_no_view(tmp_path: Path) -> None:
    files = device(tmp_path)
    assert files.view(PRIMARY, 1).shape == (2, 4)
    with pytest.raises(DeviceError, match="view: SECONDARY is the folder"):
        files.view(SECONDARY)


def test_folder_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no folder; make it first"):
        device(tmp_path / "missing")


def test_folder_with_slots_of_another_device_is_an_error(tmp_path: Path) -> None:
    device(tmp_path).write(Stream.OFFLOAD, SECONDARY, 1, 0, b"x")
    with pytest.raises(ValueError, match=r"holds slot-1\.kv of another device; use an empty folder"):
        device(tmp_path)


def test_file_that_lost_its_end_is_an_error(tmp_path: Path) -> None:
    files = device(tmp_path)
    files.write(Stream.OFFLOAD, SECONDARY, 0, 0, DATA)
    (tmp_path / "slot-0.kv").write_bytes(DATA[:3])
    with pytest.raises(DeviceError, match=r"slot-0\.kv: has 3 bytes, a block has 8"):
        files.copy(Stream.ONBOARD, [(1, 0, 0, 0)])


def test_folder_that_is_removed_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "slots"
    folder.mkdir()
    files = device(folder)
    folder.rmdir()
    with pytest.raises(DeviceError, match=r"slot-0\.kv: cannot be written: No such file"):
        files.write(Stream.OFFLOAD, SECONDARY, 0, 0, DATA)


def test_slot_whose_file_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    files = device(tmp_path)
    (tmp_path / "slot-0.kv").mkdir()
    with pytest.raises(DeviceError, match=r"slot-0\.kv: cannot be read: Is a directory"):
        files.peek(SECONDARY, 0)


@pytest.mark.parametrize("seed", range(12))
def test_files_end_as_arrays_do(tmp_path: Path, seed: int) -> None:
    images = []
    sizes = (SLOTS, SLOTS, BLOCK_BYTES)
    for made in (
        SimulatedDevice(*sizes, tokens_per_block=TOKENS, schedule="lazy", granule_bytes=2),
        FileDevice(*sizes, tmp_path, tokens_per_block=TOKENS, schedule="lazy", granule_bytes=2),
    ):
        running = Running(made)
        prepare(running)
        for number, submit in enumerate(program(seed, 30)):
            submit(running)
            made.advance("drawn", number)
        made.synchronize()
        images.append(running.image())
    assert images[0] == images[1]
