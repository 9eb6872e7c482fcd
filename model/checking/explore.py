"""Breadth-first search of every state that a machine can reach, at one set of sizes: the ground truth for small ones.

The generated reference runs each operation with every argument of its finite types; states that differ only in names count
once (see `canonical`). A counterexample is a sequence of operations from the initial state, and no shorter one exists.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, cast

import attrs

from kvproof.model.checking.canonical import Canonical
from kvproof.model.checking.verdict import Call, Finding, Report, Verdict
from kvproof.model.machines import Bundle, generated_class
from kvproof.model.writing.parts import _plain
from kvproof.spec.lang import Method, Parameters, plain
from kvproof.spec.lang.types import Type

ENGINE = "reference"
"""What runs the operations: the generated reference."""

REMEMBERED = 10_000
"""States kept as they are named, so that one that is met again soon is not renamed again: most calls lead to few states."""


@attrs.frozen
class Explored(Report):
    """The report of an exploration, with what it counted."""

    states: int = 0
    transitions: int = 0
    accepted: Mapping[str, int] = attrs.field(factory=dict)
    rejected: Mapping[str, int] = attrs.field(factory=dict)
    trials: Mapping[str, int] = attrs.field(factory=dict)
    """How often each trial was tried, its assumptions being true."""
    events: Mapping[str, int] = attrs.field(factory=dict)
    coverage: frozenset[int] = frozenset()


@attrs.define
class Exploration:
    """How far a search has come."""

    states: int = 0
    transitions: int = 0
    depth: int = 0
    seconds: float = 0.0
    accepted: dict[str, int] = attrs.field(factory=dict)
    rejected: dict[str, int] = attrs.field(factory=dict)
    trials: dict[str, int] = attrs.field(factory=dict)


def every_call(bundle: Bundle, parameters: Parameters) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation with every combination of argument values, records as dicts; enumerated as it is asked for."""
    yield from _calls_of(bundle.definition.of_kind("operation"), parameters)


def _calls_of(methods: Mapping[str, Method], parameters: Parameters) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, method in methods.items():
        names = [argument for argument, _ in method.arguments]
        for values in _combinations([kind for _, kind in method.arguments], parameters):
            yield name, dict(zip(names, values, strict=True))


def _combinations(kinds: list[Type | None], parameters: Parameters) -> Iterator[tuple[Any, ...]]:
    if not kinds:
        yield ()
        return
    first, rest = kinds[0], kinds[1:]
    for value in first.values(parameters) if first is not None else ():
        written = plain(value)
        for others in _combinations(rest, parameters):
            yield (written, *others)


def explore(
    bundle: Bundle,
    parameters: Parameters,
    seconds: float = float("inf"),
    states: int = 5_000_000,
    progress: Callable[[Exploration], None] | None = None,
    trials: bool | None = None,
    depth: bool = False,
) -> Explored:
    """Search until every reachable state is seen, something breaks, or the budget is spent.

    With `trials` or without; if that is not said, as the bundle has it. With `depth`, note the goals of depth (see
    `depth`) that are reached, which takes longer.
    """
    tried = bundle.has_trials if trials is None else trials
    try:
        search = _Search(bundle, parameters, tried, depth)
    except bundle.reference.RuleBroken as broken:  # its initial state is none
        return Explored(
            check="exploration",
            machine=bundle.name,
            sizes=attrs.asdict(parameters),
            engine=ENGINE,
            verdict=Verdict.VIOLATED,
            seconds=0.0,
            depth=0,
            findings=(Finding(broken.rule, "rule", (), None, None),),
        )
    return search.run(seconds, states, progress)


def _alternatives(script: tuple[Any, ...], offered: list[tuple[str, tuple[Any, ...]]]) -> Iterator[tuple[Any, ...]]:
    """Scripts that differ from the run just made in one choice beyond its script, where the first allowed was taken.

    Candidates that are equal are one choice.
    """
    for position in range(len(script), len(offered)):
        taken = (*script, *(allowed[0] for _, allowed in offered[len(script) : position]))
        first, *others = dict.fromkeys(offered[position][1])
        yield from ((*taken, other) for other in others if other != first)


