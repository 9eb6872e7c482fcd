"""The scheduling pass: who is computed in this iteration. Admission is decided here, pages and all.

What a request needs is allocated at once: whether it could be, and what that took, decides about the next one. So a
request that has been scheduled cannot fail for want of pages later (C-11), and what is held back after all is released by
`Executor.run`.
"""

from __future__ import annotations

from kvproof.impl.executor.pairs import Pairs
from kvproof.impl.executor.requests import Phase, Request, Stage


class Scheduling(Pairs):
    """Generating requests first, then context requests; each in the order that the caller chooses."""

    def begin_pass(self) -> None:
        """Begin to schedule an iteration.

        Raises:
            Refused: pass-open.
        """
        if self.phase is not Phase.IDLE:
            self._refuse("pass-open", "begin_pass: the pass before has not been run; call run")
        self.step_open_pass()

    def schedule_generation(self, number: int) -> bool:
        """Schedule a generating request for its next token and the draft's; False when there is no room.

        Where pages are lacking, requests that arrived later are paused for it, the last to have arrived first; and itself
        when that was not enough.

        Raises:
            Refused: no-pass, context-has-begun, not-generating, scheduled, in-flight or too-long.
        """
        request = self._to_generate(number)
        if self.scheduled_tokens + self.config.step_tokens > self.config.max_tokens:
            return False
        suspended = not self.is_active(request)
        capacity = self.generation_target(request)
        while not self.make_ready(request, capacity):
            victim = self.victim_for(request)
            if victim is None:
                if self.is_active(request) and not request.outstanding:
                    self.pause(request)
                return False
            self.pause(victim)
        self.step_grow(number, suspended)
        return True

    def _to_generate(self, number: int) -> Request:
        request = self.requests.get(number)
        if self.phase is Phase.IDLE:
            self._refuse("no-pass", f"request {number}: no pass is open; call begin_pass")
        if self.phase is Phase.FILLING:
            self._refuse("context-has-begun", f"request {number}: context requests have their turn; schedule it before")
        if request is None or request.stage is not Stage.GENERATION:
            self._refuse("not-generating", f"request {number}: does not generate; schedule its context first")
        if request.scheduled:
            self._refuse("scheduled", f"request {number}: this pass has scheduled it already")
        if request.outstanding > self.config.overlap:
            self._refuse("in-flight", f"request {number}: {request.outstanding} passes are to be updated; call update")
        if self.capacity(request) + self.config.step_tokens > self.tokens_max:
            self._refuse(
                "too-long",
                f"request {number}: {self.capacity(request)} and {self.config.step_tokens} tokens exceed the "
                f"{self.tokens_max} of a cache; finish it",
            )
        return request

    def generation_target(self, request: Request) -> int:
        """The capacity with which a request generates: as long as it is, and the tokens of a step."""
        return self.capacity(request) + self.config.step_tokens

    def victim_for(self, request: Request) -> Request | None:
        """Who is paused for a request that lacks pages: the last that came after it and can be."""
        for other in reversed(self.requests.values()):
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
            and self.is_active(request)
        )

    def pause(self, request: Request) -> None:
        """Let others have its pages.

        Suspended, they can be brought to host memory. Where there is none, that would free nothing (#12306): the request
        gives them up, and begins again with what it has generated as a part of its prompt.
        """
        if self.suspending_frees():
            self.suspend_caches(request)
            self.step_pause(request.number)
        elif request.stage is Stage.GENERATION:
            self.free(request, min(self.caches.history(request.number) + 1, self.tokens_max))
        else:
            self.free(request, request.prompt)

    def suspending_frees(self) -> bool:
        """Pages of suspended caches can make room: those of each pool group."""
        config = self.caches.config
        return all(host for _, host in map(config.slots_of, config.groups))

    def free(self, request: Request, prompt: int) -> None:
        """Close its caches and let it begin again with a prompt of so many tokens."""
        self.close_caches(request)
        self.step_rewind(request.number, prompt)

    def schedule_context(self, number: int, tokens: int) -> bool:
        """Schedule at most `tokens` tokens of a request's prompt; False when there is no room for them.

        With its first chunk it gets its caches and an index row. If there is no room for that chunk, it loses both again:
        what it has found would only be kept from others (#19202).

        Raises:
            Refused: no-pass, no-context, scheduled or in-flight.
            ValueError: fewer than one token.
        """
        if tokens < 1:
            raise ValueError(f"request {number}: {tokens} tokens of its prompt; give at least 1")
        request = self._to_fill(number)
        if self.phase is not Phase.FILLING:
            self.step_fill()
        if not request.has_caches and not self._admit(request):
            return False
        chunk = min(tokens, request.prompt - request.cursor)
        before = self.capacity(request)
        capacity = self.context_target(request, chunk)
        if self.scheduled_tokens + chunk > self.config.max_tokens or not self.make_ready(request, capacity):
            self.reject_context(request)
            return False
        self.step_take_chunk(number, chunk, before if capacity > before else None)
        return True

    def _to_fill(self, number: int) -> Request:
        request = self.requests.get(number)
        if self.phase is Phase.IDLE:
            self._refuse("no-pass", f"request {number}: no pass is open; call begin_pass")
        if request is None or request.stage is not Stage.CONTEXT:
            self._refuse("no-context", f"request {number}: has no prompt to compute")
        if request.scheduled:
            self._refuse("scheduled", f"request {number}: this pass has scheduled it already")
        if request.outstanding:
            self._refuse("in-flight", f"request {number}: its last chunk is to be updated; call update")
        return request

    def _admit(self, request: Request) -> bool:
        """Give it the lowest free row and its caches; False when all rows are taken."""
        if not self._free_rows:
            return False
        row = self._free_rows[0]
        found = self.make_caches(request, row)
        self.step_seat(request.number, row, found * self.block_tokens)
        return True

    def context_target(self, request: Request, chunk: int) -> int:
        """The capacity with which the next tokens of a prompt are computed: absolute, so that asking again adds nothing."""
        return max(self.capacity(request), request.cursor + chunk)

    def reject_context(self, request: Request) -> None:
        """There is no room for its next chunk: nothing of it stays locked."""
        if request.fresh:
            self.free(request, request.prompt)
        else:
            self.suspend_caches(request)
            self.step_pause(request.number)
