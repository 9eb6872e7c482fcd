"""What a batch of block copies is in memory: groups of equal pieces between absolute addresses.

All whole blocks of one pool that move in one direction are pieces of one shape, so a batch becomes a few groups, each
two arrays of addresses, and no object a block.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from kvproof.impl.device.cuda_driver import Addresses
from kvproof.impl.device.interface import DeviceError, Level
from kvproof.impl.device.layout import Layout, Move, Piece, PrefixMove

Bases = Sequence[tuple[int, int]]
"""For each pool the addresses of its PRIMARY and of its SECONDARY memory."""


class Shape(NamedTuple):
    """What the pieces of a group have in common: bytes but for the levels and the number of rows."""

    source_level: int
    target_level: int
    row_bytes: int
    rows: int
    source_pitch: int
    target_pitch: int


class Group(NamedTuple):
    """Copies of one shape; element i of each array belongs to copy i."""

    shape: Shape
    sources: Addresses
    targets: Addresses


class CopyPlanner:
    """Plans the batches of one device.

    Args:
        layout: where blocks are.
        bases: where the pools are.
    """

    def __init__(self, layout: Layout, bases: Bases) -> None:
        self._layout = layout
        self._bases = bases
        # Blocks of one pool lie evenly spaced, so the first of them tells where all are. A layout that is not quite
        # `Layout`, as a seeded bug is, may have other ideas: then each block is asked for.
        self._even = type(layout) is Layout
        self._first = [
            [self._first_block(pool, *divmod(direction, 2)) for direction in range(4)] for pool in range(len(bases))
        ]
        self._strides = [layout.offset(pool, 0, 1) - layout.offset(pool, 0, 0) for pool in range(len(bases))]

    def plan(self, moves: Sequence[Move], prefixes: Sequence[PrefixMove]) -> list[Group]:
        """The groups of a batch.

        Raises:
            DeviceError: a piece that the layout plans leaves the memory of its pool.
        """
        found: list[Group] = []
        if self._even and moves:
            found.extend(self._whole_blocks(moves))
            moves = ()
        if moves or prefixes:
            for pool, pieces in enumerate(self._layout.pieces(moves, prefixes)):
                found.extend(self._grouped(pool, pieces))
        return found

    def _first_block(self, pool: int, source_level: int, target_level: int) -> tuple[Shape, int, int]:
        """The shape of a whole block's piece, and between which addresses slot 0 goes to slot 0."""
        [piece] = self._layout.pool_pieces(pool, [(source_level, 0, target_level, 0)], ())
        bases = self._bases[pool]
        return _shape(piece), bases[source_level] + piece.source_offset, bases[target_level] + piece.target_offset

    def _whole_blocks(self, moves: Sequence[Move]) -> Iterable[Group]:
        table = np.fromiter(chain.from_iterable(moves), dtype=np.int64, count=4 * len(moves)).reshape(-1, 4)
        directions = table[:, 0] * 2 + table[:, 2]
        present = [int(directions[0])] if (directions == directions[0]).all() else np.unique(directions).tolist()
        for direction in present:
            rows = table if len(present) == 1 else table[directions == direction]
            for first, stride in zip(self._first, self._strides, strict=True):
                shape, source, target = first[direction]
                sources, targets = rows[:, 1] * stride + source, rows[:, 3] * stride + target
                yield Group(shape, sources.astype(np.uint64), targets.astype(np.uint64))

    def _grouped(self, pool: int, pieces: Sequence[Piece]) -> Iterable[Group]:
        groups: dict[Shape, tuple[list[int], list[int]]] = {}
        bases = self._bases[pool]
        for piece in pieces:
            shape = _shape(piece)
            self._check_inside(pool, shape.source_level, piece.source_offset, shape.source_pitch, shape)
            self._check_inside(pool, shape.target_level, piece.target_offset, shape.target_pitch, shape)
            sources, targets = groups.setdefault(shape, ([], []))
            sources.append(bases[shape.source_level] + piece.source_offset)
            targets.append(bases[shape.target_level] + piece.target_offset)
        for shape, (sources, targets) in groups.items():
            yield Group(shape, np.array(sources, dtype=np.uint64), np.array(targets, dtype=np.uint64))

    def _check_inside(self, pool: int, level: int, offset: int, pitch: int, shape: Shape) -> None:
        end, size = offset + (shape.rows - 1) * pitch + shape.row_bytes, self._layout.pool_bytes(pool, level)
        if offset < 0 or end > size:
            raise DeviceError(
                f"copy of {shape.rows} rows of {shape.row_bytes} bytes: bytes {offset}..{end} are outside pool {pool}'s "
                f"{size} bytes of {Level(level).name}; was a pitch taken of the other level?"
            )


def _shape(piece: Piece) -> Shape:
    if piece.rows > 1:
        return Shape(
            piece.source_level, piece.target_level, piece.row_bytes, piece.rows, piece.source_pitch, piece.target_pitch
        )
    return Shape(piece.source_level, piece.target_level, piece.row_bytes, 1, 0, 0)
