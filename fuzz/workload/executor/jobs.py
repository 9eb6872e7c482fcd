"""A request trace as an executor of sequence caches is given it: texts, prompts and outputs, in replay tokens.

The lengths are scaled as everywhere (see `kvproof.fuzz.workload.tokens`): a block of 512 real tokens is one of 2. What a
full block holds is one number of a text, and only whole beginnings of texts are ever compared. So a block's number is that
among the different blocks which come after the same beginning: two texts agree as far as their requests do, with a few
hundred numbers for tens of thousands of blocks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from attrs import frozen

from kvproof.fuzz.workload.request_trace import BLOCK_TOKENS, Request
from kvproof.fuzz.workload.tokens import REPLAY_BLOCK_TOKENS, replay_length

ITERATION_MS = 4_000
"""Time of an iteration in the trace. A token of the replay stands for 256, which take 7.7 s at the traces' 30 ms a token:
replayed requests generate in about half of the time of the recorded ones, and wait longer for their prompts."""


@frozen
class Job:
    """One request: when it arrives, what its full blocks are, tokens of its prompt and of all of it."""

    arrival_ms: int
    text: tuple[int, ...]
    prompt: int
    total: int

    @property
    def blocks(self) -> int:
        """Blocks of all of it."""
        return -(-self.total // REPLAY_BLOCK_TOKENS)


def jobs_of(requests: Sequence[Request]) -> list[Job]:
    """The requests of a trace; each generates at least one token."""
    places: dict[tuple[int, int], tuple[int, int]] = {}
    """Per beginning and next block's id: the block's number, and the beginning with it. 0 is the empty beginning."""
    children: Counter[int] = Counter()
    jobs = []
    for request in requests:
        text: list[int] = []
        beginning = 0
        for hash_id in request.hash_ids[: request.input_length // BLOCK_TOKENS]:
            place = places.get((beginning, hash_id))
            if place is None:
                place = places[beginning, hash_id] = (children[beginning], len(places) + 1)
                children[beginning] += 1
            text.append(place[0])
            beginning = place[1]
        prompt = replay_length(request.input_length)
        total = max(prompt + 1, replay_length(request.total_length))
        jobs.append(Job(request.timestamp, tuple(text), prompt, total))
    return jobs


def chunk_count(jobs: Sequence[Job]) -> int:
    """How many numbers of blocks there are, at least 1."""
    return 1 + max((chunk for job in jobs for chunk in job.text), default=0)
