"""Lockstep of the machine `executor` at the sizes of a real service: the costly looks are taken now and then.

After every operation: the results, the implementation's steps against the specification's rules, what all of them add up
to (vacant slots, queues, lengths of all caches), unordered accesses, and the bytes that kernels have read. After every so
many operations, and at the end: the whole observation of both sides and of the validator, and the bytes of every page.
"""

from __future__ import annotations

from collections import Counter
from time import perf_counter
from typing import Any

from attrs import define

from kvproof.fuzz import oracles
from kvproof.fuzz.failure import Failure
from kvproof.fuzz.lockstep import Lockstep
from kvproof.fuzz.oracles import Moment, StepValidation
from kvproof.fuzz.subject import Parameters, Subject
from kvproof.fuzz.target import Operation, Outcome, as_steps
from kvproof.fuzz.workload.cache_target import ServiceTarget
from kvproof.fuzz.workload.replaying import Seconds

SUMS = ("status", "committed", "history", "capacity", "scratch", "vacant", "stage", "cursor", "outstanding")
"""State of the specification that is compared after every operation."""


@define
class Looks:
    """How often each oracle looked."""

    results: int = 0
    steps: int = 0
    sums: int = 0
    bytes_read: int = 0
    races: int = 0
    observations: int = 0
    pages: int = 0
    """Planes of pages whose bytes were compared in whole observations."""


class CacheLockstep(Lockstep):
    """One replay.

    Args:
        subject: the machine.
        target: what is driven.
        parameters: sizes.
        check_every: operations between two looks at everything.
    """

    target: ServiceTarget
    _validation: StepValidation

    def __init__(self, subject: Subject, target: ServiceTarget, parameters: Parameters, check_every: int) -> None:
        super().__init__(subject, target, parameters)
        self.scheduled = False  # the device completes work by itself
        self.operations: list[Operation] = []
        self.looks = Looks()
        self.seconds = Seconds()
        self.step_counts: Counter[str] = Counter()
        self._check_every = check_every
        self._reference: Any = self.reference
        self._validator: Any = subject.reference(parameters)
        self._validation = StepValidation(subject, self._validator)

    def apply(self, operation: Operation, pace: Any = None) -> Failure | None:
        """See `Lockstep`; the operation is kept."""
        del pace
        self.operations.append(operation)
        started = perf_counter()
        moment = Moment(self.index, operation)
        self.index += 1
        actual: Outcome | None = None
        crash: Failure | None = None
        try:
            actual = self.target.apply(operation)
        except Exception as error:  # noqa: BLE001 - a crash of the implementation is a finding
            crash = oracles.crash(moment, error)
        answered = perf_counter()
        expected = self._expect(operation)
        self.seconds.implementation += answered - started
        self.seconds.reference += perf_counter() - answered
        if isinstance(expected, str):
            return moment.failure("invariant", expected, f"{operation} breaks the rule {expected} in the specification")
        self.progress.count(operation.name, expected)
        self.outcome = expected
        try:
            return self._look(moment, expected, expected if actual is None else actual, crash)
        except Exception as error:  # noqa: BLE001 - so is one when it is looked at
            return oracles.crash(moment, error)

    def _look(self, moment: Moment, expected: Outcome, actual: Outcome, crash: Failure | None) -> Failure | None:
        started = perf_counter()
        self.step_log = as_steps(self.target.steps())
        self.step_counts.update(step.name for step in self.step_log)
        failure = self._validation.steps(moment, self.step_log) or crash or oracles.outcome(moment, expected, actual)
        failure = failure or self._sums(moment)
        self.looks.results += 1
        self.looks.sums += 1
        self.looks.steps += len(self.step_log)
        validated = perf_counter()
        self.seconds.validation += validated - started
        if failure is None:
            self.looks.races += 1
            failure = oracles.races(moment, self.target.races())
        if failure is None:
            reads = self.target.read_back()
            self.looks.bytes_read += len(reads)
            failure = oracles.content(moment, reads)
        self.seconds.content += perf_counter() - validated
        if failure is None and self.index % self._check_every == 0:
            failure = self.check()
        return failure

    def _sums(self, moment: Moment) -> Failure | None:
        """The validator, which follows the implementation's steps, has the same counts as the reference."""
        for name in SUMS:
            expected, actual = getattr(self._reference, name), getattr(self._validator, name)
            if expected != actual:
                message = f"after {moment.operation.name}, the steps of the target lead to another {name}"
                return moment.failure("step", f"state.{name}", message, str(expected), str(actual))
        expected, actual = (
            [len(side.queue[level]) for level in side.queue] for side in (self._reference, self._validator)
        )
        if expected != actual:
            message = (
                f"after {moment.operation.name}, the eviction queues have other lengths by the steps of the target"
            )
            return moment.failure("step", "state.queue", message, expected, actual)
        return None

    def check(self) -> Failure | None:
        """Look at everything: what both sides show, what the target's steps lead to, and the bytes of all pages."""
        started = perf_counter()
        moment = Moment(self.index - 1, self.operations[-1])
        seen = self.target.observe()
        failure = oracles.observation(moment, self.reference.observe(), seen)
        if failure is None:
            failure = self._validation.state(moment, seen)
        if failure is None:
            contents = self.target.contents()
            self.looks.pages += len(contents)
            failure = oracles.content(moment, contents)
        self.looks.observations += 1
        self.seconds.observations += perf_counter() - started
        return failure
