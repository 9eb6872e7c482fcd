"""M-55: blocks stored before they are computed."""

from __future__ import annotations

from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.sequence import Sequence


class WholePromptStored(BlockManager):
    """Offers what a sequence will have."""

    def storable_blocks(self, live: Sequence) -> int:
        return len(live.tokens) // self.config.tokens_per_block if self.config.reuse else 0


BUG = SeededBug(
    id="M-55",
    title="blocks stored before they are computed",
    source="#12673 #12769",
    mechanism=(
        "With chunked prefill all full blocks of a prompt are stored when its first chunk is done. Other requests "
        "reuse blocks that hold nothing yet, or what was there before."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, WholePromptStored),
    seed=6,
    oracles=("step", "content"),
)
