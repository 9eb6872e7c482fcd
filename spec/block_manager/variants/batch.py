"""Historic bugs of the batch protocol and of the promise to the scheduler, each as the machine that had it."""

from __future__ import annotations

from kvproof.spec.block_manager.kinds import PRIMARY, SECONDARY, Block, Budget, Tokens
from kvproof.spec.block_manager.machine import BlockManager
from kvproof.spec.block_manager.requests import Batched, Plan, Plans, Request, Requests, Results
from kvproof.spec.lang import operation, reject


class FreeLeafInFirstPhase(BlockManager):
    """M-22 (#12892, first version): the first phase takes a partly matched leaf out of the tree at once."""

    BREAKS = ("claims-change-nothing",)

    def claim_matches(self, request: Request, plan: Plan) -> None:
        for position in range(len(plan.chain)):
            self.claim_if_free(plan.chain[position])
            self.keep(request, position, plan.chain[position])
        if plan.tail is not None:
            self.claim_if_free(plan.tail)
            if plan.in_place:
                self.keep(request, len(plan.chain), plan.tail)
                self.detach(plan.tail)


class OneRequestAfterTheOther(BlockManager):
    """M-29 (before #12892): each request is matched when its turn comes, after the evictions of those before it."""

    BREAKS = ("reuse-as-estimated",)

    def place(self, requests: Requests, plans: Plans) -> Results:
        results: Results = ()
        for index in range(len(requests)):
            own = self.plan((requests[index],), len(requests[index].tokens))
            self.open_claims()
            self.claim_matches(requests[index], own[0])
            self.close_claims(self.counted_on(own))
            results = results + (self.serve(requests[index], own[0]),)
        return results + (self.total(results),)


class OnboardBeforeClaim(BlockManager):
    """M-30 (#12892): matched blocks are claimed one by one, so onboarding the first may evict the second."""

    BREAKS = ("copy-from-cached",)

    def place(self, requests: Requests, plans: Plans) -> Results:
        results: Results = ()
        for index in range(len(requests)):
            results = results + (self.serve(requests[index], plans[index]),)
        return results + (self.total(results),)

    def bring(self, block: Block) -> int:
        self.claim_if_free(block)
        if self.level(block) == SECONDARY:
            self.onboard(block)
            return 1
        return 0


class SourceLeftInQueue(BlockManager):
    """M-31 (#12892, review): a source of copies that nothing refers to is not claimed, and may be evicted before."""

    BREAKS = ("matched-blocks-are-claimed",)

    def claim_matches(self, request: Request, plan: Plan) -> None:
        for position in range(len(plan.chain)):
            self.claim_if_free(plan.chain[position])
            self.keep(request, position, plan.chain[position])
        if plan.tail is not None and plan.in_place:
            self.claim_if_free(plan.tail)
            self.keep(request, len(plan.chain), plan.tail)


class SourceHeldToTheEnd(BlockManager):
    """M-32 (#13029, before its third commit): sources of copies are released when the whole batch is done."""

    BREAKS = ("admitted-never-fails",)

    def place(self, requests: Requests, plans: Plans) -> Results:
        self.open_claims()
        for index in range(len(requests)):
            self.claim_matches(requests[index], plans[index])
        self.close_claims(self.counted_on(plans))
        results: Results = ()
        for index in range(len(requests)):
            results = results + (self.serve(requests[index], plans[index]),)
        for plan in plans:
            if plan.releases and plan.tail is not None:
                self.release(plan.tail, False)
        return results + (self.total(results),)

    def take_copy(self, request: Request, plan: Plan, source: Block) -> None:
        target = self.take_free()
        self.prioritise(target, self.params.default_priority, 0)
        self.copy(source, target, plan.partial)
        self.acquire(request.sequence, target)


class FullMatchDoesNotRevoke(BlockManager):
    """M-34: the last copier releases its source although another request of the batch reuses that in full."""

    BREAKS = ("claim-before-acquire",)

    def is_last_copier(self, plans: Plans, index: int) -> bool:
        tail = plans[index].tail
        return (
            tail is not None
            and self.refs[tail] == 0
            and not self.is_in_place(plans, index)
            and all(later <= index or plans[later].tail != tail for later in range(len(plans)))
        )


