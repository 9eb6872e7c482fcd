"""Every refusal of the language can be provoked, and says what to write instead."""

from __future__ import annotations

import ast
import builtins
import textwrap
from pathlib import Path

import pytest
import written

import kvproof.spec.lang
from kvproof.model.writing.source import reference_source
from kvproof.spec.lang import LanguageError, compile_machine
from kvproof.spec.lang.refusals import CONSTRUCTS, FUNCTIONS, PAGE, Refusal

HEAD = (
    written.HEAD
    + '''
from kvproof.spec.lang import theorem

SIZE = 4

def twice(n: int) -> int:
    return 2 * n

@attrs.frozen
class Count(Record):
    total: int

class M(Machine[P]):
    """A machine."""
    m: Map[A, N]
    p: PartialMap[A, N]
    s: Set[A]
    q: PriorityQueue[A, N]
    f: Map[A, Set[A]]
    r: R
    o: N | None
    t: T
    e: E
    b: bool
    n: N

    @step
    def put(self, a: A) -> None:
        """Put."""
        self.s.add(a)

    def look(self, a: A) -> int:
        return self.m[a]

    def pick(self) -> A:
        return choose((a for a in self.every(A)), "one")

    def say(self) -> bool:
        ensure(self.b, "it is so")
        return True

    def mark(self) -> bool:
        sometimes("marked")
        return True

    def nothing(self) -> None:
        pass
'''
)


def run(body: str) -> str:
    """An operation with this body."""
    return method("    @operation\n    def run(self, a: A) -> None:\n", body)


def step(body: str) -> str:
    """A step with this body."""
    return method("    @step\n    def go(self, a: A) -> None:\n", body)


def theorem(body: str, arguments: str = "x: int", result: str = "bool") -> str:
    """A theorem with this body."""
    return method(f"    @theorem\n    def truth(self, {arguments}) -> {result}:\n", body)


def imported(text: str) -> tuple[str, str]:
    """The same in a module that has the words of the language that are no marks."""
    return "from kvproof.spec.lang import known, replace\n", text


def derived(text: str) -> str:
    """The machine is another one, derived from Base."""
    return f"\nclass Derived(Base):\n    '''It derives.'''\n{text}\nM = Derived\n"


def declared(fields: str) -> str:
    """A declaration with these fields."""
    return f"\nfrom kvproof.spec.lang import Shipped\nSHIPPED = Shipped({fields})\n"


def method(head: str, body: str) -> str:
    return f'{head}        """Do."""\n{textwrap.indent(textwrap.dedent(body), " " * 8)}\n'


