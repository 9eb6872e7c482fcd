"""Adding sequences, one or a batch, in two phases (#12892, #12878, #13029).

Phase 1 claims every matching block of every request and changes nothing else: no tree, no reference, no slot (I-30).
Phase 2 copies, onboards and allocates, request by request; whatever it evicts, nobody in the batch has counted on (B-4). A
batch that cannot be completed is refused before the first claim (D-3).
"""

from __future__ import annotations

from kvproof.spec.block_manager.kinds import (
    PRIMARY,
    SECONDARY,
    Block,
    Budget,
    Duration,
    Priority,
    Sequence,
    Tokens,
)
from kvproof.spec.block_manager.promise import Promise
from kvproof.spec.block_manager.requests import (
    Added,
    Batched,
    Plan,
    Plans,
    Promised,
    Ranges,
    Request,
    Requests,
    Results,
    RetentionRange,
)
from kvproof.spec.lang import ensure, operation, reject, sometimes


class BatchOperations(Promise):
    """The operations that open sequences."""

    @operation
    def estimate(self, tokens: Tokens) -> int:
        """How many tokens of a prompt would be reused if it were added now, at least; never all (I-36). Changes nothing."""
        if len(tokens) == 0:
            reject("empty-prompt")
        reused = self.estimated(tokens)
        ensure(reused < len(tokens), "the-last-token-is-never-reused")
        return reused

    @operation
    def blocks_needed(self, tokens: Tokens) -> int:
        """How many free primary blocks a prompt takes at most. Changes nothing."""
        if len(tokens) == 0:
            reject("empty-prompt")
        return self.needed(tokens)

    @operation
    def add(self, sequence: Sequence, tokens: Tokens, priority: Priority) -> int:
        """Open a sequence on what is cached of its prompt, and give it blocks for the rest: a batch of one.

        All its blocks are kept at `priority`, without a time limit. Returns the number of tokens reused:
        `reuse-as-estimated` (P-1). It is not refused in vain: `enough-blocks-are-enough` (P-7).
        """
        if sequence in self.live:
            reject("sequence-in-use")
        if len(tokens) == 0:
            reject("empty-prompt")
        if self.blocks_for(len(tokens)) > self.params.primary_blocks:
            reject("prompt-exceeds-pool")
        wishes: Ranges = (RetentionRange(0, len(tokens), priority, 0),) if self.params.ranges_max > 0 else ()
        requests = (Request(sequence, tokens, wishes, priority, 0, 0, 0),)
        plans = self.plan(requests, len(tokens))
        if not self.fits(plans, requests):
            ensure(self.needed(tokens) > len(self.free[PRIMARY]), "enough-blocks-are-enough")
            sometimes("an add is refused for want of blocks")
            reject("no-free-blocks")
        promised = self.estimated(tokens)
        added = self.place(requests, plans)
        ensure(added[0].reused >= promised, "reuse-as-estimated")
        return added[0].reused

    @operation
    def add_batch(self, requests: Batched, budget: Budget) -> Results:
        """Open several sequences at once, in this order, all of them or none.

        What is matched for one request is safe from the others: `reuse-as-estimated` (P-1, I-38). The first chunks of all
        prompts together fit into `budget` tokens: `within-token-budget` (P-6), `within-budget-as-estimated` (P-4). A
        batch is not refused in vain: `enough-blocks-are-enough` (P-7). Returns what each request got, and last their sum.
        """
        if len(requests) == 0:
            reject("empty-batch")
        for index in range(len(requests)):
            if requests[index].sequence in self.live or self.is_named_before(requests, index):
                reject("sequence-in-use")
            if len(requests[index].tokens) == 0:
                reject("empty-prompt")
            if self.blocks_for(len(requests[index].tokens)) > self.params.primary_blocks:
                reject("prompt-exceeds-pool")
            if self.is_too_short(requests[index].chunk, len(requests[index].tokens)):
                reject("chunk-below-block")
        if self.params.budget_max > 0 and self.charged(requests) > budget:
            reject("over-token-budget")
        plans = self.plan(requests, budget)
        if self.params.budget_max > 0 and self.cost(plans) > budget:
            sometimes("a batch is refused because its estimates were stale")
            ensure(not self.is_as_estimated(requests, plans), "within-budget-as-estimated")
            ensure(self.least_cost(requests, plans) > budget, "trimmed-before-refused")
            reject("over-token-budget")
        if not self.fits(plans, requests):
            ensure(sum(self.needed(r.tokens) for r in requests) > len(self.free[PRIMARY]), "enough-blocks-are-enough")
            sometimes("a batch is refused for want of blocks")
            reject("no-free-blocks")
        self.check_trim(requests, plans, budget)
        promised: Promised = ()
        for request in requests:
            promised = promised + (self.estimated(request.tokens),)
        added = self.place(requests, plans)
        ensure(all(added[i].reused >= promised[i] for i in range(len(requests))), "reuse-as-estimated")
        ensure(
            self.tokens_computed(added, len(requests)) <= budget or self.params.budget_max == 0, "within-token-budget"
        )
        ensure(self.is_told_truly(requests, added[len(requests)]), "sums-tell-the-state")
        return added

    def is_told_truly(self, requests: Requests, total: Added) -> bool:
        """Whether the sum of what the requests of a batch got is what their sequences have."""
        blocks = sum(len(self.blocks[request.sequence]) for request in requests)
        return (
            total.computed == sum(self.computed[request.sequence] for request in requests)
            and total.reused == total.full * self.params.tokens_per_block + total.partial
            and total.full + total.new <= blocks
            and blocks <= total.full + total.new + total.partial
            and total.onboarded + total.new <= total.allocated
        )

    def is_named_before(self, requests: Requests, index: int) -> bool:
        """Whether an earlier request of a batch opens the same sequence."""
        return any(requests[earlier].sequence == requests[index].sequence for earlier in range(index))

    def is_too_short(self, chunk: int, length: int) -> bool:
        """Whether a chunk could end without having computed a block (P-5)."""
        return chunk > 0 and chunk < self.params.tokens_per_block and chunk < length

    def granted(self, request: Request) -> int:
        """The tokens that a request may compute at once."""
        return len(request.tokens) if request.chunk == 0 else request.chunk

    def charged(self, requests: Requests) -> int:
        """What the scheduler charges for a batch."""
        return sum(self.charge(self.granted(r), r.estimated, len(r.tokens)) for r in requests)

    def is_as_estimated(self, requests: Requests, plans: Plans) -> bool:
        """Whether every request of a batch reuses what the scheduler was told."""
        return all(plans[index].reused >= requests[index].estimated for index in range(len(plans)))

    def check_trim(self, requests: Requests, plans: Plans, budget: int) -> None:
        """Kept estimates are never trimmed, `kept-estimates-are-not-trimmed` (P-4), and chunks end with a block, after some
        progress, `trim-keeps-blocks-and-progress` (P-6).
        """
        if self.params.budget_max > 0:
            ensure(
                all(self.is_sound(requests[i], plans[i]) for i in range(len(plans))), "trim-keeps-blocks-and-progress"
            )
            ensure(
                not self.is_as_estimated(requests, plans)
                or all(plans[i].end == self.wanted_end(requests[i], plans[i]) for i in range(len(plans))),
                "kept-estimates-are-not-trimmed",
            )
            if not self.is_as_estimated(requests, plans):
                sometimes("a batch is added with stale estimates")
            if any(plans[i].end < self.wanted_end(requests[i], plans[i]) for i in range(len(plans))):
                sometimes("a chunk is trimmed")

    def least_cost(self, requests: Requests, plans: Plans) -> int:
        """Tokens that a batch computes when every chunk ends with the first block after what is reused."""
        return sum(
            min(
                len(requests[i].tokens),
                (plans[i].reused // self.params.tokens_per_block + 1) * self.params.tokens_per_block,
            )
            - plans[i].reused
            for i in range(len(plans))
        )

    def is_sound(self, request: Request, plan: Plan) -> bool:
        """Whether a chunk makes progress and ends with a block or with the prompt, no later than asked for."""
        return (
            plan.reused < plan.end
            and plan.end <= self.wanted_end(request, plan)
            and (plan.end == len(request.tokens) or plan.end % self.params.tokens_per_block == 0)
        )

    def wanted_end(self, request: Request, plan: Plan) -> int:
        """Where the first chunk of a request ends when nothing is trimmed."""
        return self.chunk_end(plan.reused, self.granted(request), len(request.tokens))

    def tokens_computed(self, added: Results, number: int) -> int:
        """Tokens that the forward pass computes for the first `number` results."""
        return sum(added[index].computed - added[index].reused for index in range(number))

    def place(self, requests: Requests, plans: Plans) -> Results:
        """Both phases of a batch that fits."""
        ensure(
            not any(self.has_longer_part(requests[i].tokens, plans[i]) for i in range(len(plans))),
            "the-longest-part-is-reused",
        )
        self.open_claims()
        for index in range(len(requests)):
            self.claim_matches(requests[index], plans[index])
        self.close_claims(self.counted_on(plans))
        results: Results = ()
        for index in range(len(requests)):
            served = self.serve(requests[index], plans[index])
            ensure(self.are_kept_as_wished(requests[index], served.new), "new-blocks-are-kept-as-wished")
            results = results + (served,)
        return results + (self.total(results),)

    def has_longer_part(self, tokens: Tokens, plan: Plan) -> bool:
        """Whether a block below a request's chain begins with more tokens of its prompt than the request will reuse."""
        rest = self.key_at(self.usable(tokens), len(plan.chain))
        longer = plan.partial + 1
        return (
            self.params.partial_reuse == 1
            and len(rest) >= longer
            and any(
                self.key[block][:longer] == rest[:longer] and self.is_sharable(block)
                for block in self.child[self.end_of(plan.chain)].values()
            )
        )

    def are_kept_as_wished(self, request: Request, new: int) -> bool:
        """Whether the last `new` blocks of a prompt have the priority and the time of a range that covers each, if one
        does."""
        held = self.blocks[request.sequence]
        return all(
            any(
                self.covers(wish, position)
                and self.priority[held[position]] == wish.priority
                and self.duration[held[position]] == wish.duration
                for wish in request.ranges
            )
            for position in range(len(held) - new, len(held))
            if any(self.covers(wish, position) for wish in request.ranges)
        )

    def claim_matches(self, request: Request, plan: Plan) -> None:
        """Phase 1 for one request: take what it has matched out of the queues, and set the retention of what it keeps."""
        for position in range(len(plan.chain)):
            self.claim_if_free(plan.chain[position])
            self.keep(request, position, plan.chain[position])
        if plan.tail is not None:
            self.claim_if_free(plan.tail)
            if plan.in_place:
                self.keep(request, len(plan.chain), plan.tail)

    def claim_if_free(self, block: Block) -> None:
        """Claim a block unless somebody has it already."""
        if self.is_free(block):
            self.claim(block)

    def keep(self, request: Request, position: int, block: Block) -> None:
        """Set the retention of a reused block: without a wish it keeps its priority, and loses its time limit (M-08)."""
        self.prioritise(block, self.wished_priority(request, position), self.wished_duration(request, position))

    def wished_priority(self, request: Request, position: int) -> Priority | None:
        """The priority that a request wants for its block at `position`."""
        for wish in request.ranges:
            if self.covers(wish, position):
                return wish.priority
        return None

    def wished_duration(self, request: Request, position: int) -> Duration:
        """The time for which it wants that."""
        for wish in request.ranges:
            if self.covers(wish, position):
                return wish.duration
        return 0

    def covers(self, wish: RetentionRange, position: int) -> bool:
        """Whether the block at `position` begins inside a range."""
        return (
            wish.start <= position * self.params.tokens_per_block and position * self.params.tokens_per_block < wish.end
        )

    def serve(self, request: Request, plan: Plan) -> Added:
        """Phase 2 for one request: bring its blocks to the device, copy, allocate, and compute the first chunk."""
        self.begin(request.sequence, request.tokens, request.decode_priority, request.decode_duration)
        onboarded = 0
        for block in plan.chain:
            onboarded += self.bring(block)
            self.acquire(request.sequence, block)
        allocated = onboarded
        there = len(plan.chain)
        if plan.tail is not None:
            if plan.in_place:
                sometimes("a block is reused in part in place")
                brought = self.bring(plan.tail)
                self.detach(plan.tail)
                self.acquire(request.sequence, plan.tail)
                onboarded += brought
                allocated += brought
            else:
                self.take_copy(request, plan, plan.tail)
                allocated += 1
            there += 1
        missing = self.blocks_for(len(request.tokens)) - there
        for position in range(there, there + missing):
            self.take_new(
                request.sequence, self.wished_priority(request, position), self.wished_duration(request, position)
            )
        self.reuse(request.sequence, plan.reused)
        self.compute(request.sequence, plan.end)
        return Added(plan.reused, plan.end, len(plan.chain), plan.partial, allocated + missing, onboarded, missing)

    def bring(self, block: Block) -> int:
        """Onboard a block that is on the host. Returns how many blocks that were."""
        if self.level(block) == SECONDARY:
            self.onboard(block)
            return 1
        return 0

    def take_copy(self, request: Request, plan: Plan, source: Block) -> None:
        """Copy the part of a block that a request can use into a fresh one, and let the source go if it is the last."""
        sometimes("a block is reused in part by copy")
        target = self.take_free()
        wish = self.wished_priority(request, len(plan.chain))
        self.prioritise(
            target,
            self.params.default_priority if wish is None else wish,
            self.wished_duration(request, len(plan.chain)),
        )
        self.copy(source, target, plan.partial)
        if plan.releases:
            sometimes("a source of copies is released")
            self.release(source, False)
        self.acquire(request.sequence, target)

    def total(self, results: Results) -> Added:
        """The sum of what the requests of a batch got."""
        return Added(
            sum(each.reused for each in results),
            sum(each.computed for each in results),
            sum(each.full for each in results),
            sum(each.partial for each in results),
            sum(each.allocated for each in results),
            sum(each.onboarded for each in results),
            sum(each.new for each in results),
        )
