"""Lockstep at the pace of a real trace: every oracle at every operation, at the cost of what the operation touched.

`kvproof.fuzz.lockstep` compares whole states, which is right for pools of a few blocks. Here they have thousands, so:

- at every operation: same result or refusal; the implementation's step log replayed by the validator, every rule
  checked; free counts per level of reference, validator and manager; every touched block, and every path that left the
  tree, by content: level, references, pins, retention, free or not; the same by the target's events; the next victim of
  each level; the page table of sequences that were given blocks or gave some back; the bytes of every touched block
  read back from the device, and all that the kernels read; races; and the promise to the scheduler.
- every so many operations, and at the end (`check`): the whole observation of the implementation, the validator and
  the reference, victim order included; the specification's invariants; the bytes of every cached or used block; and
  the sums of what the requests were told against the manager's own totals.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Mapping
from time import perf_counter
from typing import Any, ParamSpec, TypeVar, cast

from attrs import define, field

from kvproof.fuzz import oracles
from kvproof.fuzz.failure import Failure
from kvproof.fuzz.lockstep import TargetRaised, event_counts
from kvproof.fuzz.oracles import Moment, StepValidation
from kvproof.fuzz.subject import Parameters, Subject
from kvproof.fuzz.target import Operation, Outcome, Race, Refused, Returned, Step
from kvproof.fuzz.targets.block_manager import RESULT_FIELDS, DeviceFactory, ManagerFactory, random_device
from kvproof.fuzz.workload import comparison
from kvproof.fuzz.workload.engine import Engine
from kvproof.fuzz.workload.invariants import broken_invariants
from kvproof.fuzz.workload.ledger import Ledger
from kvproof.fuzz.workload.ledger import Step as LoggedStep
from kvproof.fuzz.workload.paths import PathNode
from kvproof.fuzz.workload.promise import PromiseKeeper
from kvproof.fuzz.workload.replaying import Seconds
from kvproof.impl.block_manager import BlockManager, Counters

Found = TypeVar("Found")
Given = ParamSpec("Given")


@define
class OracleCounts:
    """How often each oracle ran, in the unit that it looks at."""

    results: int = 0
    promises: int = 0
    steps: int = 0
    touched: int = 0
    events: int = 0
    bytes_read: int = 0
    races: int = 0
    observations: int = 0
    invariants: int = 0


@define
class WorkloadLockstep:
    """A reference, a validator and an engine with its manager, on the same parameters.

    After a failure the run is over.

    Raises:
        MachineError: the machine does not allow the parameters.
        TargetError: the implementation does not.
    """

    subject: Subject
    parameters: Parameters
    make_manager: ManagerFactory = BlockManager
    make_device: DeviceFactory = random_device
    counts: OracleCounts = field(factory=OracleCounts, init=False)
    seconds: Seconds = field(factory=Seconds, init=False)
    operations: list[Operation] = field(factory=list, init=False)
    """All operations so far."""
    outcome: Outcome = field(factory=Returned, init=False)
    """Of the last operation, as the specification has it."""
    _engine: Engine = field(init=False)
    _reference: Any = field(init=False)
    _validator: Any = field(init=False)
    _validation: StepValidation = field(init=False)
    _expected: Ledger = field(init=False)
    _actual: Ledger = field(init=False)
    _reference_log: list[LoggedStep] = field(factory=list, init=False)
    _promise: PromiseKeeper = field(init=False)
    _sums: dict[str, int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        root = PathNode(None, ())
        self._reference = self.subject.reference(self.parameters)
        self._validator = self.subject.reference(self.parameters)
        log = self._reference_log
        self._reference.on_step = lambda name, arguments: log.append((name, arguments))
        self._validation = StepValidation(self.subject, self._validator)
        self._expected = Ledger(self._reference, root)
        self._actual = Ledger(self._validator, root)
        self._engine = Engine(self.parameters, root, self.make_manager, self.make_device)
        self._promise = PromiseKeeper(self.parameters)
        self._sums = dict.fromkeys(RESULT_FIELDS, 0)

    @property
    def counters(self) -> Counters:
        """The implementation's own totals."""
        return self._engine.counters

    @property
    def promise(self) -> PromiseKeeper:
        """Who watches the promise to the scheduler."""
        return self._promise

    def free_blocks(self) -> int:
        """Device blocks that are free now, as the implementation counts them."""
        return self._engine.free_counts()[0]

    @property
    def events(self) -> Mapping[str, int]:
        """How often each `sometimes` event of the specification has happened."""
        return event_counts(self._reference.events)

    def apply(self, operation: Operation) -> Failure | None:
        """One operation on both sides, looked at by every oracle that costs no more than the operation."""
        moment = Moment(len(self.operations), operation)
        self.operations.append(operation)
        started = perf_counter()
        self._reference_log.clear()
        try:
            self.outcome = Returned(self._reference.apply(operation.name, operation.arguments))
        except self.subject.rejected as error:
            self.outcome = Refused(str(getattr(error, "error", error)))
        except self.subject.rule_broken as error:
            rule = str(getattr(error, "rule", error))
            return moment.failure("invariant", rule, f"{operation} breaks the rule {rule} in the specification")
        ran = perf_counter()
        self.seconds.reference += ran - started
        crash: Failure | None = None
        actual: Outcome = self.outcome
        try:
            actual = self._engine.apply(operation)
        except Exception as error:  # noqa: BLE001 - a crash of the implementation is a finding
            crash = oracles.crash(moment, error)
        answered = perf_counter()
        self.seconds.implementation += answered - ran
        try:
            failure = self._validate(moment, actual, crash)
            validated = perf_counter()
            self.seconds.validation += validated - answered
            if failure is None:
                failure = self._races(moment) or self._read_back(moment)
            self.seconds.content += perf_counter() - validated
        except TargetRaised as raised:
            return oracles.crash(moment, raised.error)
        return failure

    def _validate(self, moment: Moment, actual: Outcome, crash: Failure | None) -> Failure | None:
        failure = self._validation.steps(moment, cast("list[Step]", self._engine.log)) or crash
        failure = failure or oracles.outcome(moment, self.outcome, actual)
        if failure is not None:
            return failure
        return self._promised(moment, actual) or self._touched(moment)

    def _promised(self, moment: Moment, actual: Outcome) -> Failure | None:
        """The promise to the scheduler, on what the implementation itself said."""
        self.counts.results += 1
        self.counts.promises += 1
        broken = self._promise.look(moment.operation, actual, _guarded(self.free_blocks))
        if broken is not None:
            message = f"{comparison.after(moment)} the promise {broken.promise} is broken: {broken.message}"
            return moment.failure("promise", broken.promise, message)
        if moment.operation.name == "add_batch" and isinstance(actual, Returned):
            for name in RESULT_FIELDS:
                self._sums[name] += sum(result[name] for result in actual.value[:-1])
        return None

    def _touched(self, moment: Moment) -> Failure | None:
        engine, log, ours, theirs = self._engine, self._engine.log, self._expected, self._actual
        ours.follow(self._reference_log)
        theirs.follow(log)
        self.counts.steps += len(log)
        self.counts.touched += len(theirs.touched)
        self.counts.events += len(engine.fold.touched)
        failure = comparison.free_counts(moment, ours, theirs, _guarded(engine.free_counts))
        failure = failure or comparison.touched(moment, ours, theirs)
        if failure is None and engine.wrong_events is not None:
            message = f"{comparison.after(moment)} the target's events make no sense: {engine.wrong_events}"
            failure = moment.failure("observation", "events", message)
        failure = failure or comparison.events(moment, theirs, engine.fold)
        for sequence in theirs.regrouped:
            if failure is None and sequence in self._validator.live:
                table = _guarded(engine.page_table, sequence)
                failure = comparison.page_table(moment, theirs, sequence, table)
        return failure

    def _races(self, moment: Moment) -> Failure | None:
        self.counts.races += 1
        return oracles.races(
            moment,
            [
                Race(f"{race.second.stream}-{race.second.kind}-after-{race.first.stream}-{race.first.kind}", str(race))
                for race in self._engine.races()
            ],
        )

    def _read_back(self, moment: Moment) -> Failure | None:
        """Bytes that the kernels read, then those of all touched blocks that are cached or in use."""
        engine = self._engine
        _guarded(engine.settle)
        for read in engine.reads:
            where = f"block {read.position} as the kernel of sequence {read.sequence} read it"
            failure = comparison.content(moment, where, read.path, read.length, _guarded(read.load.value))
            if failure is not None:
                return failure
        self.counts.bytes_read += len(engine.reads)
        return self._read_blocks(moment, self._actual.touched)

    def _read_blocks(self, moment: Moment, blocks: Iterable[int]) -> Failure | None:
        """Read those of `blocks` that are cached or in use back from the device."""
        ledger, validator, engine = self._actual, self._validator, self._engine
        for block in blocks:
            node = ledger.data[block]
            if node is None or not (block in validator.cached or validator.refs[block]):
                continue
            level, slot = ledger.place(block)
            found = _guarded(engine.bytes_at, level, slot)
            self.counts.bytes_read += 1
            failure = comparison.content(moment, comparison.place_name(level, slot), node, len(node.data), found)
            if failure is not None:
                return failure
        return None

    def check(self) -> Failure | None:
        """Compare whole states and every byte that matters, and look at the specification's invariants."""
        started = perf_counter()
        moment = Moment(len(self.operations) - 1, self.operations[-1])
        collects = gc.isenabled()
        gc.disable()  # a hundred thousand lists are made here, and none is part of a cycle
        try:
            return self._check(moment)
        except TargetRaised as raised:
            return oracles.crash(moment, raised.error)
        finally:
            if collects:
                gc.enable()
            self.seconds.observations += perf_counter() - started

    def _check(self, moment: Moment) -> Failure | None:
        engine = self._engine
        seen = _guarded(engine.observe)
        self.counts.observations += 1
        failure = oracles.observation(moment, self._reference.observe(), seen)
        if failure is None:
            who = "the target, whose step log led there,"
            failure = oracles.observation(moment, self._validator.observe(), seen, "step", who)
        if failure is None:
            failure = self._invariants(moment) or comparison.statistics(moment, self._sums, engine.counters)
        if failure is None:
            _guarded(engine.settle)
            failure = self._read_blocks(moment, range(len(self._actual.data)))
        return failure

    def _invariants(self, moment: Moment) -> Failure | None:
        """As `oracles.invariants`, for large pools."""
        self.counts.invariants += 1
        broken = broken_invariants(self._reference)
        if not broken:
            return None
        message = f"{comparison.after(moment)} the specification's own invariant {broken[0]} does not hold"
        return moment.failure("invariant", broken[0], message, "all invariants", broken)


def _guarded(call: Callable[Given, Found], *given: Given.args, **named: Given.kwargs) -> Found:
    """A look at the implementation, which may raise as well as answer wrongly."""
    try:
        return call(*given, **named)
    except Exception as error:
        raise TargetRaised(error) from error
