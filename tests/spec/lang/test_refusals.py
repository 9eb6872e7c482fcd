"""What Python and the circuit would read differently is no machine: refused with file, line and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest
from written import HEAD, module

from kvproof.spec.lang import LanguageError, compile_machine

MACHINE = """
class M(Machine[P]):
    n: N
    e: E
    b: bool
    o: A | None
    t: T
    r: R
    q: PriorityQueue[A, Z]
    m: Map[A, N]
    mm: Map[E, Set[A]]
    pm: PartialMap[A, N]
    pe: PartialMap[E, N]
    s: Set[A]
    @step
    def bump(self, n: N) -> None:
        "It counts."
        self.n = n
        {step}
    def bumped(self) -> int:
        self.bump(3)
        return self.n
    def deep(self) -> bool:
        return self.bumped() > 2
    def picked(self) -> int:
        return choose((a for a in self.every(A)), "a")
    def promised(self) -> int:
        ensure(self.n > 2, "more")
        return self.n
    def marked(self) -> int:
        sometimes("looked")
        return self.n
    def down(self, n: int) -> int:
        return n
    def nothing(self) -> None:
        pass
    {helper}
    @operation
    def f(self, a: A, n: N, b: bool, o: A | None, t: T, r: R, e: E) -> int:
        "It."
        {body}
        return 0
    @invariant
    def holds(self) -> bool:
        "It holds."
        return {holds}
