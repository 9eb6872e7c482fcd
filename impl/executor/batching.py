"""The end of a pass: what of it is computed, and its launch. All else is released, whichever stage has held it back."""

from __future__ import annotations

from kvproof.impl.executor.pairs import Pairs
from kvproof.impl.executor.reasons import refuse
from kvproof.impl.executor.release import Release
from kvproof.impl.executor.requests import Peers, Phase, Request
from kvproof.impl.executor.steps import ExecutorSteps


class Batching:
    """From what is scheduled to what is launched.

    Args:
        steps: the requests.
        pairs: their caches.
        release: of those that are not computed.
    """

    def __init__(self, steps: ExecutorSteps, pairs: Pairs, release: Release) -> None:
        self._steps = steps
        self._pairs = pairs
        self._release = release

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
