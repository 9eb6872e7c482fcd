"""The index rows: where kernels find the pages of a sequence.

A row is an array of slot numbers, one a place; `start_pass` uploads those of the sequences of a pass. A cache that
is bound to a row keeps it up to date: the slot while the cache has that page locked, EMPTY_ENTRY otherwise. It writes no
row that it is not bound to, so a row may get a new owner as soon as the old one is unbound, whatever the old one's cache
goes on to do (V2-14).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kvproof.impl.sequence_caches.config import SequenceCacheConfig
from kvproof.impl.sequence_caches.kinds import FULL, STATE, WINDOW

EMPTY_ENTRY = -1

Row = NDArray[np.int32]


class IndexRows:
    """`config.rows` rows.

    Attributes:
        table: one row each, one entry a place; see `SequenceCacheConfig.place_of`.
        owner: per row the cache that is bound to it, or None.
    """

    def __init__(self, config: SequenceCacheConfig) -> None:
        self._config = config
        self.table: NDArray[np.int32] = np.full((config.rows, config.places), EMPTY_ENTRY, dtype=np.int32)
        self.owner: list[int | None] = [None] * config.rows

    def full(self, row: int) -> Row:
        """The slots of full-attention pages, block by block."""
        return self._of(row, FULL)

    def window(self, row: int) -> Row:
        """The slots of window pages, block by block; scratch slots are not among them, see `Forward`."""
        return self._of(row, WINDOW) if self._config.windows else self.table[row, :0]

    def state(self, row: int) -> Row:
        """The slot of the recurrent state."""
        return self._of(row, STATE) if self._config.has_state else self.table[row, :0]

    def bind(self, row: int, cache: int) -> Row:
        """Give `row` to a cache. Raises ValueError when there is no such row, or another cache has it."""
        if not 0 <= row < len(self.owner):
            raise ValueError(f"row {row}: there are rows 0..{len(self.owner) - 1}; see SequenceCacheConfig.rows")
        owner = self.owner[row]
        if owner is not None and owner != cache:
            raise ValueError(f"row {row}: cache {owner} is bound to it, so cache {cache} cannot be; unbind it first")
        self.owner[row] = cache
        return self._entries(row)

    def release(self, row: int) -> None:
        """Nobody owns `row` any more, and it names no slot."""
        self.owner[row] = None
        self.table[row] = EMPTY_ENTRY

    def _entries(self, row: int) -> Row:
        entries: Any = self.table[row]
        return entries  # type: ignore[no-any-return]

    def _of(self, row: int, kind: int) -> Row:
        first = self._config.place_of(kind, 0)
        return self.table[row, first : first + (1 if kind == STATE else self._config.blocks_max)]
