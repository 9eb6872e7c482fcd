"""Finds witnesses: states and calls that a single conjunct refuses, with a solver on the machine's circuit.

A rule is looked for among the calls of its step, with arbitrary arguments, in an arbitrary state that satisfies all
invariants, so that the witness is what a caller could do wrong. Where no such state has one, as for what is only possible
in the middle of an operation, as many invariants hold as can. A promise holds from every state that satisfies the
invariants (that is proved), so its witness never satisfies all; where the rules of the steps alone suffice for it, a
variant of the machine breaks it, or one with a slip. An invariant is false while all others hold: one that is
not false alone follows from the others.

Every witness is then simplified: as much of the state as possible is as in the initial one.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import attrs

from kvproof.model.checking.bounded import CircuitDisagreement
from kvproof.model.lowering.environment import Environment
from kvproof.model.lowering.methods import Lowering
from kvproof.model.lowering.record import LoweringError, Record
from kvproof.model.lowering.statements import Statements
from kvproof.model.lowering.system import System
from kvproof.model.solving.solver import Answer, Outcome, Solver, default_engine
from kvproof.model.symbolic.circuit import TRUE, value_of
from kvproof.model.symbolic.containers import MapValue
from kvproof.model.symbolic.encoding import layout
from kvproof.model.symbolic.integers import Value
from kvproof.model.symbolic.shapes import MapShape
from kvproof.model.witnesses.conjuncts import Conjunct, is_statement, stated
from kvproof.model.witnesses.conjuncts import conjuncts as taken_apart
from kvproof.model.witnesses.slips import Slip, slips
from kvproof.model.witnesses.witness import Witness, changes, earned, plain, replay, slipped, subject
from kvproof.spec.lang.calls import inlined_size, reached
from kvproof.spec.lang.compile import compile_machine
from kvproof.spec.lang.definition import Definition, Method
from kvproof.spec.lang.machine import Machine


@attrs.frozen(eq=False)
class _Target:
    """What a query asks for, beside what it asks of the invariants."""

    conjunct: Conjunct
    call: str
    refused: int
    """The conjunct refuses, and nothing else does."""
    guarded: tuple[int, ...]
    """The same where without the conjunct something is read that is not there: it guards the others. Reading it need not
    be an error when the machine is run directly, where arguments of helpers are not held to their types."""
    slip: Slip | None = None


@attrs.define
class Found:
    """What a search came to."""

    witnesses: dict[str, Witness] = attrs.field(factory=dict)
    """By the key of the conjunct."""
    undecided: set[str] = attrs.field(factory=set)
    """Conjuncts of which some query was not answered in time."""


Progress = Callable[[str, Found], None]
"""Told what is looked for next, and what has been found."""


def find(
    definition: Definition,
    conjuncts: Sequence[Conjunct],
    sizes: Mapping[str, Any],
    *,
    variants: Mapping[str, type[Machine[Any]]],
    variant_sizes: Mapping[str, Any],
    known: Sequence[Witness] = (),
    seconds: float = 60.0,
    progress: Progress = lambda *_: None,
) -> Found:
    """A witness for every conjunct that has one at some of the sizes.

    `known` witnesses that still show what they should are kept. `seconds` is the budget of one query. A variant is asked
    only about promises that the machine breaks from no state, at the sizes of the variant.
    """
    found = Found()
    for witness in known:
        of = subject(definition, variants, witness) if witness.variant in ("", *variants) else definition
        for conjunct in _of(of, definition, conjuncts):
            named = (conjunct.key, conjunct.condition) == (witness.conjunct, witness.condition)
            if named and earned(definition, witness) and not _fails(of, conjunct, witness):
                found.witnesses[conjunct.key] = witness
    searches = {label: _Search(definition, parameters, seconds) for label, parameters in sizes.items()}

    def left() -> list[Conjunct]:
        return [conjunct for conjunct in conjuncts if conjunct.key not in found.witnesses]

    def told(label: str, of: Sequence[Conjunct]) -> None:
        progress(f"{label}: {len({conjunct.key for conjunct in of})} conjuncts without a witness", found)

    try:
        for strict in (True, False):
            for label, search in searches.items():
                asked = [conjunct for conjunct in left() if conjunct.kind != "promise" or not strict]
                if asked:
                    told(f"{label}{'' if strict else ', any state'}", asked)
                    search.run(asked, strict, found)
    finally:
        for search in searches.values():
            search.close()
    for name, cls in variants.items():
        missing = {conjunct.key for conjunct in left() if conjunct.kind == "promise"}
        variant = compile_machine(cls)
        asked = [c for c in taken_apart(variant) if c.kind == "promise" and c.key in missing] if missing else []
        if asked:
            told(f"variant {name}", asked)
            parameters = variant_sizes.get(name, next(iter(sizes.values())))
            with _Search(variant, parameters, seconds, variant=name) as search:
                search.run(asked, True, found)
    for label, parameters in sizes.items():
        asked = [conjunct for conjunct in left() if conjunct.kind == "promise"]
        if asked:
            told(f"{label}, with a slip", asked)
            with _Search(definition, parameters, seconds) as search:
                search.run_with_slips(asked, found)
    order = [key for key in dict.fromkeys(conjunct.key for conjunct in conjuncts) if key in found.witnesses]
    found.witnesses = {key: found.witnesses[key] for key in order}
    return found


def _of(machine: Definition, definition: Definition, conjuncts: Sequence[Conjunct]) -> Sequence[Conjunct]:
    """The conjuncts of the machine itself, or of a variant."""
    return conjuncts if machine is definition else taken_apart(machine)


def _fails(definition: Definition, conjunct: Conjunct, witness: Witness) -> str:
    try:
        return replay(definition, conjunct, witness)
    except (ValueError, TypeError, KeyError) as error:
        return str(error)


class _Search:
    """The queries at one set of sizes."""

    def __init__(self, definition: Definition, parameters: Any, seconds: float, variant: str = "") -> None:
        self._definition = definition
        self._parameters = parameters
        self._seconds = seconds
        self._variant = variant
        self._calls = 0
        """How many calls have been lowered."""
        self._late = False
        """Whether a query for the present target was not answered in time."""

    def __enter__(self) -> _Search:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def _system(self) -> System:
        return System(self._definition, self._parameters)

    @cached_property
    def _solver(self) -> Solver:
        solver = Solver(self._system.circuit, default_engine())
        solver.add(self._system.representation)
        return solver

    @cached_property
    def _invariants(self) -> dict[str, int]:
        """For each invariant, that it holds and means something."""
        circuit = self._system.circuit
        return {
            name: circuit.all([predicate.holds, *(o.bad ^ 1 for o in predicate.obligations)])
            for name, predicate in self._system.invariants.items()
        }

    def close(self) -> None:
        """Stop the solver."""
        if "_solver" in self.__dict__:
            self._solver.close()

    def run(self, conjuncts: Sequence[Conjunct], strict: bool, found: Found) -> None:
        """Add witnesses to those found; `strict`: only such as satisfy all (other) invariants."""
        for target in self._targets(conjuncts, found):
            if target.conjunct.key not in found.witnesses:
                self._look(target, strict, found)

    def run_with_slips(self, promised: Sequence[Conjunct], found: Found) -> None:
        """Look for small mistakes with which the machine breaks a promise from a state that satisfies the invariants."""
        stating = reached(self._definition, self._definition.of_kind("invariant"))
        for name, of in self._promising(promised):
            come_to = {name for name, path in self._system.transition(name).record.promises.items() if path}
            of = [conjunct for conjunct in of if conjunct.condition in come_to]
            inside = reached(self._definition, [name], leaving_out=is_statement) - stating
            for method in sorted(inside, key=self._effort):
                for slip in slips(self._definition, self._definition.methods[method]):
                    left = [conjunct for conjunct in of if conjunct.key not in found.witnesses]
                    if not left:
                        break
                    try:
                        targets = list(self._call(self._definition.methods[name], left, slip))
                    except (LoweringError, AssertionError, AttributeError, TypeError, ValueError, KeyError):
                        continue  # no meaning, as of a mistake in types
                    for target in targets:
                        if target.conjunct.key not in found.witnesses:
                            self._look(target, True, found)

    def _effort(self, method: str) -> tuple[bool, int, str]:
        """Small methods first, and those that decide before those that change anything."""
        inside = reached(self._definition, [method], leaving_out=is_statement)
        changing = any(self._definition.methods[name].kind == "step" for name in inside)
        return changing, inlined_size(self._definition, method), method

    def _look(self, target: _Target, strict: bool, found: Found) -> None:
        conjunct = target.conjunct
        others = [name for name in self._invariants if conjunct.kind != "invariant" or name != conjunct.condition]
        self._late = False
        for goal in (target.refused, *target.guarded):
            answer = self._ask(goal, others, strict)
            if answer is not None:
                witness = self._witness(target, *answer)
                wrong = _fails(self._definition, conjunct, witness)
                if not wrong:
                    found.witnesses[conjunct.key] = witness
                    found.undecided.discard(conjunct.key)
                    return
                if goal == target.refused and target.slip is None:
                    raise CircuitDisagreement(f"the circuit has a witness for {conjunct}, the machine has not: {wrong}")
        if self._late:
            found.undecided.add(conjunct.key)

    # Queries

    def _solve(self, assumptions: Sequence[int]) -> Answer:
        answer = self._solver.solve(assumptions, time.monotonic() + self._seconds)
        self._late = self._late or answer.outcome is Outcome.UNKNOWN
        return answer

    def _ask(self, goal: int, others: Sequence[str], strict: bool) -> tuple[Answer, list[int]] | None:
        """A model of the goal in which all other invariants hold, or (not `strict`) as many as can; and what it keeps."""
        if goal == 0:
            return None
        wanted = [goal, *(self._invariants[name] for name in others)] if strict else [goal]
        answer = self._solve(wanted)
        if not answer.satisfiable:
            return None
        if not strict:
            left = dict.fromkeys(others)
            while left:
                values = self._system.circuit.evaluate(answer.model)
                for name in [name for name in left if value_of(values, self._invariants[name])]:
                    wanted.append(self._invariants[name])
                    del left[name]
                for name in list(left):
                    del left[name]
                    more = self._solve([*wanted, self._invariants[name]])
                    if more.satisfiable:
                        answer = more
                        wanted.append(self._invariants[name])
                        break
        return answer, wanted

    def _targets(self, conjuncts: Sequence[Conjunct], found: Found) -> Iterator[_Target]:
        for conjunct in conjuncts:
            if conjunct.kind == "invariant" and conjunct.key not in found.witnesses:
                yield self._invariant(conjunct)
        for method in self._definition.methods.values():
            of = [c for c in conjuncts if c.kind == "rule" and c.method == method.name]
            if any(conjunct.key not in found.witnesses for conjunct in of):
                yield from self._call(_rules_only(method), of)
        for name, of in self._promising([c for c in conjuncts if c.kind == "promise"]):
            if any(conjunct.key not in found.witnesses for conjunct in of):
                yield from self._call(self._definition.methods[name], of)

    def _promising(self, promised: Sequence[Conjunct]) -> Iterator[tuple[str, list[Conjunct]]]:
        """The operations and trials that may come to these promises, smaller ones first."""
        calls = [*self._definition.of_kind("operation"), *self._definition.trials()]
        for name in sorted(calls, key=lambda name: inlined_size(self._definition, name)):
            inside = reached(self._definition, [name])
            of = [conjunct for conjunct in promised if conjunct.method in inside]
            if of:
                yield name, of

    def _invariant(self, conjunct: Conjunct) -> _Target:
        system, circuit, name = self._system, self._system.circuit, conjunct.condition
        original = system.invariants[name]
        weakened = Lowering(_with(self._definition, conjunct.changed), self._parameters, circuit)
        without = weakened.predicate(name, system.state)
        false = circuit.all([original.holds ^ 1, *(o.bad ^ 1 for o in original.obligations)])
        undefined = circuit.any([o.bad for o in without.obligations])
        refused = circuit.all([false, without.holds, undefined ^ 1])
        guarded = (circuit.both(false, without.holds), circuit.both(false, undefined))
        return _Target(conjunct, "", refused, guarded)

    def _call(self, method: Method, conjuncts: Sequence[Conjunct], slip: Slip | None = None) -> Iterator[_Target]:
        """The ways in which a call with arbitrary arguments comes to one of the statements and breaks it."""
        system, circuit = self._system, self._system.circuit
        copies = {name: m for c in conjuncts for name, m in c.changed.items() if name not in self._definition.methods}
        mistaken = slipped(self._definition, slip)
        method = mistaken.get(method.name, method)
        definition = _with(self._definition, {**copies, method.name: method, **mistaken})
        self._calls += 1
        record = Record(circuit, f"{method.name}~{self._calls}")  # its open choices are inputs of their own
        probed = {id(c.statement): [d for d in conjuncts if d.statement is c.statement] for c in conjuncts}
        for name, other in mistaken.items():
            pairs = zip(stated(self._definition.methods[name].node), stated(other.node), strict=True)
            probed.update({id(new): probed[id(old)] for old, new in pairs if id(old) in probed})
        probing = _Probing(definition, self._parameters, system.lowering, record, probed)
        start = Environment({}, dict(system.state), TRUE, 0)
        probing.run(method, dict(system.arguments(method.name)), start, TRUE)
        fits = circuit.all([*system.argument_constraints(method.name), *record.assumptions])
        bad = [obligation.bad for obligation in record.obligations]
        named = [":" not in obligation.rule for obligation in record.obligations]
        for probe in probing.found:
            at = probe.position
            later = range(at + 1, len(bad)) if method.kind == "step" else ()
            before = circuit.all([fits, bad[at], *(literal ^ 1 for literal in bad[:at])])
            ruled = circuit.all([before, *(bad[i] ^ 1 for i in later if named[i])])
            refused = circuit.all([ruled, *(bad[i] ^ 1 for i in later), probe.holds, probe.undefined ^ 1])
            guarded = (circuit.both(ruled, probe.holds), circuit.both(ruled, probe.undefined)) if slip is None else ()
            yield _Target(probe.conjunct, method.name, refused, guarded, slip)

    # Witnesses

    def _witness(self, target: _Target, answer: Answer, wanted: Sequence[int]) -> Witness:
        system = self._system
        values = system.circuit.evaluate(self._simplified(target, answer, wanted))
        snapshot = system.snapshot(system.state, values)
        arguments = system.concrete_arguments(target.call, values) if target.call else {}
        unlike = [name for name, holds in self._invariants.items() if not value_of(values, holds)]
        conjunct = target.conjunct
        return Witness(
            conjunct.key,
            attrs.asdict(self._parameters),
            changes(self._definition, self._parameters, snapshot),
            target.call,
            {name: _plain_argument(value) for name, value in arguments.items()},
            conjunct.condition,
            tuple(name for name in unlike if conjunct.kind != "invariant" or name != conjunct.condition),
            self._variant,
            target.slip,
        )

    def _simplified(self, target: _Target, answer: Answer, wanted: Sequence[int]) -> Mapping[int, int]:
        """A model of the same in which what can be is as in the initial state, and arguments are 0."""
        system, model, fixed = self._system, answer.model, list(wanted)
        groups = [*self._entries(), *([] if not target.call else self._argument_bits(target.call))]
        for group in groups:
            values = system.circuit.evaluate(model)
            if not all(value_of(values, literal) for literal in group):
                again = self._solve([*fixed, *group])
                if not again.satisfiable:
                    continue
                model = again.model
            fixed += group
        return model

    def _entries(self) -> Iterator[list[int]]:
        """For each variable, or entry of a map, that it is as in the initial state."""
        system = self._system
        initial = system.encoded(system.initial)
        for name, shape in system.shapes.items():
            yield from self._same(shape, system.state[name], initial[name])

    def _same(self, shape: Any, value: Value, initial: Value) -> Iterator[list[int]]:
        circuit, algebra = self._system.circuit, self._system.algebra
        if isinstance(shape, MapShape):
            assert isinstance(value, MapValue)
            assert isinstance(initial, MapValue)
            for a, b in zip(value.items, initial.items, strict=True):
                yield from self._same(shape.value, a, b)
        else:
            pairs = zip(layout(algebra, shape, value), layout(algebra, shape, initial), strict=True)
            yield [circuit.equal(a, b) for a, b in pairs]

    def _argument_bits(self, call: str) -> Iterator[list[int]]:
        system = self._system
        shapes = system.lowering.argument_shapes(call)
        for name, value in system.arguments(call).items():
            yield [bit ^ 1 for bit in layout(system.algebra, shapes[name], value)]


def _plain_argument(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain_argument(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return [_plain_argument(part) for part in value]
    return plain(value)


def _with(definition: Definition, methods: Mapping[str, Method]) -> Definition:
    return attrs.evolve(definition, methods={**definition.methods, **methods})


def _rules_only(step: Method) -> Method:
    """A step that does nothing when its rules hold."""
    body = [s for s in step.node.body if isinstance(s, ast.Expr)]
    rules = [s for s in body if isinstance(s.value, ast.Call) and ast.unparse(s.value.func) == "require"]
    node = ast.FunctionDef(**{**dict(ast.iter_fields(step.node)), "body": rules})
    return attrs.evolve(step, node=ast.copy_location(node, step.node))


@attrs.frozen(eq=False)
class _Probe:
    """One place at which execution comes to a statement, and what its condition would be without a conjunct."""

    conjunct: Conjunct
    position: int
    """Of the statement's obligation in the record."""
    holds: int
    undefined: int


