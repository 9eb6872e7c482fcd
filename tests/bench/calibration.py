"""Measuring the ways of copying on the machine at hand, and keeping which is fastest when.

    python tests/bench/calibration.py table.json

A figure is what an engine sees in a steady state: batches follow each other on one stream without a pause, and the time
is that of the host's clock from the first submission to the completion of the last, submission included. Blocks are drawn
from all over a large arena, no two as neighbours at both ends, so that nothing can be joined and caches are of no use.

`copy_candidates.with_table` gives the table to a device.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import numpy as np
from attrs import frozen
from copy_candidates import CandidateCopies
from copy_table import DEFAULTS, MEASURED, CopyTable, Direction, Way

from kvproof.impl.device.copy_plan import Group, Shape
from kvproof.impl.device.cuda_driver import CudaDriver
from kvproof.impl.device.cuda_staging import Staging
from kvproof.impl.device.cuda_torch import driver_of
from kvproof.impl.device.interface import DeviceError, Level

ARENA_BYTES = 4 << 30
SIZES = tuple(1 << power for power in range(14, 22))  # 16 KiB to 2 MiB
COUNTS = (1, 4, 16, 64, 256, 1024, 4096)
ROUNDS = 3  # the median counts
ROUND_BYTES = 256 << 20  # of a round, if it does not take too many batches
BATCHES_MAX = 400
GROUPS = 8  # different batches, in turns

LEVELS = {
    Direction.ONBOARD: (Level.SECONDARY, Level.PRIMARY),
    Direction.OFFLOAD: (Level.PRIMARY, Level.SECONDARY),
    Direction.DEVICE: (Level.PRIMARY, Level.PRIMARY),
}


@frozen
class Measurement:
    """Seconds of a batch, as part of a row of them.

    Attributes:
        towards: direction.
        way: of copying.
        size: bytes of a copy.
        count: copies of a batch.
        seconds: of a batch.
    """

    towards: Direction
    way: Way
    size: int
    count: int
    seconds: float

    @property
    def bytes_per_second(self) -> float:
        """Bytes copied in a second; each is read once and written once."""
        return self.size * self.count / self.seconds


class CopyBench:
    """Memory on both levels and a stream, on which to measure.

    Args:
        driver: of the GPU.
        arena_bytes: of each memory; there are two on the device and one on the host.
        clock: seconds.
        batches_max: of a round.
    """

    def __init__(
        self,
        driver: CudaDriver,
        arena_bytes: int = ARENA_BYTES,
        clock: Callable[[], float] = time.perf_counter,
        batches_max: int = BATCHES_MAX,
    ) -> None:
        self.driver = driver
        self.arena_bytes = arena_bytes
        self._clock = clock
        self._batches_max = batches_max
        self._device = [driver.device_memory(arena_bytes) for _ in range(2)]
        self._host = driver.host_memory(arena_bytes)
        self._stream = driver.new_stream()
        self._ways = CandidateCopies(driver, Staging(driver), [self._stream], DEFAULTS)
        self._random = random.Random(0)
        for memory in self._device:
            driver.fill(self._stream, memory.address, arena_bytes, 0xA5)
        # The host's pages, too, get something in them: zeros can be faster.
        driver.copy(self._stream, self._host.address, self._device[0].address, arena_bytes)
        driver.synchronize(self._stream)

    def close(self) -> None:
        """Give the stream back."""
        self.driver.synchronize(self._stream)
        self.driver.return_stream(self._stream)

    def ways(self) -> list[Way]:
        """The ways that this driver has."""
        return [way for way in Way if way is not Way.BATCH or self._ways.calls.has_batch]

    def fits(self, size: int, count: int) -> bool:
        """Whether the arena has room for a batch without two copies at one place."""
        return size * count <= self.arena_bytes

    def peak(self, towards: Direction) -> float:
        """Bytes a second of one copy as large as the arena: what the machine can do at most."""
        source, target = self._ends(towards)
        return self.arena_bytes / self._time(
            [lambda: self.driver.copy(self._stream, target, source, self.arena_bytes)], ROUNDS
        )

    def measure(self, towards: Direction, way: Way, size: int, count: int) -> Measurement:
        """Batches of `count` copies of `size` bytes; see `fits`."""
        groups = [self._group(towards, size, count) for _ in range(GROUPS)]
        batches = max(2, min(self._batches_max, ROUND_BYTES // (size * count)))
        submissions = [
            lambda group=groups[number % GROUPS]: self._ways.run_as(way, self._stream, group)
            for number in range(batches)
        ]
        return Measurement(towards, way, size, count, self._time(submissions, ROUNDS) / batches)

    def _time(self, submissions: Sequence[Callable[[], object]], rounds: int) -> float:
        submissions[0]()  # what is made at the first use is no part of the figure
        self.driver.synchronize(self._stream)
        seconds = []
        for _ in range(rounds):
            start = self._clock()
            for submit in submissions:
                submit()
            self.driver.synchronize(self._stream)
            seconds.append(self._clock() - start)
        return median(seconds)

    def _ends(self, towards: Direction) -> tuple[int, int]:
        source_level, target_level = LEVELS[towards]
        source = self._host if source_level == Level.SECONDARY else self._device[0]
        target = self._host if target_level == Level.SECONDARY else self._device[1]
        return source.address, target.address

    def _group(self, towards: Direction, size: int, count: int) -> Group:
        source, target = self._ends(towards)
        source_level, target_level = LEVELS[towards]
        slots = range(self.arena_bytes // size)

        # One end goes up while the other goes down, so that no two copies can be joined; then in any order.
        sources = sorted(self._random.sample(slots, count))
        targets = sorted(self._random.sample(slots, count), reverse=True)
        order = self._random.sample(range(count), count)
        return Group(
            Shape(source_level, target_level, size, 1, 0, 0),
            np.array([source + size * sources[each] for each in order], dtype=np.uint64),
            np.array([target + size * targets[each] for each in order], dtype=np.uint64),
        )


def calibrate(
    bench: CopyBench,
    sizes: Sequence[int] = SIZES,
    counts: Sequence[int] = COUNTS,
    tell: Callable[[str], object] = print,
) -> tuple[CopyTable, list[Measurement]]:
    """Measure everything; returns the table and the figures that it rests on.

    A batch for which the arena has no room is copied as the largest for which it has.
    """
    figures: list[Measurement] = []
    chosen: dict[Direction, tuple[tuple[Way, ...], ...]] = {}
    for towards in MEASURED:
        rows = []
        for size in sizes:
            row: list[Way] = []
            for count in counts:
                if bench.fits(size, count):
                    tried = [bench.measure(towards, way, size, count) for way in bench.ways()]
                    figures.extend(tried)
                    row.append(min(tried, key=lambda figure: figure.seconds).way)
                else:
                    row.append(row[-1] if row else Way.EACH)
            rows.append(tuple(row))
            tell(f"{towards}, copies of {size} bytes: {', '.join(row)}")
        chosen[towards] = tuple(rows)
    source = f"measured on {bench.driver.name}, driver for CUDA {bench.driver.version()}, {datetime.now(UTC):%Y-%m-%d}"
    return CopyTable(source, tuple(sizes), tuple(counts), chosen), figures


def main(arguments: Iterable[str] | None = None) -> int:
    """The command: 0 and a table, or 2 and why there is none."""
    parser = argparse.ArgumentParser(prog="calibration.py", description="Measure the ways of copying.")
    parser.add_argument("table", type=Path, help="where to keep the table (JSON)")
    parser.add_argument("--index", type=int, default=0, help="which CUDA device (default: 0)")
    parser.add_argument(
        "--arena-gib", type=float, default=ARENA_BYTES / (1 << 30), help="GiB of each memory, two on the device"
    )
    given = parser.parse_args(None if arguments is None else list(arguments))
    try:
        bench = CopyBench(driver_of(given.index), int(given.arena_gib * (1 << 30)))
    except DeviceError as error:
        print(f"calibration: {error}", file=sys.stderr)
        return 2
    table, _ = calibrate(bench)
    table.save(given.table)
    print(f"{given.table}: {table.source}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