PROVOKED: dict[Refusal, str | tuple[str, str]] = {
    Refusal.NO_PARAMETERS: "class M(Machine):\n    '''M.'''\n    n: N\n",
    Refusal.FIELD_WITHOUT_NAME: declared("M"),
    Refusal.FIELD_UNKNOWN: declared("machine=M, sizs={}"),
    Refusal.FIELD_MISSING: declared("sizes={}"),
    Refusal.NO_MACHINE: declared("machine=P"),
    Refusal.OTHER_VARIANT: declared("machine=M, variants={'one': P}"),
    Refusal.SIZES_FOR_NOTHING: declared("machine=M, sizes={'inducton': {}}"),
    Refusal.OTHER_SIZES: declared("machine=M, sizes={'fuzz': {'one': 1}}"),
    Refusal.NAMES_NOTHING: declared("machine=M, tried={'one'}"),
    Refusal.STATE_WITH_VALUE: "    x: N = 1\n",
    Refusal.STATE_WITH_PLAIN_INT: "    x: Count\n",
    Refusal.NO_FINITE_TYPE: "    x: int\n",
    Refusal.ANNOTATION_UNREADABLE: "    x: Map[A]\n",
    Refusal.BOUND_UNREADABLE: (
        "def low(p):\n    x = 1\n    return x\nOther = Annotated[int, Between(low, 3)]\n",
        "    x: Other\n",
    ),
    Refusal.BOUND_READS: "    x: Annotated[int, Between(0, lambda p: twice)]\n" + step("self.x = 1"),
    Refusal.ENUM_WITH_GAPS: ("class G(IntEnum):\n    A = 1\n", "    x: G\n"),
    Refusal.QUEUE_OF_OTHERS: "    x: PriorityQueue[N, N]\n",
    Refusal.UNKNOWN_IN_ANNOTATION: "    x: Unheard\n",
    Refusal.RECORD_AS_KEY: "    x: Map[R, N]\n",
    Refusal.CONTAINER_AS_KEY: "    x: Set[Set[A]]\n",
    Refusal.CONTAINER_INSIDE: "    x: PartialMap[A, Set[A]]\n",
    Refusal.RECORD_OTHER_FIELD: (
        "@attrs.frozen\nclass G(Record):\n    a: N = attrs.field(kw_only=True)\n",
        "    x: G\n",
    ),
    Refusal.RECORD_NOT_FROZEN: ("class G(Record):\n    a: N\n", "    x: G\n"),
    Refusal.RECORD_UNKNOWN_NAME: ("@attrs.frozen\nclass G(Record):\n    a: Unheard\n", "    x: G\n"),
    Refusal.RECORD_PRIVATE_FIELD: ("@attrs.frozen\nclass G(Record):\n    _a: N\n", "    x: G\n"),
    Refusal.RECORD_WITH_CONTAINER: ("@attrs.frozen\nclass G(Record):\n    a: Set[A]\n", "    x: G\n"),
    Refusal.RECORD_EMPTY: ("@attrs.frozen\nclass G(Record):\n    pass\n", "    x: G\n"),
    Refusal.STATE_HIDES: "    apply: N\n",
    Refusal.METHOD_HIDES: "    def snapshot(self) -> int:\n        return 1\n",
    Refusal.METHOD_AND_STATE: "class V(M):\n    '''V.'''\n    def n(self) -> int:\n        return 1\n\nM = V\n",
    Refusal.MACHINE_NAME: "class Reference(M):\n    '''M.'''\n\nM = Reference\n",
    Refusal.LOCAL_NAME: run("_x = 1"),
    Refusal.LOCAL_HIDES: run("E = 1"),
    Refusal.NAME_OF_REFERENCES: ("OutOfDomain = 3\n", run("self.look(OutOfDomain)")),
    Refusal.TWO_THINGS: ("Other = E\n\nclass E(IntEnum):\n    X = 0\n    Y = 1\n    Z = 2\n", "    x: Other\n"),
    Refusal.OVERRIDE_OF_OTHER_KIND: "class V(M):\n    '''V.'''\n    def put(self, a: A) -> None:\n        pass\n\nM = V\n",
    Refusal.SUPER_OF_OTHER: run("x = super().look(a)"),
    Refusal.SUPER_OF_NOTHING: run("super().run(a)"),
    Refusal.SUPER_IN_THEOREM: (
        "class Base(Machine[P]):\n    n: N\n" + theorem("return x == x") + "\n",
        derived(theorem("return super().truth(x)")),
    ),
    Refusal.METHOD_HIDES_PART: (
        "class Base(Machine[P]):\n    n: N\n    def see(self) -> int:\n        return 1\n",
        derived(
            "    def see(self) -> int:\n        return super().see()\n    def see_of_Base(self) -> int:\n        return 1\n"
        ),
    ),
    Refusal.WAIVED_FORM: "    WAIVED = 1\n",
    Refusal.WAIVED_UNKNOWN: "    WAIVED = ('look',)\n",
    Refusal.WAIVED_OWN: (
        "    WAIVED = ('true',)\n    @invariant\n    def true(self) -> bool:\n        'It is.'\n        return True\n"
    ),
    Refusal.ASYNC: "    async def later(self) -> None:\n        pass\n",
    Refusal.DECORATED: "    @staticmethod\n    def later() -> int:\n        return 1\n",
    Refusal.PARAMETERS_NOT_PLAIN: "    def later(self, a: A = 0) -> int:\n        return 1\n",
    Refusal.NO_DOCSTRING: "    @operation\n    def run(self) -> None:\n        pass\n",
    Refusal.ARGUMENT_WITHOUT_TYPE: "    def later(self, a) -> int:\n        return 1\n",
    Refusal.ARGUMENT_WITH_PLAIN_INT: method("    @operation\n    def run(self, c: Count) -> None:\n", "pass"),
    Refusal.ARGUMENT_CONTAINER: "    def later(self, a: Set[A]) -> int:\n        return 1\n",
    Refusal.RESULT_CONTAINER: "    def later(self) -> Set[A]:\n        return self.s\n",
    Refusal.RESULT_UNDECLARED: run("return 1"),
    Refusal.NO_RESULT: "    def later(self) -> int:\n        if self.b:\n            return 1\n",
    Refusal.STEP_RETURNS: step("return"),
    Refusal.RULE_AFTER_EFFECT: step("self.n = 1\nrequire(self.b, 'late')"),
    Refusal.NOT_A_STEP: run("self.n = 1"),
    Refusal.TRIAL_RETURNS: method("    @trial\n    def tried(self) -> bool:\n", "return True"),
    Refusal.TRIAL_TAKES_RECORD: method("    @trial\n    def tried(self, r: R) -> None:\n", "pass"),
    Refusal.CONSTRUCT: run("while self.b:\n    pass"),
    Refusal.FOR_WITH_ELSE: run("for x in self.t:\n    pass\nelse:\n    pass"),
    Refusal.LOOP_VARIABLES: run("for x, y in self.t:\n    pass"),
    Refusal.SEVERAL_AT_ONCE: run("for x in enumerate(self.t):\n    pass"),
    Refusal.ZIP_STRICT: run("for x, y in zip(self.t, self.t, strict=True):\n    pass"),
    Refusal.SEVERAL_FORM: run("for x, y in zip(self.t):\n    pass"),
    Refusal.RECORD_WRITTEN: step("self.r.count = 2"),
    Refusal.SEQUENCE_WRITTEN: run("x = (1, 2)\nx[0] = 3"),
    Refusal.NO_TARGET: run("self.pick()[0] = 3"),
    Refusal.NO_STATE_WRITTEN: step("self.other = 1"),
    Refusal.NOT_A_STATEMENT: run("x = reject('no')"),
    Refusal.WRONG_PLACE: step("reject('no')"),
    Refusal.STATEMENT_ARGUMENTS: run("ensure(self.b)"),
    Refusal.NO_PLAIN_NAME: run("ensure(self.b, 1)"),
    Refusal.NO_EFFECT: run("len(self.t)"),
    Refusal.CONSTANT: run("x = 1.5"),
    Refusal.UNKNOWN_NAME: run("x = unheard"),
    Refusal.SELF_AS_VALUE: run("x = self"),
    Refusal.NO_STATE_READ: run("x = self.other"),
    Refusal.NO_PARAMETER: run("x = self.params.other"),
    Refusal.NO_MEMBER: run("x = E.Z"),
    Refusal.NO_ENUM_MEMBER: run("x = A.count"),
    Refusal.RECORD_AS_VALUE: run("x = R"),
    Refusal.CLASS_AS_VALUE: run("x = A"),
    Refusal.NO_FIELD: run("x = self.r.other"),
    Refusal.IDENTITY: run("x = self.n is self.n"),
    Refusal.CALL: run("x = unheard(2)"),
    Refusal.CONVERSION_FORM: run("x = A(1, 2)"),
    Refusal.NOT_IMPORTED: run("x = known(self.o)"),
    Refusal.OF_ONE_VALUE: imported(run("x = known(self.o, 1)")),
    Refusal.FIELD_OF_OTHERS: run("x = R(cont=1)"),
    Refusal.FIELDS_SPREAD: run("x = R(**self.r)"),
    Refusal.REPLACED: imported(run("x = replace(self.n, count=1)")),
    Refusal.CALL_OF_FUNCTION: run("x = twice(2)"),
    Refusal.KEYWORDS: run("x = self.look(a=a)"),
    Refusal.NO_METHOD: run("self.other()"),
    Refusal.ARGUMENT_COUNT: run("self.put()"),
    Refusal.OPERATION_CALLED: run("pass") + method("    @operation\n    def again(self) -> None:\n", "self.run(0)"),
    Refusal.STEP_FROM_HERE: step("self.put(a)"),
    Refusal.KIND_CALLED: theorem("return True") + run("x = self.truth(1)"),
    Refusal.RESULT_OF_NOTHING: run("x = self.nothing()"),
    Refusal.RECORD_VALUES: run("x = R(1)"),
    Refusal.CHOOSE_FORM: run("x = choose(self.s, 'one')"),
    Refusal.NO_GENERATOR: run("x = sum(self.t)"),
    Refusal.GENERATOR_ASYNC: run("x = sum(y async for y in self.t)"),
    Refusal.EXTREME_OF_MANY: run("x = max(self.m[b] for b in self.every(A))"),
    Refusal.EXTREME_OF_ONE: run("x = max(self.t)"),
    Refusal.EXTREME_OF_TRUTH: run("x = max(self.b, True)"),
    Refusal.LENGTH_OF_SEVERAL: run("x = len(self.t, self.t)"),
    Refusal.NO_LENGTH: run("x = len(self.m)"),
    Refusal.RANGE_FORM: run("for i in range():\n    pass"),
    Refusal.REVERSED_FORM: run("for i in reversed(self.t, self.t):\n    pass"),
    Refusal.EVERY_OF: run("for x in self.every(E):\n    pass"),
    Refusal.LOOP_AS_VALUE: run("x = range(3)"),
    Refusal.NO_CONTAINER_METHOD: step("self.s.clear()"),
    Refusal.METHOD_OF_OTHERS: step("self.q.add(a)"),
    Refusal.CONTAINER_ARGUMENTS: step("self.s.add(a, a)"),
    Refusal.KEY_DELETED: step("del self.m[a]"),
    Refusal.CONTAINER_REPLACED: step("self.f[a] = ()"),
    Refusal.CONTAINER_AS_VALUE: run("x = self.s"),
    Refusal.SEQUENCE_IN_PLACE: step("self.t[0] = a"),
    Refusal.WRITTEN_IN_PLACE: step("self.s[0] = a"),
    Refusal.IN_TOTAL_MAP: run("x = a in self.m"),
    Refusal.CONTAINER_ITERATED: run("for x in self.m:\n    pass"),
    Refusal.NOT_ITERATED: run("for x in self.n:\n    pass"),
    Refusal.NO_MEMBER_VALUE: step("self.e = 1"),
    Refusal.TRUTH_AS_NUMBER: step("self.n = self.b"),
    Refusal.NUMBER_AS_TRUTH: step("self.b = self.n"),
    Refusal.NOT_OF_TYPE: step("self.n = self.t"),
    Refusal.KEY_OF_OTHER_TYPE: run("x = self.b in self.s"),
    Refusal.NO_TRUTH_VALUE: run("if self.n:\n    pass"),
    Refusal.NONE_FROM_AND_OR: ("O2 = bool | None\n", "    w: O2\n\n" + run("x = self.b and self.w")),
    Refusal.NONE_AS_NUMBER: run("x = None + 1"),
    Refusal.NO_NUMBER: run("x = self.r + 1"),
    Refusal.NO_COMMON_TYPE: run("x = (1, True)"),
    Refusal.HAS_NO_FIELD: run("x = self.n.count"),
    Refusal.HAS_NO_ELEMENTS: run("x = self.n[0]"),
    Refusal.NO_SUM: run("x = self.t + 1"),
    Refusal.COMPARED: run("x = self.t == self.n"),
    Refusal.LOOKED_FOR: run("x = self.t in self.t"),
    Refusal.UNPACKED: run("x, y = self.n"),
    Refusal.MAY_HAVE_NO_VALUE: run("if self.b:\n    x = 1\ny = x"),
    Refusal.HAS_NO_VALUE: run("x = any(b == a for b in self.t)\ny = b"),
    Refusal.LOCAL_OF_TWO_TYPES: run("x = 1\nx = self.b\ny = x"),
    Refusal.RECURSION: "    def deep(self) -> int:\n        return self.deep()\n",
    Refusal.STEP_WHILE_LOOKING: "    def act(self) -> bool:\n        self.put(0)\n        return True\n"
    + run("x = all(self.act() for b in self.every(A))"),
    Refusal.CHOICE_WHILE_LOOKING: run("x = all(self.pick() == b for b in self.every(A))"),
    Refusal.PROMISE_WHILE_LOOKING: method("    @invariant\n    def always(self) -> bool:\n", "return self.say()"),
    Refusal.REFUSAL_WHILE_LOOKING: run("x = any(self.tested(b) for b in self.every(A))")
    + "    def tested(self, a: A) -> bool:\n        if self.b:\n            reject('no')\n        return self.b\n",
    Refusal.EVENT_WHILE_LOOKING: method("    @invariant\n    def always(self) -> bool:\n", "return self.mark()"),
    Refusal.THEOREM_RESULT: theorem("return 1", result="int"),
    Refusal.THEOREM_ARGUMENT: theorem("return True", arguments="x: N"),
    Refusal.THEOREM_BODY: theorem("if x > 0:\n    return True\nreturn False"),
    Refusal.THEOREM_END: theorem("assume(x > 0)"),
    Refusal.THEOREM_HELPER: theorem("return self.look(x) == 0"),
    Refusal.THEOREM_PART: theorem("return x in (1, 2)"),
    Refusal.THEOREM_PROPERTY: (
        "@attrs.frozen\nclass P2(P):\n    @property\n    def d(self) -> int:\n        return 1\n",
        "class M2(M, Machine[P2]):\n    '''M.'''\n" + theorem("return x == self.params.d") + "\nM = M2\n",
    ),
    Refusal.THEOREM_RECURSION: "    def deep(self, x: int) -> int:\n        return self.deep(x)\n"
    + theorem("return self.deep(x) == 0"),
    Refusal.THEOREM_CALLS: method("    @invariant\n    def always(self) -> bool:\n", "return True")
    + theorem("return self.always()"),
}
"""For each refusal, a continuation of the machine that is refused so, if need be with what stands before the machine."""


