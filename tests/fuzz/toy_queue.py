"""A toy machine for the harness's own tests: a bounded queue of jobs, with a reference that is written by hand.

It has the interface that generated references have. A job is a sequence of letters; `push` appends one with a name, `pop`
takes the oldest, `extend` lengthens a queued job, `drain` empties the queue when it is full.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from kvproof.fuzz.content import pattern
from kvproof.fuzz.shapes import Run, Shape, Whole
from kvproof.fuzz.subject import Subject
from kvproof.fuzz.target import Content, Operation, Outcome, Race, Refused, Returned, Step

DEFAULTS = {"capacity": 3, "jobs": 4, "letters": 3, "longest": 4}


class Rejected(Exception):
    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


class RuleBroken(Exception):
    def __init__(self, rule: str) -> None:
        super().__init__(f"{rule} does not hold")
        self.rule = rule


class ToyReference:
    """The specification's side."""

    BRANCHES: ClassVar[dict[int, tuple[str, int, str]]] = {
        1: ("push", 10, "the queue is full"),
        2: ("push", 11, "the job is queued"),
        3: ("pop", 20, "the queue is empty"),
        4: ("drain", 30, "the queue is full"),
        5: ("drain", 31, "the queue has room"),
    }

    def __init__(self, parameters: Mapping[str, int]) -> None:
        for name, value in parameters.items():
            if value < 1:
                raise ValueError(f"{name} is {value}: it must be at least 1")
        self.parameters = dict(parameters)
        self.words: dict[int, tuple[int, ...]] = {}
        self.on_step: Callable[[str, tuple[Any, ...]], None] | None = None
        self.coverage: set[int] | None = None
        self.events: dict[str, int] = {}
        self.script: list[Any] | None = None
        self.forgets_invariant = False

    def _branch(self, number: int) -> None:
        if self.coverage is not None:
            self.coverage.add(number)

    def _error(self, operation: str, arguments: Mapping[str, Any]) -> str | None:
        if operation == "push":
            if arguments["job"] in self.words:
                self._branch(2)
                return "queued-already"
            if len(self.words) >= self.parameters["capacity"]:
                self._branch(1)
                return "full"
        if operation == "pop" and not self.words:
            self._branch(3)
            return "empty"
        if operation == "extend":
            if arguments["job"] not in self.words:
                return "unknown-job"
            if len(self.words[arguments["job"]]) + len(arguments["word"]) > self.parameters["longest"]:
                return "too-long"
        if operation == "drain" and len(self.words) < self.parameters["capacity"]:
            self._branch(5)
            return "not-full"
        return None

    def enabled(self, operation: str, arguments: Mapping[str, Any]) -> str | None:
        return self._error(operation, arguments)

    def apply(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        error = self._error(operation, arguments)
        if error is not None:
            raise Rejected(error)
        if operation == "push":
            self._take("enter", arguments["job"], arguments["word"])
            return len(self.words)
        if operation == "extend":
            self._take("lengthen", arguments["job"], arguments["word"])
            return len(self.words[arguments["job"]])
        if operation == "pop":
            job = next(iter(self.words))
            self._take("leave", job)
            return job
        self._branch(4)
        self.events["drained"] = self.events.get("drained", 0) + 1
        for job in list(self.words):
            self._take("leave", job)
        return None

    def snapshot(self) -> tuple[tuple[int, tuple[int, ...]], ...]:
        return tuple(self.words.items())

    def restore(self, saved: tuple[tuple[int, tuple[int, ...]], ...]) -> None:
        self.words = dict(saved)

    def _take(self, step: str, *arguments: Any) -> None:
        getattr(self, step)(*arguments)
        if self.on_step is not None:
            self.on_step(step, arguments)

    def enter(self, job: int, word: tuple[int, ...]) -> None:
        if job in self.words:
            raise RuleBroken("enter-once")
        self.words[job] = word

    def lengthen(self, job: int, word: tuple[int, ...]) -> None:
        self.words[job] += word

    def leave(self, job: int) -> None:
        if next(iter(self.words), None) != job:
            raise RuleBroken("leave-in-order")
        del self.words[job]

    def observe(self) -> dict[str, Any]:
        return {
            "queue": [list(word) for word in self.words.values()],
            "free": self.parameters["capacity"] - len(self.words),
        }

    def check(self) -> list[str]:
        return ["never_two"] if self.forgets_invariant and len(self.words) > 1 else []


def make_shapes(parameters: Mapping[str, int]) -> dict[str, dict[str, Shape]]:
    letter = Whole(0, parameters["letters"] - 1, "Letter", True)
    job = Whole(0, parameters["jobs"] - 1, "Job", True)
    word = Run(letter, parameters["longest"])
    return {"push": {"job": job, "word": word}, "extend": {"job": job, "word": word}, "pop": {}, "drain": {}}


def make_subject(make_reference: Callable[[Mapping[str, int]], ToyReference] = ToyReference) -> Subject:
    return Subject(
        name="toy-queue",
        digest="0123456789abcdef",
        presets=(DEFAULTS,),
        make_reference=make_reference,
        make_shapes=make_shapes,
        steps=frozenset({"enter", "lengthen", "leave"}),
        rejected=Rejected,
        rule_broken=RuleBroken,
        branches=ToyReference.BRANCHES,
        events=("drained",),
        sequence_state={"words": "Letter"},
    )


TOY = make_subject()


class ToyTarget:
    """A correct implementation, independent of the reference; subclasses below break one thing each."""

    def reset(self, parameters: Mapping[str, int]) -> None:
        self.parameters = dict(parameters)
        self.jobs: list[int] = []
        self.words: list[tuple[int, ...]] = []
        self.log: list[Step] = []

    def close(self) -> None:
        pass

    def apply(self, operation: Operation) -> Outcome:
        self.log = []
        try:
            outcome: Outcome = getattr(self, operation.name)(**operation.arguments)
            return outcome
        except Rejected as refusal:
            return Refused(refusal.error)

    def push(self, job: int, word: tuple[int, ...]) -> Outcome:
        if job in self.jobs:
            raise Rejected("queued-already")
        if len(self.jobs) == self.parameters["capacity"]:
            raise Rejected("full")
        self.enter(job, word)
        return Returned(len(self.jobs))

    def extend(self, job: int, word: tuple[int, ...]) -> Outcome:
        if job not in self.jobs:
            raise Rejected("unknown-job")
        place = self.jobs.index(job)
        if len(self.words[place]) + len(word) > self.parameters["longest"]:
            raise Rejected("too-long")
        self.words[place] += word
        self.log.append(Step("lengthen", (job, word)))
        return Returned(len(self.words[place]))

    def pop(self) -> Outcome:
        if not self.jobs:
            raise Rejected("empty")
        return Returned(self.leave(0))

    def drain(self) -> Outcome:
        if len(self.jobs) < self.parameters["capacity"]:
            raise Rejected("not-full")
        while self.jobs:
            self.leave(0)
        return Returned()

    def enter(self, job: int, word: tuple[int, ...]) -> None:
        self.jobs.append(job)
        self.words.append(word)
        self.log.append(Step("enter", (job, word)))

    def leave(self, place: int) -> int:
        job = self.jobs.pop(place)
        self.words.pop(place)
        self.log.append(Step("leave", (job,)))
        return job

    def observe(self) -> dict[str, Any]:
        return {"queue": [list(word) for word in self.words], "free": self.parameters["capacity"] - len(self.jobs)}

    def steps(self) -> list[Step]:
        return self.log

    def contents(self) -> list[Content]:
        return [
            Content(f"job {job}", word, 0, self.data(word)) for job, word in zip(self.jobs, self.words, strict=True)
        ]

    def data(self, word: tuple[int, ...]) -> bytes:
        return pattern(word, 0)

    def races(self) -> list[Race]:
        return []


class WrongResult(ToyTarget):
    """Returns the length before the push once the queue has two jobs."""

    def push(self, job: int, word: tuple[int, ...]) -> Outcome:
        result = super().push(job, word)
        return Returned(2) if result == Returned(3) else result


class WrongRefusal(ToyTarget):
    """Tests the capacity before the name."""

    def push(self, job: int, word: tuple[int, ...]) -> Outcome:
        if len(self.jobs) == self.parameters["capacity"]:
            return Refused("full")
        return super().push(job, word)


class WrongObservation(ToyTarget):
    """Counts one too many free places after a drain."""

    def drain(self) -> Outcome:
        result = super().drain()
        self.parameters["capacity"] += 1
        return result


class WrongStep(ToyTarget):
    """Empties the queue from its end: nothing of it shows afterwards."""

    def drain(self) -> Outcome:
        if len(self.jobs) == self.parameters["capacity"]:
            while self.jobs:
                self.leave(len(self.jobs) - 1)
            return Returned()
        return super().drain()


class SilentStep(ToyTarget):
    """Does not log what `extend` does."""

    def extend(self, job: int, word: tuple[int, ...]) -> Outcome:
        result = super().extend(job, word)
        self.log = []
        return result


class WrongContent(ToyTarget):
    """Holds the wrong bytes for words that have the same letter twice in a row."""

    def data(self, word: tuple[int, ...]) -> bytes:
        if any(a == b for a, b in itertools.pairwise(word)):
            return bytes(len(pattern(word, 0)))
        return super().data(word)


class Crashing(ToyTarget):
    """Cannot pop a job whose word is empty."""

    def pop(self) -> Outcome:
        if self.words and not self.words[0]:
            raise ZeroDivisionError("an empty word has no first letter")
        return super().pop()


class Racing(ToyTarget):
    """Has an unordered pair of accesses after each drain."""

    drained = False

    def drain(self) -> Outcome:
        self.drained = bool(self.jobs)
        return super().drain()

    def races(self) -> list[Race]:
        return [Race("write-after-read", "nothing orders two accesses to place 1")] if self.drained else []


class ObserveCrashes(ToyTarget):
    """Cannot show a full queue."""

    def observe(self) -> dict[str, Any]:
        if len(self.jobs) == self.parameters["capacity"]:
            raise LookupError("no free place to show")
        return super().observe()


class ResetCrashes(ToyTarget):
    """Cannot be reset."""

    def reset(self, parameters: Mapping[str, int]) -> None:
        raise OSError("no memory of that size")