class _Probing(Statements):
    """Executes a method, and at its rules and promises also their conditions without each conjunct."""

    def __init__(
        self,
        definition: Definition,
        parameters: Any,
        lowering: Lowering,
        record: Record,
        probed: Mapping[int, Sequence[Conjunct]],
    ) -> None:
        """`probed`: by the identity of a statement's node, the conjuncts of its condition."""
        super().__init__(definition, parameters, lowering.containers, lowering.shapes, record)
        self.found: list[_Probe] = []
        self._probed = probed

    def _effect(self, node: ast.Call, environment: Environment) -> Environment | None:
        probes: list[tuple[Conjunct, int, int]] = []
        for conjunct in self._probed.get(id(node), ()):
            assert conjunct.weaker is not None
            scratch = f"{self.record.method}~{len(self.found)}.{len(probes)}"
            record, self.record = self.record, Record(self.circuit, scratch)
            holds = self.truth(conjunct.weaker, environment.branch(self.circuit, TRUE))
            probes.append((conjunct, holds, self.circuit.any([o.bad for o in self.record.obligations])))
            self.record = record
        before = len(self.record.obligations)
        after = super()._effect(node, environment)
        made = self.record.obligations[before:]
        if probes and made and ":" not in made[-1].rule:
            position = len(self.record.obligations) - 1
            self.found += [_Probe(conjunct, position, holds, undefined) for conjunct, holds, undefined in probes]
        return after
