"""When a request does what: service times, order of events, back-pressure.

The trace has no end of a request, so one is invented: prefill takes 0.5 s and each output token 30 ms (the rule of the
traces' README). A request starts when it arrives, unless it has to wait. From its start on:

- at once: `add` with its prompt;
- after the prefill: `store`, so that others can reuse its prompt;
- when an output token needs a new block: `append`, which brings what the last block still lacked, too;
- at its end: `append` for a last token that fills a block exactly, then `finish`.

Events at the same time come in this order: store, append, finish, arrival; among equals the request that is first in
the trace. So blocks are free before newcomers ask for them, and every run of a trace sees the same order.

Back-pressure, the same on every run as well:

- An `add` refused for want of blocks puts the request at the end of a waiting line, and so does a line that is not
  empty. The line is served, strictly first come first served, after each request that ends.
- An `append` refused for want of blocks preempts the request: it is finished (what it has computed stays cached until
  evicted), and goes to the *front* of the line with the tokens that it has as its new prompt. The line is not served
  because of a preemption: the blocks are for those that still run, and one of them ends, because the last one running
  always has room.
- A prompt that exceeds the pool is refused for good. A request whose output outgrows the pool is cut there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from enum import IntEnum
from heapq import heapify, heappop, heappush

from attrs import define

from kvproof.fuzz.target import Operation, Outcome, Refused
from kvproof.fuzz.workload.request_trace import BLOCK_TOKENS, Request
from kvproof.fuzz.workload.tokens import TokenMapping, replay_length

PREFILL_MS = 500
"""Time from a request's start until its prompt is computed."""

TOKEN_MS = 30
"""Time that one output token takes."""

RETENTION = 35
"""Retention priority of every request: TensorRT-LLM's default, which is worth offloading. Traces name none."""

NO_BLOCKS = "no-free-blocks"
"""The refusal that means: wait."""

EXCEEDS = "prompt-exceeds-pool"
"""The refusal that means: never."""


class Kind(IntEnum):
    """What happens, in the order in which events at the same time happen."""

    STORE = 0
    APPEND = 1
    FINISH = 2
    ARRIVE = 3


@define
class ScheduleCounts:
    """What became of the requests so far.

    Attributes:
        arrived: requests that have arrived.
        completed: requests served to their end.
        rejected: requests whose prompt the pool can never hold.
        cut: completed requests whose output was cut because it outgrew the pool.
        waited: requests that had to wait when they arrived.
        waited_ms: time that these, and the preempted, spent waiting, in ms of the trace.
        longest_line: most requests waiting at once.
        preemptions: times that a running request lost its blocks for want of one more.
        most_live: most requests running at once.
        clock_ms: time of the last event.
    """

    arrived: int = 0
    completed: int = 0
    rejected: int = 0
    cut: int = 0
    waited: int = 0
    waited_ms: int = 0
    longest_line: int = 0
    preemptions: int = 0
    most_live: int = 0
    clock_ms: int = 0


@define
class _Progress:
    """How far one request is: real tokens whose replay tokens its sequence has, and the place it has now.

    `attempt` grows when the request is preempted; events of an earlier attempt are void.
    """

    length: int
    slot: int = -1
    attempt: int = 0
    waiting_since: int = 0