def refused(folder: Path, text: str | tuple[str, str]) -> LanguageError:
    with pytest.raises(LanguageError) as caught:
        compiled(folder, text)
    return caught.value


def compiled(folder: Path, text: str | tuple[str, str]) -> str:
    top, body = text if isinstance(text, tuple) else ("", text)
    made = written.module(folder, "", HEAD.replace("class M(", f"{top}\nclass M(") + body)
    return reference_source(compile_machine(made.M))


@pytest.mark.parametrize("refusal", PROVOKED, ids=lambda refusal: refusal.name)
def test_a_refusal_is_provoked_with_its_remedy(tmp_path: Path, refusal: Refusal) -> None:
    error = refused(tmp_path, PROVOKED[refusal])
    assert error.refusal == refusal.name, str(error)
    assert error.line > 0
    assert error.remedy
    assert not set("{}") & set(error.problem + error.remedy)


@pytest.mark.parametrize("annotation", ["Set[A] | None", "Annotated[tuple[Set[A], ...], AtMost(2)]"])
def test_only_total_maps_hold_containers(tmp_path: Path, annotation: str) -> None:
    assert refused(tmp_path, f"    x: {annotation}\n").refusal == Refusal.CONTAINER_INSIDE.name


def test_an_argument_whose_annotation_has_no_value_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, "    def h(self, a: E.x.y) -> int:\n        return 1\n").refusal == "ANNOTATION_UNREADABLE"


