"""How batches of copies are planned, which way is chosen, and that all ways copy the same.

Without gates: compute-sanitizer may run one kernel at a time, and a gate would never open.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from copy_candidates import CandidateCopies, join, single_rows, with_table
from copy_table import DEFAULTS, MEASURED, CopyTable, Direction, Way, read_table
from cuda_cases import HostDriver, all_by

from kvproof.impl.device import CudaDevice, DeviceError, Level, Stream
from kvproof.impl.device.copy_kernel import HOST_BLOCKS, PAIRS_MAX, PAIRS_READ_FROM_HOST
from kvproof.impl.device.copy_plan import CopyPlanner, Group, Shape
from kvproof.impl.device.cuda_driver import CudaDriver
from kvproof.impl.device.layout import Layout, Pool

POOLS = (Pool(64, 3), Pool(32, 2, layer_first=True), Pool(48))
BASES = [(1 << 20, 2 << 20), (3 << 20, 4 << 20), (5 << 20, 6 << 20)]


class Asked(Layout):
    """The same layout, of which the planner asks each block."""


class PitchOfPrimary(Layout):
    """A seeded bug: takes PRIMARY's pitch on both levels."""

    def pitch(self, pool: int, level: int) -> int:
        del level
        return super().pitch(pool, Level.PRIMARY)


def by(way: Way, device: CudaDevice) -> CudaDevice:
    """It copies in one way."""
    return with_table(device, all_by(way))


def copies(device: CudaDevice) -> CandidateCopies:
    assert isinstance(device.copies, CandidateCopies)
    return device.copies


def planner(kind: type[Layout] = Layout) -> CopyPlanner:
    return CopyPlanner(kind((6, 9), POOLS, tokens_per_block=2), BASES)


def copies_of(groups: list[Group], joined: bool = False) -> set[tuple[int, int, int]]:
    """All bytes copied, as (source, target, bytes) of single rows cut to 16 bytes."""
    found = set()
    for group in groups:
        width = np.full(len(group.sources), group.shape.row_bytes, dtype=np.uint64)
        runs = (
            join(group) if joined else join(group)._replace(sources=group.sources, targets=group.targets, widths=width)
        )
        for source, target, size in zip(*(row.tolist() for row in single_rows(runs)), strict=True):
            found |= {(source + at, target + at, min(16, size - at)) for at in range(0, size, 16)}
    return found


def random_moves(seed: int) -> list[tuple[int, int, int, int]]:
    rng = random.Random(seed)
    sources = [(level, slot) for level, slots in ((0, 6), (1, 9)) for slot in range(slots)]
    targets = rng.sample(sources, 8)
    return [(*source, *target) for source, target in zip(rng.sample(sources, 8), targets, strict=True)]


@pytest.mark.parametrize("seed", range(5))
def test_even_layout_is_planned_as_block_by_block(seed: int) -> None:
    moves = random_moves(seed)
    assert copies_of(planner().plan(moves, ())) == copies_of(planner(Asked).plan(moves, ())) != set()


@pytest.mark.parametrize("seed", range(5))
def test_joined_copies_are_the_same_copies(seed: int) -> None:
    groups = planner().plan(random_moves(seed), [])
    assert copies_of(groups, joined=True) == copies_of(groups)


def test_a_group_for_each_pool_and_direction() -> None:
    groups = planner().plan([(0, 0, 1, 0), (0, 1, 1, 5), (1, 2, 0, 2)], ())
    assert [(group.shape.source_level, len(group.sources)) for group in groups] == [(0, 2)] * 3 + [(1, 1)] * 3


def test_layers_side_by_side_are_one_row() -> None:
    block_first, layer_first, _ = planner().plan([(0, 0, 1, 0)], ())
    assert block_first.shape == Shape(0, 1, 3 * 64, 1, 0, 0)
    assert layer_first.shape == Shape(0, 1, 32, 2, 6 * 32, 9 * 32)


