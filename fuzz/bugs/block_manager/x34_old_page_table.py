"""X-34: kernels that read through an old page table."""

from __future__ import annotations

from collections.abc import Mapping

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.device import Device, Stream
from kvproof.impl.page_table_upload import Entries, PageTableUpload, UploadedTables


class UploadsGrowthOnly(PageTableUpload):
    """Uploads when sequences have come, gone or grown since the last time: blocks that were exchanged do not count."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._last: dict[Stream, tuple[list[tuple[int, int]], UploadedTables]] = {}

    def upload(self, stream: Stream, tables: Mapping[int, Entries]) -> UploadedTables:
        shape = [(sequence, len(table)) for sequence, table in tables.items()]
        if stream not in self._last or self._last[stream][0] != shape:
            self._last[stream] = shape, super().upload(stream, tables)
        return self._last[stream][1]


StaleTables = plant(BlockManager, parts={PageTableUpload: UploadsGrowthOnly})


BUG = SeededBug(
    id="X-34",
    title="kernels that read through an old page table",
    source="mutant of the page table's upload (#15546)",
    mechanism=(
        "Page tables are uploaded again only when their lengths have changed. After a rewind, or for a new sequence in the "
        "place of an old one, blocks differ at equal lengths, and kernels read the blocks of before."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, StaleTables),
    oracles=("content", "race", "crash"),
    no_variant="the machine of transfers has the variant X-34; here nothing reads page tables",
    # One sequence after the other, none reused: then two passes in a row often have tables of one length.
    parameters={
        "primary_blocks": 4,
        "secondary_blocks": 0,
        "tokens_per_block": 2,
        "sequences": 1,
        "max_tokens": 6,
        "vocabulary": 2,
        "extra_ids": 1,
        "priorities": 1,
        "default_priority": 0,
        "offload_threshold": 1,
        "pins_max": 0,
        "partial_reuse": 0,
        "batch_max": 1,
        "ranges_max": 0,
        "budget_max": 0,
        "duration_max": 0,
    },
)