"""


def machine(body: str = "pass", step: str = "pass", helper: str = "", holds: str = "True") -> str:
    indented = {"body": body, "step": step}
    parts = {name: text.replace("\n", "\n        ") for name, text in indented.items()}
    return MACHINE.format(**parts, helper=helper.replace("\n", "\n    "), holds=holds)


def refused(folder: Path, text: str, head: str = HEAD) -> LanguageError:
    made = module(folder, text, head)
    with pytest.raises(LanguageError) as caught:
        compile_machine(made.M)
    assert caught.value.file == made.__file__
    assert caught.value.remedy or ": " in caught.value.problem
    return caught.value


def test_the_machine_of_these_tests_is_one(tmp_path: Path) -> None:
    compile_machine(module(tmp_path, machine()).M)


STEPS_AND_CHOICES = [
    (
        {"body": "x = any(self.deep() for a in self.every(A))"},
        "a quantifier or filter takes a step through deep, bumped, bump",
    ),
    ({"body": "x = sum(1 for a in self.every(A) if self.deep())"}, "a quantifier or filter takes a step"),
    (
        {"body": 'x = choose((a for a in self.every(A) if self.bumped() > a), "x")'},
        "a quantifier or filter takes a step",
    ),
    (
        {"body": "x = all(self.picked() > 0 for a in self.every(A))"},
        "a quantifier or filter makes a choice through picked",
    ),
    ({"body": "x = sum(a for a in (self.bumped(), 1))"}, "a quantifier or filter takes a step"),
    ({"body": 'ensure(self.bumped() > 1, "more")'}, "the condition of ensure takes a step through bumped, bump"),
    ({"step": "self.n = self.bumped()"}, "calls itself (bump"),
    (
        {"helper": '@step\ndef outer(self) -> None:\n    "It."\n    self.n = self.bumped()'},
        "step outer takes a step through bumped",
    ),
    ({"step": "self.n = min(self.promised(), 7)"}, "step bump makes a promise through promised"),
    ({"holds": "self.deep()"}, "invariant holds takes a step through deep, bumped, bump"),
    ({"holds": "self.picked() > 0"}, "invariant holds makes a choice through picked"),
    ({"holds": "self.promised() > 0"}, "invariant holds makes a promise through promised"),
    ({"holds": "self.marked() > 0"}, "invariant holds marks an event through marked"),
    ({"body": 'choose((a for a in self.every(A)), "a")'}, "choose alone on a line"),
    ({"helper": "def again(self) -> int:\n    return self.again()"}, "again calls itself (again > again)"),
    (
        {"helper": "def one(self) -> int:\n    return self.two()\ndef two(self) -> int:\n    return self.one()"},
        "one calls itself (one > two > one)",
    ),
]

UNASSIGNED = [
    ("if a > 1:\n    x = 1\nself.bump(x)", "x may have no value here"),
    ("for i in range(n):\n    x = i\nself.bump(x)", "x may have no value here"),
    ("for i in range(n):\n    pass\nself.bump(i)", "i may have no value here"),
    ("x += 1", "x may have no value here"),
    ("if b:\n    if a > 1:\n        x = 1\n    else:\n        x = 2\nself.bump(x)", "x may have no value here"),
    ("x = any(k > 0 for k in t)\nself.bump(k)", "k has no value here"),
    ("x = sum(k for k in t for j in (1, k) if i > j for i in t)", "i may have no value here"),
]

TYPES = [
    ("if n:\n    pass", "n is a number and no truth value"),
    ("if t and b:\n    pass", "is a sequence (each: a number) and no truth value"),
    ("x = 1 if self.s else 0", "is a container and no truth value"),
    ("x = not self.r", "is a R and no truth value"),
    ("x = any(k for k in t)", "k is a number and no truth value"),
    ("x = all(k > 0 for k in t if o)", "o is a number or None and no truth value"),
    ("x = b or n", "n is a number and no truth value"),
    ("c: bool | None = None\nx = c and b", "c may be None, and `and` and `or` would give it back"),
    ("c: bool | None = b\nif c is not None:\n    c = None\n    x = c and b", "c may be None"),
    ("c: bool | None = b\nif c is not None:\n    for i in t:\n        x = c and b\n        c = None", "c may be None"),
    ("c: bool | None = None\nx = c is not None or c", "c may be None"),
    ("x = self.n is n", "asks for identity"),
    ("x = self.r is not r", "asks for identity"),
    ("q = self.q", "the container self.q is used as a value"),
    ("x = self.mm[e]", "the container self.mm[e] is used as a value"),
    ("x = (self.s, self.s)", "the container self.s is used as a value"),
    ("x = self.s == self.mm[e]", "the container self.s is used as a value"),
    ("x = self.s if b else self.mm[e]", "the container self.s is used as a value"),
    ("x = self.down(self.q)", "the container self.q is used as a value"),
    ("x = len(self.m)", "len of self.m, which is a container"),
    ("x = len(n)", "which is a number"),
    ("x = len(E)", "the class E is used as a value"),
    ("x = a in self.m", "`in` the total map self.m"),
    ("for x in self.m:\n    pass", "self.m is looped over"),
    ("for x in self.pm:\n    pass", "self.pm is looped over"),
    ("for x in reversed(self.q):\n    pass", "self.q is reversed"),
    ("for x in reversed(self.s):\n    pass", "self.s is reversed"),
    ("for x in n:\n    pass", "n, a number, is looped over"),
    ("x = self.every(A)", "used as a value"),
    ("for x in self.every(E):\n    pass", "of no index class"),
    ("for x in self.every(A, A):\n    pass", "of no index class"),
    ("x = range(3)", "used as a value"),
    ("x = n in range(3)", "used as a value"),
    ("for x in range():\n    pass", "range with 0 numbers"),
    ("x = min(n)", "min of 1 values"),
    ("x = max(t)", "max of 1 values"),
    ("x = min(b, True)", "min of a truth value"),
    ("x = len(t, t)", "len of 2 things"),
    ("x = t < t", "is a sequence (each: a number) and no number (an order)"),
    ("x = r <= self.r", "is a R and no number (an order)"),
    ("x = t * 2", "is a sequence (each: a number) and no number (arithmetic)"),
    ("x = t + n", "a sequence (each: a number) + a number"),
    ("x = -t", "no number (minus)"),
    ("x = t == n", "a sequence (each: a number) is compared with a number"),
    ("x = r == n", "a R is compared with a number"),
    ("x = r in t", "a R is looked for where a number is"),
    ("x = n if b else t", "n if b else t has a number and a sequence"),
    ("x = (n, b)", "(n, b) has a number and a truth value"),
    ("x = n\nif b:\n    x = t\nself.bump(len(x))", "x has values of different types"),
    ("self.bump(b)", "a truth value is no value of argument n of bump: it needs a number"),
    ("self.bump(None)", "None is no value of argument n of bump: it needs a number"),
    ("return b", "a truth value is no value of the result of f: it needs a number"),
    ("x = R(n, b, (E.X, E.Y))", "a truth value is no value of field index of R"),
    ("x = b in self.pm", "a truth value is asked for where a number is kept"),
    ("x = self.pm.get(b)", "a truth value is asked for where a number is kept"),
    ("x = self.m[b]", "a truth value is asked for where a number is kept"),
    ("x = self.s.front()", "self.s has no method front"),
    ("x = self.q.front(n)", "front with 1 arguments"),
    ("for x in self.s.values():\n    pass", "self.s has no method values"),
    ("x = self.pm.values()", "used as a value"),
    ("x = self.nothing()", "nothing has no result"),
    ("x = n.count", "n is a number and has no field count"),
    ("x = E.__len__", "E.__len__ is no member of an enumeration"),
    ("x = A", "the class A is used as a value"),
    ("x, y = n", "a number is unpacked"),
    ("x = self", "self is used as a value"),
    ("for x in self.every():\n    pass", "of no index class"),
]

WRITES = [
    ("self.e = n", "a number is no value of self.e: it needs a E"),
    ("self.b = n", "a number is no value of self.b: it needs a truth value"),
    ("self.n = self.b", "a truth value is no value of self.n"),
    ("self.t = (self.b,)", "a sequence (each: a truth value) is no value of self.t"),
    ("self.t = None", "None is no value of self.t"),
    ("self.t[0] = 1", "self.t is written in place"),
    ("self.pe[n] = 1", "a number is no value of a key of self.pe: it needs a E"),
    ("self.m[0] = self.b", "a truth value is no value of self.m[0]"),
    ("self.s = self.s", "the container self.s is used as a value"),
    ("self.mm[E.X] = ()", "the container self.mm[E.X] is replaced"),
    ("del self.m[0]", "a key of self.m is deleted"),
    ("self.s.remove(0)", "self.s has no method remove"),
    ("self.s.add(self.b)", "a truth value is no value of a member of self.s"),
    ("self.q.push_back(0)", "push_back with 1 arguments"),
    ("self.q.push_back(self.b, 0)", "a truth value is no value of an item or priority of self.q"),
    ("self.s += 1", "the container self.s is used as a value"),
]

NAMES = [
    ({"body": "E = 3"}, "a local named E hides what has this name"),
    ({"body": "A = 3"}, "a local named A hides"),
    ({"body": "R = 3"}, "a local named R hides"),
    ({"body": "len = 3\nx = len(t)"}, "a local named len hides"),
    ({"body": 'sometimes = 3\nsometimes("it")'}, "a local named sometimes hides"),
    ({"body": "self = 3"}, "a local named self hides"),
    ({"helper": "def more(self, E: int) -> int:\n    return E"}, "a local named E hides"),
    ({"helper": "@property\ndef more(self) -> int:\n    return 1"}, "method more is decorated with property"),
    ({"helper": "@staticmethod\ndef more() -> int:\n    return 1"}, "method more is decorated with staticmethod"),
    (
        {"helper": '@operation\n@step\ndef more(self) -> None:\n    "It."\n    pass'},
        "method more is decorated with operation, step",
    ),
    ({"helper": "extra: Missing"}, "an annotation names Missing, which is unknown"),
    ({"helper": "def more(self, n: Missing) -> int:\n    return 1"}, "an annotation names Missing, which is unknown"),
    ({"helper": "def more(self) -> Map[A, Missing]:\n    return 1"}, "an annotation names Missing, which is unknown"),
    ({"helper": "extra: N = 3"}, "state variable extra is given a value in the class"),
    ({"helper": "def more(self, s: Set[A]) -> int:\n    return 1"}, "argument s is a container"),
    ({"helper": "def more(self) -> Set[A]:\n    return self.s"}, "more returns a container"),
    ({"helper": "def more(self, n: int) -> int:\n    if n > 3:\n        return 1"}, "more can end without a result"),
    ({"helper": "def more(self) -> None:\n    return 3"}, "more returns something"),
]


@pytest.mark.parametrize(("parts", "problem"), STEPS_AND_CHOICES + NAMES)
def test_what_means_nothing_where_it_stands_is_refused(tmp_path: Path, parts: dict[str, str], problem: str) -> None:
    assert problem in refused(tmp_path, machine(**parts)).problem


@pytest.mark.parametrize(("body", "problem"), UNASSIGNED + TYPES)
def test_a_value_that_has_no_one_meaning_is_refused(tmp_path: Path, body: str, problem: str) -> None:
    assert problem in refused(tmp_path, machine(body)).problem


@pytest.mark.parametrize(("write", "problem"), WRITES)
def test_a_write_of_what_does_not_belong_there_is_refused(tmp_path: Path, write: str, problem: str) -> None:
    assert (
        problem in refused(tmp_path, machine(step=write.replace("= n", "= self.n").replace("[n]", "[self.n]"))).problem
    )


def test_a_refusal_names_the_line(tmp_path: Path) -> None:
    text = machine("x = 3\nif n:\n    pass")
    line = (HEAD + text).splitlines().index("        if n:") + 1
    assert refused(tmp_path, text).line == line


def test_a_record_of_what_is_unknown_is_refused(tmp_path: Path) -> None:
    head = HEAD.replace("    index: A | None", "    index: Missing | None")
    assert "record R names Missing, which is unknown" in refused(tmp_path, machine(), head).problem


ACCEPTED = [
    "x = 0\nfor x in t:\n    pass\nself.bump(x)",
    "if b:\n    x = 1\nelse:\n    return 0\nself.bump(x)",
    "for i in range(n):\n    if b:\n        x = 1\n    else:\n        break\n    self.bump(x)",
    "x = any(k > 0 for k in t)\nk = 3",
    "x: E | None = None\nif b:\n    x = e\nreturn 0 if x is None else x",
    "x = e == 1 or E.X + 1 == n or self.n == e",
    "x = ()\nfor k in t:\n    x = x + (k,)\nreturn len(x)",
    "sum = 0\nfor k in t:\n    sum += k\nreturn sum",
    "x = o is None or o in self.s or o in t",
    "x = max(E.X, e)\nreturn x",
    "c: bool | None = None\nx = c is not None and c\ny = b or (False if c is None else c)",
    "c: bool | None = b\nif c is None:\n    return 0\nx = c and b",
    "c: bool | None = b\nif c is not None and n > 1:\n    x = b or c",
]


@pytest.mark.parametrize("body", ACCEPTED)
def test_what_has_one_meaning_is_accepted(tmp_path: Path, body: str) -> None:
    compile_machine(module(tmp_path, machine(body)).M)
