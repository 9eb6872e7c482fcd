"""The executor's side of an iteration: schedule, hold back, forward, update.

For each iteration the engine calls `begin_pass`, `schedule_generation` and `schedule_context` for its requests, and `run`;
then it launches its kernels for the requests that `run` kept, as `Executor.started` says, and calls `update` for each when
its tokens are there. With overlap that may be after the next iteration has been scheduled, or launched.
"""

from __future__ import annotations

from kvproof.impl.executor.requests import Peers, Phase, Request, Stage
from kvproof.impl.executor.scheduling import Scheduling


class Executor(Scheduling):
    """Drives sequence caches for requests that come and go.

    Args:
        config: sizes and policies.
        caches: the manager of the caches.
        observer: called with (step name, arguments) for each step as it takes effect; None costs nothing.
    """

    def submit(self, number: int, text: tuple[int, ...], tokens: int, priority: int) -> None:
        """Take a request in: a prompt of `tokens` tokens.

        Args:
            number: below `ExecutorConfig.requests`, and not in.
            text: what the full blocks of its prompt are: requests with equal beginnings share what is committed.
                At least one token is left to compute, so what would be all of the prompt is cut.
            tokens: of the prompt.
            priority: of its pages; lower ones are evicted first.

        Raises:
            Refused: request-in-use, empty-prompt or too-long.
            ValueError: there is no such number.
        """
        if not 0 <= number < self.config.requests:
            raise ValueError(
                f"request {number}: numbers are 0..{self.config.requests - 1}; see ExecutorConfig.requests"
            )
        if number in self.requests:
            self._refuse("request-in-use", f"request {number}: is in already; finish it or take another number")
        if tokens < 1:
            self._refuse("empty-prompt", f"request {number}: a prompt of {tokens} tokens; give at least 1")
        if tokens > self.prompt_max:
            self._refuse(
                "too-long", f"request {number}: a prompt of {tokens} tokens; a cache has room for {self.prompt_max}"
            )
        self.step_enter(number, tokens, text[: (tokens - 1) // self.block_tokens], priority)

    def run(
        self, peers: Peers, ready: bool = True, connector: int | None = None, encoder_failed: int | None = None
    ) -> list[Request]:
        """End the pass: decide what of it is computed, and release all else that it has scheduled.

        Args:
            peers: what the other ranks have.
            ready: every rank can go on; False: nothing is computed.
            connector: how many of the context requests a connector lets through; None: all.
            encoder_failed: which of the context requests, in the order in which they were scheduled, has failed in its
                encoder; None: none of them. It is released like all others, and may be finished then, or tried again.

        Returns:
            What is computed, in the order of the batch.

        Raises:
            Refused: no-pass.
            ValueError: a connector cannot let fewer than none through, and requests are counted from 0.
        """
        if encoder_failed is not None and encoder_failed < 0:
            raise ValueError(f"run: the encoder of context request {encoder_failed} failed; they are counted from 0")
        if connector is not None and connector < 0:
            raise ValueError(f"run: a connector lets {connector} requests through; give 0 or more, or None")
        if self.phase is Phase.IDLE:
            self._refuse("no-pass", "run: no pass is open; call begin_pass")
        kept, waited, held_back = self.kept_of(self.filling, peers, connector)
        filling, dropped = self.without_failed(kept, encoder_failed)
        batch = [*self.generating, *filling] if ready else []
        self.release(dropped if ready else [*self.generating, *self.filling])
        if batch:
            self.start(batch)
        self.step_clear_batch()
        for position, request in enumerate(batch):
            self.step_forward(request.number, position)
        self.step_close_pass(waited, held_back)
        return batch

    def start(self, batch: list[Request]) -> None:
        """Kernels may be submitted for a batch; passes that are under way on other streams go on beside them."""
        self.started = self.caches.start_pass([cache for request in batch for cache in request.caches], self.stream)
        self._passes += 1

    def kept_of(self, filling: list[Request], peers: Peers, connector: int | None) -> tuple[int, int, int]:
        """How many of the context requests pass all stages that may hold them back, and the counters after that."""
        goes, waited, held_back = True, self.delay.waited, self.delay.held_back
        if filling:
            goes, waited, held_back = self.delay.keeps(bool(self.generating), self.scheduled_tokens, peers)
        kept = self.delay.within_attended(filling) if goes else 0
        return (kept if connector is None else min(kept, connector)), waited, held_back

    def without_failed(self, kept: int, failed: int | None) -> tuple[list[Request], list[Request]]:
        """The first `kept` context requests without the one whose encoder failed, and all the others."""
        filling, dropped = self.filling[:kept], self.filling[kept:]
        if failed is not None and failed < kept:
            dropped.append(filling.pop(failed))
        return filling, dropped

    def release(self, requests: list[Request]) -> None:
        """Leave those that are scheduled and not computed as they were before the pass, whatever has held them back."""
        for request in sorted(requests, key=lambda each: each.number):
            if request.stage is Stage.GENERATION:
                self.release_generation(request)
            elif request.fresh:
                self.free(request, request.prompt)
            else:
                self.release_context(request)

    def release_generation(self, request: Request) -> None:
        """Take back the room that it was given (#13104), and the locks if it had none before."""
        self.shrink_caches(request, self.capacity(request) - self.config.step_tokens)
        if request.resumed:
            self.suspend_caches(request)
        self.step_strike(request.number)

    def release_context(self, request: Request) -> None:
        """Take back the room that it was given, and all locks (C-1, C-2)."""
        if request.snapshot is not None:
            self.shrink_caches(request, request.snapshot)
        self.suspend_caches(request)
        self.step_strike(request.number)

    def update(self, number: int, accepted: int) -> None:
        """The oldest forward pass of a request is over.

        Args:
            number: the request.
            accepted: tokens that it has generated, 1 to those of a step; of a context request any.

        Raises:
            Refused: not-in-flight.
            ValueError: a request cannot accept so many.
        """
        if not 1 <= accepted <= self.config.step_tokens:
            raise ValueError(f"request {number}: accepted {accepted} tokens; a step has 1..{self.config.step_tokens}")
        request = self.requests.get(number)
        if request is None or not request.outstanding:
            self._refuse("not-in-flight", f"request {number}: no pass of it is to be updated")
        if request.stage is Stage.CONTEXT:
            self._update_context(request)
        else:
            self._update_generation(request, accepted)

    def _update_context(self, request: Request) -> None:
        """What was computed of its prompt is there for others, too, block by block."""
        caches = self.caches
        cursor = request.cursor + request.chunk
        done = cursor == request.prompt
        blocks = min(cursor // self.block_tokens, len(request.text))
        for cache in request.caches:
            caches.resize(cache, caches.capacity(cache), cursor)
            while caches.committed(cache) < blocks:
                caches.commit(cache)
            if done:
                caches.stop_committing(cache)
        self.step_landed(request.number, cursor)
        if done:
            self.step_generate(request.number)

    def _update_generation(self, request: Request, accepted: int) -> None:
        """Keep the tokens that were accepted, and give the room of the others back."""
        caches = self.caches
        for cache in request.caches:
            capacity, history = caches.capacity(cache), caches.history(cache)
            caches.resize(cache, capacity - self.reclaimed(accepted), history + accepted)
        self.step_landed(request.number, request.cursor)

    def reclaimed(self, accepted: int) -> int:
        """Tokens of a step for which no room is needed any more."""
        return self.config.step_tokens - accepted

    def hand_over(self, number: int) -> None:
        """Another engine goes on with a request: its row is free now, its data stay until `finish`.

        Raises:
            Refused: not-generating, in-flight or scheduled.
        """
        request = self.requests.get(number)
        if request is None or request.stage is not Stage.GENERATION:
            self._refuse("not-generating", f"request {number}: does not generate; compute its prompt first")
        self._check_at_rest(request)
        self.unbind_rows(request)
        self.step_send(number)

    def _check_at_rest(self, request: Request) -> None:
        if request.outstanding:
            self._refuse("in-flight", f"request {request.number}: a pass of it is to be updated; call update")
        if request.scheduled:
            self._refuse("scheduled", f"request {request.number}: this pass has scheduled it; call run")

    def unbind_rows(self, request: Request) -> None:
        """Its caches write no row from now on: the next owner's entries would be lost (#14423)."""
        for cache in request.caches:
            self.caches.unbind_row(cache)

    def finish(self, number: int) -> None:
        """Forget a request and what it has.

        Raises:
            Refused: unknown, in-flight or scheduled.
        """
        request = self.requests.get(number)
        if request is None:
            self._refuse("unknown", f"request {number}: is not in")
        self._check_at_rest(request)
        if request.has_caches:
            self.close_caches(request)
        self.step_leave(number)
