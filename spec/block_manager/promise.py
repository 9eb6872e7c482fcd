"""The promise to the scheduler: what it may count on before it adds a batch, and what it is charged.

A scheduler estimates how much of each prompt is cached, charges each request against the token budget of one forward pass
(max_num_tokens), and then adds the batch. Historically the estimate was taken back in between, by the evictions that the
same batch caused (#12892, #13029), and the forward pass ran over its budget (#13318, #15187): B-5, B-6. The promises here:

- P-1: in a batch added on the tree on which it was estimated, every request reuses at least its estimate;
- P-4: a request that reuses at least its estimate costs at most its charge, for all sizes;
- P-6: where the estimate was stale, ends of chunks are trimmed until the batch fits, or it is refused whole;
- P-7: a batch whose requests need, by `blocks_needed`, no more blocks than are free is not refused for want of blocks.
"""

from __future__ import annotations

from kvproof.spec.block_manager.actions import SequenceActions
from kvproof.spec.block_manager.kinds import PRIMARY, SECONDARY, Block, Blocks, Chain, TokenCount, Tokens
from kvproof.spec.block_manager.requests import Plan, Plans, Requests
from kvproof.spec.lang import assume, theorem


class Promise(SequenceActions):
    """Estimates, charges, and the plan of a batch. Nothing here takes a step."""

    def estimated(self, tokens: Tokens) -> int:
        """How many tokens of a prompt are reused at least, if it is added now: whole blocks, found exactly.

        What a part of a block would add is not promised: whether it may be had can depend on others (M-54).
        """
        return len(self.match(self.usable(tokens))) * self.params.tokens_per_block

    def needed(self, tokens: Tokens) -> int:
        """Free primary blocks that a prompt takes at most, alone or in any batch.

        A matched block is free of charge only where somebody uses it already. A free source of a copy is claimed until
        it has been read: it counts although the request does not keep it (M-38).
        """
        chain = self.match(self.usable(tokens))
        tail = self.tail(self.usable(tokens), chain)
        used = sum(1 for block in chain if self.level(block) == PRIMARY and self.refs[block] > 0)
        source = 1 if tail is not None and tail in self.free[PRIMARY] else 0
        return self.blocks_for(len(tokens)) - used + source

    def charge(self, chunk: int, estimated: int, remaining: int) -> int:
        """Tokens that the scheduler charges for a chunk of a prompt with `remaining` tokens (#12682).

        Reuse shifts a chunk rather than shortening it (M-51): only the last one becomes cheaper.
        """
        if estimated <= 0 or estimated + chunk < remaining:
            return chunk
        return max(0, remaining - estimated)

    def chunk_end(self, start: int, chunk: int, length: int) -> int:
        """Where a chunk that begins at `start` ends: with the prompt, or with a block."""
        if start + chunk >= length:
            return length
        return (start + chunk) // self.params.tokens_per_block * self.params.tokens_per_block

    @theorem
    def a_kept_estimate_costs_no_more_than_its_charge(
        self, chunk: int, estimated: int, reused: int, length: int
    ) -> bool:
        """P-4: who reuses at least what was estimated computes at most what was charged, and makes progress (P-5)."""
        assume(self.params.tokens_per_block >= 1)
        assume(chunk >= self.params.tokens_per_block)
        assume(estimated >= 0 and estimated <= reused and reused < length)
        assume(chunk <= length)
        cost = self.chunk_end(reused, chunk, length) - reused
        return cost > 0 and cost <= self.charge(chunk, estimated, length)

    @theorem
    def a_trimmed_chunk_ends_with_a_block_and_makes_progress(
        self, start: int, end: int, length: int, excess: int
    ) -> bool:
        """P-6: trimming never lengthens a chunk, leaves at least one block of progress, and keeps whole blocks."""
        assume(self.params.tokens_per_block >= 1)
        assume(start >= 0 and start < end and end <= length)
        assume(excess > 0)
        shorter = self.trimmed(start, end, length, excess)
        return shorter <= end and start < shorter and end - shorter <= excess + self.params.tokens_per_block - 1

    def trimmed(self, start: int, end: int, length: int, excess: int) -> int:
        """A chunk's end after `excess` tokens, or as many as it can spare, are taken from it."""
        least = min(length, (start // self.params.tokens_per_block + 1) * self.params.tokens_per_block)
        if excess <= 0:
            return end
        return min(end, max(least, (end - excess) // self.params.tokens_per_block * self.params.tokens_per_block))

    def plan(self, requests: Requests, budget: int) -> Plans:
        """How each request of a batch will be served on the tree as it is."""
        found: Plans = ()
        for request in requests:
            chain = self.match(self.usable(request.tokens))
            tail = self.tail(self.usable(request.tokens), chain)
            partial = self.partial_match(request.tokens, chain, tail)
            reused = len(chain) * self.params.tokens_per_block + partial
            end = len(request.tokens)
            if self.params.budget_max > 0 and request.chunk > 0:
                end = self.chunk_end(reused, request.chunk, len(request.tokens))
            found = found + (Plan(chain, tail, partial, reused, end, False, False),)
        return self.with_modes(self.within_budget(requests, found, budget))

    def partial_match(self, tokens: Tokens, chain: Chain, tail: Block | None) -> TokenCount:
        """How many tokens of the tail a prompt can use."""
        return 0 if tail is None else self.common(self.key[tail], self.key_at(self.usable(tokens), len(chain)))

    def cost(self, plans: Plans) -> int:
        """Tokens that the forward pass computes for a batch."""
        return sum(plan.end - plan.reused for plan in plans)

    def within_budget(self, requests: Requests, plans: Plans, budget: int) -> Plans:
        """The plans with their chunks trimmed, the last request's first, until they fit or can give no more (P-6)."""
        if self.params.budget_max == 0:
            return plans
        fitted: Plans = ()
        excess = self.cost(plans) - budget
        for index in reversed(range(len(plans))):
            plan = plans[index]
            end = self.trimmed(plan.reused, plan.end, len(requests[index].tokens), excess)
            excess -= plan.end - end
            fitted = (Plan(plan.chain, plan.tail, plan.partial, plan.reused, end, False, False),) + fitted
        return fitted

    def with_modes(self, plans: Plans) -> Plans:
        """The plans with it settled who takes a tail over and who copies it.

        How much is reused does not depend on the others in the batch, only the way does (P-2). So with
        `copy_on_partial_reuse` off a free leaf is copied after all, where another request of the same batch needs it too.
        """
        if self.params.partial_reuse == 0:
            return plans
        settled: Plans = ()
        for index in range(len(plans)):
            plan = plans[index]
            settled = settled + (
                Plan(
                    plan.chain,
                    plan.tail,
                    plan.partial,
                    plan.reused,
                    plan.end,
                    self.is_in_place(plans, index),
                    self.is_last_copier(plans, index),
                ),
            )
        return settled

    def is_in_place(self, plans: Plans, index: int) -> bool:
        """Whether a request takes its tail over: a free leaf that nobody reuses in full, and no later request needs.

        The last one wins, so that all copies are made before the block is taken over and written to (I-33).
        """
        tail = plans[index].tail
        return tail is not None and self.is_free_leaf(tail) and self.is_last_need(plans, index)

    def is_last_copier(self, plans: Plans, index: int) -> bool:
        """Whether a request releases the source of its copy: nothing refers to that, nobody else needs it (I-34)."""
        tail = plans[index].tail
        return (
            tail is not None and self.refs[tail] == 0 and len(self.child[tail]) > 0 and self.is_last_need(plans, index)
        )

    def is_last_need(self, plans: Plans, index: int) -> bool:
        """Whether no request reuses in full, and no later one in part, what this one reuses in part."""
        tail = plans[index].tail
        return all(
            (later <= index or plans[later].tail != tail) and tail not in plans[later].chain
            for later in range(len(plans))
        )

    def fits(self, plans: Plans, requests: Requests) -> bool:
        """Whether a batch can be completed: the exact number of free blocks, followed request by request (I-35).

        First everything matched leaves the queues. Then a block goes for each one that is onboarded, copied or new; a
        source of copies comes back when its last copy is made, and not before (M-32, M-38).
        """
        left = len(self.free[PRIMARY]) - sum(1 for block in self.counted_on(plans) if block in self.free[PRIMARY])
        for index in range(len(plans)):
            plan = plans[index]
            left -= sum(
                1
                for block in plan.chain
                if self.level(block) == SECONDARY and not self.is_met_before(plans, index, block)
            )
            rest = self.blocks_for(len(requests[index].tokens)) - len(plan.chain)
            if plan.tail is not None:
                rest -= 1
                if not plan.in_place or self.level(plan.tail) == SECONDARY:
                    left -= 1
            if left < 0:
                return False
            left += self.returned(plan)
            left -= rest
            if left < 0:
                return False
        return True

    def returned(self, plan: Plan) -> int:
        """Primary blocks that come back after the copy of a request."""
        return 1 if plan.releases and plan.tail is not None and self.level(plan.tail) == PRIMARY else 0

    def counted_on(self, plans: Plans) -> Blocks:
        """Every block that a request of a batch has matched, each once, in the order in which they were matched."""
        found: Blocks = ()
        for plan in plans:
            for block in plan.chain:
                if block not in found:
                    found = found + (block,)
            if plan.tail is not None and plan.tail not in found:
                found = found + (plan.tail,)
        return found

    def is_met_before(self, plans: Plans, index: int, block: Block) -> bool:
        """Whether an earlier request of a batch reuses a block in full, and so has onboarded it."""
        return any(block in plans[earlier].chain for earlier in range(index))
