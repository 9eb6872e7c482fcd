"""Every type in every position: defaults, snapshots, restoring, renaming, the order of loops, bounds of every form."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from random_runs import random_calls
from written import HEAD, both, bundle, outcome

from kvproof.model.checking.canonical import Canonical
from kvproof.model.checking.explore import explore
from kvproof.model.checking.verdict import Verdict
from kvproof.spec.lang import LanguageError, plain

VALUES = ["bool", "E", "A", "N", "Z", "High", "A | None", "Z | None", "E | None", "T", "O", "X", "O | None", "R"]
SEQUENCES = ["R | None", "Annotated[tuple[R | None, ...], AtMost(2)]", "Annotated[tuple[R, ...], Exactly(2)]"]
SEQUENCES += ["Annotated[tuple[High, ...], Exactly(2)]", "Annotated[tuple[O, ...], AtMost(1)]"]
KEYS = ["A", "E", "bool", "Z", "A | None", "E | None", "O", "X"]


def _variables() -> list[tuple[str, str | None, str]]:
    """Types of state variables, what keys they have, and their values."""
    found: list[tuple[str, str | None, str]] = [(kind, None, kind) for kind in VALUES + SEQUENCES]
    for position, kind in enumerate(VALUES + SEQUENCES):
        key = KEYS[position % len(KEYS)]
        found.append((f"Map[{key}, {kind}]", key, kind))
        found.append(
            (f"PartialMap[{KEYS[(position + 3) % len(KEYS)]}, {kind}]", KEYS[(position + 3) % len(KEYS)], kind)
        )
    return found


def _machine() -> str:
    lines = ["class M(Machine[P]):"]
    methods = []
    for number, (kind, key, value) in enumerate(_variables()):
        lines.append(f"    v{number}: {kind}")
        given, target = (f"value: {value}", "") if key is None else (f"key: {key}, value: {value}", "[key]")
        names = "value" if key is None else "key, value"
        methods += [
            f"    @step\n    def put{number}(self, {given}) -> None:\n        'It writes.'",
            f"        self.v{number}{target} = value",
            f"    @operation\n    def f{number}(self, {given}) -> int:\n        'It writes.'",
            f"        self.put{number}({names})\n        return 0",
        ]
        if kind.startswith("PartialMap"):
            methods += [f"    @operation\n    def values{number}(self) -> int:\n        'It reads.'"]
            methods += ["        position = 0", f"        for x in self.v{number}.values():"]
            methods += ["            position += 1", "        return position"]
    for number, key in enumerate(KEYS):
        lines += [f"    s{number}: Set[{key}]", f"    d{number}: Map[E, Map[{key}, Set[{key}]]]"]
        methods += [
            f"    @step\n    def add{number}(self, key: {key}) -> None:\n        'It writes.'",
            f"        self.s{number}.add(key)\n        self.d{number}[E.Y][key].add(key)",
            f"    @step\n    def take{number}(self, key: {key}) -> None:\n        'It writes.'",
            f"        self.s{number}.discard(key)\n        self.d{number}[E.Y][key].discard(key)",
            f"    @operation\n    def g{number}(self, key: {key}) -> Seen{number}:\n        'It writes.'",
            f"        self.add{number}(key)\n        seen: Seen{number} = ()",
            f"        for x in self.s{number}:\n            seen = (seen + (x,))[:9]\n        return seen",
            f"    @operation\n    def h{number}(self, key: {key}) -> int:\n        'It empties what it walks through.'",
            f"        count = 0\n        for x in self.d{number}[E.Y][key]:",
            f"            self.take{number}(x)\n            count += 1",
            f"        for x in self.s{number}:\n            self.take{number}(x)\n            count += 1",
            "        return count",
        ]
    lines += [
        "    q: PriorityQueue[A, Z]",
        "    e: Map[E, PriorityQueue[A, Annotated[int, Between(lambda p: -p.lim, 3)]]]",
    ]
    methods += [
        """
    @step
    def push(self, a: A, z: Z, front: bool) -> None:
        "It writes."
        if front:
            self.q.push_front(a, z)
            self.e[E.Y].push_back(a, max(-2, z))
        else:
            self.q.push_back(a, z)
            self.e[E.Y].push_front(a, max(-2, z))
    @step
    def pull(self, a: A) -> None:
        "It writes."
        self.q.remove(a)
        self.e[E.Y].remove(a)
    @operation
    def queue(self, a: A, z: Z, front: bool) -> A:
        "It writes."
        if a in self.q:
            reject("queued")
        self.push(a, z, front)
        return self.q.front()
    @operation
    def drain(self, most: A) -> int:
        "It empties the queue that it walks through."
        sum = 0
        for a in self.e[E.Y]:
            if a <= most:
                self.pull(a)
                sum = sum * 4 + a + 1
        return sum
    @observation
    def observe(self) -> dict[str, Any]:
        "Sets in order, values in order."
        return {"sets": [list(self.s4), [x for x in self.d4[E.Y][None]]], "values": list(self.v40.values())}
    @canonical
    def order(self) -> dict[Any, list[Any]]:
        "Any order will do here."
        return {A: sorted(self.every(A), reverse=True)}
