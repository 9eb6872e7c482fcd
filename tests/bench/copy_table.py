"""Which way of copying is fastest, by direction, size of a copy and number of copies.

A table of measurements: for a few sizes and counts the fastest way on one machine. Between them the nearest counts, on
a logarithmic scale. `calibration.py` measures one for the machine at hand; without one the defaults
below hold, which rest on what the ways cost in principle and have not been measured.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from itertools import pairwise
from math import sqrt
from pathlib import Path
from typing import Any

from attrs import frozen

from kvproof.impl.device.interface import DeviceError, Level

FORMAT = "kvproof copy table 1"


class Way(StrEnum):
    """EACH: one asynchronous copy a run of blocks. BATCH: the runtime's batched copy. KERNEL: a gather/scatter kernel."""

    EACH = "each"
    BATCH = "batch"
    KERNEL = "kernel"


class Direction(StrEnum):
    """From which level to which; see `direction`."""

    ONBOARD = "host to device"
    OFFLOAD = "device to host"
    DEVICE = "device to device"
    HOST = "host to host"


def direction(source_level: int, target_level: int) -> Direction:
    """What a copy between two levels is called."""
    if source_level == Level.PRIMARY:
        return Direction.DEVICE if target_level == Level.PRIMARY else Direction.OFFLOAD
    return Direction.ONBOARD if target_level == Level.PRIMARY else Direction.HOST


MEASURED = (Direction.ONBOARD, Direction.OFFLOAD, Direction.DEVICE)
"""The directions that a table tells apart. From host to host only the kernel can copy without keeping the host waiting."""


@frozen
class CopyTable:
    """The table.

    Attributes:
        source: where it comes from: the machine and when, or that nothing was measured.
        sizes: bytes of a copy, ascending.
        counts: copies of a batch, ascending.
        ways: for each direction of MEASURED a row for each size with a way for each count.
    """

    source: str
    sizes: tuple[int, ...]
    counts: tuple[int, ...]
    ways: Mapping[Direction, tuple[tuple[Way, ...], ...]]

    def __attrs_post_init__(self) -> None:
        for name, values in (("sizes", self.sizes), ("counts", self.counts)):
            if not values or values[0] < 1 or any(low >= high for low, high in pairwise(values)):
                raise ValueError(f"copy table {name}: needs ascending positive numbers, got {list(values)}")
        for towards in MEASURED:
            rows = self.ways.get(towards, ())
            if len(rows) != len(self.sizes) or any(len(row) != len(self.counts) for row in rows):
                raise ValueError(
                    f"copy table, {towards}: needs {len(self.sizes)} rows (sizes) of {len(self.counts)} ways (counts)"
                )

    def way(self, towards: Direction, size: int, count: int) -> Way:
        """The way for `count` copies of about `size` bytes."""
        if towards is Direction.HOST:
            return Way.KERNEL
        return self.ways[towards][_nearest(self.sizes, size)][_nearest(self.counts, count)]

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        document = {
            "format": FORMAT,
            "source": self.source,
            "sizes": list(self.sizes),
            "counts": list(self.counts),
            "ways": {
                towards.value: [[way.value for way in row] for row in rows] for towards, rows in self.ways.items()
            },
        }
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def read_table(path: Path) -> CopyTable:
    """A table that `CopyTable.save` wrote.

    Raises:
        DeviceError: the file is not there or is not such a table.
    """
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != FORMAT:
            raise ValueError(f"the format is {document['format']!r}, not {FORMAT!r}")
        return CopyTable(
            str(document["source"]),
            tuple(int(size) for size in document["sizes"]),
            tuple(int(count) for count in document["counts"]),
            {
                Direction(towards): tuple(tuple(Way(way) for way in row) for row in rows)
                for towards, rows in document["ways"].items()
            },
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DeviceError(
            f"copy table {path}: {type(error).__name__}: {error}; make one with python tests/bench/calibration.py"
        ) from error


def _nearest(marks: tuple[int, ...], value: int) -> int:
    """Where in ascending `marks` the one is whose ratio to `value` is nearest to 1."""
    return bisect_right(_borders(marks), value)


@cache
def _borders(marks: tuple[int, ...]) -> list[float]:
    return [sqrt(low * high) for low, high in pairwise(marks)]


def _default(towards: Direction, size: int, count: int) -> Way:
    if count == 1:
        return Way.EACH
    if towards is Direction.DEVICE:  # memory speed, which one copy engine does not reach on small copies
        return Way.KERNEL
    if size >= 1 << 20:  # long enough to hide the submission of the next
        return Way.EACH
    return Way.BATCH if size >= 1 << 16 else Way.KERNEL


_SIZES = tuple(1 << power for power in range(12, 22))
_COUNTS = tuple(1 << power for power in range(13))

DEFAULTS = CopyTable(
    "not measured yet: defaults",
    _SIZES,
    _COUNTS,
    {
        towards: tuple(tuple(_default(towards, size, count) for count in _COUNTS) for size in _SIZES)
        for towards in MEASURED
    },
)
"""Holds where nothing was measured."""
