"""M-63: a sender that reads where a pinned block was."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.paths import CachedPaths
from kvproof.impl.device import Loaded


class NotedSlots(CachedPaths):
    """Notes the slots of a path when it is pinned, for whoever sends it."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._noted: dict[int, list[int]] = {}

    def pin(self, tokens: Iterable[int], extra_ids: Iterable[int] | None = None) -> int:
        tokens, extra_ids = tuple(tokens), None if extra_ids is None else tuple(extra_ids)
        blocks = super().pin(tokens, extra_ids)
        path = self.pinned_path(tokens, extra_ids)
        self._noted[path[-1]] = [self._blocks.slot[block] for block in path]
        return blocks

    def send(self, tokens: Iterable[int], extra_ids: Iterable[int] | None) -> list[Loaded]:
        transfers = self._blocks.transfers
        loads = [transfers.send(slot) for slot in self._noted[self.pinned_path(tokens, extra_ids)[-1]]]
        transfers.flush()
        return loads


SendsFromWhereItWasPinned = plant(BlockManager, parts={CachedPaths: NotedSlots})


BUG = SeededBug(
    id="M-63",
    title="a sender that reads where a pinned block was",
    source="#16913",
    mechanism=(
        "A disaggregated sender keeps the addresses that blocks have when they are pinned. A pinned block in host memory "
        "moves when a prompt reuses it; its old slot is given to others, and the sender ships their data."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, SendsFromWhereItWasPinned),
    oracles=("content", "race"),
    no_variant="implementation only: what is sent is below the specification",
    # A pinned block must be onboarded, and its old slot be taken, before the path is sent: few slots, all worth offloading,
    # and only what pins and moves.
    parameters={
        "primary_blocks": 3,
        "secondary_blocks": 2,
        "tokens_per_block": 1,
        "sequences": 2,
        "max_tokens": 3,
        "vocabulary": 2,
        "extra_ids": 1,
        "priorities": 1,
        "default_priority": 0,
        "offload_threshold": 0,
        "pins_max": 1,
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
            "release_subtree",
            "refresh",
        }
    ),
)
