"""The first engine: a Hypothesis state machine with one rule an operation.

Hypothesis chooses parameters, rules (with its swarm testing) and, for each operation, one number that decides all of its
arguments: drawing a batch of requests value by value took most of the time. Shrinking is left to
`kvproof.fuzz.minimise`, which works on recorded operations and is far faster. A run is reproducible from its seed: no
database is used.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from kvproof.fuzz.arguments import ArgumentSource
from kvproof.fuzz.chooser import RandomChooser
from kvproof.fuzz.lockstep import Lockstep, Progress
from kvproof.fuzz.subject import Parameters, Subject
from kvproof.fuzz.target import Returned, Target
from kvproof.fuzz.walk import Case, begin, operation_for, weights

EXAMPLES_PER_BATCH = 40
"""Examples of one Hypothesis run; the next batch gets the next seed."""

OPERATIONS_PER_EXAMPLE = 50

SEEDS = 2**32
"""Numbers that decide an operation's arguments."""

Watch = Callable[[Case], None]
"""Called after every operation; it may raise to end the run."""


class HypothesisChooser:
    """Decisions drawn from Hypothesis."""

    def __init__(self, draw: Callable[[st.SearchStrategy[int]], int]) -> None:
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        return self._draw(_integers(low, high)) if high > low else low


@lru_cache(maxsize=4096)
def _integers(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(low, high)


def machine_class(
    subject: Subject,
    make_target: Callable[[], Target],
    progress: Progress,
    watch: Watch,
    fixed: Parameters | None = None,
) -> type[RuleBasedStateMachine]:
    """The state machine: parameters are drawn first, then one rule per operation of the subject."""

    class LockstepMachine(RuleBasedStateMachine):
        """Drives one case; the failure goes to `watch`, which decides what it means."""

        _lockstep: Lockstep | None = None

        @initialize(data=st.data())
        def begin(self, data: st.DataObject) -> None:
            self._lockstep = begin(subject, make_target(), HypothesisChooser(data.draw), progress, fixed)
            self.case = Case(self._lockstep.parameters)
            self.source = ArgumentSource(subject, self.case.parameters, self._lockstep.reference)
            self.case.failure = self._lockstep.initial()
            watch(self.case)

        def perform(self, name: str, seed: int) -> None:
            """An operation called `name`, or another one where there is none to be allowed."""
            assert self._lockstep is not None
            operation = operation_for(name, self.source, weighted, RandomChooser(seed))
            self.case.operations.append(operation)
            self.case.failure = self._lockstep.apply(operation)
            if isinstance(self._lockstep.outcome, Returned):
                self.source.moved()
            watch(self.case)

        def teardown(self) -> None:
            if self._lockstep is not None:
                self._lockstep.close()

    weighted = weights(subject)
    for name in subject.operations:
        ruled = rule(seed=st.integers(0, SEEDS - 1))(_performer(name))
        setattr(LockstepMachine, f"rule_{name}", ruled)
    return LockstepMachine


def _performer(name: str) -> Callable[[Any, int], None]:
    def perform(self: Any, seed: int) -> None:
        self.perform(name, seed)

    perform.__name__ = f"rule_{name}"
    return perform


def run_batch(machine: type[RuleBasedStateMachine], seed: int, examples: int = EXAMPLES_PER_BATCH) -> None:
    """One Hypothesis run of the machine; whatever `watch` raises comes out of it."""
    seeded = hypothesis.seed(seed)(machine)
    run_state_machine_as_test(
        seeded,
        settings=settings(
            max_examples=examples,
            stateful_step_count=OPERATIONS_PER_EXAMPLE,
            phases=(Phase.generate,),
            database=None,
            deadline=None,
            derandomize=False,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
