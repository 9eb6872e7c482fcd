"""Page tables name physical memory, never block ids."""

from __future__ import annotations

import pytest
from pool_cases import Pool

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.impl.block_manager import BlockManager, decode_entry
from kvproof.impl.block_manager.page_table import SECONDARY_BIT, PageTables
from kvproof.impl.device import DeviceError, Level


def swapped_pool(manager_type: type[BlockManager] = BlockManager) -> Pool:
    """Block 1, made in host memory, has the only device slot."""
    pool = Pool(1, 1, manager_type=manager_type)
    pool.cache(0, [1, 2])
    pool.add(1, [3, 4])
    return pool


def test_entry_is_the_slot_and_not_the_block() -> None:
    assert [decode_entry(entry) for entry in swapped_pool().manager.page_table(1)] == [(Level.PRIMARY, 0)]


def test_entry_has_one_32_bit_word_a_position() -> None:
    pool = Pool(3)
    pool.add(0, [1, 2, 3])
    table = pool.manager.page_table(0)
    assert (table.dtype.name, table.shape) == ("uint32", (2,))


def test_entry_of_host_memory_has_the_top_bit() -> None:
    assert PageTables(4).entry(5) == SECONDARY_BIT | 1
    assert decode_entry(SECONDARY_BIT | 1) == (Level.SECONDARY, 1)


def test_table_grows_with_the_sequence() -> None:
    pool = Pool(3)
    pool.add(0, [1, 2])
    pool.append(0, [3])
    assert len(pool.manager.page_table(0)) == 2


def test_exported_table_does_not_change_when_the_sequence_grows() -> None:
    pool = Pool(3)
    pool.add(0, [1, 2])
    table = pool.manager.page_table(0)
    pool.append(0, [3])
    assert len(table) == 1


def test_block_id_for_a_slot_is_caught_by_the_device() -> None:
    ids_for_slots = Patch(  # the bug of #13124
        "block_manager.blocks",
        old="        live.table.append(self._entry(self.slot[block]))",
        new="        live.table.append(block)",
    )
    with pytest.raises(DeviceError, match=r"PRIMARY slot 1: the level has slots 0\.\.0"):
        swapped_pool(plant(BlockManager, ids_for_slots))
