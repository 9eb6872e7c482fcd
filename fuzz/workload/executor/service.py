"""The event loop of an engine with an executor: a trace's requests come, are scheduled iteration by iteration, and go.

Each iteration: what has come is submitted; a pass is opened; generating requests are scheduled in the order in which they
came, then all prompts that have begun, and new ones until one does not fit; `run` forwards what delay batching lets
through; the passes that are over by then are updated, with overlap those of the iteration before; and who is at the end is
finished, some after a hand-over.

Prompts do not make room for each other: where several have begun and none fits, nothing moves, which upstream reports as
"V2 scheduler deadlock". Then the last to have come is cancelled, and waits in front of the line.

What the specification leaves to its environment is drawn from a seed: what other ranks have, whether all of them are
ready, what a connector lets through, how many drafted tokens are right.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from heapq import heapify, heappop, heappush
from random import Random
from typing import NamedTuple

from attrs import define

from kvproof.fuzz.target import Operation, Outcome, Returned
from kvproof.fuzz.workload.executor.jobs import ITERATION_MS, Job

UNREADY_ONE_IN = 16
"""In one iteration of so many another rank is not ready."""

CONNECTOR_ONE_IN = 8
"""In one of so many a connector lets only some of the prompts through."""

ENCODER_ONE_IN = 16
"""In one of so many the encoder of one of the prompts fails."""

HAND_OVER_ONE_IN = 8
"""One request in so many is handed over before it is finished."""

CHUNK_MAX = 32
"""Tokens of a prompt that one iteration computes at most: 16 blocks, TensorRT-LLM's default of 8,192 real tokens."""

PATIENCE = 20
"""Iterations in a row without anything computed after which a request is cancelled: delays end long before."""

Operations = Generator[Operation, Outcome, None]


class RequestState(NamedTuple):
    """What an engine knows of a request: see `kvproof.impl.executor.Request`."""

    stage: str
    seated: bool
    outstanding: int
    history: int


@define
class ServiceCounts:
    """What became of the requests so far.

    Attributes:
        arrived, completed, rejected: requests; those that no cache can ever hold are rejected.
        iterations: passes that were run.
        forwarded: iterations in which something was computed.
        prompts_scheduled, prompts_forwarded: chunks of prompts; the difference was held back and released.
        unfit: chunks for which there was no room, tokens or pages.
        no_room: generating requests for which there was none.
        handed_over: requests whose data a sender went on to read.
        most_live, longest_line: most requests that were in, and most that waited for a place.
        stalled: iterations in a row without anything computed, at most.
        cancelled: requests that were, because nothing moved.
    """

    arrived: int = 0
    completed: int = 0
    rejected: int = 0
    iterations: int = 0
    forwarded: int = 0
    prompts_scheduled: int = 0
    prompts_forwarded: int = 0
    unfit: int = 0
    no_room: int = 0
    handed_over: int = 0
    most_live: int = 0
    longest_line: int = 0
    stalled: int = 0
    cancelled: int = 0


