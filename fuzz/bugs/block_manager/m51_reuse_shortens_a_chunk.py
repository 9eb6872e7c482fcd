"""M-51: reuse taken to shorten a chunk."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.budget import TokenBudget


class ShortenedChunks(TokenBudget):
    """Charges what would be left of a chunk at the beginning of the prompt."""

    def charge(self, chunk: int, estimated: int, remaining: int) -> int:
        if estimated + chunk < remaining:
            return max(0, chunk - estimated)
        return super().charge(chunk, estimated, remaining)


ReuseShortensChunk = plant(BlockManager, parts={TokenBudget: ShortenedChunks})

BUG = SeededBug(
    id="M-51",
    title="reuse taken to shorten a chunk",
    source="#12658 #12682 #12976",
    mechanism=(
        "A chunk is charged less the tokens that are reused. But reuse moves a chunk that does not end the prompt "
        "instead of shortening it: as many tokens are computed, and the batch was charged for fewer."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, ReuseShortensChunk),
    seed=4,
    oracles=("result",),
    # A prompt must be longer than its estimate and its chunk together, both of which are at least a block.
    parameters={
        "primary_blocks": 6,
        "tokens_per_block": 1,
        "max_tokens": 6,
        "batch_max": 1,
        "ranges_max": 0,
        "budget_max": 4,
    },
)
