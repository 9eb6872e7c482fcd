"""What the language says in a word means the same to the class, to its reference and to its circuit: on random states."""

from __future__ import annotations

from pathlib import Path

import pytest
from random_machines.states import put_into
from symbolic_agreement import disagreements, random_runs
from written import HEAD, bundle, outcome

from kvproof.model.lowering.system import System

WORDS_HEAD = HEAD + "from kvproof.spec.lang import known, replace\nT4 = Annotated[tuple[N, ...], AtMost(4)]\n"

STATE = """
class M(Machine[P]):
    n: N
    a: A
    e: E
    o: N | None
    r: R
    x: R | None
    t: T4
    s: Set[Z]
    q: PriorityQueue[A, N]
    p: PartialMap[A, N | None]
    g: Map[A, Set[A]]

    def initial(self) -> None:
        self.r = R(1, None, (E.X, E.Y))

    @step
    def set_n(self, n: N) -> None:
        "A number."
        self.n = n

    @step
    def set_a(self, a: A) -> None:
        "A thing."
        self.a = a

    @step
    def set_e(self, e: E) -> None:
        "A member."
        self.e = e

    @step
    def set_o(self, o: N | None) -> None:
        "What may be there."
        self.o = o

    @step
    def set_r(self, r: R) -> None:
        "A record."
        self.r = r

    @step
    def set_x(self, x: R | None) -> None:
        "A record that may be there."
        self.x = x

    @step
    def set_t(self, t: T4) -> None:
        "A sequence."
        self.t = t

    @step
    def mark(self, z: Z) -> None:
        "In or out."
        if z in self.s:
            self.s.discard(z)
        else:
            self.s.add(z)

    @step
    def queue(self, a: A, n: N) -> None:
        "In or out."
        if a in self.q:
            self.q.remove(a)
        else:
            self.q.push_front(a, n)

    @step
    def put(self, a: A, o: N | None) -> None:
        "A value, or none."
        if a in self.p and o == 1:
            del self.p[a]
        else:
            self.p[a] = o

    @step
    def pair(self, a: A, b: A) -> None:
        "Together."
        self.g[a].add(b)

    def counted(self) -> int:
        self.set_n((self.n + 1) % 8)
        return self.n

    @operation
    def change(self, a: A, e: E, o: N | None, z: Z, x: R | None, t: T4) -> int:
        "Everything changes."
        self.set_a(a)
        self.set_e(e)
        self.set_o(o)
        self.mark(z)
        self.queue(a, 3)
        self.put(a, o)
        self.set_x(x)
        self.set_t(t)
        return 0
"""


def f(arguments: str, body: str) -> str:
    lines = "\n        ".join(body.splitlines())
    return f'    @operation\n    def f(self{arguments}) -> int:\n        "It."\n        {lines}\n'


CASES = {
    "known gives what is there": f(", n: N", "return known(self.o) + n"),
    "known may be given what is always there": f("", "return known(self.n)"),
    "known is None in a condition that decides": f("", "return 1 if self.o is None or known(self.o) > 3 else 0"),
    "a number becomes a thing": f(", z: Z", "self.set_a(A(z + self.a))\nreturn self.a"),
    "what is converted need not be stored": f(", z: Z", "return A(z) + E(self.n)"),
    "a number becomes a member": f(", z: Z", "self.set_e(E(self.n - z))\nreturn self.e"),
    "None is no number": f("", "return A(self.o)"),
    "a member becomes a thing": f("", "self.set_a(A(self.e))\nreturn self.a"),
    "conversion in a generator": f(", z: Z", "return sum(A(i + z) for i in range(2))"),
    "fields by name": f(", n: N", "self.set_r(R(path=(E.Y, E.X), count=n, index=self.a))\nreturn self.r.count"),
    "fields by name are evaluated as they are written": f(
        "", "self.set_r(R(path=(E.Y, E.X), index=A(self.counted()), count=self.counted()))\nreturn self.r.count"
    ),
    "some fields by position": f(", n: N", "r = R(n, path=(self.e, E.X), index=None)\nself.set_r(r)\nreturn r.count"),
    "other values in some fields": f(
        ", n: N", "self.set_r(replace(self.r, index=self.a, count=n))\nreturn len(self.r.path) + self.r.count"
    ),
    "a record that may not be there": f(
        ", n: N", "self.set_r(replace(self.x, count=self.counted()))\nreturn self.r.count"
    ),
    "no field is replaced": f("", "return replace(self.r).count"),
    "replaced twice": f(", n: N", "return replace(replace(self.r, count=n), index=A(n)).count"),
    "a filter": f(", n: N", "self.set_t(tuple(x + 1 for x in self.t if x != n))\nreturn len(self.t)"),
    "what passes of a set": f(
        ", z: Z", "r = 0\nfor y in tuple(x for x in self.s if x != z):\n    r = r * 7 + y\nreturn r"
    ),
    "a comprehension over two": f(
        ", n: N",
        "u = tuple(x + b for x in self.t if x > n for b in self.every(A) if b < x)\nreturn len(u) + sum(v for v in u)",
    ),
    "what may be None is gathered": f(
        "", "u = tuple(self.p.get(b) for b in self.every(A) if b in self.p)\nreturn sum(1 for v in u if v is not None)"
    ),
    "truth values and records are gathered": f(
        "",
        "u = tuple(x > self.n for x in self.t)\nv = tuple(R(1, b, (E.X, E.X)) for b in self.q)\n"
        "return sum(1 for y in u if y) + sum(known(w.index) for w in v)",
    ),
    "nothing is gathered": f("", "return len(tuple(x for x in self.t if x > 7))"),
    "gathered inside a generator": f("", "return sum(len(tuple(y for y in self.t if y < x)) for x in self.t)"),
    "an undefined value is gathered": f("", "return len(tuple(known(v) for v in self.p.values()))"),
    "places of a sequence": f("", "r = 0\nfor i, x in enumerate(self.t):\n    r += i * x\nreturn r"),
    "places of a set": f("", "r = 0\nfor i, x in enumerate(self.s):\n    r += i * x\nreturn r"),
    "places of a queue, which changes": f(
        "", "r = 0\nfor i, b in enumerate(self.q):\n    self.queue(b, 1)\n    r += (i + 1) * b\nreturn r"
    ),
    "places of a set, which changes": f(
        "", "r = 0\nfor i, x in enumerate(self.s):\n    self.mark(x)\n    self.mark(-x)\n    r += (i + 1) * x\nreturn r"
    ),
    "two sequences of different lengths": f(
        ", t: T4",
        "r = 0\nfor x, y in zip(self.t, t):\n    if x == y:\n        continue\n    r = r * 2 + x - y\nreturn r",
    ),
    "a set and the values of a map": f(
        "",
        "r = 0\nfor x, o in zip(self.s, self.p.values()):\n    if o is None:\n        break\n    r += x * o\nreturn r",
    ),
    "three at once, one backwards": f(
        "", "return sum(x * y + b for x, y, b in zip(self.t, reversed(self.t), self.every(A)) if x > b)"
    ),
    "places of pairs": f(
        ", t: T4", "r = 0\nfor i, (x, y) in enumerate(zip(self.s, t)):\n    r += (i + 1) * (x + y)\nreturn r"
    ),
    "pairs with places": f("", "return sum((i + 1) * x + b for (i, x), b in zip(enumerate(self.s), self.g[self.a]))"),
    "places of an enumeration and of a range": f(
        ", z: Z", "return sum(i * (m + 1) for i, m in enumerate(E)) + sum(i * k for i, k in enumerate(range(z, 2)))"
    ),
    "a member for each place": f(", t: T4", "return sum(1 for m, x in zip(E, t) if m == E.Y and x > 2)"),
    "conversion of a key": f(", z: Z", "return len(self.g[A(z + 1)])"),
}