class Service:
    """The operations of a list of jobs, each decided by the outcomes of those before it.

    Args:
        jobs: in order of arrival.
        parameters: sizes, as the specification names them.
        look: what a request is doing; None when it is not in.
        seed: of all that is drawn.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        parameters: Mapping[str, int],
        look: Callable[[int], RequestState | None],
        seed: int = 0,
    ) -> None:
        self.counts = ServiceCounts()
        self._jobs = jobs
        self._look = look
        self._random = Random(seed)
        self._step_tokens = 1 + parameters["draft_tokens"]
        self._requests = parameters["requests"]
        self._overlap = bool(parameters["overlap"])
        self._free = list(range(self._requests))
        heapify(self._free)
        self._live: dict[int, Job] = {}
        """Per request that is in, in the order in which they came: its job."""
        self._line: deque[Job] = deque()
        self._next = 0
        self._clock = 0
        self._idle = 0
        self._flying: list[int] = []
        self._sending: list[int] = []

    def operations(self) -> Operations:
        """Yields operations; send the outcome of each. Ends when every request has ended."""
        while self._live or self._line or self._next < len(self._jobs):
            yield from self._arrive()
            before, self._flying = self._flying, []
            generating = yield from self._schedule_generation()
            filling = yield from self._schedule_context()
            yield from self._run(generating, filling)
            for request in before if self._overlap else self._flying:
                yield from self._update(request)
            if not self._overlap:
                self._flying = []
            yield from self._finish()
            if self._idle >= PATIENCE:
                yield from self._cancel()
            self.counts.stalled = max(self.counts.stalled, self._idle)

    def _arrive(self) -> Operations:
        """Move the clock on, to the next arrival when nothing is there, and submit who has a place."""
        self._clock += ITERATION_MS
        if not self._live and not self._line:
            self._clock = max(self._clock, self._jobs[self._next].arrival_ms)
        while self._next < len(self._jobs) and self._jobs[self._next].arrival_ms <= self._clock:
            self._line.append(self._jobs[self._next])
            self._next += 1
            self.counts.arrived += 1
        while self._line and self._free:
            job, request = self._line.popleft(), self._free[0]
            outcome = yield Operation(
                "submit", {"request": request, "text": job.text, "tokens": job.prompt, "priority": 0}
            )
            if isinstance(outcome, Returned):
                self._live[heappop(self._free)] = job
            else:
                self.counts.rejected += 1
        self.counts.most_live = max(self.counts.most_live, len(self._live))
        self.counts.longest_line = max(self.counts.longest_line, len(self._line))

    def _schedule_generation(self) -> Generator[Operation, Outcome, list[int]]:
        """Everybody who generates, unless what is in flight may be its last token."""
        yield Operation("begin_pass", {})
        scheduled = []
        for request, job in self._live.items():
            state = self._look(request)
            if state is None or state.stage != "GENERATION" or state.outstanding > self._overlap:
                continue
            if state.history + state.outstanding >= job.total:
                continue
            outcome = yield Operation("schedule_generation", {"request": request})
            if outcome == Returned(True):
                scheduled.append(request)
            else:
                self.counts.no_room += 1
        return scheduled

    def _schedule_context(self) -> Generator[Operation, Outcome, list[int]]:
        """Prompts in the order in which they came: all that have begun, and new ones until one does not fit."""
        scheduled = []
        full = False
        for request in list(self._live):
            state = self._look(request)
            if state is None or state.stage != "CONTEXT" or state.outstanding or (full and not state.seated):
                continue
            outcome = yield Operation("schedule_context", {"request": request, "tokens": CHUNK_MAX})
            if outcome != Returned(True):
                self.counts.unfit += 1
                full = True
                continue
            scheduled.append(request)
        self.counts.prompts_scheduled += len(scheduled)
        return scheduled

    def _run(self, generating: list[int], filling: list[int]) -> Operations:
        draw = self._random
        some_idle = draw.random() < 0.1
        peers = {
            "all_have_context": draw.random() < 0.7,
            "all_generate": not some_idle,
            "some_do_not_generate": some_idle,
        }
        ready = draw.randrange(UNREADY_ONE_IN) > 0
        connector = self._requests
        if draw.randrange(CONNECTOR_ONE_IN) == 0:
            connector = draw.randrange(len(filling) + 1)
        encoder = self._requests
        if draw.randrange(ENCODER_ONE_IN) == 0:
            encoder = draw.randrange(len(filling) + 1)
        arguments = {"peers": peers, "ready": ready, "connector": connector, "encoder": encoder}
        outcome = yield Operation("run", arguments)
        forwarded = outcome.value if isinstance(outcome, Returned) else 0
        batch = [*generating, *(each for place, each in enumerate(filling) if place != encoder)][:forwarded]
        self._flying = batch
        counts = self.counts
        counts.iterations += 1
        counts.forwarded += bool(batch)
        counts.prompts_forwarded += max(0, len(batch) - len(generating))
        self._idle = 0 if batch else self._idle + 1

    def _update(self, request: int) -> Operations:
        yield Operation("update", {"request": request, "accepted": self._random.randint(1, self._step_tokens)})

    def _cancel(self) -> Operations:
        """Of those that have begun and are not in flight, the last to have come begins again, before all that wait."""
        for request, job in reversed(self._live.items()):
            state = self._look(request)
            if state is not None and state.seated and not state.outstanding:
                yield Operation("finish", {"request": request})
                del self._live[request]
                heappush(self._free, request)
                self._line.appendleft(job)
                self.counts.cancelled += 1
                self._idle = 0
                return

    def _finish(self) -> Operations:
        """Who has all its tokens, and nothing in flight, is finished; senders are done one iteration after a hand-over."""
        done, self._sending = self._sending, []
        for request, job in self._live.items():
            state = self._look(request)
            if request in done or state is None or state.stage != "GENERATION" or state.outstanding:
                continue
            if state.history < job.total:
                continue
            if self._random.randrange(HAND_OVER_ONE_IN) == 0:
                yield Operation("hand_over", {"request": request})
                self._sending.append(request)
                self.counts.handed_over += 1
            else:
                done.append(request)
        for request in done:
            yield Operation("finish", {"request": request})
            del self._live[request]
            heappush(self._free, request)
            self.counts.completed += 1
