"""What of a prompt is cached: the chain of its whole blocks, and the tail, a block that shares the next few tokens.

The last token of a prompt is never taken from the cache: the forward pass needs something to compute.
"""

from __future__ import annotations

from collections.abc import Iterable

from kvproof.impl.block_manager.blocks import Blocks
from kvproof.impl.block_manager.free_queues import NOT_QUEUED
from kvproof.impl.block_manager.plan import NO_BLOCK
from kvproof.impl.block_manager.reasons import primary_blocks
from kvproof.impl.block_manager.reuse_tree import ROOT
from kvproof.impl.block_manager.tokens import Key, full_block_keys, join_tokens


class PromptMatching:
    """Looks prompts up in the reuse tree of `blocks`; nothing here changes anything."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._config = blocks.config
        self._refuse = blocks.counters.refuse

    def estimate(self, prompt: Key) -> int:
        """Whole blocks of a prompt that are cached. The last token cannot be among them (#12404), nor a part (M-54)."""
        if not self._config.reuse:
            return 0
        size = self._config.tokens_per_block
        return len(self._blocks.tree.match(full_block_keys(prompt, size), (len(prompt) - 1) // size))

    def blocks_needed(self, prompt: Key) -> int:
        """How many free PRIMARY blocks admitting `prompt` takes at most.

        Matches that are free count in full: they are among the free blocks. A tail that is free on PRIMARY counts once
        more, as it may be claimed to be copied (M-38).
        """
        size, blocks = self._config.tokens_per_block, self._blocks
        chain, tail, _ = self.match(prompt, full_block_keys(prompt, size))
        held = sum(1 for block in chain if blocks.refs[block] and blocks.slot[block] < blocks.primary_slots)
        source = int(tail != NO_BLOCK and self.is_free_primary(tail))
        return -(-len(prompt) // size) - held + source

    def match(self, prompt: Key, keys: list[Key]) -> tuple[list[int], int, int]:
        """The chain, the tail or NO_BLOCK, and the tokens that the tail shares with the prompt."""
        config, tree = self._config, self._blocks.tree
        if not config.reuse:
            return [], NO_BLOCK, 0
        size, usable = config.tokens_per_block, len(prompt) - 1
        chain = tree.match(keys, usable // size)
        if config.partial_reuse:
            start = len(chain) * size
            rest = prompt[start : min(start + size, usable)]
            if rest:
                eligible = None if config.copy_on_partial_reuse else self.can_be_taken_over
                found = tree.longest_prefix(chain[-1] if chain else ROOT, rest, eligible)
                if found is not None:
                    return chain, found[0], found[1]
        return chain, NO_BLOCK, 0

    def can_be_taken_over(self, block: int) -> bool:
        """Whether the cached `block` could lose its place in the tree: nobody uses it, nothing hangs under it."""
        return not self._blocks.refs[block] and not self._blocks.tree.children[block]

    def is_free_primary(self, block: int) -> bool:
        """Whether `block` is in a free queue of PRIMARY."""
        blocks = self._blocks
        return blocks.slot[block] < blocks.primary_slots and blocks.handle[block] != NOT_QUEUED

    def join_tokens(self, tokens: Iterable[int], extra_ids: Iterable[int] | None) -> Key:
        """Token ids and extra ids in one. Where extra ids are off there is nothing that a token could be taken for.

        Raises:
            ValueError: an id outside 0..2**32-1, not one extra id a token, or extra ids where they are off.
        """
        if self._config.extra_ids:
            return join_tokens(tokens, extra_ids)
        if extra_ids is not None:
            raise ValueError("extra ids: were passed, but PoolConfig.extra_ids is False")
        return tuple(tokens)

    def prompt(self, tokens: Iterable[int], extra_ids: Iterable[int] | None) -> Key:
        """The joined tokens of a prompt. Raises Refused: empty-prompt."""
        prompt = self.join_tokens(tokens, extra_ids)
        if not prompt:
            self._refuse("empty-prompt", "prompt: is empty; it needs at least one token")
        return prompt

    def blocks_for(self, sequence: int, length: int) -> int:
        """The number of blocks for `length` tokens of `sequence`.

        Raises Refused: sequence-too-long or prompt-exceeds-pool.
        """
        config = self._config
        if length > config.max_sequence_tokens:
            self._refuse(
                "sequence-too-long",
                f"sequence {sequence}: {length} tokens, but a sequence has at most {config.max_sequence_tokens}",
            )
        needed = -(-length // config.tokens_per_block)
        if needed > config.primary_blocks:
            self._refuse(
                "prompt-exceeds-pool",
                f"sequence {sequence}: needs {primary_blocks(needed)}, the pool has {config.primary_blocks}; shorten it",
            )
        return needed
