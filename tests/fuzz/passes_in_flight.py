"""An engine that keeps passes of an executor in flight, for lockstep: random operations seldom have two at a time.

It asks the specification what each request is doing, and chooses among what would be accepted: requests come as long as
there are free numbers, most of those that can be are scheduled, most passes are run in full, and what is in flight is
updated when it pleases, mostly while the next pass is under way. Requests that have become too long are finished.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from kvproof.fuzz.failure import Failure
from kvproof.fuzz.lockstep import Lockstep
from kvproof.fuzz.looks import Whole
from kvproof.fuzz.machines import subject_named
from kvproof.fuzz.pace import PaceSource
from kvproof.fuzz.target import Operation
from kvproof.fuzz.targets.executor import ExecutorTarget

MACHINE = subject_named("executor")

ITERATIONS = 30
"""Passes of a case."""

ALONE = {"all_have_context": True, "all_generate": True, "some_do_not_generate": False}

INVARIANTS_EVERY = 16
"""They are proved elsewhere, and slow."""


class PassesInFlight:
    """One case: `failure` tells how it ended, `launched_over` how many passes found another one of a request in flight."""

    def __init__(self, target: ExecutorTarget, parameters: Mapping[str, int], seed: int) -> None:
        self.failure: Failure | None = None
        self.operations: list[Operation] = []
        self.launched_over = 0
        self._draw = Random(seed)
        self._prompt = self._draw.choice((0.1, 0.3, 0.6))
        """How likely the only pass in flight is updated before the next one has been scheduled."""
        self._paces = PaceSource(seed)
        self._sizes = parameters
        self._step = 1 + parameters["draft_tokens"]
        self._room = parameters["tokens_per_block"] * parameters["blocks_max"]
        self._lockstep = Lockstep(MACHINE, target, parameters, looks=Whole(INVARIANTS_EVERY))

    def run(self) -> Failure | None:
        """Drive it until something differs."""
        with self._lockstep as lockstep:
            assert lockstep.initial() is None
            for operation in self._engine():
                self.failure = lockstep.apply(operation, self._paces.next())
                self.operations.append(lockstep.operation)
                if self.failure is not None:
                    break
        return self.failure

    def _requests(self) -> dict[int, dict[str, Any]]:
        shown = self._lockstep.reference.observe()
        found = {int(number): dict(request) for number, request in shown["requests"].items()}
        for number, request in found.items():
            request["capacity"] = shown["caches"].get(str(number), {"capacity": 0})["capacity"]
        return found

    def _mostly(self) -> bool:
        return self._draw.random() < 0.8

    def _engine(self) -> Iterator[Operation]:
        for _ in range(ITERATIONS):
            yield from self._submit()
            yield Operation("begin_pass", {})
            yield from self._schedule()
            yield self._forward()
            yield from self._update()
            yield from self._finish()

    def _submit(self) -> Iterator[Operation]:
        for number in range(self._sizes["requests"]):
            if number not in self._requests() and self._mostly():
                tokens = self._draw.randint(1, self._room - self._step if not self._mostly() else self._room // 3)
                own = self._sizes["chunks"] // (1 + self._sizes["draft_model"])
                chunks = [self._draw.randrange(own) for _ in range(self._sizes["blocks_max"])]
                text = tuple(chunks[: self._draw.randint(0, len(chunks))])
                yield Operation("submit", {"request": number, "text": text, "tokens": tokens, "priority": 0})

    def _schedule(self) -> Iterator[Operation]:
        waiting = self._requests()
        for number, request in waiting.items():
            ready = request["stage"] == "GENERATION" and request["outstanding"] <= self._sizes["overlap"]
            if ready and request["capacity"] + self._step <= self._room and self._mostly():
                yield Operation("schedule_generation", {"request": number})
        for number, request in self._requests().items():
            if request["stage"] == "CONTEXT" and not request["outstanding"] and self._mostly():
                tokens = self._draw.randint(1, self._room)
                yield Operation("schedule_context", {"request": number, "tokens": tokens})

    def _forward(self) -> Operation:
        """Mostly all that has been scheduled."""
        shown = self._lockstep.reference.observe()
        scheduled = [shown["requests"][str(number)] for number in shown["generating"]]
        self.launched_over += any(request["outstanding"] for request in scheduled)
        most = self._sizes["requests"]
        connector, encoder = (most if self._mostly() else self._draw.randint(0, most) for _ in range(2))
        ready = self._draw.random() < 0.9
        return Operation("run", {"peers": ALONE, "ready": ready, "connector": connector, "encoder": encoder})

    def _update(self) -> Iterator[Operation]:
        for number, request in self._requests().items():
            for left in range(request["outstanding"], 0, -1):
                if self._draw.random() < (0.9 if left > self._sizes["overlap"] else self._prompt):
                    yield Operation("update", {"request": number, "accepted": self._draw.randint(1, self._step)})

    def _finish(self) -> Iterator[Operation]:
        for number, request in self._requests().items():
            long = request["stage"] == "GENERATION" and request["capacity"] + self._step > self._room
            if not request["outstanding"] and (long or self._draw.random() < 0.03):
                yield Operation("finish", {"request": number})
