"""One small random machine, explored, checked to a depth and by induction: where the verdicts contradict each other."""

from __future__ import annotations

import re
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from kvproof.model.checking import bounded, induction, induction_operation
from kvproof.model.checking.bounded import check_bounded
from kvproof.model.checking.explore import Explored, explore
from kvproof.model.checking.induction import check_induction
from kvproof.model.checking.verdict import Finding, Report, Verdict
from kvproof.model.lowering.record import LoweringError
from kvproof.model.machines import bundle_of, generated_class
from kvproof.model.solving.engines import make
from kvproof.model.solving.solver import Answer, Outcome
from kvproof.model.symbolic.circuit import Circuit
from kvproof.spec.lang import LanguageError, Shipped, compile_machine

from .agreement import Difference
from .loading import forgotten, loaded
from .runners import outcome_of, untyped

DEPTH = 4
STATES = 4000
SECONDS = 6.0


class SolverHere:
    """Answers in this process what `Solver` asks a process of its own: hundreds of starts cost more than the queries."""

    def __init__(self, circuit: Circuit, engine: str, proof: Path | None = None) -> None:
        assert proof is None, "proofs are written by processes"
        self._circuit = circuit
        self._engine = make(engine)
        self._sent = 0

    def __enter__(self) -> SolverHere:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is open."""

    stop = close

    @property
    def clauses(self) -> int:
        return self._engine.clauses

    def _send(self) -> None:
        size, circuit = len(self._circuit), self._circuit
        if size > self._sent:
            names = {n: circuit.names[n] for n in range(self._sent, size) if n in circuit.names}
            self._engine.extend(circuit.left[self._sent : size], circuit.right[self._sent : size], names)
            self._sent = size

    def add(self, literals: Sequence[int]) -> None:
        self._send()
        self._engine.add(literals)

    def solve(self, assumptions: Sequence[int], deadline: float) -> Answer:
        self._send()
        if time.monotonic() >= deadline:
            return Answer(Outcome.UNKNOWN, {}, 0.0)
        model = self._engine.solve(assumptions)
        if model is None:
            return Answer(Outcome.UNSATISFIABLE, {}, 0.0)
        return Answer(Outcome.SATISFIABLE, dict.fromkeys(model, 1), 0.0)


@contextmanager
def solving_here() -> Iterator[None]:
    """Inside, checks ask engines in this process."""
    modules: list[Any] = [bounded, induction, induction_operation]
    before = [module.Solver for module in modules]
    for module in modules:
        module.Solver = SolverHere
    try:
        yield
    finally:
        for module, solver in zip(modules, before, strict=True):
            module.Solver = solver


@attrs.define
class Checked:
    """What came of one machine."""

    differences: list[Difference] = attrs.field(factory=list)
    verdicts: Counter[str] = attrs.field(factory=Counter)
    refused: str = ""


def checked(text: str, name: str, engine: str = "cadical", here: bool = True) -> Checked:
    """Check the machine of a module's text in every way, without the invariants that its initial state breaks."""
    found = Checked()
    module = None
    try:
        module = loaded(text, name)
        broken = compile_machine(module.MACHINE).cls(module.Sizes()).check()
        if broken and found.verdicts is not None:
            forgotten(module)
            module = loaded(_weakened(text, broken), f"{name}_weakened")
        if here:
            with solving_here():
                _collect(module, engine, found)
        else:
            _collect(module, engine, found)
    except LanguageError as error:
        found.refused = str(error)
    except LoweringError as error:
        found.differences.append(Difference("no symbolic form", str(error)))
    except Exception as error:  # noqa: BLE001  # any error of the tools is a finding
        frame = traceback.extract_tb(error.__traceback__)[-1]
        kind = f"error {type(error).__name__} in {frame.name}"
        found.differences.append(Difference(kind, traceback.format_exc()[-1500:]))
    finally:
        if module is not None:
            forgotten(module)
    return found


def _weakened(text: str, broken: Sequence[str]) -> str:
    for name in broken:
        text = re.sub(rf"    @invariant\n    def {name}\(", f"    def {name}(", text)
    return text


