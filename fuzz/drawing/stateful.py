"""The first engine: a Hypothesis state machine with one rule an operation.

Hypothesis chooses parameters, rules (with its swarm testing) and, for each operation, one number that decides all of its
arguments: drawing a batch of requests value by value took most of the time. Where the target has a schedule it also
chooses the mode of each case, and for each operation a number that decides what completes. Shrinking is left to
`shrinking.minimise`, which works on recorded operations and is far faster. A run is reproducible from its seed: no database
is used.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from kvproof.fuzz.chooser import RandomChooser
from kvproof.fuzz.drawing.arguments import ArgumentSource
from kvproof.fuzz.drawing.walk import Case, begin, operation_for, weights
from kvproof.fuzz.lockstep import Lockstep, Progress
from kvproof.fuzz.pace import SEEDS as PACE_SEEDS
from kvproof.fuzz.pace import Pace, draw_mode
from kvproof.fuzz.subject import Parameters, Subject
from kvproof.fuzz.target import Returned, Target

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
    *,
    scheduled: bool = False,
    mode: str | None = None,
) -> type[RuleBasedStateMachine]:
    """The state machine: parameters are drawn first, then one rule per operation of the subject.

    `scheduled` targets get a `mode` a case, drawn when it is None, and a seed an operation.
    """

    class LockstepMachine(RuleBasedStateMachine):
        """Drives one case; the failure goes to `watch`, which decides what it means."""

        _lockstep: Lockstep | None = None

        @initialize(data=st.data())
        def begin(self, data: st.DataObject) -> None:
            chooser = HypothesisChooser(data.draw)
            self._lockstep = begin(subject, make_target(), chooser, progress, fixed)
            self.mode = draw_mode(chooser, mode) if scheduled else ""
            self.case = Case(self._lockstep.parameters)
            self.source = ArgumentSource(subject, self.case.parameters, self._lockstep.reference)
            self.case.failure = self._lockstep.initial()
            watch(self.case)

        def perform(self, name: str, seed: int, pace: int | None = None) -> None:
            """An operation called `name`, or another one where there is none to be allowed."""
            assert self._lockstep is not None
            operation = operation_for(name, self.source, weighted, RandomChooser(seed))
            self.case.failure = self._lockstep.apply(operation, None if pace is None else Pace(self.mode, pace))
            self.case.operations.append(self._lockstep.operation)
            if isinstance(self._lockstep.outcome, Returned):
                self.source.moved()
            watch(self.case)

        def teardown(self) -> None:
            if self._lockstep is not None:
                self._lockstep.close()

    weighted = weights(subject)
    drawn: dict[str, Any] = {"seed": st.integers(0, SEEDS - 1)}
    if scheduled:
        drawn["pace"] = st.integers(0, PACE_SEEDS - 1)
    as_rule: Any = rule(**drawn)
    for name in subject.operations:
        setattr(LockstepMachine, f"rule_{name}", as_rule(_performer(name)))
    return LockstepMachine


def _performer(name: str) -> Callable[..., None]:
    def perform(self: Any, seed: int, pace: int | None = None) -> None:
        self.perform(name, seed, pace)

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
