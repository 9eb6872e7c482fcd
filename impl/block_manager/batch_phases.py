"""The two phases of an admitted batch (#12892, #13029).

First all requests claim what they matched, and nothing else changes: no allocation that follows can evict a block that
any of them counts on. Then, request by request, blocks are onboarded, taken over, copied and allocated.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import sub

from kvproof.impl.block_manager.admission import AdmissionControl
from kvproof.impl.block_manager.free_queues import NOT_QUEUED
from kvproof.impl.block_manager.prompts import NO_BLOCK, Plan, Retention
from kvproof.impl.block_manager.requests import AdmittedRequest
from kvproof.impl.block_manager.sequence import Sequence

Totals = tuple[int, int, int, int, int, int, int]
"""Running totals in the order of the fields of `AdmittedRequest`."""


class BatchPhases(AdmissionControl):
    """What changes when a batch is admitted."""

    def run_batch(self, plans: list[Plan]) -> list[AdmittedRequest]:
        """Both phases; what became of each request."""
        self.claim_matches(plans)
        return [self.admit(plan) for plan in plans]

    def claim_matches(self, plans: list[Plan]) -> None:
        """The first phase. The last claimer's retention wins; a copy source is only read and keeps its own."""
        handle, claim, prioritise = self._queues.handle, self.step_claim, self.step_prioritise
        self.step_open_claims()
        for plan in plans:
            plan.fresh, plan.kept = self.retention_by_position(plan.request.ranges, plan.needed)
            for block, (priority, duration) in zip(plan.chain, plan.kept, strict=False):
                if handle[block] != NOT_QUEUED:
                    claim(block)
                prioritise(block, priority, duration)
            if plan.tail != NO_BLOCK:
                self.claim_tail(plan)
        self.step_close_claims(self.matched_blocks(plans))

    def claim_tail(self, plan: Plan) -> None:
        """Keep the tail from being a victim until it has been taken over or copied (#12892)."""
        if self._queues.handle[plan.tail] != NOT_QUEUED:
            self.step_claim(plan.tail)
        if plan.in_place:
            self.step_prioritise(plan.tail, *plan.kept[len(plan.chain)])

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
        counters = self.counters
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
        request, counters = plan.request, self.counters
        sequence, size = request.sequence, self.config.tokens_per_block
        self.step_begin(sequence, plan.tokens, request.decode_priority, request.decode_duration)
        live = self._sequences[sequence]
        live.keys = plan.keys
        for block in plan.chain:
            self.take_match(sequence, block)
        position = len(plan.chain)
        if plan.tail != NO_BLOCK:
            self.take_tail(plan)
            position += 1
        fresh = plan.fresh[position:]
        self.take_new(sequence, fresh)
        self.step_reuse(sequence, plan.reused)
        self.write_up_to(sequence, live, plan.end)
        counters.blocks_new += len(fresh)
        counters.sequences_added += 1
        counters.tokens_added += len(plan.tokens)
        counters.tokens_reused += plan.reused
        counters.tokens_reused_in_part += plan.reused - len(plan.chain) * size
        counters.tokens_admitted += plan.end

    def take_match(self, sequence: int, block: int) -> None:
        """Give `sequence` a block that it matched whole, from host memory if it is there."""
        if self._slot[block] < self._primary_slots:
            self.counters.blocks_reused_primary += 1
        else:
            self.counters.blocks_reused_secondary += 1
            self.onboard(block)
        self.step_acquire(sequence, block)

    def take_tail(self, plan: Plan) -> None:
        """Give the sequence a block that begins with the tokens of its tail: the tail itself, or a copy."""
        if plan.in_place:
            self.take_tail_in_place(plan)
        else:
            self.copy_tail(plan)

    def take_tail_in_place(self, plan: Plan) -> None:
        """The tail leaves the tree, only now: while others were claiming, their matches hung on it (#12892)."""
        block = plan.tail
        if self._slot[block] >= self._primary_slots:
            self.onboard(block)
        self.step_detach(block)
        self.step_acquire(plan.request.sequence, block)
        self.counters.blocks_taken_in_part += 1

    def copy_tail(self, plan: Plan) -> None:
        """A new block begins with a copy of the matched tokens; they alone are copied, wherever the source is.

        The source may be given back as soon as the copy is submitted: whoever writes there next comes after it.
        """
        target = self.take_free()
        self.step_prioritise(target, *plan.fresh[len(plan.chain)])
        self.step_copy(plan.tail, target, plan.tail_tokens)
        if plan.releases_source:
            self.release_source(plan)
        self.step_acquire(plan.request.sequence, target)
        self.counters.blocks_copied_in_part += 1

    def release_source(self, plan: Plan) -> None:
        """Give back a copy source that only this batch has kept."""
        self.step_release(plan.tail, False)

    def take_new(self, sequence: int, retentions: Iterable[Retention]) -> None:
        """Give `sequence` an empty block for each of `retentions`."""
        take_free, prioritise, acquire = self.take_free, self.step_prioritise, self.step_acquire
        for priority, duration in retentions:
            block = take_free()
            prioritise(block, priority, duration)
            acquire(sequence, block)

    def write_up_to(self, sequence: int, live: Sequence, end: int) -> None:
        """Announce the writes of the tokens from the first that is not computed up to `end`."""
        size, write = self.config.tokens_per_block, self.step_write
        first, full = live.computed // size, end // size
        for position in range(first, full):
            write(sequence, position, (position + 1) * size)
        if end % size:
            write(sequence, full, end)