def _collect(module: Any, engine: str, found: Checked) -> None:
    definition = compile_machine(module.MACHINE)
    parameters = module.Sizes()
    reference = generated_class(module.MACHINE)
    bundle = bundle_of(module.__name__, Shipped(machine=module.MACHINE), reference)
    explored = explore(bundle, parameters, seconds=SECONDS, states=STATES)
    proved = check_induction(definition, parameters, engine=engine, seconds=30.0, jobs=1)
    depth = DEPTH if explored.finding is None else max(1, min(6, len(explored.finding.calls)))
    limited = check_bounded(definition, parameters, depth=depth, engine=engine, seconds=30.0)
    found.verdicts[f"explore {explored.verdict.value}"] += 1
    found.verdicts[f"induction {proved.verdict.value}"] += 1
    found.verdicts[f"bounded {limited.verdict.value}"] += 1
    length = len(explored.finding.calls) if explored.finding is not None else None
    if length is not None:
        found.verdicts[f"violated in {length}"] += 1
    for kind, told in _contradictions(explored, proved, limited, depth):
        found.differences.append(Difference(kind, told))
    for finding in proved.findings:
        for kind, told in _executed(reference, parameters, finding, proved):
            found.differences.append(Difference(kind, told))
    sys.modules.pop(reference.__module__, None)


def _contradictions(explored: Explored, proved: Report, limited: Report, depth: int) -> Iterator[tuple[str, str]]:
    violation = explored.finding
    if violation is not None:
        length = len(violation.calls)
        told = f"exploration: {violation.rule} in {violation.calls}"
        if proved.verdict in (Verdict.PROVED, Verdict.VACUOUS):
            yield f"violated, and {proved.verdict.value}", told
        if limited.verdict is Verdict.HOLDS and length <= depth:
            yield "violated, and holds to that depth", f"{told}; bounded: holds to depth {limited.depth}"
        if limited.verdict is Verdict.VIOLATED and limited.depth != length:
            yield "counterexamples of different lengths", f"{told}; bounded: {limited.summary()}"
    elif limited.verdict is Verdict.VIOLATED:
        at = limited.depth or 0
        if explored.verdict is Verdict.EXPLORED or explored.depth > at:
            yield "bounded violated, and not explored", f"{limited.summary()}; {explored.states} states"
    if explored.verdict is Verdict.EXPLORED and proved.verdict is Verdict.VIOLATED:
        yield "induction violated, and explored", proved.summary()
    if proved.verdict is Verdict.PROVED and limited.verdict is Verdict.VIOLATED:
        yield "proved, and bounded violated", limited.summary()
    if explored.verdict is Verdict.EXPLORED and proved.verdict is Verdict.PROVED:
        unreached = set(proved.unreached)
        for event in explored.events:
            if f'event "{event}"' in unreached:
                yield "explored what induction calls unreachable", event
        for name, count in explored.rejected.items():
            operation, _, error = name.partition(": ")
            if count and f'{operation} rejection "{error}"' in unreached:
                yield "explored what induction calls unreachable", name


def _executed(reference: Any, parameters: Any, finding: Finding, report: Report) -> Iterator[tuple[str, str]]:
    """Whether a state that induction found really leads to what it says; every choice is tried."""
    if finding.snapshot is None:
        return
    machine = reference(reference.PARAMETERS(**attrs.asdict(parameters)))
    machine.restore(finding.snapshot)
    if untyped(machine.snapshot()) != finding.snapshot:
        yield "induction's state is none", f"{finding.snapshot} is restored as {machine.snapshot()}"
        return
    broken = machine.check()
    if broken:
        yield "induction's state breaks an invariant", f"{broken} in {finding.snapshot}"
    call = finding.calls[-1]
    machine.script = list(call.choices)
    happened = _happened(machine, call.operation, dict(call.arguments))
    if happened & {finding.rule}:
        return
    if finding.rule.startswith(("bound: ", "defined: ")) and "undefined" in happened:
        return
    if finding.kind == "invariant" and finding.rule.partition(": ")[0] in happened:
        return
    yield "induction's finding is not what happens", f"{finding} from {finding.snapshot}: {happened}"


def _happened(machine: Any, name: str, arguments: dict[str, Any]) -> set[str]:
    try:
        if name in machine.TRIALS:
            machine.attempt(name, arguments, machine.snapshot())
            return set()
        machine.apply(name, arguments)
    except machine.Rejected:
        return set()
    except machine.RuleBroken as broken:
        return {"undefined"} if outcome_of(broken.rule).sort == "undefined" else {broken.rule}
    return set(machine.check())
