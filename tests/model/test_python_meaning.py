"""What an expression means under Python, with its order of evaluation, it means in the circuit: on random states."""

from __future__ import annotations

from pathlib import Path

import pytest
from symbolic_agreement import disagreements, random_runs
from written import bundle

from kvproof.model.checking.bounded import check_bounded
from kvproof.model.checking.verdict import Verdict
from kvproof.model.lowering.record import LoweringError
from kvproof.model.lowering.system import System
from kvproof.spec.lang import LanguageError

COUNTING = """
    n: N
    @step
    def bump(self) -> None:
        "One more, up to 7."
        self.n = min(self.n + 1, 7)
    def bumped(self) -> int:
        self.bump()
        return self.n
"""
QUEUE = """
    q: Map[E, PriorityQueue[A, Z]]
    p: PartialMap[A, N | None]
    s: Set[A]
    @step
    def move(self, a: A, z: Z) -> None:
        "To the other place."
        if a in self.q[E.X]:
            self.q[E.X].remove(a)
            self.q[E.Y].push_back(a, z)
        elif a in self.q[E.Y]:
            self.q[E.Y].remove(a)
        else:
            self.q[E.X].push_front(a, z)
    @step
    def put(self, a: A, n: N | None) -> None:
        "A value that may be None."
        if n == 7:
            del self.p[a]
        else:
            self.p[a] = n
    @step
    def mark(self, a: A) -> None:
        "In or out."
        if a in self.s:
            self.s.discard(a)
        else:
            self.s.add(a)
    def moved(self, a: A) -> A:
        self.move(a, 1)
        return a
    @operation
    def change(self, a: A, z: Z, n: N | None) -> int:
        "Everything changes."
        self.move(a, z)
        self.mark(a)
        if n != 7 or a in self.p:
            self.put(a, n)
        return len(self.q[E.X])
"""


def operation(arguments: str, body: str, name: str = "f") -> str:
    lines = "\n        ".join(body.splitlines())
    return f'    @operation\n    def {name}(self{arguments}) -> int:\n        "It."\n        {lines}\n'


def text_of(members: str) -> str:
    return "T4 = Annotated[tuple[N, ...], AtMost(4)]\nclass M(Machine[P]):\n    unused: bool\n" + members