class _Search:
    def __init__(self, bundle: Bundle, parameters: Parameters, trials: bool, depth: bool) -> None:
        cls = generated_class(cast(Hashable, bundle.definition.cls), depth=True) if depth else bundle.reference
        self._reference = cls(parameters)
        self._depth = depth
        self._canonical = Canonical(bundle.definition, parameters)
        self._calls: list[tuple[str, dict[str, Any]]] = []
        self._read: list[tuple[str, dict[str, Any]]] = []
        """The calls with the reference's own records for arguments: it would make them anew in every state."""
        self._unread = every_call(bundle, parameters)
        self._trials = list(_calls_of(bundle.definition.trials() if trials else {}, parameters))
        """What is tried in every state. The last calls of traces, so numbered from -1 down."""
        self._name, self._parameters = bundle.name, parameters
        self._found = Exploration()
        self._finding: Finding | None = None
        self._origins: list[tuple[int, tuple[int, tuple[Any, ...]]]] = [(-1, (-1, ()))]

    def run(self, seconds: float, states: int, progress: Callable[[Exploration], None] | None) -> Explored:
        found, reference = self._found, self._reference
        started = time.monotonic()
        seen = {self._canonical.digest(reference)}
        frontier = [(0, reference.snapshot())]
        met: set[Any] = set()
        self._check_invariants(0)
        while frontier and self._finding is None:
            following: list[tuple[int, Any]] = []
            for number, saved in frontier:
                found.seconds = time.monotonic() - started
                if found.seconds > seconds or len(seen) > states:
                    return self._finished(len(seen), Verdict.UNKNOWN)
                for call, taken in self._successors(number, saved):
                    if taken in met:
                        continue
                    if len(met) >= REMEMBERED:
                        met.clear()
                    met.add(taken)
                    digest = self._canonical.digest(reference)
                    if digest not in seen:
                        seen.add(digest)
                        self._origins.append((number, call))
                        self._check_invariants(len(self._origins) - 1)
                        following.append((len(self._origins) - 1, taken))
                    if self._finding is not None:
                        break
                if self._finding is not None:
                    break
                found.states = len(seen)
            if progress is not None:
                progress(found)
            frontier = following
            found.depth += 1 if frontier else 0
        found.seconds = time.monotonic() - started
        return self._finished(len(seen), Verdict.EXPLORED if self._finding is None else Verdict.VIOLATED)

    def _every_call(self) -> Iterator[tuple[int, tuple[str, dict[str, Any]]]]:
        """All calls, numbered; those not enumerated yet are kept as they are."""
        yield from enumerate(self._read)
        for name, arguments in self._unread:
            readers = self._reference.READERS.get(name)
            read = arguments
            if readers is not None:
                pairs = zip(arguments.items(), readers, strict=True)
                read = {argument: reader(value) for (argument, value), reader in pairs}
            self._calls.append((name, arguments))
            self._read.append((name, read))
            yield len(self._read) - 1, (name, read)

    def _successors(self, number: int, saved: Any) -> Iterator[tuple[tuple[int, tuple[Any, ...]], Any]]:
        """The calls that are accepted in a state, with the state that each leads to; the reference is in that state."""
        reference, found = self._reference, self._found
        reference.restore(saved)
        if not self._try(number, saved):
            return
        noted = False
        for position, (name, arguments) in self._every_call():
            scripts: list[tuple[Any, ...]] = [()]
            while scripts:
                script = scripts.pop()
                reference.script = list(script)
                try:
                    reference.apply(name, arguments)
                except reference.Rejected as rejection:
                    key = f"{name}: {rejection.error}"
                    found.rejected[key] = found.rejected.get(key, 0) + 1
                    scripts += _alternatives(script, reference.offered)
                    continue
                except reference.RuleBroken as broken:
                    self._break("rule", broken.rule, self._trace(number, (position, script)))
                    return
                if self._depth and not noted:
                    noted = True
                    reference.note_state(saved)
                found.transitions += 1
                found.accepted[name] = found.accepted.get(name, 0) + 1
                scripts += _alternatives(script, reference.offered)
                yield (position, script), reference.snapshot()
                reference.restore(saved)

    def _try(self, number: int, saved: Any) -> bool:
        """Try every trial in a state; False when one fails."""
        found, reference = self._found, self._reference
        for position, (name, arguments) in enumerate(self._trials):
            scripts: list[tuple[Any, ...]] = [()]
            while scripts:
                script = scripts.pop()
                reference.script = list(script)
                try:
                    assumed = reference.attempt(name, arguments, saved)
                except reference.RuleBroken as broken:
                    self._break("rule", broken.rule, self._trace(number, (-1 - position, script)))
                    return False
                scripts += _alternatives(script, reference.offered)
                if assumed:
                    found.trials[name] = found.trials.get(name, 0) + 1
        return True

    def _check_invariants(self, number: int) -> None:
        broken = self._reference.check()
        if broken:
            self._break("invariant", broken[0], self._trace(number, None))

    def _break(self, kind: str, rule: str, calls: tuple[Call, ...]) -> None:
        self._finding = Finding(rule, kind, calls, None, None)

    def _trace(self, number: int, last: tuple[int, tuple[Any, ...]] | None) -> tuple[Call, ...]:
        calls = [] if last is None else [self._call(last)]
        while number > 0:
            number, call = self._origins[number]
            calls.append(self._call(call))
        return tuple(reversed(calls))

    def _call(self, call: tuple[int, tuple[Any, ...]]) -> Call:
        position, script = call
        name, arguments = self._calls[position] if position >= 0 else self._trials[-1 - position]
        return Call(name, arguments, tuple(_plain(chosen) for chosen in script))

    def _finished(self, states: int, verdict: Verdict) -> Explored:
        found, reference, finding = self._found, self._reference, self._finding
        branches = {number: f"{method}:{line} {arm}" for number, (method, line, arm) in reference.BRANCHES.items()}
        goals = {f'event "{event}"': event in reference.events for event in reference.EVENTS}
        goals.update({goal: number in reference.coverage for number, goal in branches.items()})
        return Explored(
            check="exploration",
            machine=self._name,
            sizes=attrs.asdict(self._parameters),
            engine=ENGINE,
            verdict=verdict,
            seconds=found.seconds,
            depth=found.depth if finding is None else len(finding.calls),
            findings=() if finding is None else (finding,),
            reached=tuple(goal for goal, was in goals.items() if was),
            unreached=tuple(goal for goal, was in goals.items() if not was),
            goals=tuple(sorted(reference.reached)) if self._depth else (),
            states=states,
            transitions=found.transitions,
            accepted=found.accepted,
            rejected=found.rejected,
            trials=found.trials,
            events=dict(reference.events),
            coverage=frozenset(reference.coverage),
        )
