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
from kvproof.model.machines import Bundle, generated_class
from kvproof.spec.lang import Method, Parameters, plain
from kvproof.spec.lang.types import Type

REMEMBERED = 10_000
"""States kept as they are named, so that one that is met again soon is not renamed again: most calls lead to few states."""

Call = tuple[str, dict[str, Any], tuple[Any, ...]]
"""An operation, its arguments, and what is chosen where the machine leaves a choice open."""


@attrs.frozen
class Violation:
    """What broke, and the shortest run that breaks it: the last call is the one in which it breaks."""

    kind: str
    """"rule" or "invariant"."""
    name: str
    calls: tuple[Call, ...]


@attrs.define
class Exploration:
    """What a search found, complete or not."""

    machine: str
    parameters: Parameters
    states: int = 0
    transitions: int = 0
    depth: int = 0
    seconds: float = 0.0
    complete: bool = False
    violation: Violation | None = None
    accepted: dict[str, int] = attrs.field(factory=dict)
    rejected: dict[str, int] = attrs.field(factory=dict)
    trials: dict[str, int] = attrs.field(factory=dict)
    """How often each trial was tried, its assumptions being true."""
    events: dict[str, int] = attrs.field(factory=dict)
    coverage: set[int] = attrs.field(factory=set)
    goals: set[str] | None = None
    """The goals of depth that were reached; None when nobody asked."""
    unreached_events: tuple[str, ...] = ()
    unreached_branches: tuple[tuple[str, int, str], ...] = ()

    @property
    def verdict(self) -> str:
        """explored, violated or unknown; the words of the design."""
        if self.violation is not None:
            return "violated"
        return "explored" if self.complete else "unknown"


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
) -> Exploration:
    """Search until every reachable state is seen, something breaks, or the budget is spent.

    With `trials` or without; if that is not said, as the bundle has it. With `depth`, note the goals of depth (see
    `depth`) that are reached, which takes longer.
    """
    tried = bundle.has_trials if trials is None else trials
    try:
        search = _Search(bundle, parameters, tried, depth)
    except bundle.reference.RuleBroken as broken:  # its initial state is none
        return Exploration(bundle.name, parameters, violation=Violation("rule", broken.rule, ()))
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
        self._found = Exploration(bundle.name, parameters)
        self._origins: list[tuple[int, tuple[int, tuple[Any, ...]]]] = [(-1, (-1, ()))]

    def run(self, seconds: float, states: int, progress: Callable[[Exploration], None] | None) -> Exploration:
        found, reference = self._found, self._reference
        started = time.monotonic()
        seen = {self._canonical.digest(reference)}
        frontier = [(0, reference.snapshot())]
        met: set[Any] = set()
        self._check_invariants(0)
        while frontier and found.violation is None:
            following: list[tuple[int, Any]] = []
            for number, saved in frontier:
                found.seconds = time.monotonic() - started
                if found.seconds > seconds or len(seen) > states:
                    return self._finished(len(seen), reference)
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
                    if found.violation is not None:
                        break
                if found.violation is not None:
                    break
                found.states = len(seen)
            if progress is not None:
                progress(found)
            frontier = following
            found.depth += 1 if frontier else 0
        found.complete = found.violation is None
        found.seconds = time.monotonic() - started
        return self._finished(len(seen), reference)

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
                    found.violation = Violation("rule", broken.rule, self._trace(number, (position, script)))
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
                    found.violation = Violation("rule", broken.rule, self._trace(number, (-1 - position, script)))
                    return False
                scripts += _alternatives(script, reference.offered)
                if assumed:
                    found.trials[name] = found.trials.get(name, 0) + 1
        return True

    def _check_invariants(self, number: int) -> None:
        broken = self._reference.check()
        if broken:
            self._found.violation = Violation("invariant", broken[0], self._trace(number, None))

    def _trace(self, number: int, last: tuple[int, tuple[Any, ...]] | None) -> tuple[Call, ...]:
        calls = [] if last is None else [self._call(last)]
        while number > 0:
            number, call = self._origins[number]
            calls.append(self._call(call))
        return tuple(reversed(calls))

    def _call(self, call: tuple[int, tuple[Any, ...]]) -> Call:
        position, script = call
        name, arguments = self._calls[position] if position >= 0 else self._trials[-1 - position]
        return name, arguments, script

    def _finished(self, states: int, reference: Any) -> Exploration:
        found = self._found
        found.states = states
        found.events = dict(reference.events)
        found.coverage = set(reference.coverage)
        found.goals = set(reference.reached) if self._depth else None
        found.unreached_events = tuple(event for event in reference.EVENTS if event not in reference.events)
        found.unreached_branches = tuple(
            branch for number, branch in reference.BRANCHES.items() if number not in reference.coverage
        )
        return found