class RefusedHalfway(BlockManager):
    """M-37 (#12865): each request is tested when its turn comes; the earlier ones stay when a later one is refused."""

    BREAKS = ("all-or-nothing",)

    @operation
    def add_batch(self, requests: Batched, budget: Budget) -> Results:
        """Open several sequences, one after the other, until one does not fit."""
        if len(requests) == 0:
            reject("empty-batch")
        for index in range(len(requests)):
            if requests[index].sequence in self.live or self.is_named_before(requests, index):
                reject("sequence-in-use")
            if len(requests[index].tokens) == 0:
                reject("empty-prompt")
            if self.blocks_for(len(requests[index].tokens)) > self.params.primary_blocks:
                reject("prompt-exceeds-pool")
        results: Results = ()
        for index in range(len(requests)):
            own = self.plan((requests[index],), len(requests[index].tokens))
            if not self.fits(own, (requests[index],)):
                reject("no-free-blocks")
            results = results + (self.place((requests[index],), own)[0],)
        return results


class SourcesNotCounted(BlockManager):
    """M-38: admission forgets that a source of copies is claimed too, and counts it as free."""

    BREAKS = ("admitted-never-fails",)

    def fits(self, plans: Plans, requests: Requests) -> bool:
        left = len(self.free[PRIMARY])
        for block in self.every(Block):
            if block in self.free[PRIMARY] and any(
                block in plan.chain or (plan.tail == block and plan.in_place) for plan in plans
            ):
                left -= 1
        for index in range(len(plans)):
            plan = plans[index]
            left -= sum(
                1
                for block in plan.chain
                if self.level(block) == SECONDARY and not self.is_met_before(plans, index, block)
            )
            left -= self.blocks_for(len(requests[index].tokens)) - len(plan.chain)
            if plan.in_place and plan.tail is not None and self.level(plan.tail) == PRIMARY:
                left += 1
        return left >= 0


class LastTokenEstimated(BlockManager):
    """M-48 (#12404, #12665): a prompt that ends with a block is estimated to reuse that block too."""

    BREAKS = ("the-last-token-is-never-reused",)

    def estimated(self, tokens: Tokens) -> int:
        return len(self.match(tokens)) * self.params.tokens_per_block


class ReuseShortensChunk(BlockManager):
    """M-51 (#12658, #12682, #12976): every chunk is charged less what is reused, as if reuse did not shift it."""

    BREAKS = ("within-budget-as-estimated",)

    def charge(self, chunk: int, estimated: int, remaining: int) -> int:
        return max(0, min(chunk, remaining) - estimated)


class BudgetNotChecked(BlockManager):
    """M-53 (#13318, #13351, #13601, #15187): nobody looks at what the batch costs once its reuse is known."""

    BREAKS = ("within-token-budget",)

    def cost(self, plans: Plans) -> int:
        return 0


class EstimateByTokens(BlockManager):
    """M-54: the estimate counts tokens of the last block, which only a partial match could reuse."""

    BREAKS = ("reuse-as-estimated",)

    def estimated(self, tokens: Tokens) -> int:
        return max(0, min(len(self.match(tokens)) * self.params.tokens_per_block, len(tokens) - 1))


class FirstMatchClaimed(BlockManager):
    """M-75 (half of #12892): the first phase claims only the first block of each chain, as if no chain had a second."""

    BREAKS = ("matched-blocks-are-claimed",)

    def claim_matches(self, request: Request, plan: Plan) -> None:
        for position in range(min(1, len(plan.chain))):
            self.claim_if_free(plan.chain[position])
            self.keep(request, position, plan.chain[position])
        if plan.tail is not None:
            self.claim_if_free(plan.tail)
            if plan.in_place:
                self.keep(request, len(plan.chain), plan.tail)


BATCH_VARIANTS: dict[str, type[BlockManager]] = {
    "M-22": FreeLeafInFirstPhase,
    "M-29": OneRequestAfterTheOther,
    "M-30": OnboardBeforeClaim,
    "M-31": SourceLeftInQueue,
    "M-32": SourceHeldToTheEnd,
    "M-34": FullMatchDoesNotRevoke,
    "M-37": RefusedHalfway,
    "M-38": SourcesNotCounted,
    "M-48": LastTokenEstimated,
    "M-51": ReuseShortensChunk,
    "M-53": BudgetNotChecked,
    "M-54": EstimateByTokens,
    "M-75": FirstMatchClaimed,
}