def test_beginnings_are_rows_of_their_tokens() -> None:
    groups = planner().plan((), [(0, 0, 0, 1, 1)])
    assert [(group.shape.row_bytes, group.shape.rows) for group in groups] == [(32, 3), (16, 2), (24, 1)]


def test_neighbouring_slots_are_one_run() -> None:
    runs = join(planner().plan([(0, 2, 1, 5), (0, 1, 1, 4), (0, 3, 1, 6)], ())[0])
    assert (runs.widths.tolist(), len(runs.sources)) == ([3 * 192], 1)


def test_neighbouring_slots_of_a_layer_first_pool_are_one_run_of_rows() -> None:
    runs = join(planner().plan([(0, 2, 1, 5), (0, 1, 1, 4)], ())[1])
    assert (runs.widths.tolist(), runs.shape.rows) == ([64], 2)


def test_slots_apart_in_the_target_are_copied_apart() -> None:
    assert join(planner().plan([(0, 1, 1, 4), (0, 2, 1, 6)], ())[0]).widths.tolist() == [192, 192]


def test_a_pitch_of_the_wrong_level_that_leaves_the_pool_is_an_error() -> None:
    wrong = CopyPlanner(PitchOfPrimary((9, 6), POOLS, tokens_per_block=2), BASES)
    with pytest.raises(DeviceError, match=r"outside pool 1's 384 bytes of SECONDARY; was a pitch taken of the other"):
        wrong.plan([(0, 0, 1, 5)], ())


@pytest.mark.parametrize(("way", "call"), [(Way.EACH, "cuMemcpyAsync"), (Way.BATCH, "cuMemcpyBatchAsync")])
def test_way_of_the_table_is_taken(host: HostDriver, way: Way, call: str) -> None:
    device = by(way, CudaDevice(8, 8, 64, driver=host))
    before = host.calls(call)
    device.copy(Stream.OFFLOAD, [(0, slot, 1, 7 - slot) for slot in range(0, 8, 2)])
    assert host.calls(call) == before + (4 if way is Way.EACH else 1)
    assert copies(device).counts[way] == 1


def test_copies_of_many_are_one_launch(host: HostDriver) -> None:
    device = CudaDevice(8, 8, 64, driver=host)
    before = host.calls("cuLaunchKernel")
    device.copy(Stream.OFFLOAD, [(0, slot, 1, 7 - slot) for slot in range(8)])
    assert host.calls("cuLaunchKernel") == before + 1


def test_batch_is_the_kernels_work_where_the_driver_has_none(host: HostDriver) -> None:
    device = by(Way.BATCH, CudaDevice(2, 2, 16, driver=host))
    copies(device).calls.has_batch = False
    device.copy(Stream.OFFLOAD, [(0, 0, 1, 1)])
    assert copies(device).counts[Way.KERNEL] == 1


@pytest.mark.parametrize("count", [PAIRS_READ_FROM_HOST + 1, PAIRS_MAX + 10])
@pytest.mark.parametrize("way", Way)
def test_large_batches(driver: CudaDriver, way: Way, count: int) -> None:
    """More descriptors than a kernel reads from the host, and more than one launch takes."""
    device = by(way, CudaDevice(count, count, 16, driver=driver, check=False))
    order = random.Random(1).sample(range(count), count)
    data = random.Random(2).randbytes(16 * count)
    device.view(Level.SECONDARY).copy_(_as_tensor(data).view(count, 16))
    device.copy(Stream.ONBOARD, [(1, order[slot], 0, slot) for slot in range(count)])
    device.synchronize()
    wanted = b"".join(data[16 * slot : 16 * slot + 16] for slot in order)
    assert device.view(Level.PRIMARY).cpu().numpy().tobytes() == wanted


def _as_tensor(data: bytes):  # type: ignore[no-untyped-def]  # torch is imported where it is needed
    import torch

    return torch.frombuffer(bytearray(data), dtype=torch.uint8)


