"""What of a prompt is cached: the chain of its whole blocks, and the tail, a block that shares the next few tokens.

The last token of a prompt is never taken from the cache: the forward pass needs something to compute.
"""

from __future__ import annotations

from collections.abc import Iterable

from kvproof.impl.block_manager.allocation import BlockAllocation
from kvproof.impl.block_manager.free_queues import NOT_QUEUED
from kvproof.impl.block_manager.requests import Request
from kvproof.impl.block_manager.reuse_tree import ROOT
from kvproof.impl.block_manager.tokens import Key, full_block_keys, join_tokens

Retention = tuple[int | None, int]
"""What `step_prioritise` is given besides the block."""

NO_BLOCK = -1


class Plan:
    """A request of a batch on its way to admission.

    Attributes:
        request: what was asked.
        tokens: the joined tokens of the prompt.
        keys: the keys of its whole blocks.
        needed: number of blocks that hold the prompt.
        chain: the cached blocks of its whole blocks, from the first on.
        tail: the cached block that shares the tokens after the chain, or NO_BLOCK.
        tail_tokens: how many it shares.
        reused: tokens of the chain and the tail together.
        end: up to where the tokens are there after the next forward pass.
        in_place: the tail becomes a block of this request; otherwise its beginning is copied to a new one.
        releases_source: this request is the last to copy the tail, and gives it back.
        fresh, kept: by block position, how new blocks and how reused ones are retained.
    """

    __slots__ = (
        "chain",
        "end",
        "fresh",
        "in_place",
        "kept",
        "keys",
        "needed",
        "releases_source",
        "request",
        "reused",
        "tail",
        "tail_tokens",
        "tokens",
    )

    def __init__(self, request: Request, tokens: Key, keys: list[Key], needed: int) -> None:
        self.request = request
        self.tokens = tokens
        self.keys = keys
        self.needed = needed
        self.chain: list[int] = []
        self.tail = NO_BLOCK
        self.tail_tokens = 0
        self.reused = 0
        self.end = len(tokens)
        self.in_place = False
        self.releases_source = False
        self.fresh: list[Retention] = []
        self.kept: list[Retention] = []


class PromptMatching(BlockAllocation):
    """Looks prompts up; nothing here changes anything."""

    def estimate(self, tokens: Iterable[int], extra_ids: Iterable[int] | None = None) -> int:
        """How many tokens of a prompt would be reused, at least, if it were admitted now: whole blocks only.

        Raises Refused: empty-prompt.
        """
        prompt = self._prompt(tokens, extra_ids)
        return self.estimate_blocks(prompt) * self.config.tokens_per_block

    def blocks_needed(self, tokens: Iterable[int], extra_ids: Iterable[int] | None = None) -> int:
        """How many free PRIMARY blocks admitting a prompt takes at most: prompts that need no more together than are
        free are never refused for want of blocks.

        Matches that are free count in full: they are among the free blocks. A tail that is free on PRIMARY counts once
        more, as it may be claimed to be copied (M-38). Raises Refused: empty-prompt.
        """
        prompt = self._prompt(tokens, extra_ids)
        size, slot, refs = self.config.tokens_per_block, self._slot, self._refs
        chain, tail, _ = self.match_prompt(prompt, full_block_keys(prompt, size))
        held = sum(1 for block in chain if refs[block] and slot[block] < self._primary_slots)
        source = int(tail != NO_BLOCK and self._is_free_primary(tail))
        return -(-len(prompt) // size) - held + source

    def estimate_blocks(self, prompt: Key) -> int:
        """Whole blocks of a prompt that are cached. The last token cannot be among them (#12404), nor a part (M-54)."""
        if not self.config.reuse:
            return 0
        size = self.config.tokens_per_block
        return len(self._tree.match(full_block_keys(prompt, size), (len(prompt) - 1) // size))

    def match_prompt(self, prompt: Key, keys: list[Key]) -> tuple[list[int], int, int]:
        """The chain, the tail or NO_BLOCK, and the tokens that the tail shares with the prompt."""
        config = self.config
        if not config.reuse:
            return [], NO_BLOCK, 0
        size, usable = config.tokens_per_block, len(prompt) - 1
        chain = self._tree.match(keys, usable // size)
        if config.partial_reuse:
            start = len(chain) * size
            rest = prompt[start : min(start + size, usable)]
            if rest:
                eligible = None if config.copy_on_partial_reuse else self.can_be_taken_over
                found = self._tree.longest_prefix(chain[-1] if chain else ROOT, rest, eligible)
                if found is not None:
                    return chain, found[0], found[1]
        return chain, NO_BLOCK, 0

    def join_tokens(self, tokens: Iterable[int], extra_ids: Iterable[int] | None) -> Key:
        """Token ids and extra ids in one. Where extra ids are off there is nothing that a token could be taken for.

        Raises:
            ValueError: an id outside 0..2**32-1, not one extra id a token, or extra ids where they are off.
        """
        if self.config.extra_ids:
            return join_tokens(tokens, extra_ids)
        if extra_ids is not None:
            raise ValueError("extra ids: were passed, but PoolConfig.extra_ids is False")
        return tuple(tokens)

    def can_be_taken_over(self, block: int) -> bool:
        """Whether the cached `block` could lose its place in the tree: nobody uses it, nothing hangs under it."""
        return not self._refs[block] and not self._tree.children[block]

    def _is_free_primary(self, block: int) -> bool:
        return self._slot[block] < self._primary_slots and self._queues.handle[block] != NOT_QUEUED

    def _prompt(self, tokens: Iterable[int], extra_ids: Iterable[int] | None) -> Key:
        prompt = self.join_tokens(tokens, extra_ids)
        if not prompt:
            self._refuse("empty-prompt", "prompt: is empty; it needs at least one token")
        return prompt
