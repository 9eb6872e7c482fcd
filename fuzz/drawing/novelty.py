"""Which of several enabled operations promises something new: each is tried out on a second reference.

What an operation does is summed up as its name, how often it takes each step, and the name of the operation before.
Operations whose summary was seen least are preferred, so that a run drifts to what is rare (a prompt that onboards two
blocks and offloads three) although nothing in it says what is rare for this machine. Measured on the seeded bug M-30:
found after thousands of operations where plain drawing needed tens of thousands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from kvproof.fuzz.subject import Parameters, Reference, Subject
from kvproof.fuzz.target import Operation, Value

COUNTED_TO = 4
"""Steps of one name beyond this many are all the same "many"."""

Summary = tuple[str, str, tuple[tuple[str, int], ...]]


class Novelty:
    """How often each summary was seen, over all cases of a run."""

    def __init__(self) -> None:
        self.seen: Counter[Summary] = Counter()


class Scout:
    """Tries operations out for one case."""

    def __init__(self, subject: Subject, parameters: Parameters, reference: Reference, novelty: Novelty) -> None:
        self._reference = reference
        self._scout = subject.reference(parameters)
        self._scout.coverage = set()
        self._scout.on_step = self._count
        self._expected = (subject.rejected, subject.rule_broken)
        self._steps: dict[str, int] = {}
        self._novelty = novelty.seen
        self._before = ""

    def _count(self, name: str, arguments: tuple[Value, ...]) -> None:
        del arguments
        self._steps[name] = min(self._steps.get(name, 0) + 1, COUNTED_TO)

    def rarest(self, candidates: Sequence[Operation]) -> Operation:
        """The candidate whose summary was seen least, the first of several; it counts as seen now."""
        saved = self._reference.snapshot()
        summaries = [self._summary(saved, candidate) for candidate in candidates]
        best = min(range(len(candidates)), key=lambda index: self._novelty[summaries[index]])
        self._novelty[summaries[best]] += 1
        self._before = candidates[best].name
        return candidates[best]

    def _summary(self, saved: object, operation: Operation) -> Summary:
        self._scout.restore(saved)
        self._steps = {}
        with suppress(*self._expected):  # what the real run makes of them is an oracle's matter
            self._scout.apply(operation.name, operation.arguments)
        return self._before, operation.name, tuple(sorted(self._steps.items()))
