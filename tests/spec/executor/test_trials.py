"""What the trials of the executor show (C-4, C-6) is shown of them alone: for each there is an executor that fails it."""

from __future__ import annotations

from typing import Any

import pytest

from kvproof.model.checking.induction import check_induction
from kvproof.model.machines import load
from kvproof.spec.executor import Executor, ExecutorParameters
from kvproof.spec.executor.kinds import Request, Stage
from kvproof.spec.executor.variants import VARIANTS
from kvproof.spec.lang import compile_machine
from kvproof.spec.sequence_caches.kinds import Status

SMALL = {
    "requests": 1,
    "rows": 1,
    "max_tokens": 2,
    "chunks": 1,
    "tokens_per_block": 1,
    "blocks_max": 2,
    "priorities": 1,
}


class InParts(Executor):
    """The right release, in parts of which the executors below do one wrongly."""

    def release(self, request: Request) -> None:
        if self.first_chunk[request]:
            self.free(request)
        else:
            self.shrink_both(request, self.recorded_room(request))
            self.between(request)
            if self.rests(request):
                self.rest_both(request)
                self.rested(request)
            self.strike(request)

    def between(self, request: Request) -> None:
        """What happens to a request that has its old room, and still its locks."""

    def rests(self, request: Request) -> bool:
        """Whether it is suspended."""
        return self.stage[request] == Stage.CONTEXT or self.resumed[request]

    def rested(self, request: Request) -> None:
        """What happens to it when it is."""


class LosesDropped(InParts):
    """A page of what is dropped and suspended is taken from its queue: nobody will ever have that slot."""

    def rested(self, request: Request) -> None:
        if self.is_queued(self.page_at(self.target(request), 0)) and self.is_lost(request):
            self.unqueue(self.page_at(self.target(request), 0))

    def is_lost(self, request: Request) -> bool:
        """Whether this kind of request is."""
        return self.stage[request] == Stage.GENERATION


class LosesDroppedContext(LosesDropped):
    """The same of context requests."""

    def is_lost(self, request: Request) -> bool:
        return self.stage[request] == Stage.CONTEXT


class StopsWhenDropped(InParts):
    """What is dropped commits no more blocks."""

    def between(self, request: Request) -> None:
        self.stop(self.target(request))


class KeepsItsRow(Executor):
    """What is turned down keeps its row, though it has never run."""

    def turn_down(self, request: Request) -> None:
        self.rest_both(request)


class SuspendsTheSecondTime(InParts):
    """A request that is released already is suspended by the next release."""

    def rests(self, request: Request) -> bool:
        again = self.grown[request] == 0 and self.saved[request] is None
        return self.stage[request] == Stage.CONTEXT or self.resumed[request] or again


class SuspendsTheOthers(InParts):
    """Whoever is released takes others along."""

    def between(self, request: Request) -> None:
        for other in self.every(Request):
            if other != request and self.is_status(other, Status.ACTIVE) and self.outstanding[other] == 0:
                self.rest_both(other)


class SuspendsTheFirst(InParts):
    """A generating request that is dropped is suspended if somebody was scheduled after it."""

    def rests(self, request: Request) -> bool:
        return self.stage[request] == Stage.CONTEXT or self.resumed[request] or len(self.filling) > 0


class SwapsPages(InParts):
    """What is dropped gets the page of its first block anew, and what was computed in the old one is gone."""

    def between(self, request: Request) -> None:
        target = self.target(request)
        first = self.cell[target][0]
        if first is not None and len(self.path[first]) == 0 and self.vacant[0][0] > 0:
            page = self.new_page(0, self.page_priority[target])
            self.give_up(target, 0)
            self.hold(target, 0, page)
            self.lock(target, 0)


class LosesAToken(Executor):
    """What is freed loses the last token of its prompt, where its text allows."""

    def free(self, request: Request) -> None:
        self.end_both(request)
        shorter = self.prompt[request] - 1
        text = len(self.request_text[request]) * self.params.tokens_per_block
        self.rewind(request, shorter if text < shorter else self.prompt[request])


