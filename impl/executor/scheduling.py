"""The scheduling pass: who is computed in this iteration. Admission is decided here, pages and all.

What a request needs is allocated at once: whether it could be, and what that took, decides about the next one. So a
request that has been scheduled cannot fail for want of pages later (C-11). At the end, `run` decides what of it is computed
and launched; all else is released, whichever stage has held it back.
"""

from __future__ import annotations

from kvproof.impl.executor.pairs import Pairs
from kvproof.impl.executor.reasons import refuse
from kvproof.impl.executor.release import Release
from kvproof.impl.executor.requests import Peers, Phase, Request, Stage
from kvproof.impl.executor.steps import ExecutorSteps


class Scheduling:
    """Generating requests first, then context requests; each in the order that the caller chooses.

    Args:
        steps: the requests.
        pairs: their caches.
        release: of those that have to wait.
    """

    def __init__(self, steps: ExecutorSteps, pairs: Pairs, release: Release) -> None:
        self._steps = steps
        self._pairs = pairs
        self._release = release
        self._config = steps.config

    def begin_pass(self) -> None:
        """Begin to schedule an iteration."""
        if self._steps.phase is not Phase.IDLE:
            refuse("pass-open", "begin_pass: the pass before has not been run; call run")
        self._steps.step_open_pass()

    def schedule_generation(self, number: int) -> bool:
        """Schedule a generating request for its next token and the draft's; False when there is no room."""
        request = self._to_generate(number)
        if self._steps.scheduled_tokens + self._config.step_tokens > self._config.max_tokens:
            return False
        suspended = not self._pairs.is_active(request)
        capacity = self.generation_target(request)
        while not self._pairs.make_ready(request, capacity):
            victim = self.victim_for(request)
            if victim is None:
                if self._pairs.is_active(request) and not request.outstanding:
                    self._release.pause(request)
                return False
            self._release.pause(victim)
        self._steps.step_grow(number, suspended)
        return True

    def _to_generate(self, number: int) -> Request:
        request = self._steps.requests.get(number)
        if self._steps.phase is Phase.IDLE:
            refuse("no-pass", f"request {number}: no pass is open; call begin_pass")
        if self._steps.phase is Phase.FILLING:
            refuse("context-has-begun", f"request {number}: context requests have their turn; schedule it before")
        if request is None or request.stage is not Stage.GENERATION:
            refuse("not-generating", f"request {number}: does not generate; schedule its context first")
        if request.scheduled:
            refuse("scheduled", f"request {number}: this pass has scheduled it already")
        if request.outstanding > self._config.overlap:
            refuse("in-flight", f"request {number}: {request.outstanding} passes are to be updated; call update")
        if self._pairs.capacity(request) + self._config.step_tokens > self._pairs.tokens_max:
            refuse(
                "too-long",
                f"request {number}: {self._pairs.capacity(request)} and {self._config.step_tokens} tokens exceed the "
                f"{self._pairs.tokens_max} of a cache; finish it",
            )
        return request

    def generation_target(self, request: Request) -> int:
        """The capacity with which a request generates: as long as it is, and the tokens of a step."""
        return self._pairs.capacity(request) + self._config.step_tokens

    def victim_for(self, request: Request) -> Request | None:
        """Who is paused for a request that lacks pages: the last that came after it and can be."""
        for other in reversed(self._steps.requests.values()):
            if other is request:
                return None
            if self.can_be_paused(other):
                return other
        return None

    def can_be_paused(self, request: Request) -> bool:
        """It has pages locked, and nothing is computed of it now or in this pass."""
        return (
            request.stage in (Stage.CONTEXT, Stage.GENERATION)
            and not request.outstanding
            and not request.scheduled
            and self._pairs.is_active(request)
        )

    def schedule_context(self, number: int, tokens: int) -> bool:
        """Schedule at most `tokens` tokens of a request's prompt; False when there is no room for them."""
        if tokens < 1:
            raise ValueError(f"request {number}: {tokens} tokens of its prompt; give at least 1")
        request = self._to_fill(number)
        if self._steps.phase is not Phase.FILLING:
            self._steps.step_fill()
        if not request.has_caches and not self._admit(request):
            return False
        chunk = min(tokens, request.prompt - request.cursor)
        before = self._pairs.capacity(request)
        capacity = self.context_target(request, chunk)
        fits = self._steps.scheduled_tokens + chunk <= self._config.max_tokens
        if not fits or not self._pairs.make_ready(request, capacity):
            self._release.reject_context(request)
            return False
        self._steps.step_take_chunk(number, chunk, before if capacity > before else None)
        return True

    def _to_fill(self, number: int) -> Request:
        request = self._steps.requests.get(number)
        if self._steps.phase is Phase.IDLE:
            refuse("no-pass", f"request {number}: no pass is open; call begin_pass")
        if request is None or request.stage is not Stage.CONTEXT:
            refuse("no-context", f"request {number}: has no prompt to compute")
        if request.scheduled:
            refuse("scheduled", f"request {number}: this pass has scheduled it already")
        if request.outstanding:
            refuse("in-flight", f"request {number}: its last chunk is to be updated; call update")
        return request

    def _admit(self, request: Request) -> bool:
        """Give it the lowest free row and its caches; False when all rows are taken."""
        if not self._steps.free_rows:
            return False
        row = self._steps.free_rows[0]
        found = self._pairs.make_caches(request, row)
        self._steps.step_seat(request.number, row, found * self._pairs.block_tokens)
        return True

    def context_target(self, request: Request, chunk: int) -> int:
        """The capacity with which the next tokens of a prompt are computed: absolute, so that asking again adds nothing."""
        return max(self._pairs.capacity(request), request.cursor + chunk)

    # The end of the pass.

    def run(
        self, peers: Peers, ready: bool = True, connector: int | None = None, encoder_failed: int | None = None
    ) -> list[Request]:
        """End the pass: decide what of it is computed, and release all else that it has scheduled."""
        if encoder_failed is not None and encoder_failed < 0:
            raise ValueError(f"run: the encoder of context request {encoder_failed} failed; they are counted from 0")
        if connector is not None and connector < 0:
            raise ValueError(f"run: a connector lets {connector} requests through; give 0 or more, or None")
        if self._steps.phase is Phase.IDLE:
            refuse("no-pass", "run: no pass is open; call begin_pass")
        kept, waited, held_back = self.kept_of(self._steps.filling, peers, connector)
        filling, dropped = self.without_failed(kept, encoder_failed)
        batch = [*self._steps.generating, *filling] if ready else []
        self._release.release(dropped if ready else [*self._steps.generating, *self._steps.filling])
        if batch:
            self._pairs.start(batch)
        self._steps.step_clear_batch()
        for position, request in enumerate(batch):
            self._steps.step_forward(request.number, position)
        self._steps.step_close_pass(waited, held_back)
        return batch

    def kept_of(self, filling: list[Request], peers: Peers, connector: int | None) -> tuple[int, int, int]:
        """How many of the context requests pass all stages that may hold them back, and the counters after that."""
        steps, delay = self._steps, self._steps.delay
        goes, waited, held_back = True, delay.waited, delay.held_back
        if filling:
            goes, waited, held_back = delay.keeps(bool(steps.generating), steps.scheduled_tokens, peers)
        kept = delay.within_attended(filling) if goes else 0
        return (kept if connector is None else min(kept, connector)), waited, held_back

    def without_failed(self, kept: int, failed: int | None) -> tuple[list[Request], list[Request]]:
        """The first `kept` context requests without the one whose encoder failed, and all the others."""
        filling, dropped = self._steps.filling[:kept], self._steps.filling[kept:]
        if failed is not None and failed < kept:
            dropped.append(filling.pop(failed))
        return filling, dropped