"""
    ]
    seen = "\n".join(f"Seen{n} = Annotated[tuple[{key}, ...], AtMost(9)]" for n, key in enumerate(KEYS))
    return seen + "\n" + "\n".join(lines) + "\n" + "\n".join(methods)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return bundle(tmp_path_factory.mktemp("types"), _machine())


def test_both_executions_begin_alike(made: Any) -> None:
    for sizes in ({}, {"a": 1, "lim": 0}, {"a": 2, "lim": 1}):
        direct, reference = both(made, **sizes)
        assert direct.snapshot() == reference.snapshot()


def test_both_executions_do_alike_and_are_restored(made: Any) -> None:
    source = random.Random(12)
    direct, reference = both(made)
    parameters, other = made.parameters({}), both(made)[1]
    for name, arguments in random_calls(made.definition, parameters, source, 1500):
        assert plain(outcome(direct, name, arguments)) == outcome(reference, name, arguments), (name, arguments)
        saved = reference.snapshot()
        assert direct.snapshot() == saved
        other.restore(saved)
        assert other.snapshot() == saved
    assert direct.observe() == reference.observe()
    other.restore(direct.snapshot())
    for name, arguments in random_calls(made.definition, parameters, source, 300):
        assert plain(outcome(direct, name, arguments)) == outcome(other, name, arguments), (name, arguments)
        assert direct.snapshot() == other.snapshot()


def test_renaming_twice_with_a_reversal_is_the_identity(made: Any) -> None:
    """It renames in every position: in options, sequences, records, keys with options, members and queues."""
    reference, renamed = both(made)[1], both(made)[1]
    canonical = Canonical(made.definition, made.parameters({}))
    moved = 0
    for name, arguments in random_calls(made.definition, made.parameters({}), random.Random(3), 600):
        outcome(reference, name, arguments)
        saved = reference.snapshot()
        once = canonical.state(reference)
        renamed.restore(once)
        assert renamed.snapshot() == once
        assert canonical.state(renamed) == saved
        moved += once != saved
    assert moved > 300


BOUNDS = {
    "Annotated[int, Between(lambda p: -p.lim, lambda p: p.lim)]": -2,
    "Annotated[int, Between(lambda p: p.lim - 1, lambda p: p.lim + 1)]": 1,
    "Annotated[int, Between(lambda p: -p.lim - 3, lambda p: -p.lim)]": -5,
    "Annotated[int, Between(low, high)]": 1,
    "Annotated[int, Between(low, lambda p: max(p.lim, OFFSET) + high(p))]": 1,
    "Annotated[int, Between(nested(1), nested(3))]": 2,
    "Annotated[int, Between(1, lambda p: A.count(p) - 1)]": 1,
    "Annotated[int, Between(lambda p: p.twice - 3, lambda p: p.twice)]": 1,
    "Annotated[int, Between(lambda p: p.more(1), lambda p: p.more(3))]": 3,
    "Shared": 0,
}
"""Types with bounds, and the lowest value with lim=2."""

BOUNDED = """
OFFSET = 5
def low(p: Any) -> int:
    "The lowest."
    return p.lim - 1
