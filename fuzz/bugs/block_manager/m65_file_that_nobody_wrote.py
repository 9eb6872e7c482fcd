"""M-65: a partial copy looks for a file that nobody wrote."""

from __future__ import annotations

from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import FilesTarget
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.device import FileDevice, FileMemory, Level


class PartsFromFiles(FileMemory):
    """Reads the source of every copy of a beginning from a file."""

    def reads_file(self, source_level: int, whole: bool) -> bool:
        return source_level == Level.SECONDARY or not whole


class PartsFromFilesDevice(FileDevice):
    """Has such memory."""

    memory_type = PartsFromFiles


BUG = SeededBug(
    id="M-65",
    title="a partial copy looks for a file that nobody wrote",
    source="the file modes of the transfer manager",
    mechanism=(
        "With host memory in files, the file of a copy is named for its source. A block that is matched in part in device "
        "memory has none: the copy fails, or takes what another block of that number has left there."
    ),
    make_target=lambda: FilesTarget(BlockManager, PartsFromFilesDevice),
    oracles=("crash", "content"),
    no_variant="implementation only: files are below the specification",
    # Blocks that differ within, and an end of a prompt that may be copied.
    parameters={
        "primary_blocks": 5,
        "secondary_blocks": 2,
        "tokens_per_block": 3,
        "sequences": 3,
        "max_tokens": 6,
        "vocabulary": 2,
        "extra_ids": 1,
        "reuse": 1,
        "partial_reuse": 1,
        "copy_on_partial_reuse": 1,
    },
)