def test_a_class_without_source_is_refused() -> None:
    space: dict[str, object] = {}
    exec(HEAD, space)
    with pytest.raises(LanguageError) as caught:
        compile_machine(space["M"])  # type: ignore[arg-type]  # it is a machine
    assert caught.value.refusal == Refusal.NO_SOURCE.name


def test_every_refusal_is_provoked() -> None:
    # of a module, not of a class: test_shipped provokes them
    modules = {Refusal.DECLARED_TWICE, Refusal.FORMER_CONSTANTS}
    assert set(Refusal) - set(PROVOKED) == {Refusal.NO_SOURCE} | modules


def raised_elsewhere(source: str) -> list[int]:
    """The lines at which a module makes a `LanguageError` of its own."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "LanguageError"
    ]


def test_no_error_is_made_beside_the_table() -> None:
    folder = Path(next(iter(kvproof.spec.lang.__path__)))
    made = {path.stem for path in folder.glob("*.py") if raised_elsewhere(path.read_text(encoding="utf-8"))}
    assert made == {"errors", "refusals"}
    assert raised_elsewhere("raise LanguageError(file, 1, 'a', 'b')") == [1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            run("x = max(self.m[b] for b in self.every(A))"),
            "max of what a generator gives: max((self.m[b] for b in self.every(A))). "
            "Keep the largest in a loop: `if x > best: best = x`, from a first value",
        ),
        (
            run("x = min(self.t)"),
            "min of 1 values: min(self.t). Give min two numbers or more, or keep the smallest in a loop",
        ),
        (
            run("x = 2 ** self.n"),
            "Pow is not in the language: `2 ** self.n`. "
            "Write x * x, multiply in a loop over range(..), or give the parameters a property that computes it",
        ),
        (
            run("x = self.t[::2]"),
            "Slice is not in the language: `self.t[::2]`. "
            "Write a[i:j], or tuple(a[i] for i in range(start, stop, step))",
        ),
        (
            "    def deep(self) -> int:\n        return self.deep()\n",
            "deep calls itself (deep > deep). Write a loop over range(limit)",
        ),
        (
            run("x = self.n + None"),
            "None is None and no number (arithmetic). Ask first: if x is None, and give it a number otherwise",
        ),
        (
            run("x = sorted(self.t)"),
            "a call of something unknown: sorted(self.t). "
            "A Set is visited ascending, a PriorityQueue in its order; insert where it belongs: a[:i] + (x,) + a[i:]",
        ),
        (
            run("x = twice(2)"),
            "a function of the module is called: twice(2). Make it a helper method of the machine",
        ),
        (
            run("x = A(a, 1)"),
            "A is made of something else than one number: A(a, 1). Write A(number)",
        ),
        (
            run("x = R(index=None, cont=1, path=(E.X, E.X))"),
            "R has no field cont. Its fields: count, index, path",
        ),
        (
            run("x = R(1, count=1, path=(E.X, E.X))"),
            "R is constructed with 3 values. Give each field once: count, index, path",
        ),
        (
            run("x = A(self.b)"),
            "a truth value is no value of A(..): it needs a number. Write 1 if .. else 0",
        ),
        (
            run("for i, x in zip(self.t, self.t, self.t):\n    pass"),
            "zip(self.t, self.t, self.t) gives 3 values a round. "
            "Give each a variable of its own: for i, x in enumerate(..), for a, b in zip(.., ..)",
        ),
        (
            run("for i, x in reversed(enumerate(self.t)):\n    pass"),
            "(i, x) are several loop variables over reversed(enumerate(self.t)). Loop over one plain variable; "
            "take a sequence apart on a line of its own: a, b = pair. Only enumerate and zip give several",
        ),
        (
            run("for x in reversed(zip(self.t, self.t)):\n    pass"),
            "reversed(zip(self.t, self.t)). Write reversed(sequence) or reversed(range(..))",
        ),
        (
            run("x = enumerate(self.t)"),
            "enumerate(self.t) is used as a value. Loop over it: range(..), reversed(..), every(..), values()",
        ),
        (
            run("x = unheard(a)"),
            f"a call of something unknown: unheard(a). {PAGE} says what is in the language; unheard(..) is not",
        ),
        (
            run("x = self.params"),
            "self.params is used as a value. Name a state variable, or one parameter: self.params.x",
        ),
        (
            run("x = super().run"),
            "a call of something unknown: super(). Call what a method overrides: super().m(..) in m",
        ),
        (
            run("x = math.floor(a)"),
            f"a call of something unknown: math.floor(a). {PAGE} says what is in the language; math.floor(..) is not",
        ),
        (
            run("x = ..."),
            "the constant Ellipsis. Values are booleans, integers, None and tuples",
        ),
    ],
)
def test_a_refusal_names_what_it_does_not_know(tmp_path: Path, text: str, told: str) -> None:
    assert str(refused(tmp_path, text)).partition(": ")[2] == told


def test_a_construct_without_a_remedy_is_sent_to_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # a copy: what is taken out and put back would stand at another place of the table, and so of the page
    others = {construct: remedy for construct, remedy in CONSTRUCTS.items() if construct is not ast.While}
    monkeypatch.setattr("kvproof.spec.lang.checker.CONSTRUCTS", others)
    error = refused(tmp_path, PROVOKED[Refusal.CONSTRUCT])
    assert error.problem == "While is not in the language: `while self.b:`"
    assert error.remedy == f"{PAGE} says what is in the language; While is not"


def test_the_page_that_an_error_names_is_there() -> None:
    assert PAGE.read_text(encoding="utf-8").startswith("# ")


def test_the_remedies_are_for_what_python_has() -> None:
    assert all(issubclass(construct, ast.AST) for construct in CONSTRUCTS)
    assert set(FUNCTIONS) <= set(dir(builtins))
