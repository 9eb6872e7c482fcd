"""A bug is planted by other lines or another part, and never silently not at all."""

from __future__ import annotations

import sys
import traceback

import pytest

from kvproof.fuzz.bugs.planting import Patch, PlantingError, plant
from kvproof.impl import refusals
from kvproof.impl.block_manager import BlockManager, PoolConfig, Refused
from kvproof.impl.block_manager.batch import BatchPhases
from kvproof.impl.block_manager.blocks import Blocks
from kvproof.impl.block_manager.free_queues import FreeQueues
from kvproof.impl.block_manager.transfers import Transfers
from kvproof.impl.device import SimulatedDevice
from kvproof.impl.sequence_caches import SequenceCaches

OLD = """
        if not blocks:
            return "nothing"
"""

NOTHING_IS_FREE = Patch(
    "block_manager.manager",
    old="        primary, secondary = self._blocks.queues.counts\n        return primary, secondary",
    new='        self._blocks.counters.refuse("no-free-blocks", "nothing is free")',
)


def made(manager_type: type[BlockManager]) -> BlockManager:
    config = PoolConfig(primary_blocks=2, secondary_blocks=0, tokens_per_block=2, block_bytes=8, max_sequence_tokens=4)
    return manager_type(config, SimulatedDevice(2, 0, 8))


class Backwards(FreeQueues):
    def push(self, block: int, level: int, rank: int, to_front: bool) -> None:
        super().push(block, level, rank, not to_front)


def test_a_patch_changes_what_the_planted_class_does() -> None:
    with pytest.raises(Refused, match="nothing is free"):
        made(plant(BlockManager, NOTHING_IS_FREE)).free_counts()


def test_a_part_takes_the_place_of_another_where_it_is_made() -> None:
    assert made(BlockManager).snapshot().victims[0] == (0, 1)
    assert made(plant(BlockManager, parts={FreeQueues: Backwards})).snapshot().victims[0] == (1, 0)


def test_the_implementation_itself_stays_as_it_is() -> None:
    before = dict(sys.modules)
    planted = plant(BlockManager, NOTHING_IS_FREE, parts={FreeQueues: Backwards})
    assert made(BlockManager).free_counts() == (2, 0)
    assert planted is not BlockManager
    assert {name: sys.modules.get(name) for name in before} == before


def test_what_a_bug_does_not_touch_is_shared() -> None:
    planted = plant(BlockManager, NOTHING_IS_FREE)
    names = vars(sys.modules[BlockManager.__module__])
    assert planted.__init__.__globals__["Blocks"] is names["Blocks"]  # type: ignore[misc]
    with pytest.raises(refusals.Refused):
        made(planted).finish(0)


def test_a_traceback_shows_the_planted_lines() -> None:
    try:
        made(plant(BlockManager, NOTHING_IS_FREE)).free_counts()
    except Refused:
        shown = traceback.format_exc()
    assert 'refuse("no-free-blocks", "nothing is free")' in shown


def test_a_patch_whose_lines_are_gone_fails() -> None:
    gone = Patch("block_manager.batch", old=OLD, new="")
    with pytest.raises(
        PlantingError, match=r"patch of kvproof\.impl\.block_manager\.batch: its old lines occur 0 times"
    ):
        plant(BlockManager, gone)


def test_a_patch_whose_lines_occur_twice_fails() -> None:
    twice = Patch("block_manager.free_queues", old="        handle = self.handle", new="        pass")
    with pytest.raises(PlantingError, match="occur 2 times"):
        plant(BlockManager, twice)


def test_a_part_of_a_line_is_no_place() -> None:
    part = Patch("block_manager.manager", old="primary, secondary = self._blocks.queues.counts", new="pass")
    with pytest.raises(PlantingError, match="occur 0 times"):
        plant(BlockManager, part)


def test_a_patch_of_a_module_that_nothing_uses_fails() -> None:
    with pytest.raises(PlantingError, match="SequenceCaches does not use that module"):
        plant(SequenceCaches, NOTHING_IS_FREE)


def test_a_patch_of_a_module_that_is_not_there_fails() -> None:
    with pytest.raises(PlantingError, match="SequenceCaches does not use that module"):
        plant(SequenceCaches, Patch("block_manager.gone", old="x", new="y"))


def test_a_part_that_nothing_imports_fails() -> None:
    with pytest.raises(PlantingError, match=r"part kvproof\.impl\.block_manager\.batch\.BatchPhases: nothing"):
        plant(Transfers, parts={BatchPhases: BatchPhases})


def test_a_part_that_is_made_of_what_is_changed_must_be_patched_too() -> None:
    with pytest.raises(PlantingError, match=r"blocks\.Blocks: its module has other changes in it"):
        plant(BlockManager, parts={Blocks: Blocks, FreeQueues: Backwards})