CASES = {
    "both ends of a slice are positions in the sequence": operation(
        ", t: T4, i: Z, j: Z", "s = t[i:j]\nreturn len(s) * 10 + (s[0] if len(s) > 0 else 0)"
    ),
    "ends from the back are constants": operation(
        ", t: T4", "return len(t[-2:3]) + 10 * len(t[1:-1]) + 100 * len(t[-3:-1])"
    ),
    "None is no end of a slice": operation(
        ", t: T4, i: A | None, j: Z | None", "return len(t[i:j]) + 10 * len(t[:j]) + 100 * len(t[i:None])"
    ),
    "a position may count from the end": operation(", t: T4, i: Z", "return t[i - 1] if i < 3 else 9"),
    "values are optional in a partial map": QUEUE
    + operation(
        ", a: A",
        "x = self.p.get(a)\nif x is None:\n    return 100 if a in self.p else 200\ny = self.p[a]\n"
        "return x if y == x else 300",
    )
    + """
    @invariant
    def nothing_is_none(self) -> bool:
        "Not always."
        return all(a not in self.p or self.p.get(a) is not None for a in self.every(A))
""",
    "None is false": operation(
        ", b: bool | None, c: bool | None",
        "r = 1 if b else 0\nif b and not c:\n    r += 2\nif not (b or c):\n    r += 4\n"
        "return r + (8 if any(x for x in (b, c)) else 0) + (16 if all(x for x in (b, c)) else 0)",
    ),
    "in an optional sequence": operation(
        ", t: T | None, x: A", "if t is not None and x in t:\n    return len(t)\nreturn 0"
    ),
    "in a sequence that may not be there": operation(", t: T | None, x: A", "return 1 if x in t else 0"),
    "a chain of comparisons goes on only where it holds": COUNTING
    + operation(", a: N", "return 1 if a < 4 < self.bumped() else 0")
    + operation(", a: N", "return 1 if a < self.n <= self.bumped() < self.bumped() else 0", name="g"),
    "operands are evaluated from left to right": COUNTING
    + operation(", a: N", "return min(self.n, self.bumped()) + self.bumped() * self.n - (-self.n)")
    + operation(
        ", a: N, t: T4",
        "x = (self.n, self.bumped(), self.n)\ny, z = self.n, self.bumped()\n"
        "return (x[0] * 100 + x[2] * 10 + z - y) + (1 if self.bumped() > 3 and self.bumped() > 5 or self.n == 2 else 0)",
        name="g",
    )
    + operation(
        ", a: N, t: T4",
        "return len(t[self.bumped() - 3 : self.n - 2]) + 10 * (self.bumped() if self.bumped() > 4 else self.n)",
        name="h",
    ),
    "a container is read when its keys are known": QUEUE
    + operation(", a: A", "return 1 if self.moved(a) in self.q[E.Y] else 0")
    + operation(
        ", a: A, b: A",
        "if a in self.q[E.X] and a != b:\n    return self.q[E.X].priority_of(a)"
        " + (self.q[E.X].front() if self.moved(b) == b else 0)\n"
        "return self.q[E.X].priority_of(self.moved(a)) + len(self.q[E.X])",
        name="g",
    ),
    "a step that changes nothing is a step all the same": COUNTING
    + """
    @step
    def nothing(self) -> None:
        "Nothing."
        pass
    def looked(self) -> bool:
        self.nothing()
        return True
"""
    + operation(", a: N", 'if a > 3 and self.looked():\n    reject("late")\nreturn 0'),
    "all and any stop at what decides": QUEUE
    + operation(
        ", a: A",
        "x = any(b == a or self.q[E.X].priority_of(b) > 0 for b in self.every(A))\n"
        "y = all(b in self.p and self.p[b] is not None for b in self.every(A)"
        " if b != a or self.q[E.Y].priority_of(b) > 1)\n"
        "return (1 if x else 0) + (2 if y else 0)",
    )
    + operation(
        ", t: T4, i: A",
        "return 1 if any(t[j] == t[i + j] for i in range(2) for j in range(3) if t[j] > 0 or t[3] < 2) else 0",
        name="g",
    ),
    "a sum adds only what there is": operation(", t: O", "return sum(x for x in t if x is not None)"),
    "annotations of locals and arguments say nothing": """
    def given(self, x: N) -> int:
        y: N = x + 3
        return y
"""
    + operation(", x: N", "y: N = x + 5\ny += 1\nreturn y + self.given(x + 5)"),
    "what a helper returns is of its type": """
    def more(self, x: int) -> N:
        return x + 5
    def cut(self, t: T4) -> T:
        return t[1:]
    def pair(self, t: T4) -> X:
        return t[1:]
    def some(self, x: N) -> A | None:
        if x > 4:
            return None
        return x
"""
    + operation(", x: N", "return self.more(x)")
    + operation(", t: T4", "return len(self.cut(t)) + (1 if t[0] == 1 else 0)", name="g")
    + operation(", t: T4", "x, y = self.pair(t)\nreturn x * 10 + y", name="h")
    + operation(", x: N", "y = self.some(x)\nreturn 7 if y is None else y", name="k"),
    "None is no argument of who takes none": """
    def given(self, x: N) -> int:
        return 3
"""
    + operation(", x: N | None", "return self.given(x)"),
    "steps of a range": operation(
        ", i: Z, j: Z",
        "r = 0\nfor k in range(j, i, -2):\n    r = r * 7 + k + 3\nfor k in range(i, j, 3):\n    r = r * 5 + k + 3\n"
        "for k in reversed(range(-1, 3, 2)):\n    r = r * 3 + k\nreturn r",
    ),
    "loops over what changes": QUEUE
    + operation(
        ", z: Z",
        "r = 0\nfor a in self.q[E.X]:\n    self.move(a, z)\n    r = r * 4 + a + 1\n"
        "for a in self.s:\n    self.mark(a)\n    r += 1\n"
        "for v in self.p.values():\n    self.put(0, 3)\n    r = r * 2 + (0 if v is None else v)\nreturn r",
    ),
    "division rounds down": operation(", i: Z", "x = i\nx //= 2\nreturn x * 100 + i % 3 + (i * 5) // 4"),
    "unpacking": operation(", t: T4, x: N", "a, b = t\n(c, d), e = (a, x), b\nreturn a * 100 + b * 10 + c - d + e"),
    "enumerations and options everywhere": """
    e: E | None
    r: R | None
    m: Map[E | None, E]
    pm: PartialMap[E, E | None]
    s: Set[E | None]
    t: Annotated[tuple[E | None, ...], AtMost(3)]
    @step
    def put(self, e: E | None, r: R | None, t: Annotated[tuple[E | None, ...], AtMost(2)]) -> None:
        "It writes."
        self.e = e
        self.r = r
        self.m[e] = E.X if self.m[e] == E.Y else E.Y
        if e is None:
            self.s.discard(None)
        else:
            self.pm[e] = self.m[None] if e == E.X else None
            self.s.add(None)
            self.s.add(e)
        self.t = t + (e,)
"""
    + operation(
        ", e: E | None, r: R | None, t: Annotated[tuple[E | None, ...], AtMost(2)]",
        "self.put(e, r, t)\nn = 0\nfor x in self.s:\n    n = n * 3 + (0 if x is None else x + 1)\nfor x in self.t:\n"
        "    n += 1 if x in self.s else 0\n"
        "if self.r is not None and self.r.index is not None and self.r.path[1] < E.Y:\n"
        "    n += self.r.index + self.r.count\n"
        "for y in reversed(E):\n    n = n * 2 + (1 if y in self.pm and self.pm.get(y) is None else 0)\n"
        "return n + max(E.X, self.m[e])",
    ),
    "an invariant is false where it is None": """
    b: bool | None
    @step
    def put(self, b: bool | None) -> None:
        "It writes."
        self.b = b
    @invariant
    def holds(self) -> bool:
        "Sometimes."
        return self.b
"""
    + operation(", b: bool | None", "self.put(b)\nreturn 0"),
    "a name may be used for values of two types": """
    s: Set[A]
"""
    + operation(
        ", t: O, b: bool",
        "n = 0\nfor _ in range(2):\n    if b:\n        for _ in (t, t):\n            n += 1\n    n += 1\nreturn n",
    ),
    "sequences that are too long": """
    x: X
    t: T
    @step
    def put(self, t: T4, n: N) -> None:
        "Too long, sometimes."
        if n > 3:
            self.x = ((n, n) + (n, n))[0:3]
        else:
            self.t = t[: n + 1]
"""
    + operation(", t: T4, n: N", "self.put(t, n)\nreturn 0"),
}
"""What means the same, and a machine that does it."""


