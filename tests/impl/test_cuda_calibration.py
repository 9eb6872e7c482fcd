"""Calibration, with a clock that the test turns; on host memory, and on a GPU where there is one."""

from __future__ import annotations

from pathlib import Path

import pytest
from calibration import CopyBench, calibrate, main
from copy_candidates import CandidateCopies, with_table
from copy_table import MEASURED, Direction, Way, read_table
from cuda_cases import REASON, HostDriver

from kvproof.impl.device import CudaDevice
from kvproof.impl.device.cuda_driver import CudaDriver

SIZES, COUNTS = (1 << 10, 1 << 14), (1, 8)
ARENA_BYTES = 1 << 16


class Clock:
    """Counts calls of libcuda as seconds: what needs the fewest is the fastest."""

    def __init__(self, driver: HostDriver, **weights: int) -> None:
        self._driver = driver
        self._weights = weights

    def __call__(self) -> float:
        return float(sum(weight * self._driver.calls(name) for name, weight in self._weights.items()))


def test_fastest_way_is_chosen(host: HostDriver) -> None:
    clock = Clock(host, cuMemcpyAsync=2, cuMemcpyBatchAsync=3, cuLaunchKernel=9)
    table, _ = calibrate(CopyBench(host, ARENA_BYTES, clock, 3), SIZES, COUNTS, lambda line: None)
    assert table.way(Direction.ONBOARD, 1 << 10, 1) is Way.EACH
    assert table.way(Direction.ONBOARD, 1 << 10, 8) is Way.BATCH


def test_batch_without_room_is_copied_as_the_largest_with(host: HostDriver) -> None:
    clock = Clock(host, cuMemcpyAsync=2, cuMemcpyBatchAsync=3, cuLaunchKernel=9)
    table, figures = calibrate(CopyBench(host, ARENA_BYTES, clock, 3), SIZES, COUNTS, lambda line: None)
    assert table.way(Direction.DEVICE, 1 << 14, 8) is Way.EACH
    assert {(figure.size, figure.count) for figure in figures} == {(1 << 10, 1), (1 << 10, 8), (1 << 14, 1)}


def test_time_of_a_batch(host: HostDriver) -> None:
    bench = CopyBench(host, ARENA_BYTES, Clock(host, cuMemcpyAsync=1), 3)
    figure = bench.measure(Direction.OFFLOAD, Way.EACH, 1 << 10, 8)
    assert (figure.seconds, figure.bytes_per_second) == (8, 1 << 10)


def test_peak_is_one_copy_of_the_whole_arena(host: HostDriver) -> None:
    assert CopyBench(host, ARENA_BYTES, Clock(host, cuMemcpyAsync=2)).peak(Direction.ONBOARD) == ARENA_BYTES / 2


def test_ways_without_a_batched_copy(host: HostDriver) -> None:
    bench = CopyBench(host, ARENA_BYTES)
    bench._ways.calls.has_batch = False
    assert bench.ways() == [Way.EACH, Way.KERNEL]


def test_table_can_be_kept_and_used(driver: CudaDriver, tmp_path: Path) -> None:
    bench = CopyBench(driver, ARENA_BYTES, batches_max=3)
    table, _ = calibrate(bench, SIZES, COUNTS, lambda line: None)
    bench.close()
    table.save(tmp_path / "table.json")
    device = with_table(CudaDevice(2, 2, 16, driver=driver), read_table(tmp_path / "table.json"))
    assert isinstance(device.copies, CandidateCopies)
    assert device.copies.table == table
    assert table.source.startswith(f"measured on {driver.name}, driver for CUDA ")
    assert set(table.ways) == set(MEASURED)


@pytest.mark.skipif(REASON is None, reason="a CUDA device is there")
def test_command_without_a_gpu_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "table.json")]) == 2
    assert capsys.readouterr().err.startswith("calibration: CUDA device 0: torch")
