"""M-54: estimate by tokens."""

from __future__ import annotations

from collections.abc import Iterable

from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.tokens import full_block_keys


class TokensEstimated(BlockManager):
    """Promises all but the last token."""

    def estimate(self, tokens: Iterable[int], extra_ids: Iterable[int] | None = None) -> int:
        """How many tokens of a prompt are cached."""
        prompt = self._matching.prompt(tokens, extra_ids)
        if not self.config.reuse:
            return 0
        size = self.config.tokens_per_block
        found = self._blocks.tree.match(full_block_keys(prompt, size), len(prompt) // size)
        return min(len(found) * size, len(prompt) - 1)


BUG = SeededBug(
    id="M-54",
    title="estimate by tokens",
    source="found by reading the code",
    mechanism=(
        "The estimate is all that is cached of the prompt but its last token. That counts tokens of the last block, "
        "which only a partial match could reuse, where that is allowed at all."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, TokensEstimated),
    oracles=("result",),
)
