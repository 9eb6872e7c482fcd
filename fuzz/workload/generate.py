"""Request traces of the shape of real ones, from a seed.

Conversations begin at random and take several turns. A turn's prompt is all that was said before, the answers included,
and some more; so its full blocks are those of the turn before it and new ones. All conversations begin with the same
block (the service's system prompt), and some with one of a few shared documents. Ids are given by content, in order of
first appearance: equal ids mean equal whole prefixes, and a partly filled last block has an id of its own. As in the
traces that were recorded, arrivals come in bursts on a grid of three seconds.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from heapq import heappop, heappush
from math import log
from pathlib import Path
from random import Random

from attrs import define, frozen

from kvproof.fuzz.target import HarnessError
from kvproof.fuzz.trace import write_atomically
from kvproof.fuzz.workload.request_trace import BLOCK_TOKENS, Request, blocks_for

GRID_MS = 3_000
"""Arrivals happen at multiples of this, as in the recorded traces."""

CONVERSATION_GAP_MS = 3_200
"""Mean time between the starts of two conversations."""

THINK_MS = 60_000
"""Mean time between two turns of a conversation."""

TURNS_MEAN = 1.5
FIRST_PROMPT_MEDIAN = 6_000
NEXT_PROMPT_MEDIAN = 900
OUTPUT_MEDIAN = 240
"""Tokens. Lengths are log-normal, which gives the long tail that recorded traces have."""

OUTPUT_MAX = 2_000
PROMPT_BLOCKS_MAX = 247
"""The largest request of the recorded traces."""

PROMPT_MIN = BLOCK_TOKENS + 1
"""Every prompt has the common first block and at least one token of its own."""

DOCUMENTS = 6
DOCUMENT_BLOCKS = (4, 40)
DOCUMENT_SHARE = 0.12
"""Share of conversations that begin with one of the documents."""


@frozen
class TraceShape:
    """Facts of a list of requests; blocks are prompt blocks."""

    requests: int
    conversations: int
    span_ms: int
    blocks: int
    full_blocks: int
    distinct_blocks: int
    reusable_blocks: int
    largest_prompt: int
    output_tokens: int


@define
class _Conversation:
    """What has been said so far: its length in tokens and the ids of its full blocks."""

    length: int
    full: list[int]
    turns_left: int


class TraceGenerator:
    """Makes requests; the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._next_id = 1  # 0 is the common first block
        self._documents = [self._document() for _ in range(DOCUMENTS)]
        self.conversations = 0
        """Conversations begun so far."""

    def requests(self, count: int) -> list[Request]:
        """The first `count` requests."""
        waiting: list[tuple[float, int, _Conversation]] = []
        made: list[Request] = []
        start, number = 0.0, 0
        while len(made) < count:
            while not waiting or start <= waiting[0][0]:
                number += 1
                heappush(waiting, (start, number, self._begin()))
                start += self._random.expovariate(1 / CONVERSATION_GAP_MS)
            time, _, conversation = heappop(waiting)
            made.append(self._turn(int(time) // GRID_MS * GRID_MS, conversation))
            if conversation.turns_left and blocks_for(conversation.length) < PROMPT_BLOCKS_MAX:
                number += 1
                pause = self._random.expovariate(1 / THINK_MS) + 500 + 30 * made[-1].output_length
                heappush(waiting, (time + pause, number, conversation))
        return made

    def _document(self) -> list[int]:
        return [0, *self._fresh(self._random.randint(*DOCUMENT_BLOCKS))]

    def _fresh(self, count: int) -> list[int]:
        first = self._next_id
        self._next_id += count
        return list(range(first, first + count))

    def _begin(self) -> _Conversation:
        self.conversations += 1
        random = self._random
        shared = random.choice(self._documents) if random.random() < DOCUMENT_SHARE else [0]
        turns = 1
        while random.random() < 1 - 1 / TURNS_MEAN:
            turns += 1
        return _Conversation(len(shared) * BLOCK_TOKENS, list(shared), turns)

    def _turn(self, timestamp: int, conversation: _Conversation) -> Request:
        """The next request of a conversation."""
        is_first = len(conversation.full) * BLOCK_TOKENS == conversation.length
        more = self._length(FIRST_PROMPT_MEDIAN if is_first else NEXT_PROMPT_MEDIAN)
        room = PROMPT_BLOCKS_MAX * BLOCK_TOKENS - conversation.length
        length = max(PROMPT_MIN, conversation.length + min(more, room))
        output = min(OUTPUT_MAX, self._length(OUTPUT_MEDIAN))
        conversation.full += self._fresh(length // BLOCK_TOKENS - len(conversation.full))
        ids = list(conversation.full)
        if length % BLOCK_TOKENS:
            ids += self._fresh(1)
        conversation.length = length + output
        conversation.turns_left -= 1
        return Request(timestamp, length, output, tuple(ids))

    def _length(self, median: int) -> int:
        return max(1, round(self._random.lognormvariate(log(median), 0.9)))


def shape_of(requests: Sequence[Request], conversations: int = 0) -> TraceShape:
    """Facts of a trace, among them what a cache that never forgets would reuse."""
    seen: set[int] = set()
    distinct: set[int] = set()
    full = reusable = 0
    for request in requests:
        ids = request.hash_ids[: request.input_length // BLOCK_TOKENS]
        full += len(ids)
        for position, hash_id in enumerate(ids):
            if hash_id not in seen or position >= (request.input_length - 1) // BLOCK_TOKENS:
                break
            reusable += 1
        seen.update(ids)
        distinct.update(request.hash_ids)
    return TraceShape(
        requests=len(requests),
        conversations=conversations,
        span_ms=requests[-1].timestamp - requests[0].timestamp if requests else 0,
        blocks=sum(len(request.hash_ids) for request in requests),
        full_blocks=full,
        distinct_blocks=len(distinct),
        reusable_blocks=reusable,
        largest_prompt=max((request.prompt_blocks for request in requests), default=0),
        output_tokens=sum(request.output_length for request in requests),
    )


def write_requests(path: Path, requests: Sequence[Request]) -> None:
    """Write a trace, gzipped when its name ends in `.gz`, whole or not at all.

    Raises:
        HarnessError: the place cannot be written.
    """
    lines = []
    for request in requests:
        fields = {
            "timestamp": request.timestamp,
            "input_length": request.input_length,
            "output_length": request.output_length,
            "hash_ids": list(request.hash_ids),
        }
        lines.append(json.dumps(fields) + "\n")
    data = "".join(lines).encode()
    if path.suffix == ".gz":
        data = gzip.compress(data, mtime=0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
    except OSError as error:
        raise HarnessError(f"{path}: cannot be written: {error.strerror or error}; name another place") from error