class LosesItsTurn(Executor):
    """What is put aside or freed goes to the end of the queue: the step that forgets it is taken, and it comes anew."""

    def free(self, request: Request) -> None:
        prompt = self.prompt[request]
        text = self.request_text[request]
        priority = self.request_priority[request]
        self.end_both(request)
        self.rewind(request, prompt)
        if not self.is_scheduled(request):
            self.leave(request)
            self.enter(request, prompt, text, priority)


class LosesTurnsOfVictims(Executor):
    """The same of victims where there is no host memory."""

    def put_aside(self, request: Request) -> None:
        prompt = self.prompt[request]
        text = self.request_text[request]
        priority = self.request_priority[request]
        self.end_both(request)
        self.rewind(request, min(max(prompt, self.history[self.target(request)] + 1), self.params.tokens_max))
        self.leave(request)
        self.enter(request, prompt, text, priority)


class OldPrompts(Executor):
    """What is put aside where there is no host memory begins with its old prompt: what it has generated is lost."""

    def put_aside(self, request: Request) -> None:
        self.end_both(request)
        self.rewind(request, self.prompt[request])


WRONG: dict[str, tuple[type[Executor], dict[str, int]]] = {
    "dropped-growth-leaves-no-trace": (VARIANTS["X-29"], {"primary_slots": 2, "secondary_slots": 0}),
    "dropped-growth-takes-no-slot": (
        LosesDropped,
        {"primary_slots": 2, "secondary_slots": 1},
    ),
    "dropped-chunk-leaves-no-trace": (StopsWhenDropped, {"primary_slots": 3, "secondary_slots": 0, "blocks_max": 3}),
    "dropped-chunk-keeps-its-place": (KeepsItsRow, {"primary_slots": 1, "secondary_slots": 0}),
    "dropped-chunk-takes-no-slot": (LosesDroppedContext, {"primary_slots": 2, "secondary_slots": 1}),
    "dropped-chunk-is-not-forgotten": (LosesAToken, {"primary_slots": 1, "secondary_slots": 0}),
    "dropped-chunk-keeps-its-turn": (LosesItsTurn, {"primary_slots": 1, "secondary_slots": 0, "requests": 2}),
    "released-as-it-was": (SuspendsTheFirst, {"primary_slots": 3, "secondary_slots": 0, "requests": 2, "rows": 2}),
    "released-to-what-is-recorded": (StopsWhenDropped, {"primary_slots": 3, "secondary_slots": 0, "blocks_max": 3}),
    "released-pages-are-the-last": (SwapsPages, {"primary_slots": 3, "secondary_slots": 0}),
    "victims-forget-nothing": (OldPrompts, {"primary_slots": 2, "secondary_slots": 0}),
    "victims-keep-their-turn": (LosesTurnsOfVictims, {"primary_slots": 2, "secondary_slots": 0, "requests": 2}),
    "released-once-is-released": (SuspendsTheSecondTime, {"primary_slots": 2, "secondary_slots": 0}),
    "releases-commute": (SuspendsTheOthers, {"primary_slots": 2, "secondary_slots": 0, "requests": 2, "rows": 2}),
}
"""For each promise of a trial an executor that breaks it, and the sizes at which that shows."""


@pytest.mark.parametrize("promise", sorted(WRONG))
def test_a_trial_of_the_executor_can_fail(promise: str) -> None:
    cls, changes = WRONG[promise]
    definition = compile_machine(cls)
    trial = next(name for name, method in definition.trials().items() if promise in method.literals("ensure", 1))
    report = check_induction(definition, ExecutorParameters(**{**SMALL, **changes}), operations=[trial])
    assert promise in [finding.rule for finding in report.findings]


def test_every_promise_of_a_trial_is_broken_by_some_executor() -> None:
    trials: Any = load("executor").definition.trials().values()
    assert set(WRONG) == {promise for trial in trials for promise in trial.literals("ensure", 1)}
