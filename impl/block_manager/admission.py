"""Whether a batch can be admitted, exactly, and how each request gets the block it matched in part.

All of it is decided before anything changes, so that what is admitted cannot run out of blocks halfway.
"""

from __future__ import annotations

from collections.abc import Iterable

from kvproof.impl.block_manager.blocks import Blocks
from kvproof.impl.block_manager.budget import TokenBudget
from kvproof.impl.block_manager.free_queues import NOT_QUEUED
from kvproof.impl.block_manager.matching import PromptMatching
from kvproof.impl.block_manager.plan import NO_BLOCK, Plan
from kvproof.impl.block_manager.reasons import are, primary_blocks
from kvproof.impl.block_manager.requests import Request
from kvproof.impl.block_manager.retention import BlockRetention
from kvproof.impl.block_manager.tokens import full_block_keys
from kvproof.impl.device.interface import Level


class AdmissionControl:
    """Decisions about a batch; nothing here changes anything.

    Args:
        blocks: the pool.
        matching: looks prompts up.
        budget: cuts prompts to a number of tokens.
        retention: knows which retention there is.
    """

    def __init__(
        self, blocks: Blocks, matching: PromptMatching, budget: TokenBudget, retention: BlockRetention
    ) -> None:
        self._blocks = blocks
        self._config = blocks.config
        self._refuse = blocks.counters.refuse
        self._matching = matching
        self._budget = budget
        self._retention = retention

    def decide(self, requests: Iterable[Request], token_budget: int | None) -> list[Plan]:
        """The plans of a batch that cannot run out of blocks; see `BlockManager.add_sequence_batch` for what is refused."""
        plans = self.plan_batch(requests)
        if token_budget is not None:
            self._budget.check_charges(plans, token_budget)
        self.match_batch(plans)
        self._budget.set_ends(plans)
        if token_budget is not None:
            self._budget.trim_ends(plans, token_budget)
        self.choose_modes(plans)
        self.check_admission(plans)
        return plans

    def plan_batch(self, requests: Iterable[Request]) -> list[Plan]:
        """The plans of a batch whose requests are each acceptable as they stand; nothing is matched yet.

        Raises:
            Refused: empty-batch, sequence-in-use, empty-prompt, sequence-too-long, prompt-exceeds-pool or
                chunk-below-block.
            ValueError: see `check_request`.
        """
        plans: list[Plan] = []
        named: set[int] = set()
        for request in requests:
            self.check_request(request)
            sequence, tokens = request.sequence, self._matching.join_tokens(request.tokens, request.extra_ids)
            if sequence in self._blocks.sequences:
                live = len(self._blocks.sequences[sequence].tokens)
                self._refuse("sequence-in-use", f"sequence {sequence}: is live with {live} tokens; finish it first")
            if sequence in named:
                self._refuse("sequence-in-use", f"sequence {sequence}: is twice in the batch; name each sequence once")
            named.add(sequence)
            if not tokens:
                self._refuse("empty-prompt", f"sequence {sequence}: the prompt is empty; it needs at least one token")
            needed = self._matching.blocks_for(sequence, len(tokens))
            self._budget.check_chunk(sequence, request.chunk, len(tokens))
            plans.append(Plan(request, tokens, full_block_keys(tokens, self._config.tokens_per_block), needed))
        if not plans:
            self._refuse("empty-batch", "batch: has no requests; pass at least one")
        return plans

    def check_request(self, request: Request) -> None:
        """Raises ValueError for numbers that mean nothing in this pool."""
        sequence, config = request.sequence, self._config
        for span in request.ranges:
            if span.start < 0:
                raise ValueError(f"sequence {sequence}: a retention range starts at {span.start}; tokens count from 0")
            self._retention.check(sequence, span.priority, span.duration)
        priority = config.default_priority if request.decode_priority is None else request.decode_priority
        self._retention.check(sequence, priority, request.decode_duration)
        if request.chunk and not config.chunked:
            raise ValueError(f"sequence {sequence}: chunk {request.chunk}, but PoolConfig.chunked is False")
        if request.chunk < 0 or request.estimated < 0:
            raise ValueError(f"sequence {sequence}: chunk {request.chunk} or estimate {request.estimated} is negative")

    def match_batch(self, plans: list[Plan]) -> None:
        """What each request finds in the tree as it is now."""
        size = self._config.tokens_per_block
        for plan in plans:
            plan.chain, plan.tail, plan.tail_tokens = self._matching.match(plan.tokens, plan.keys)
            plan.reused = len(plan.chain) * size + plan.tail_tokens

    def choose_modes(self, plans: list[Plan]) -> None:
        """How each request gets its tail: in place or by copy, and who gives the source back.

        One request may take a tail over as it is: the last to match it, so that all copies are made before, and only
        when nobody else needs it whole. A copy source that only this batch keeps is given back by its last copier, right
        after its copy: at the end of the batch would be too late for a request that needs the block (#13029). A block
        that is matched whole by anyone is neither taken over nor given back: that request takes a reference (M-34).
        """
        if not self._config.partial_reuse:
            return
        chained = {block for plan in plans for block in plan.chain}
        last = {plan.tail: plan for plan in plans}
        for plan in plans:
            block = plan.tail
            unclaimed = (
                block != NO_BLOCK and not self._blocks.refs[block] and block not in chained and last[block] is plan
            )
            plan.in_place = unclaimed and not self._blocks.tree.children[block]
            plan.releases_source = unclaimed and not plan.in_place

    def admission_shortfall(self, plans: list[Plan]) -> int:
        """How many free PRIMARY blocks the batch lacks at its worst moment; 0 admits it.

        Matched blocks that are free there are claimed first, and so are no victims, copy sources included (M-38). Then,
        in order, each onboarding, each copy and each new block takes one, and a source given back adds one.
        """
        slot, primary = self._blocks.slot, self._blocks.primary_slots
        free = least = self._blocks.queues.counts[Level.PRIMARY] - len(self.claimed_primary(plans))
        onboarded: set[int] = set()
        for plan in plans:
            if plan.chain and self._config.secondary_blocks:
                before = len(onboarded)
                onboarded.update([block for block in plan.chain if slot[block] >= primary])
                free -= len(onboarded) - before
            fresh = plan.needed - len(plan.chain)
            if plan.tail != NO_BLOCK:
                fresh -= 1
                on_primary = slot[plan.tail] < primary
                if not plan.in_place:
                    free -= 1
                    least = min(least, free)
                    free += plan.releases_source and on_primary
                elif not on_primary:
                    free -= 1
            free -= fresh
            least = min(least, free)
        return max(0, -least)

    def claimed_primary(self, plans: list[Plan]) -> set[int]:
        """The free PRIMARY blocks that the batch matches, wholly or in part."""
        slot, primary, handle = self._blocks.slot, self._blocks.primary_slots, self._blocks.handle
        claimed: set[int] = set()
        for plan in plans:
            if plan.chain:
                claimed.update([block for block in plan.chain if handle[block] != NOT_QUEUED and slot[block] < primary])
            if plan.tail != NO_BLOCK and self._matching.is_free_primary(plan.tail):
                claimed.add(plan.tail)
        return claimed

    def check_admission(self, plans: list[Plan]) -> None:
        """Refuse a batch that would run out of free blocks.

        It takes one for each block of its prompts at most, and one more for a tail that is claimed and copied; where so
        many are free there is nothing to look up.
        """
        if sum([plan.needed + (plan.tail != NO_BLOCK) for plan in plans]) <= self._blocks.queues.counts[Level.PRIMARY]:
            return
        lacking = self.admission_shortfall(plans)
        if lacking:
            free = self._blocks.queues.counts[Level.PRIMARY] - len(self.claimed_primary(plans))
            who = f"sequence {plans[0].request.sequence}" if len(plans) == 1 else f"batch of {len(plans)}"
            self._refuse("no-free-blocks", f"{who}: needs {primary_blocks(free + lacking)}, {are(free)} free; wait")
