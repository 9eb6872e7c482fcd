"""After a pass: what it has computed counts, and a request goes, to another engine or for good."""

from __future__ import annotations

from kvproof.impl.executor.pairs import Pairs
from kvproof.impl.executor.reasons import refuse
from kvproof.impl.executor.requests import Request, Stage
from kvproof.impl.executor.steps import ExecutorSteps


class Updates:
    """What the engine tells of requests that were computed; the arguments are those of `Executor`.

    Args:
        steps: the requests.
        pairs: their caches.
    """

    def __init__(self, steps: ExecutorSteps, pairs: Pairs) -> None:
        self._steps = steps
        self._pairs = pairs
        self._config = steps.config

    def update(self, number: int, accepted: int) -> None:
        """The oldest forward pass of a request is over."""
        if not 1 <= accepted <= self._config.step_tokens:
            raise ValueError(f"request {number}: accepted {accepted} tokens; a step has 1..{self._config.step_tokens}")
        request = self._steps.requests.get(number)
        if request is None or not request.outstanding:
            refuse("not-in-flight", f"request {number}: no pass of it is to be updated")
        if request.stage is Stage.CONTEXT:
            self._update_context(request)
        else:
            self._update_generation(request, accepted)

    def _update_context(self, request: Request) -> None:
        """What was computed of its prompt is there for others, too, block by block."""
        caches = self._pairs.caches
        cursor = request.cursor + request.chunk
        done = cursor == request.prompt
        blocks = min(cursor // self._pairs.block_tokens, len(request.text))
        for cache in request.caches:
            caches.resize(cache, caches.capacity(cache), cursor)
            while caches.committed(cache) < blocks:
                caches.commit(cache)
            if done:
                caches.stop_committing(cache)
        self._steps.step_landed(request.number, cursor)
        if done:
            self._steps.step_generate(request.number)

    def _update_generation(self, request: Request, accepted: int) -> None:
        """Keep the tokens that were accepted, and give the room of the others back."""
        caches = self._pairs.caches
        for cache in request.caches:
            capacity, history = caches.capacity(cache), caches.history(cache)
            caches.resize(cache, capacity - self.reclaimed(accepted), history + accepted)
        self._steps.step_landed(request.number, request.cursor)

    def reclaimed(self, accepted: int) -> int:
        """Tokens of a step for which no room is needed any more."""
        return self._config.step_tokens - accepted

    def hand_over(self, number: int) -> None:
        """Another engine goes on with a request: its row is free now, its data stay until `finish`."""
        request = self._steps.requests.get(number)
        if request is None or request.stage is not Stage.GENERATION:
            refuse("not-generating", f"request {number}: does not generate; compute its prompt first")
        self._steps.at_rest(request)
        self._pairs.unbind_rows(request)
        self._steps.step_send(number)

    def finish(self, number: int) -> None:
        """Forget a request and what it has."""
        request = self._steps.requests.get(number)
        if request is None:
            refuse("unknown", f"request {number}: is not in")
        self._steps.at_rest(request)
        if request.has_caches:
            self._pairs.close_caches(request)
        self._steps.step_leave(number)