@pytest.mark.parametrize("title", CASES)
def test_all_executions_do_the_same(tmp_path: Path, title: str) -> None:
    made = bundle(tmp_path, STATE + CASES[title], WORDS_HEAD)
    parameters = made.parameters({})
    system = System(made.definition, parameters)
    samples = random_runs(system, lambda: made.definition.cls(parameters), 100, seed=1)
    found, outcomes = disagreements(system, samples)
    assert found == []
    assert sum(outcomes.values()) == 100
    reference, direct = made.reference(parameters), made.definition.cls(parameters)
    for before, arguments, *_ in samples["f"]:
        reference.restore(before)
        put_into(direct, before)
        said = outcome(direct, "f", arguments)
        assert outcome(reference, "f", arguments) == said
        assert said[0] == "broken" or reference.snapshot() == direct.snapshot()


ORDINARY = {
    "a set that shrinks while it is zipped": "for x, i in zip(self.s, range(9)):\n    self.s.discard(x)\n    self.n += i",
    "a set that shrinks under another name": "found = self.s\nfor x in found:\n    found.discard(x)\n    self.n = x + 3",
    "a copy of a set": "for x in [*self.s]:\n    self.s.discard(x)\n    self.n = x + 3",
    "a set by a function": "for x in map(lambda z: z, self.s):\n    self.s.discard(-x)\n    self.n = x + 3",
    "a queue that empties": "for b in self.q:\n    self.q.remove(b)\n    self.n += b",
    "values that go": "for b, o in zip(self.every(A), self.p.values()):\n    del self.p[b]\n    self.n += o",
    "a set in a map that grows": "for b in self.g[1]:\n    self.g[1].add((b + 1) % 3)\n    self.n += b",
    "the same under another name": "held = self.g[1]\nfor b in held:\n    held.discard(b)\n    self.n += b",
    "a place of a map": "m = self.h\nm[1] = 3\nm[2], m[0] = m[1], 2\nself.n = m[2] + m[0]",
}


@pytest.mark.parametrize("title", ORDINARY)
def test_ordinary_methods_do_in_a_reference_what_they_do_in_the_class(tmp_path: Path, title: str) -> None:
    filled = "self.s.add(-3)\nself.s.add(2)\nself.s.add(-1)\nself.q.push_back(2, 1)\nself.q.push_back(0, 1)\n"
    filled += "self.p[1] = 2\nself.p[0] = 1\nself.g[1].add(2)\nself.g[1].add(0)\n"
    body = "\n".join(f"        {line}" for line in (filled + ORDINARY[title]).splitlines())
    text = STATE.replace(
        "        self.r = R(1, None, (E.X, E.Y))\n", f"        self.r = R(1, None, (E.X, E.Y))\n{body}\n"
    )
    made = bundle(tmp_path, text.replace("    n: N\n", "    n: N\n    h: Map[A, N]\n", 1), WORDS_HEAD)
    parameters = made.parameters({})
    assert made.reference(parameters).snapshot() == made.definition.cls(parameters).snapshot()
