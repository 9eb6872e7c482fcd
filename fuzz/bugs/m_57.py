"""M-57: copy events keyed by slot number without the level."""

from __future__ import annotations

from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl import BlockManager
from kvproof.impl.device import Stream
from kvproof.impl.transfers import Batch, Transfers


class SingleEvents(Transfers):
    """The tables as they were then: per slot one pending read and one pending write, the newest.

    A copy waits for the pending write of its source and the pending read of its target. That is enough while keys tell
    the levels apart: a device slot is read by offloads and written by onboardings only, a host slot the other way round,
    and each kind has a stream of its own, which is in order. `tests/fuzz` shows that this class alone is sound.
    """

    def order(self, stream: Stream, source_key: int, target_key: int) -> None:
        write = self._writes.get(source_key)
        if write is not None:
            self.wait_for_batch(stream, write)
        for batch in self._reads.pop(target_key, {}).values():
            self.wait_for_batch(stream, batch)

    def remember(self, batch: Batch, source_key: int, target_key: int) -> None:
        self._reads[source_key] = {batch.stream: batch}
        self._writes[target_key] = batch
        self.submit(batch.stream)  # copies were not gathered into batches, whose copies are unordered


class LevelBlindKeys(SingleEvents):
    """Takes PRIMARY slot n and SECONDARY slot n for one place."""

    def key(self, slot: int) -> int:
        return slot if slot < self._primary_slots else slot - self._primary_slots


class SoundManager(BlockManager):
    """The single-event tables with the level in their keys."""

    transfers_type = SingleEvents


class LevelBlindManager(BlockManager):
    """The bug."""

    transfers_type = LevelBlindKeys


BUG = SeededBug(
    id="M-57",
    title="copy events keyed without the level",
    source="#15272",
    mechanism=(
        "Pending reads and writes are kept by slot number alone, so device slot 0 and host slot 0 share an entry. Events "
        "are overwritten or erased by copies of the other level, and a copy that conflicts with them does not wait."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, LevelBlindManager),
    oracles=("race", "content"),
    no_variant="implementation only: streams and events are below the specification",
    # Blocks of one token, all worth offloading, in few slots: most slot numbers exist on both levels and are busy. It takes
    # several copies between two forward passes, so only what makes copies is driven.
    parameters={
        "primary_blocks": 3,
        "secondary_blocks": 3,
        "tokens_per_block": 1,
        "sequences": 3,
        "max_tokens": 2,
        "vocabulary": 2,
        "extra_ids": 1,
        "priorities": 1,
        "default_priority": 0,
        "offload_threshold": 0,
        "pins_max": 0,
        "reuse": 1,
        "partial_reuse": 0,
        "batch_max": 0,
        "ranges_max": 0,
        "budget_max": 0,
        "duration_max": 0,
    },
    without=frozenset(
        {
            "estimate",
            "blocks_needed",
            "add_batch",
            "prefill",
            "rewind",
            "store",
            "pin_path",
            "unpin_path",
            "release_subtree",
            "refresh",
        }
    ),
)
