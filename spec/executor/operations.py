"""What drives an executor: requests come, passes are scheduled, run and updated, requests go.

A pass is opened, generating requests are scheduled, then context requests; what is scheduled has its memory already. Then
`run` decides what of it is forwarded. `update` accounts for one forward pass of one request; with overlap it may come after
the next pass has been scheduled. Every order of operations that is not refused is allowed.

Sources: the iteration of TensorRT-LLM's executor (B-17) and the laws C-n, both in `spec/SOURCES.md`.
"""

from __future__ import annotations

from kvproof.spec.executor.actions import ExecutorActions
from kvproof.spec.executor.kinds import (
    Accepted,
    ChunkTokens,
    Growth,
    Peers,
    Phase,
    Request,
    RequestCount,
    RequestText,
    Stage,
)
from kvproof.spec.lang import ensure, operation, reject, sometimes
from kvproof.spec.sequence_caches.kinds import Priority, TokenCount


class ExecutorOperations(ExecutorActions):
    """Submit; begin, schedule and run a pass; update, hand over and finish."""

    @operation
    def submit(self, request: Request, text: RequestText, tokens: TokenCount, priority: Priority) -> None:
        """A request with a prompt of so many tokens comes. `text` is what its full blocks are."""
        if self.stage[request] != Stage.NONE:
            reject("request-in-use")
        if tokens == 0:
            reject("empty-prompt")
        if tokens > self.params.tokens_max - self.params.growth:
            reject("too-long")
        self.enter(request, tokens, text[: (tokens - 1) // self.params.tokens_per_block], priority)

    @operation
    def begin_pass(self) -> None:
        """Open a pass."""
        if self.phase != Phase.IDLE:
            reject("pass-open")
        self.open_pass()
        ensure(self.is_for_generation(), "a-pass-is-open")

    def is_for_generation(self) -> bool:
        """Whether a pass is open in which generation comes first."""
        return self.phase == Phase.GENERATING

    @operation
    def schedule_generation(self, request: Request) -> bool:
        """Give a generating request room for one pass. Others that came later, and are idle, may have to make room.

        Returns whether it is scheduled. When all these are gone and it still does not fit, it is put aside itself.
        """
        if self.phase == Phase.IDLE:
            reject("no-pass")
        if self.phase == Phase.FILLING:
            reject("context-has-begun")
        if self.stage[request] != Stage.GENERATION:
            reject("not-generating")
        if self.is_scheduled(request):
            reject("scheduled")
        if self.outstanding[request] > self.params.overlap:
            reject("in-flight")
        if self.capacity[self.target(request)] + self.params.growth > self.params.tokens_max:
            reject("too-long")
        if self.scheduled_tokens + self.params.growth > self.params.max_tokens:
            return False
        for _ in self.every(Request):
            if self.schedule_growth(request):
                return True
            victim = self.victim(request)
            ensure(self.nobody_idle_came_after(victim), "who-came-last-makes-room")
            if self.is_idle(victim):
                sometimes("a request is put aside")
                self.put_aside(victim)
                ensure(self.keeps_nothing(victim), "victims-free-their-memory")
            if victim == request:
                break
        return False

    @operation
    def schedule_context(self, request: Request, tokens: ChunkTokens) -> bool:
        """Give a context request room for the next tokens of its prompt, at most so many; returns whether it is scheduled.

        The first chunk needs a row. A request that is not scheduled keeps no device memory, and none at all if it was its
        first chunk. Nobody is put aside for a context request, so two that have begun can be in each other's way for good:
        who schedules tries all that have begun, and cancels one where none gets on.
        """
        if self.phase == Phase.IDLE:
            reject("no-pass")
        if self.stage[request] != Stage.CONTEXT:
            reject("no-context")
        if self.is_scheduled(request):
            reject("scheduled")
        if self.outstanding[request] > 0:
            reject("in-flight")
        if self.phase == Phase.GENERATING:
            self.fill()
        return self.schedule_chunk(request, tokens)

    @operation
    def run(self, peers: Peers, ready: bool, connector: RequestCount, encoder: RequestCount) -> RequestCount:
        """Forward what has been scheduled, or less, or nothing; release the rest. Returns how many requests are forwarded.

        `ready`: whether the other ranks have something to run, too. `connector`: for how many context requests the cached
        data of other places have arrived. `encoder`: which of the context requests, counted from 0, has failed in its
        encoder; none has if there are not so many.
        """
        if self.phase == Phase.IDLE:
            reject("no-pass")
        delay = self.delay(peers)
        ensure(delay.passes or delay.waited > self.waited or delay.held_back > self.held_back, "who-waits-is-counted")
        batch = self.batch(delay.passes, ready, connector, encoder)
        ensure(self.is_within_attention(batch), "attention-stays-within-its-limit")
        self.release_others(batch)
        self.clear_batch()
        for position in range(len(batch)):
            self.forward(batch[position], position)
        self.close_pass(delay.waited, delay.held_back)
        return len(batch)

    @operation
    def update(self, request: Request, accepted: Accepted) -> None:
        """Account for the oldest forward pass of a request that is in flight.

        A chunk of its prompt is computed, or it has grown by `accepted` tokens, and the drafts that were wrong are taken
        back.
        """
        if self.outstanding[request] == 0:
            reject("not-in-flight")
        target = self.target(request)
        capacity = self.capacity[target]
        if self.stage[request] == Stage.CONTEXT:
            cursor = self.cursor[request] + self.chunk[request]
            ends = cursor == self.prompt[request]
            self.record_both(request, capacity, cursor, ends)
            self.landed(request, cursor)
            if ends:
                self.generate(request)
        else:
            history = self.history[target] + accepted
            self.record_both(request, capacity - self.reclaimed(accepted), history, False)
            self.landed(request, self.cursor[request])

    def reclaimed(self, accepted: Accepted) -> Growth:
        """The room that is taken back after a pass: that of the drafts that were wrong."""
        return self.params.growth - accepted

    @operation
    def hand_over(self, request: Request) -> None:
        """Leave the pages of a request to somebody who sends them elsewhere, and its row to another request."""
        if self.stage[request] != Stage.GENERATION:
            reject("not-generating")
        if self.outstanding[request] > 0:
            reject("in-flight")
        if self.is_scheduled(request):
            reject("scheduled")
        self.send(request)

    @operation
    def finish(self, request: Request) -> None:
        """A request is over or cancelled: all its memory is given up."""
        if self.stage[request] == Stage.NONE:
            reject("unknown")
        if self.outstanding[request] > 0:
            reject("in-flight")
        if self.is_scheduled(request):
            reject("scheduled")
        self.end_both(request)
        self.leave(request)
        ensure(self.stage[request] == Stage.NONE, "finished-is-gone")