@pytest.mark.parametrize("size", [1, 15, 16, 4096, 16384, 16385, 70001])
def test_kernel_copies_any_size_and_alignment(driver: CudaDriver, size: int) -> None:
    device = CudaDevice(3, 3, size, driver=driver)
    data = random.Random(size).randbytes(size)
    device.write(Stream.OFFLOAD, Level.PRIMARY, 1, 0, data)
    device.copy(Stream.OFFLOAD, [(0, 1, 1, 2)])
    assert device.read(Level.SECONDARY, 2) == data
    assert device.read(Level.SECONDARY, 1) == b"\xdb" * size


@pytest.mark.parametrize("way", [Way.EACH, Way.BATCH])
def test_host_to_host_is_the_kernels_alone(host: HostDriver, way: Way) -> None:
    device = by(way, CudaDevice(2, 2, 16, driver=host))
    [group] = CopyPlanner(device.layout, [(device.address(0, 0), device.address(0, 1))]).plan([(1, 0, 1, 1)], ())
    with pytest.raises(DeviceError, match=f"copy from host to host by {way}: only the kernel"):
        copies(device).run_as(way, device.handle(Stream.ONBOARD), group)


def test_wide_pitches_are_copied_row_by_row(host: HostDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("copy_candidates.PITCH_MAX", 63)
    device = by(Way.EACH, CudaDevice(4, 4, 32, pools=[Pool(16, 2, layer_first=True)], driver=host))
    device.write(Stream.OFFLOAD, Level.PRIMARY, 1, 0, bytes(range(32)))
    device.copy(Stream.OFFLOAD, [(0, 1, 1, 2)])
    assert host.calls("cuMemcpy2DAsync_v2") == 0
    assert device.read(Level.SECONDARY, 2) == bytes(range(32))


def test_copies_to_the_host_leave_multiprocessors_to_the_engine(host: HostDriver) -> None:
    device = CudaDevice(2, 2, 16, driver=host)
    assert device.copies.blocks(Level.SECONDARY, 10**6) == HOST_BLOCKS
    assert device.copies.blocks(Level.PRIMARY, 10**6) == 5 * host.multiprocessors
    assert device.copies.blocks(Level.PRIMARY, 2) == 2


def small_table() -> CopyTable:
    rows = ((Way.EACH, Way.KERNEL), (Way.BATCH, Way.EACH))
    return CopyTable("a test", (1024, 65536), (1, 100), dict.fromkeys(MEASURED, rows))


@pytest.mark.parametrize(
    ("size", "count", "way"),
    [
        (1, 1, Way.EACH),
        (8191, 9, Way.EACH),
        (8191, 10, Way.KERNEL),
        (8192, 9, Way.BATCH),
        (1 << 30, 5000, Way.EACH),
    ],
)
def test_table_takes_the_nearest_marks(size: int, count: int, way: Way) -> None:
    assert small_table().way(Direction.ONBOARD, size, count) is way


def test_table_is_kept_in_a_file(tmp_path: Path) -> None:
    small_table().save(tmp_path / "table.json")
    assert read_table(tmp_path / "table.json") == small_table()


def test_defaults_say_that_nothing_was_measured() -> None:
    assert DEFAULTS.source == "not measured yet: defaults"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "another"}, "the format is 'another'"),
        ({"sizes": [2, 1]}, r"sizes: needs ascending positive numbers, got \[2, 1\]"),
        ({"counts": [1]}, r"needs 2 rows \(sizes\) of 1 ways"),
        ({"ways": {"sideways": []}}, "sideways"),
    ],
)
def test_bad_table_file_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = tmp_path / "table.json"
    small_table().save(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(DeviceError, match=f"copy table .*table.json: .*{message}.*; make one with"):
        read_table(path)


def test_missing_table_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"copy table .*none.json: FileNotFoundError"):
        read_table(tmp_path / "none.json")
