"""The memory of the simulated device, and how copies are carried out in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from kvproof.impl.device.interface import UNWRITTEN, DeviceError, Level
from kvproof.impl.device.layout import Layout, Move, Piece, PrefixMove
from kvproof.impl.device.queues import Places

Bytes = npt.NDArray[np.uint8]


class HostMemory:
    """An array for each pool and level.

    Args:
        image: where a block's bytes are.
        layout: where copies take them to be.
        granule_bytes: bytes of a part of a torn copy; None when copies are not torn.
    """

    array_levels: tuple[Level, ...] = tuple(Level)
    """The levels that are arrays."""

    def __init__(self, image: Layout, layout: Layout, granule_bytes: int | None) -> None:
        self._image = image
        self._layout = layout
        self._granule_bytes = granule_bytes
        self._pools: list[list[Bytes]] = [
            [np.full(image.pool_bytes(pool, level), UNWRITTEN, dtype=np.uint8) for level in self.array_levels]
            for pool in range(len(image.pools))
        ]
        self._rows = [self.view(level) for level in self.array_levels]
        self._token_bytes = image.block_bytes // image.tokens_per_block
        first = image.pools[0]
        self._slot_is_row = len(image.pools) == 1 and (first.layers == 1 or not first.layer_first)
        self.whole_rows = self._slot_is_row and first.layers == 1 and layout is image and granule_bytes is None
        """Whether a copy is that of a row, or of its beginning: then `run_moves` does without the layout."""

    def view(self, level: int, pool: int = 0) -> Bytes:
        """The memory itself; see `SimulatedDevice.view`."""
        shape = self._image.pools[pool]
        width = shape.layer_bytes if shape.layer_first else shape.block_bytes
        return self._pools[pool][level].reshape(-1, width)

    def run_moves(self, moves: Sequence[tuple[int, ...]]) -> None:
        """Carry out copies where `whole_rows`: each a Move or a PrefixMove."""
        rows = self._rows
        for move in moves:
            if len(move) == 4:
                source_level, source, target_level, target = move
                rows[target_level][target] = rows[source_level][source]
            else:
                source_level, source, target_level, target, tokens = move
                size = tokens * self._token_bytes
                rows[target_level][target, :size] = rows[source_level][source, :size]

    def places_of_move(self, move: tuple[int, ...]) -> Places:
        """What a Move or a PrefixMove reads and writes."""
        return (self._place(move[0], move[1]),), (self._place(move[2], move[3]),)

    def parts(self, moves: Sequence[Move], prefixes: Sequence[PrefixMove]) -> list[Any]:
        """The parts of a batch, for `run_parts`: its pitched copies, or their granules.

        Raises:
            DeviceError: one leaves the memory of its pool.
        """
        parts: list[Any] = []
        for pool, pieces in enumerate(self._layout.pieces(moves, prefixes)):
            for piece in pieces:
                if piece.pool != pool:
                    piece = piece._replace(pool=pool)
                self._check_bounds(pool, piece.source_level, piece.source_offset, piece.source_pitch, piece)
                self._check_bounds(pool, piece.target_level, piece.target_offset, piece.target_pitch, piece)
                parts.extend([piece] if self._granule_bytes is None else _granules(piece, self._granule_bytes))
        return parts

    def run_parts(self, parts: Sequence[Any]) -> None:
        """Carry out parts."""
        for pool, from_level, source, to_level, target, size, rows, from_pitch, to_pitch in parts:
            from_memory, to_memory = self._pools[pool][from_level], self._pools[pool][to_level]
            for _ in range(rows):
                to_memory[target : target + size] = from_memory[source : source + size]
                source += from_pitch
                target += to_pitch

    def places_of_part(self, part: Any) -> Places:
        """What a part reads and writes."""
        source = self._image.slot_at(part.pool, part.source_level, part.source_offset)
        target = self._image.slot_at(part.pool, part.target_level, part.target_offset)
        return (self._place(part.source_level, source),), (self._place(part.target_level, target),)

    def put(self, level: int, slot: int, start: int, data: bytes) -> None:
        """Write from byte `start` of a slot's logical image on."""
        if self._slot_is_row:
            self._rows[level][slot, start : start + len(data)] = np.frombuffer(data, np.uint8)
            return
        done = 0
        for pool, offset, size in self._image.spans(level, slot, start, start + len(data)):
            self._pools[pool][level][offset : offset + size] = np.frombuffer(data, np.uint8, size, done)
            done += size

    def get(self, level: int, slot: int, start: int = 0, end: int | None = None) -> bytes:
        """Bytes `start` to `end` of a slot's logical image."""
        if self._slot_is_row:
            row: Bytes = self._rows[level][slot, start:end]
            return row.tobytes()
        spans = self._image.spans(level, slot, start, end)
        return b"".join(self._pools[pool][level][offset : offset + size].tobytes() for pool, offset, size in spans)

    def keep(self) -> Any:
        """What `bring_back` needs to undo all that happens from here on."""
        return [[memory.copy() for memory in levels] for levels in self._pools]

    def bring_back(self, kept: Any) -> None:
        """Make the memory what it was when `kept` was made."""
        for levels, kept_levels in zip(self._pools, kept, strict=True):
            for memory, before in zip(levels, kept_levels, strict=True):
                memory[:] = before

    def _place(self, level: int, slot: int) -> int:
        return slot + self._image.slots[0] if level else slot

    def _check_bounds(self, pool: int, level: int, offset: int, pitch: int, piece: Piece) -> None:
        end = offset + (piece.rows - 1) * pitch + piece.row_bytes
        size = self._image.pool_bytes(pool, level)
        if end > size:
            raise DeviceError(
                f"copy: ends at byte {end} of pool {pool} in {Level(level).name} memory, which has {size} bytes; "
                "was it planned with the pitch of the other level, or for another pool?"
            )


def _granules(piece: Piece, size: int) -> Iterator[Piece]:
    """The rows of a piece cut into granules of `size` bytes."""
    for row in range(piece.rows):
        source = piece.source_offset + row * piece.source_pitch
        target = piece.target_offset + row * piece.target_pitch
        for start in range(0, piece.row_bytes, size):
            length = min(size, piece.row_bytes - start)
            ends = (piece.source_level, source + start, piece.target_level, target + start)
            yield Piece(piece.pool, *ends, length, 1, length, length)