class Schedule:
    """The operations of a list of requests, each decided by the outcomes of those before it.

    Args:
        requests: in order of arrival.
        tokens: their token sequences.
        slots: sequence ids that there are, 0 .. slots - 1; the smallest one that is free is taken.
    """

    def __init__(self, requests: Sequence[Request], tokens: TokenMapping, slots: int) -> None:
        self.counts = ScheduleCounts()
        self._requests = requests
        self._tokens = tokens
        self._progress = [_Progress(request.input_length) for request in requests]
        self._free_slots = list(range(slots))
        self._slots = slots
        self._line: deque[int] = deque()
        self._events: list[tuple[int, Kind, int, int]] = [
            (request.timestamp, Kind.ARRIVE, index, 0) for index, request in enumerate(requests)
        ]
        heapify(self._events)

    def operations(self) -> Generator[Operation, Outcome, None]:
        """Yields operations; send the outcome of each. Ends when every request has ended."""
        events, counts = self._events, self.counts
        while events:
            counts.clock_ms, kind, index, attempt = heappop(events)
            if kind is Kind.ARRIVE:
                counts.arrived += 1
                yield from self._arrive(index)
            elif attempt != self._progress[index].attempt:
                continue
            elif kind is Kind.STORE:
                yield Operation("store", {"sequence": self._progress[index].slot})
            elif kind is Kind.APPEND:
                yield from self._append(index)
            else:
                yield from self._end(index)
        assert not self._line, "requests wait, but none runs: an empty pool refused a prompt that fits"

    def _arrive(self, index: int) -> Generator[Operation, Outcome, None]:
        if not self._line:
            refusal = yield from self._start(index)
            if refusal is None:
                return
        self.counts.waited += 1
        self._progress[index].waiting_since = self.counts.clock_ms
        self._line.append(index)
        self.counts.longest_line = max(self.counts.longest_line, len(self._line))

    def _start(self, index: int) -> Generator[Operation, Outcome, str | None]:
        """Try to admit a request; None when that is settled, admitted or rejected for good, else why it must wait."""
        if not self._free_slots:
            return NO_BLOCKS
        request, progress, counts = self._requests[index], self._progress[index], self.counts
        slot = heappop(self._free_slots)
        prompt = self._tokens.prompt(index)
        if progress.length > request.input_length:
            prompt += self._tokens.generated(index, len(prompt), replay_length(progress.length))
        outcome = yield Operation("add", {"sequence": slot, "tokens": prompt, "priority": RETENTION})
        if isinstance(outcome, Refused):
            heappush(self._free_slots, slot)
            if outcome.error != EXCEEDS:
                return outcome.error
            counts.rejected += 1
            return None
        progress.slot = slot
        counts.most_live = max(counts.most_live, self._slots - len(self._free_slots))
        self._plan(index)
        return None

    def _plan(self, index: int) -> None:
        """Enter the events of a request that starts now."""
        request, progress = self._requests[index], self._progress[index]
        start, length, total = self.counts.clock_ms, progress.length, request.total_length
        heappush(self._events, (start + PREFILL_MS, Kind.STORE, index, progress.attempt))
        first = next_block_start(length)
        if first <= total:
            heappush(self._events, (start + time_until(length, first), Kind.APPEND, index, progress.attempt))
        heappush(self._events, (start + time_until(length, total), Kind.FINISH, index, progress.attempt))

    def _append(self, index: int) -> Generator[Operation, Outcome, None]:
        """The output has come to a token that needs a new block."""
        progress, request = self._progress[index], self._requests[index]
        reached = next_block_start(progress.length)
        outcome = yield self._append_up_to(index, reached)
        if not isinstance(outcome, Refused):
            progress.length = reached
            following = next_block_start(reached)
            if following <= request.total_length:
                due = self.counts.clock_ms + TOKEN_MS * (following - reached)
                heappush(self._events, (due, Kind.APPEND, index, progress.attempt))
        elif outcome.error == NO_BLOCKS:
            self.counts.preemptions += 1
            yield from self._leave(index)
            progress.waiting_since = self.counts.clock_ms
            self._line.appendleft(index)
            self.counts.longest_line = max(self.counts.longest_line, len(self._line))
        else:
            self.counts.cut += 1
            yield from self._complete(index)

    def _append_up_to(self, index: int, length: int) -> Operation:
        progress = self._progress[index]
        tokens = self._tokens.generated(index, replay_length(progress.length), replay_length(length))
        return Operation("append", {"sequence": progress.slot, "tokens": tokens})

    def _end(self, index: int) -> Generator[Operation, Outcome, None]:
        progress, total = self._progress[index], self._requests[index].total_length
        if replay_length(total) > replay_length(progress.length):
            yield self._append_up_to(index, total)
        yield from self._complete(index)

    def _complete(self, index: int) -> Generator[Operation, Outcome, None]:
        """A request ends for good: the waiting line is served until the first that must go on waiting."""
        yield from self._leave(index)
        self.counts.completed += 1
        line = self._line
        while line:
            refusal = yield from self._start(line[0])
            if refusal is not None:
                break
            self.counts.waited_ms += self.counts.clock_ms - self._progress[line.popleft()].waiting_since

    def _leave(self, index: int) -> Generator[Operation, Outcome, None]:
        progress = self._progress[index]
        yield Operation("finish", {"sequence": progress.slot})
        heappush(self._free_slots, progress.slot)
        progress.slot = -1
        progress.attempt += 1


def next_block_start(length: int) -> int:
    """The length at which a sequence of `length` tokens first needs one block more."""
    return -(-length // BLOCK_TOKENS) * BLOCK_TOKENS + 1


def time_until(length: int, reached: int) -> int:
    """Milliseconds from the start of a request with a prompt of `length` tokens until it has `reached` tokens."""
    return PREFILL_MS + TOKEN_MS * (reached - length)
