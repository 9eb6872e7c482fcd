"""Page tables: what kernels read to find a sequence's blocks.

One array of 32-bit entries a sequence, position by position: the slot's index within its level, with the top bit set
for SECONDARY. An entry names physical memory, never a block id: the two differ after the first swap (#13124). Blocks
in use are never swapped, so an entry is written once, when its position is filled.
"""

from __future__ import annotations

from array import array

import numpy as np
import numpy.typing as npt

from kvproof.impl.device.interface import Level

SECONDARY_BIT = 1 << 31
ENTRY_TYPECODE = "I"  # a C unsigned int: 32 bits on every platform that CUDA has

PageTable = npt.NDArray[np.uint32]


class PageTables:
    """Makes and reads entries for a pool with `primary_slots` PRIMARY slots."""

    def __init__(self, primary_slots: int) -> None:
        self._primary_slots = primary_slots

    def entry(self, slot: int) -> int:
        """The entry for a block in `slot`, numbered PRIMARY first, then SECONDARY."""
        return slot if slot < self._primary_slots else (slot - self._primary_slots) | SECONDARY_BIT

    @staticmethod
    def new() -> array[int]:
        """The table of a sequence without blocks."""
        return array(ENTRY_TYPECODE)

    @staticmethod
    def export(table: array[int]) -> PageTable:
        """A copy for upload: the sequence may grow while a kernel still reads it (#15546)."""
        return np.array(table, dtype=np.uint32)


def decode_entry(entry: int) -> tuple[Level, int]:
    """The level and the slot within it that a page-table entry names."""
    entry = int(entry)
    if entry & SECONDARY_BIT:
        return Level.SECONDARY, entry ^ SECONDARY_BIT
    return Level.PRIMARY, entry
