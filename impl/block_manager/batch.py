"""The two phases of an admitted batch (#12892, #13029).

First all requests claim what they matched, and nothing else changes: no allocation that follows can evict a block that
any of them counts on. Then, request by request, blocks are onboarded, taken over, copied and allocated.
"""

from __future__ import annotations

from operator import sub

from kvproof.impl.block_manager.allocation import Allocation
from kvproof.impl.block_manager.blocks import Blocks
from kvproof.impl.block_manager.free_queues import NOT_QUEUED
from kvproof.impl.block_manager.plan import NO_BLOCK, Plan
from kvproof.impl.block_manager.requests import AdmittedRequest, BatchAdmission
from kvproof.impl.block_manager.retention import BlockRetention
from kvproof.impl.block_manager.sequences import LiveSequences

Totals = tuple[int, int, int, int, int, int, int]
"""Running totals in the order of the fields of `AdmittedRequest`."""


class BatchPhases:
    """What changes when a batch is admitted.

    Args:
        blocks: the pool.
        allocation: takes and onboards blocks.
        retention: of the blocks of a request.
        sequences: to which the blocks are given.
    """

    def __init__(
        self, blocks: Blocks, allocation: Allocation, retention: BlockRetention, sequences: LiveSequences
    ) -> None:
        self._blocks = blocks
        self._counters = blocks.counters
        self._allocation = allocation
        self._retention = retention
        self._sequences = sequences

    def run(self, plans: list[Plan]) -> BatchAdmission:
        """Both phases; what became of each request, and of all."""
        before = self.running_totals()
        admitted = self.run_batch(plans)
        self._blocks.transfers.flush()
        return BatchAdmission(tuple(admitted), self.totals_since(before))

    def run_batch(self, plans: list[Plan]) -> list[AdmittedRequest]:
        """Both phases; what became of each request."""
        self.claim_matches(plans)
        return [self.admit(plan) for plan in plans]

    def claim_matches(self, plans: list[Plan]) -> None:
        """The first phase. The last claimer's retention wins; a copy source is only read and keeps its own."""
        blocks = self._blocks
        handle, claim, prioritise = blocks.handle, blocks.step_claim, blocks.step_prioritise
        blocks.step_open_claims()
        for plan in plans:
            plan.fresh, plan.kept = self._retention.by_position(plan.request.ranges, plan.needed)
            for block, (priority, duration) in zip(plan.chain, plan.kept, strict=False):
                if handle[block] != NOT_QUEUED:
                    claim(block)
                prioritise(block, priority, duration)
            if plan.tail != NO_BLOCK:
                self.claim_tail(plan)
        blocks.step_close_claims(self.matched_blocks(plans))

    def claim_tail(self, plan: Plan) -> None:
        """Keep the tail from being a victim until it has been taken over or copied (#12892)."""
        blocks = self._blocks
        if blocks.handle[plan.tail] != NOT_QUEUED:
            blocks.step_claim(plan.tail)
        if plan.in_place:
            blocks.step_prioritise(plan.tail, *plan.kept[len(plan.chain)])

    def matched_blocks(self, plans: list[Plan]) -> tuple[int, ...]:
        """All matched blocks, each once, in the order of their first match."""
        if len(plans) == 1:
            tail = plans[0].tail
            return (*plans[0].chain, tail) if tail != NO_BLOCK else tuple(plans[0].chain)
        matched: dict[int, None] = {}
        for plan in plans:
            matched.update(dict.fromkeys(plan.chain))
            if plan.tail != NO_BLOCK:
                matched[plan.tail] = None
        return tuple(matched)

    def admit(self, plan: Plan) -> AdmittedRequest:
        """The second phase for one request; what became of it."""
        before = self.running_totals()
        self.onboard_and_allocate(plan)
        return self.totals_since(before)

    def running_totals(self) -> Totals:
        """What the counters say now."""
        counters = self._counters
        return (
            counters.tokens_reused,
            counters.tokens_admitted,
            counters.blocks_reused_primary + counters.blocks_reused_secondary,
            counters.tokens_reused_in_part,
            counters.blocks_allocated,
            counters.blocks_onboarded,
            counters.blocks_new,
        )

    def totals_since(self, before: Totals) -> AdmittedRequest:
        """What was added to the counters since they said `before`."""
        return AdmittedRequest(*map(sub, self.running_totals(), before))

    def onboard_and_allocate(self, plan: Plan) -> None:
        """Make the sequence live, give it its matched blocks and new ones, and announce what is to be written."""
        request, counters, blocks = plan.request, self._counters, self._blocks
        sequence, size = request.sequence, blocks.config.tokens_per_block
        blocks.step_begin(sequence, plan.tokens, request.decode_priority, request.decode_duration)
        live = blocks.sequences[sequence]
        live.keys = plan.keys
        for block in plan.chain:
            self.take_match(sequence, block)
        position = len(plan.chain)
        if plan.tail != NO_BLOCK:
            self.take_tail(plan)
            position += 1
        fresh = plan.fresh[position:]
        self._sequences.take_new(sequence, fresh)
        blocks.step_reuse(sequence, plan.reused)
        self._sequences.write_up_to(sequence, live, plan.end)
        counters.blocks_new += len(fresh)
        counters.sequences_added += 1
        counters.tokens_added += len(plan.tokens)
        counters.tokens_reused += plan.reused
        counters.tokens_reused_in_part += plan.reused - len(plan.chain) * size
        counters.tokens_admitted += plan.end

    def take_match(self, sequence: int, block: int) -> None:
        """Give `sequence` a block that it matched whole, from host memory if it is there."""
        blocks = self._blocks
        if blocks.slot[block] < blocks.primary_slots:
            self._counters.blocks_reused_primary += 1
        else:
            self._counters.blocks_reused_secondary += 1
            self._allocation.onboard(block)
        blocks.step_acquire(sequence, block)

    def take_tail(self, plan: Plan) -> None:
        """Give the sequence a block that begins with the tokens of its tail: the tail itself, or a copy."""
        if plan.in_place:
            self.take_tail_in_place(plan)
        else:
            self.copy_tail(plan)

    def take_tail_in_place(self, plan: Plan) -> None:
        """The tail leaves the tree, only now: while others were claiming, their matches hung on it (#12892)."""
        blocks, block = self._blocks, plan.tail
        if blocks.slot[block] >= blocks.primary_slots:
            self._allocation.onboard(block)
        blocks.step_detach(block)
        blocks.step_acquire(plan.request.sequence, block)
        self._counters.blocks_taken_in_part += 1

    def copy_tail(self, plan: Plan) -> None:
        """A new block begins with a copy of the matched tokens; they alone are copied, wherever the source is.

        The source may be given back as soon as the copy is submitted: whoever writes there next comes after it.
        """
        blocks, target = self._blocks, self._allocation.take_free()
        blocks.step_prioritise(target, *plan.fresh[len(plan.chain)])
        blocks.step_copy(plan.tail, target, plan.tail_tokens)
        if plan.releases_source:
            blocks.step_release(plan.tail, False)
        blocks.step_acquire(plan.request.sequence, target)
        self._counters.blocks_copied_in_part += 1