def high(p: Any) -> int:
    return OFFSET - p.lim
def nested(n: int) -> Any:
    return lambda p: n + p.lim - 1
Shared, Other = Annotated[int, Between(0, lambda p: p.lim)], Annotated[int, Between(0, lambda p: p.lim + 9)]
class M(Machine[P]):
    v: {kind}
    w: Annotated[tuple[{kind}, ...], Exactly(2)]
    m: Map[{kind}, {kind}]
    @step
    def put(self, i: Wide) -> None:
        "It writes."
        self.v = i
    @operation
    def f(self, i: Wide) -> int:
        "It writes."
        self.put(i)
        return 0
"""

DERIVED = HEAD.replace(
    "    lim: int = 2\n",
    "    lim: int = 1 + 1\n"
    "    @property\n    def twice(self) -> int:\n        'Derived.'\n        return 2 * self.lim\n"
    "    def more(self, n: int) -> int:\n        return self.lim + n\n",
)


@pytest.mark.parametrize("kind", BOUNDS)
def test_bounds_of_every_form_are_those_of_the_machine(tmp_path: Path, kind: str) -> None:
    made = bundle(tmp_path, BOUNDED.format(kind=kind), DERIVED)
    direct, reference = both(made)
    assert direct.snapshot() == reference.snapshot()
    accepted = []
    for i in range(-9, 10):
        found = outcome(direct, "f", {"i": i})
        assert outcome(both(made)[1], "f", {"i": i}) == found
        accepted += [i] if found[0] == "returned" else []
    assert accepted[0] == BOUNDS[kind]


@pytest.mark.parametrize("bound", ["lambda p: MANY[p.lim]", "several"])
def test_a_bound_that_is_no_expression_is_refused_with_its_line(tmp_path: Path, bound: str) -> None:
    text = f"""
MANY = (1, 2, 3)
def several(p: Any) -> int:
    if p.lim > 1:
        return 2
    return 3
class M(Machine[P]):
    v: Annotated[tuple[A, ...], Exactly({bound})]
    @operation
    def f(self) -> int:
        "Nothing."
        return 0
"""
    with pytest.raises(LanguageError, match=r"written_machine_\d+\.py:\d+: .*Write a number, or one expression"):
        bundle(tmp_path, text)


def test_every_choice_is_explored_also_where_the_first_is_refused(tmp_path: Path) -> None:
    made = bundle(
        tmp_path,
        """
        Some = Annotated[tuple[R | None, ...], AtMost(3)]
        class M(Machine[P]):
            n: N
            r: R | None
            some: Some
            def initial(self) -> None:
                self.some = (R(1, None, (E.X, E.X)), None, R(2, None, (E.X, E.X)))
            @step
            def put(self, n: N, r: R | None) -> None:
                "It writes."
                self.n, self.r = n, r
            @operation
            def f(self) -> int:
                "Three choices, of which the first is refused at first."
                first = choose((x for x in self.every(A)), "first")
                if first == 0:
                    reject("zero")
                second = choose((x // 2 for x in self.every(A)), "second")
                third = choose((x for x in self.some), "third")
                self.put(first * 2 + second, third)
                return 0
        """,
    )
    found = explore(made, made.parameters({}))
    # n is one of 2, 3, 4, 5, r one of three; before, it is the initial state
    assert (found.verdict, found.states) == (Verdict.EXPLORED, 1 + 4 * 3)
    assert found.rejected == {"f: zero": found.states}
    assert found.transitions == found.states * 12
