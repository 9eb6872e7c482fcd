"""The first engine: a Hypothesis state machine with one rule an operation.

Hypothesis chooses rules (with its swarm testing) and argument values; shrinking is left to `kvproof.fuzz.minimise`,
which works on recorded operations and is far faster. A run is reproducible from its seed: no database is used.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from kvproof.fuzz.arguments import ArgumentSource
from kvproof.fuzz.chooser import Chooser, RandomChooser
from kvproof.fuzz.lockstep import Lockstep, Progress
from kvproof.fuzz.subject import Parameters, Subject
from kvproof.fuzz.target import Operation, Returned, Target
from kvproof.fuzz.walk import REFUSABLE_ONE_IN, Case, begin

EXAMPLES_PER_BATCH = 40
"""Examples of one Hypothesis run; the next batch gets the next seed."""

OPERATIONS_PER_EXAMPLE = 50

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


@st.composite
def _operations(draw: st.DrawFn, name: str) -> Operation:
    """One operation called `name`, drawn from the state of the machine that runs."""
    machine = draw(st.runner())
    operation: Operation = machine.draw(name, HypothesisChooser(draw))
    return operation


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

        def __init__(self) -> None:
            super().__init__()
            self._offers: dict[str, Operation | None] = {}

        @initialize(data=st.data())
        def begin(self, data: st.DataObject) -> None:
            self._lockstep = begin(subject, make_target(), HypothesisChooser(data.draw), progress, fixed)
            self.case = Case(self._lockstep.parameters)
            self.source = ArgumentSource(subject, self.case.parameters, self._lockstep.reference)
            self.case.failure = self._lockstep.initial()
            watch(self.case)

        def draw(self, name: str, chooser: Chooser) -> Operation:
            """A drawn operation that is enabled, else the offered one, else whatever is drawn."""
            found = self.source.draw_enabled(name, chooser) or self._offers.get(name)
            return found or self.source.draw_any(name, chooser)

        def offers(self, name: str) -> bool:
            """May the rule run now? Mostly when some operation of its name is enabled, sometimes in any case."""
            if self._lockstep is None:
                return False
            if not self._offers:
                # A generator of its own: preconditions may not draw from Hypothesis.
                chooser = RandomChooser(len(self.case.operations))
                self._offers = {each: self.source.draw_enabled(each, chooser) for each in subject.operations}
            anything = len(self.case.operations) % REFUSABLE_ONE_IN == REFUSABLE_ONE_IN - 1
            return anything or self._offers[name] is not None or not any(self._offers.values())

        def perform(self, operation: Operation) -> None:
            assert self._lockstep is not None
            self.case.operations.append(operation)
            self.case.failure = self._lockstep.apply(operation)
            if isinstance(self._lockstep.outcome, Returned):
                self.source.moved()
                self._offers = {}
            watch(self.case)

        def teardown(self) -> None:
            if self._lockstep is not None:
                self._lockstep.close()

    for name in subject.operations:
        ruled = rule(operation=_operations(name))(precondition(_offering(name))(_performer(name)))
        setattr(LockstepMachine, f"rule_{name}", ruled)
    return LockstepMachine


def _offering(name: str) -> Callable[[Any], bool]:
    return lambda machine: bool(machine.offers(name))


def _performer(name: str) -> Callable[[Any, Operation], None]:
    def perform(self: Any, operation: Operation) -> None:
        self.perform(operation)

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
