"""What a machine's things are called: right in its reference, or refused with file, line and remedy."""

from __future__ import annotations

import ast
import builtins
import inspect
from pathlib import Path

import pytest
from written import both, bundle, module, outcome

from kvproof.model.writing import parts as reference_parts
from kvproof.spec.lang import LanguageError, compile_machine, plain
from kvproof.spec.lang.names import OF_THE_MODULE
from kvproof.spec.lang.state import RESERVED

REST = """
        @operation
        def f(self) -> int:
            "Nothing."
            return 0
"""

REFUSED = {
    "state variable coverage": "class M(Machine[P]):\n        coverage: N" + REST,
    "state variable READERS": "class M(Machine[P]):\n        READERS: N" + REST,
    "state variable depth": "class M(Machine[P]):\n        depth: N" + REST,
    "state variable _every_A": "class M(Machine[P]):\n        _every_A: N" + REST,
    "method attempt": "class M(Machine[P]):\n        v: N\n        def attempt(self) -> int:\n            return 1"
    + REST,
    "method check": "class M(Machine[P]):\n        v: N\n        def check(self) -> int:\n            return 1" + REST,
    "method _reach": "class M(Machine[P]):\n        v: N\n        def _reach(self) -> int:\n            return 1"
    + REST,
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_name_of_what_is_generated_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(LanguageError, match=rf"written_machine_\d+\.py:\d+: .*{name}.*\. Give it another name"):
        bundle(tmp_path, "    " + REFUSED[name])


@pytest.mark.parametrize("name", ["len", "range", "sorted", "int", "OutOfDomain", "_value1", "_key", "_each"])
def test_a_local_hides_nothing_that_its_method_needs(tmp_path: Path, name: str) -> None:
    for text in (
        f"@operation\n        def f(self, {name}: N) -> int:\n            'It.'\n            return 0",
        f"@operation\n        def f(self) -> int:\n            'It.'\n            {name} = 3\n            return 0",
        f"@operation\n        def f(self) -> int:\n            'It.'\n            return sum(1 for {name} in E)",
    ):
        with pytest.raises(LanguageError, match=f"a local is called {name}. Give it another name"):
            bundle(tmp_path, f"    class M(Machine[P]):\n        v: N\n        {text}")


@pytest.mark.parametrize(
    "name", ["Reference", "PriorityQueue", "Any", "IntEnum", "sorted", "Parameters", "_fields", "M"]
)
def test_a_type_is_not_called_like_something_of_the_reference(tmp_path: Path, name: str) -> None:
    kinds = module(tmp_path, f"Made = IntEnum('{name}', [('LEFT', 0), ('RIGHT', 1)])")
    with pytest.raises(LanguageError, match=f"{name}"):
        bundle(tmp_path, f"    from {kinds.__name__} import Made\n    class M(Machine[P]):\n        v: Made" + REST)


def test_two_things_have_two_names(tmp_path: Path) -> None:
    one = module(tmp_path, "LIMIT = 3\nclass Kind(IntEnum):\n    'One.'\n    LEFT = 0\nclass B(A):\n    'One.'")
    two = module(tmp_path, "LIMIT = 4\nclass Kind(IntEnum):\n    'Two.'\n    RIGHT = 0\nclass B(A):\n    'Two.'")
    for kind in ("Kind", "B"):
        text = f"""
        from {one.__name__} import {kind}
        from {two.__name__} import {kind} as Other
        class M(Machine[P]):
            v: {kind}
            w: Map[Other, N]
            @operation
            def f(self) -> int:
                "Nothing."
                return 0
        """
        with pytest.raises(LanguageError, match=f"two things called {kind}: .*Give it another name"):
            bundle(tmp_path, text)
    base = module(
        tmp_path,
        f"""
        from {one.__name__} import LIMIT
        class Base(Machine[P]):
            v: N
            def limit(self) -> int:
                return LIMIT
        """,
    )
    with pytest.raises(LanguageError, match=r"two things called LIMIT: [34] and [34]"):
        bundle(
            tmp_path,
            f"""
            from {two.__name__} import LIMIT
            from {base.__name__} import Base
            class M(Base):
                @operation
                def f(self) -> int:
                    "Both."
                    return LIMIT + self.limit()
            """,
        )


ALLOWED = '''
class a(Index):
    """Differs from A in case only, and ends in a quote: "a\\""""
    @classmethod
    def count(cls, parameters: P) -> int:
        return parameters.lim

class Mode(IntEnum):
    """With a second name, and "quotes\\\\"""

    LEFT = 0
    RIGHT = 1
    OTHER = 1

Known = Mode
Few = Annotated[tuple[Mode, ...], AtMost(2)]

class Only(IntEnum):
    """Nothing but an alias names it."""

    ONE = 0

Pair = Annotated[tuple[Only, ...], AtMost(2)]

@attrs.frozen
class Tuple(Record):
    """Fields are called like methods of tuples: \\\\"""

    count: N
    index: Mode
    keys: Few

class M(Machine[P]):
    """Ends in a backslash \\\\"""

    values: Map[a, N]
    sorted: Map[A, N]
    len: Mode
    count: Tuple
    items: PartialMap[A, Tuple]

    @step
    def put(self, at: a, list: A, dict: Tuple) -> None:
        """Locals and state are called like things of Python: \\""""
        self.values[at] = 7
        self.sorted[list] = 6
        self.len = Known.OTHER
        self.count = dict
        self.items[list] = Tuple(dict.count, dict.index, dict.keys)

    @operation
    def get(self, at: a, list: A, set: Mode) -> Tuple:
        """It writes and reads."""
        x: Pair = ()
        self.put(at, list, Tuple(len(x), set, (Mode.OTHER, Known.LEFT)))
        type = self.items[list]
        return Tuple(sum(1 for _ in self.every(a)), type.index, type.keys)

    @observation
    def observe(self) -> dict[str, Any]:
        """All."""
        return {"values": [self.values[i] for i in self.every(a)], "len": self.len.name, "count": self.count.count}
'''


def test_other_names_mean_in_the_reference_what_they_mean_in_the_machine(tmp_path: Path) -> None:
    made = bundle(tmp_path, ALLOWED)
    direct, reference = both(made)
    assert direct.snapshot() == reference.snapshot()
    for at, index, mode in ((0, 2, 1), (1, 0, 0)):
        call = ("get", {"at": at, "list": index, "set": made.definition.records["Tuple"].fields[1][1].cls(mode)})
        assert plain(outcome(direct, *call)[1]) == outcome(reference, *call)[1]
        assert direct.snapshot() == reference.snapshot()
        assert direct.observe() == reference.observe()


def test_every_name_of_a_reference_is_known_to_be_taken() -> None:
    tree = ast.parse(inspect.getsource(reference_parts))
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    of_module = {name for name in used if hasattr(builtins, name) or name in vars(reference_parts)}
    assert {name for name in of_module if not name.startswith("_")} <= OF_THE_MODULE
    reference = reference_parts.Reference()
    for name in {*vars(reference_parts.Reference), *vars(reference)}:
        machine = compile_machine.__globals__["Machine"]
        assert name.startswith("_") or name in RESERVED or hasattr(machine, name), name


def test_an_argument_that_takes_no_none_is_not_given_any(tmp_path: Path) -> None:
    made = bundle(
        tmp_path,
        """
        class M(Machine[P]):
            o: A | None
            @step
            def put(self, a: A) -> None:
                "It does nothing with it."
            def look(self, a: A, maybe: A | None) -> int:
                return 3
            @operation
            def f(self, o: A | None) -> int:
                "A helper."
                return self.look(o, None)
            @operation
            def g(self, o: A | None) -> int:
                "A step."
                self.put(o)
                return 1
            @operation
            def h(self, o: A | None) -> int:
                "It looks before."
                return 0 if o is None else self.look(o, self.o)
        """,
    )
    reference = both(made)[1]
    for name, result in (("f", 3), ("g", 1)):
        assert outcome(reference, name, {"o": 1}) == ("returned", result)
        with pytest.raises(reference.RuleBroken) as broken:
            reference.apply(name, {"o": None})
        assert broken.value.rule.startswith("defined: argument a of ")
    assert outcome(reference, "h", {"o": None}) == ("returned", 0)
