"""The promise to the scheduler, held against what a target itself says: an oracle that needs no specification.

A scheduler estimates how much of a prompt is cached (`estimate`) and how many blocks it takes at most
(`blocks_needed`), charges it against the token budget of an iteration, and adds a batch. What it may count on (P-1, P-4,
P-6 and P-7; #12892, #13029, #15187):

- added on the tree on which it was estimated, every request reuses at least its estimate, and costs at most its charge;
- then no chunk is trimmed, and the batch is refused neither for tokens nor, where the blocks needed together are no
  more than were free, for blocks;
- always, with stale estimates too: a batch costs no more than its budget; each chunk makes progress, ends with a block
  or the prompt, and is no longer than was granted; and the totals are the sums of what the requests got.

An estimate holds until an operation that changes something is accepted. The formulas are restated here, from the
working of the micro-batch scheduler (#12682): who judges imports neither side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from kvproof.fuzz.target import Operation, Outcome, Refused, Returned

READ_ONLY = frozenset({"estimate", "blocks_needed"})
"""Operations that change nothing."""

NO_BLOCKS = "no-free-blocks"
NO_TOKENS = "over-token-budget"

Tokens = tuple[int, ...]


def charge(chunk: int, estimated: int, remaining: int) -> int:
    """Tokens that a chunk of a prompt with `remaining` tokens is charged with (#12682).

    Reuse moves a chunk rather than shortening it, so only the last one becomes cheaper.
    """
    if estimated <= 0 or estimated + chunk < remaining:
        return chunk
    return max(0, remaining - estimated)


def chunk_end(start: int, chunk: int, length: int, block_tokens: int) -> int:
    """Where a chunk that begins at token `start` ends: with the prompt of `length` tokens, or with a block (I-37)."""
    if start + chunk >= length:
        return length
    return (start + chunk) // block_tokens * block_tokens


@frozen
class Broken:
    """A promise that was not kept: which, and in words."""

    promise: str
    message: str


class PromiseKeeper:
    """Watches operations and their outcomes, in order, and tells the first broken promise of each.

    Args:
        parameters: sizes, as the specification names them.
    """

    def __init__(self, parameters: Mapping[str, int]) -> None:
        self.batches = 0
        """Batches looked at, the refused ones included."""
        self.fresh = 0
        """Of these, batches all of whose requests had been estimated, on the tree to which they were added."""
        self.trimmed = 0
        """Chunks that were made shorter."""
        self._block_tokens = parameters["tokens_per_block"]
        self._budgeted = parameters["budget_max"] > 0
        self._free = parameters["primary_blocks"]
        self._estimates: dict[Tokens, int] = {}
        self._needed: dict[Tokens, int] = {}

    def look(self, operation: Operation, outcome: Outcome, free_primary: int) -> Broken | None:
        """One operation, the target's outcome, and how many blocks of the device it then has free."""
        name, broken = operation.name, None
        if name in READ_ONLY:
            if isinstance(outcome, Returned):
                known = self._estimates if name == "estimate" else self._needed
                known[operation.arguments["tokens"]] = outcome.value
            return None
        if name == "add_batch":
            broken = self._batch(operation.arguments["requests"], operation.arguments["budget"], outcome)
        elif name == "add" and isinstance(outcome, Returned):
            broken = self._reused(0, operation.arguments["tokens"], outcome.value)
        if isinstance(outcome, Returned):
            self._estimates.clear()
            self._needed.clear()
        self._free = free_primary
        return broken

    def _batch(self, requests: Sequence[Mapping[str, Any]], budget: int, outcome: Outcome) -> Broken | None:
        self.batches += 1
        kept = [self._is_kept(request) for request in requests]
        self.fresh += all(kept)
        if isinstance(outcome, Refused):
            return self._refused(requests, budget, outcome.error, all(kept))
        *results, totals = outcome.value
        for name in totals:
            if totals[name] != sum(result[name] for result in results):
                each = ", ".join(str(result[name]) for result in results)
                return Broken("totals-are-sums", f"{name} is {totals[name]} in all, and {each} of the requests")
        for index, (request, result) in enumerate(zip(requests, results, strict=True)):
            broken = self._reused(index, request["tokens"], result["reused"])
            if broken is None and self._budgeted:
                broken = self._chunk(index, request, result, kept[index])
            if broken is not None:
                return broken
        return self._cost(requests, results, budget) if self._budgeted else None

    def _is_kept(self, request: Mapping[str, Any]) -> bool:
        """Whether the request's estimate is no more than what the target has just said."""
        found = self._estimates.get(request["tokens"])
        return found is not None and request["estimated"] <= found

    def _charged(self, requests: Sequence[Mapping[str, Any]]) -> int:
        return sum(self._charge(request) for request in requests)

    @staticmethod
    def _charge(request: Mapping[str, Any]) -> int:
        length = len(request["tokens"])
        return charge(request["chunk"] or length, request["estimated"], length)

    def _refused(self, requests: Sequence[Mapping[str, Any]], budget: int, error: str, kept: bool) -> Broken | None:
        if error == NO_TOKENS and kept and self._budgeted:
            charged = self._charged(requests)
            if charged <= budget:
                message = f"a batch charged with {charged} of {budget} tokens, estimated afresh, was refused {error}"
                return Broken("enough-tokens-are-enough", message)
        if error == NO_BLOCKS and all(request["tokens"] in self._needed for request in requests):
            needed = sum(self._needed[request["tokens"]] for request in requests)
            if needed <= self._free:
                message = f"a batch that needs {needed} blocks, counted afresh, was refused with {self._free} free"
                return Broken("enough-blocks-are-enough", message)
        return None

    def _reused(self, index: int, tokens: Tokens, reused: int) -> Broken | None:
        """P-1."""
        estimate = self._estimates.get(tokens)
        if estimate is None or reused >= estimate:
            return None
        message = f"request {index} of {len(tokens)} tokens reuses {reused} of them, the estimate was {estimate}"
        return Broken("reuse-as-estimated", message)

    def _chunk(self, index: int, request: Mapping[str, Any], result: Mapping[str, int], kept: bool) -> Broken | None:
        """P-4, and what a trim must leave."""
        length, reused, end = len(request["tokens"]), result["reused"], result["computed"]
        granted = request["chunk"] or length
        wanted = chunk_end(reused, granted, length, self._block_tokens)
        where = f"request {index} of {length} tokens computes {reused} to {end}"
        if end <= reused:
            return Broken("progress", f"{where}, which is nothing")
        if end > wanted:
            return Broken("trim-only-shortens", f"{where}: beyond {wanted}, where a chunk of {granted} ends")
        if end < length and end % self._block_tokens:
            return Broken("chunks-end-with-blocks", f"{where}, inside a block of {self._block_tokens}")
        self.trimmed += end < wanted
        charged = self._charge(request)
        if kept and end - reused > charged:
            return Broken("cost-at-most-charge", f"{where}, and was charged with {charged}")
        return None

    def _cost(
        self, requests: Sequence[Mapping[str, Any]], results: Sequence[Mapping[str, int]], budget: int
    ) -> Broken | None:
        cost = sum(result["computed"] - result["reused"] for result in results)
        if cost > budget:
            return Broken("within-token-budget", f"the batch computes {cost} tokens, its budget is {budget}")
        wanted = 0
        for request, result in zip(requests, results, strict=True):
            length = len(request["tokens"])
            end = chunk_end(result["reused"], request["chunk"] or length, length, self._block_tokens)
            wanted += end - result["reused"]
        if wanted <= budget and cost < wanted:
            return Broken("trim-only-what-must-be", f"the batch computes {cost} tokens, and {wanted} fit into {budget}")
        return None
