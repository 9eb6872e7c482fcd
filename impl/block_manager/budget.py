"""The token budget of a batch: what its forward pass may compute, and how prompts are cut to it.

A scheduler charges each request before anything is claimed, from an estimate of what will be reused. What is found
then can differ, and reuse shifts the end of a chunk (#12682), so the ends are recomputed from what was matched and
shortened where the batch would exceed its budget (#15187).
"""

from __future__ import annotations

from kvproof.impl.block_manager.counters import Counters
from kvproof.impl.block_manager.plan import Plan


class TokenBudget:
    """Arithmetic on the tokens of plans, for blocks of `tokens_per_block`; nothing here knows of a pool."""

    def __init__(self, tokens_per_block: int, counters: Counters) -> None:
        self._size = tokens_per_block
        self._refuse = counters.refuse

    def charge(self, chunk: int, estimated: int, remaining: int) -> int:
        """What a scheduler counts for `chunk` tokens of a prompt of `remaining`, of which `estimated` may be reused.

        A chunk that does not end the prompt is moved by what is reused, not shortened (#12682), so it counts in full.
        """
        if estimated <= 0 or estimated + chunk < remaining:
            return chunk
        return max(0, remaining - estimated)

    def chunk_end(self, start: int, chunk: int, length: int) -> int:
        """Where a chunk that begins at token `start` of `length` ends: at a block's end, or with the prompt."""
        if start + chunk >= length:
            return length
        return (start + chunk) // self._size * self._size

    def check_chunk(self, sequence: int, chunk: int, remaining: int) -> None:
        """A chunk of less than a block might end before it began, as ends are at block ends.

        Raises Refused: chunk-below-block.
        """
        size = self._size
        if 0 < chunk < size and chunk < remaining:
            self._refuse(
                "chunk-below-block", f"sequence {sequence}: a chunk of {chunk} tokens; a block has {size}, ask for that"
            )

    def cost(self, plan: Plan) -> int:
        """Tokens that the forward pass computes for a request."""
        return plan.end - plan.reused

    def check_charges(self, plans: list[Plan], token_budget: int) -> None:
        """Refuse a batch that the scheduler should not have made. Raises Refused: over-token-budget."""
        charged = 0
        for plan in plans:
            length = len(plan.tokens)
            charged += self.charge(plan.request.chunk or length, plan.request.estimated, length)
        if charged > token_budget:
            self._refuse(
                "over-token-budget",
                f"batch of {len(plans)}: is charged {charged} tokens, the budget has {token_budget}; leave requests out",
            )

    def set_ends(self, plans: list[Plan]) -> None:
        """Up to where each prompt is computed now."""
        for plan in plans:
            length = len(plan.tokens)
            plan.end = self.chunk_end(plan.reused, plan.request.chunk or length, length)

    def trim_ends(self, plans: list[Plan], token_budget: int) -> None:
        """Shorten prompts, the last first, until the batch costs no more than its budget.

        Ends stay at block ends, and each prompt gets on by at least the rest of one block. What cannot be cut enough is
        refused. Raises Refused: over-token-budget.
        """
        excess = sum(self.cost(plan) for plan in plans) - token_budget
        size = self._size
        for plan in reversed(plans):
            if excess <= 0:
                return
            least = min(len(plan.tokens), (plan.reused // size + 1) * size)
            end = max(least, (plan.end - excess) // size * size)
            if end < plan.end:
                excess -= plan.end - end
                plan.end = end
        if excess > 0:
            self._refuse(
                "over-token-budget",
                f"batch of {len(plans)}: costs at least {token_budget + excess} tokens, the budget has {token_budget}; "
                "leave requests out",
            )