@pytest.mark.parametrize("title", CASES)
def test_the_circuit_does_what_python_does(tmp_path: Path, title: str) -> None:
    made = bundle(tmp_path, text_of(CASES[title]))
    parameters = made.parameters({})
    system = System(made.definition, parameters)
    found, outcomes = disagreements(system, random_runs(system, lambda: made.definition.cls(parameters), 500, seed=1))
    assert found == []
    assert sum(outcomes.values()) == 500


@pytest.mark.parametrize("title", CASES)
def test_what_the_circuit_finds_breaks_when_it_is_run(tmp_path: Path, title: str) -> None:
    made = bundle(tmp_path, text_of(CASES[title]))
    report = check_bounded(made.definition, made.parameters({}), depth=1)  # runs what it finds, or fails itself
    assert report.verdict in (Verdict.HOLDS, Verdict.VIOLATED)


@pytest.mark.parametrize(
    ("body", "problem", "remedy"),
    [
        ("return 9 // i", "a divisor must be a positive constant or parameter, this one lies in -3..3", ""),
        ("x = 9\nx %= i\nreturn x", "a divisor must be a positive constant", ""),
        (
            "r = 0\nfor k in range(0, 6, i):\n    r += 1\nreturn r",
            "the step of range(0, 6, i) lies in -3..3",
            "Step by a",
        ),
        ("r = 0\nfor k in range(0, 6, self.params.a - 3):\n    r += 1\nreturn r", "lies in 0..0", "Step by a"),
    ],
)
def test_what_has_no_circuit_is_told_with_line_and_remedy(tmp_path: Path, body: str, problem: str, remedy: str) -> None:
    made = bundle(tmp_path, text_of(operation(", i: Z", body)))
    with pytest.raises(LoweringError) as caught:
        System(made.definition, made.parameters({})).transition("f")
    assert problem in caught.value.problem
    assert caught.value.remedy.startswith(remedy or "Write it with numbers")
    assert caught.value.line > 0
    assert isinstance(caught.value, LanguageError)
