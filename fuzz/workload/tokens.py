"""Requests as token sequences: a block of 512 real tokens is replayed as a block of 2.

A trace names the content of whole blocks, so the content of single tokens cannot matter to a block manager that reuses
whole blocks. What matters of a sequence of n tokens is how many blocks it needs, how many of them are full, and where
a prompt stops being reusable. With `f(n) = 2 (n // 512) + (1 if n % 512 else 0)` tokens in blocks of 2:

- blocks: `ceil(f(n) / 2) == ceil(n / 512)`; full blocks: `f(n) // 2 == n // 512`;
- reusable blocks of a prompt, whose last token is always computed: `(f(n) - 1) // 2 == (n - 1) // 512`. When n is a
  multiple of 512 both sides are one less than the number of blocks, otherwise both are the number of full blocks;
- content: a full block with id h is the tokens (2h, 2h + 1), a partly filled one the token 2h, so blocks are equal
  exactly when their ids and lengths are, and by induction the same holds for whole paths.

So every block is matched, allocated, cached and released exactly when it would be with 512 tokens, at a 256th of the
work. What is generated is in no trace: each generated token is a new one, which no other request ever has.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate, chain

from kvproof.fuzz.workload.request_trace import BLOCK_TOKENS, Request

REPLAY_BLOCK_TOKENS = 2
"""Tokens of a block in the replay: the fewest that tell a partly filled block from a full one."""

Tokens = tuple[int, ...]


def replay_length(tokens: int) -> int:
    """Tokens in the replay for this many real ones: `f(n)` above."""
    return REPLAY_BLOCK_TOKENS * (tokens // BLOCK_TOKENS) + (1 if tokens % BLOCK_TOKENS else 0)


class TokenMapping:
    """The token sequences of a list of requests, which are known by their position in it."""

    def __init__(self, requests: Iterable[Request]) -> None:
        self._requests = list(requests)
        highest = max((hash_id for request in self._requests for hash_id in request.hash_ids), default=-1)
        self._first_generated = REPLAY_BLOCK_TOKENS * (highest + 1)
        counts = [replay_length(r.total_length) - replay_length(r.input_length) for r in self._requests]
        self._starts = list(accumulate(counts, initial=self._first_generated))
        self._pairs: dict[int, Tokens] = {}

    @property
    def vocabulary(self) -> int:
        """Tokens are 0 .. vocabulary - 1."""
        return max(1, self._starts[-1])

    @property
    def longest(self) -> int:
        """Length of the longest sequence, prompt and output together."""
        return max((replay_length(request.total_length) for request in self._requests), default=1)

    def prompt(self, index: int) -> Tokens:
        """The prompt of request `index`."""
        request = self._requests[index]
        whole = chain.from_iterable(map(self._pair, request.hash_ids))
        return tuple(whole)[: replay_length(request.input_length)]

    def generated(self, index: int, start: int, stop: int) -> Tokens:
        """The output tokens of request `index` from length `start` of its sequence up to `stop`, in replay tokens."""
        first = self._starts[index] - replay_length(self._requests[index].input_length)
        return tuple(range(first + start, first + stop))

    def _pair(self, hash_id: int) -> Tokens:
        """The tokens of a full block; the same objects each time, so that comparing paths compares identities."""
        pair = self._pairs.get(hash_id)
        if pair is None:
            start = REPLAY_BLOCK_TOKENS * hash_id
            pair = self._pairs[hash_id] = tuple(range(start, start + REPLAY_BLOCK_TOKENS))
        return pair
