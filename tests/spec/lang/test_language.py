"""What the language refuses, and how it says so."""

from __future__ import annotations

import importlib.util
import itertools
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from kvproof.model.writing.source import reference_source
from kvproof.spec.lang import LanguageError, OutOfDomain, RuleBroken, compile_machine, plain
from kvproof.spec.lang.types import from_plain

HEAD = '''
from typing import Annotated
import attrs
from kvproof.spec.lang import *

@attrs.frozen
class Sizes(Parameters):
    """Sizes."""
    n: int = 2

class Thing(Index):
    """A thing."""
    @classmethod
    def count(cls, parameters):
        return parameters.n

Few = Annotated[int, Between(0, 3)]

@attrs.frozen
class Pair(Record):
    """A pair."""
    first: Few
    second: Thing | None

@attrs.frozen
class Tally(Record):
    """A record with a plain int."""
    total: int

class Bad(Machine[Sizes]):
    """A machine."""
    level: Map[Thing, Few]
    marked: Set[Thing]

'''

STEP = "    @step\n    def go(self, thing: Thing) -> None:\n        '''Go.'''\n"
OPERATION = "    @operation\n    def run(self, thing: Thing) -> int:\n        '''Run.'''\n"
THEOREM = "    @theorem\n    def truth(self, x: int) -> bool:\n        '''True.'''\n"
TRIAL = "    @trial\n    def what_if(self, thing: Thing) -> None:\n        '''What if.'''\n"
HELPER = "    def help(self, thing: Thing) -> int:\n"

_numbers = itertools.count()


def _compile(tmp_path: Path, body: str, head: str = HEAD) -> Any:
    path = tmp_path / f"bad_{next(_numbers)}.py"
    path.write_text(head + body, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return compile_machine(module.Bad)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (STEP + "        while True:\n            pass\n", "While is not in the language"),
        (STEP + "        try:\n            pass\n        finally:\n            pass\n", "Try is not in the language"),
        (STEP + "        raise ValueError\n", "Raise is not in the language"),
        (STEP + "        assert thing == 0\n", "Assert is not in the language"),
        (STEP + "        x = [t for t in self.every(Thing)]\n", "ListComp is not in the language"),
        (STEP + "        x = {}\n", "Dict is not in the language"),
        (STEP + "        x = lambda: 0\n", "Lambda is not in the language"),
        (STEP + "        x = 'text'\n", "the constant 'text'"),
        (STEP + "        x = 1.5\n", "the constant 1.5"),
        (STEP + "        x = 1 / 2\n", "Div is not in the language"),
        (STEP + "        x = 1 << 2\n", "LShift is not in the language"),
        (STEP + "        import os\n", "Import is not in the language"),
        (STEP + "        print(thing)\n", "a call of something unknown"),
        (STEP + "        x = unknown\n", "unknown name unknown"),
        (STEP + "        self.other = 1\n", "self.other is not a state variable"),
        (STEP + "        x = self.params.m\n", "no parameter m"),
        (STEP + "        self.absent(thing)\n", "no method absent"),
        (STEP + "        self.level.clear()\n", "method clear of a container"),
        (STEP + "        x = max(key=1)\n", "keyword arguments"),
        (
            STEP + "        for t in self.every(Thing):\n            pass\n        else:\n            pass\n",
            "a for with an else",
        ),
        (STEP + "        self.level[thing] = 1\n        require(thing == 0, 'late')\n", "a rule after an effect"),
        (STEP + "        return\n", "a step returns"),
        (STEP + "        reject('no')\n", "reject in step go"),
        (STEP + "        require(thing == 0, 'a' + 'b')\n", "require without a plain name"),
        (STEP + "        x = (1, 2)\n        x[0] = 1\n", "a local sequence is written in place"),
        (STEP + "        pass\n" + STEP.replace("go", "again") + "        self.go(thing)\n", "step again takes a step"),
        (OPERATION + "        self.level[thing] = 1\n        return 0\n", "operation run writes self.level"),
        (OPERATION + "        require(thing == 0, 'rule')\n        return 0\n", "require in operation run"),
        (OPERATION + "        x = sum(1, 2)\n        return x\n", "sum of something else than a generator"),
        (OPERATION + "        return choose((1, 2), 'it')\n", "choose without candidates and name"),
        (HELPER + "        self.marked.add(thing)\n        return 0\n", "helper help writes self.marked"),
        (HELPER + "        return self.help()\n", "help is called with 0 arguments"),
        ("    @step\n    def go(self, thing: Thing) -> None:\n        pass\n", "step go has no docstring"),
        ("    @step\n    def go(self, thing) -> None:\n        '''Go.'''\n", "argument thing of go has no type"),
        ("    @step\n    def go(self, thing: str) -> None:\n        '''Go.'''\n", "is not a finite type"),
        ("    @step\n    def go(self, thing: Thing = 0) -> None:\n        '''Go.'''\n", "default, keyword or variadic"),
        ("    name: dict[int, int]\n", "is not a finite type"),
        ("    queue: PriorityQueue[Thing, Thing]\n", "a PriorityQueue holds an Index type at a bounded integer"),
        # records
        ("    pairs: Map[Pair, Few]\n", "a record cannot be a key of a container"),
        ("    pairs: Set[Pair]\n", "a record cannot be a key of a container or a member of a Set"),
        ("    tallies: Map[Thing, Tally]\n", "state variable tallies holds a record with a plain int"),
        (
            "    @operation\n    def run(self, tally: Tally) -> int:\n        '''Run.'''\n        return 0\n",
            "an argument that any caller gives holds a record with a plain int",
        ),
        (OPERATION + "        pair = Pair(1)\n        return 0\n", "Pair is constructed with 1 values"),
        (OPERATION + "        pair = Pair(first=1, third=None)\n        return 0\n", "Pair has no field third"),
        (OPERATION + "        Pair(1, None)\n        return 0\n", "Pair(..) alone on a line has no effect"),
        (OPERATION + "        pair = Pair\n        return 0\n", "the record class Pair used as a value"),
        (OPERATION + "        pair = Pair(1, None)\n        return pair.third\n", "no record has a field third"),
        (
            OPERATION + "        pair = Pair(1, None)\n        pair.first = 2\n        return 0\n",
            "pair.first is written",
        ),
        # promises
        (STEP + "        ensure(thing == 0, 'zero')\n", "ensure in step go"),
        (OPERATION + "        ensure(thing == 0)\n        return 0\n", "ensure with 1 arguments"),
        (OPERATION + "        ensure(thing == 0, thing)\n        return 0\n", "ensure without a plain name"),
        (OPERATION + "        x = ensure(thing == 0, 'zero')\n        return 0\n", "ensure used as a value"),
        # trials
        (TRIAL.replace("-> None", "-> bool") + "        return True\n", "trial what_if returns something"),
        (TRIAL.replace("thing: Thing", "pair: Pair") + "        pass\n", "pair: a trial takes no records"),
        (TRIAL + "        reject('no')\n", "reject in trial what_if"),
        (TRIAL + "        sometimes('it is tried')\n", "sometimes in trial what_if"),
        (TRIAL + "        self.level[thing] = 1\n", "trial what_if writes self.level"),
        (OPERATION + "        assume(self.level[thing] > 0)\n        return 0\n", "assume in operation run"),
        (
            TRIAL + "        pass\n" + OPERATION + "        self.what_if(thing)\n        return 0\n",
            "trial what_if is called",
        ),
        # theorems
        (OPERATION + "        assume(thing == 0)\n        return 0\n", "assume in operation run"),
        (THEOREM + "        assume(x > 0)\n", "a theorem does not end in its conclusion"),
        (
            THEOREM + "        if x > 0:\n            return True\n        return False\n",
            "more than assumptions before",
        ),
        (THEOREM + "        return x == len(self.marked)\n", "len(self.marked) in a theorem"),
        (THEOREM + "        return all(x == t for t in self.every(Thing))\n", "in a theorem"),
        (THEOREM + "        return x in (1, 2)\n", "x in (1, 2) in a theorem"),
        (
            THEOREM + "        return self.help(x) == 0\n\n" + HELPER + "        return 0\n",
            "help has an argument that is no",
        ),
        (
            THEOREM + "        return self.loop(x) == 0\n\n    def loop(self, x: int) -> int:\n"
            "        for i in range(3):\n            pass\n        return 0\n",
            "`for i in range(3):` in a theorem",
        ),
        (THEOREM.replace("x: int", "x: Few") + "        return True\n", "a theorem speaks of all integers"),
        (THEOREM.replace("-> bool", "-> int") + "        return 1\n", "theorem truth does not return bool"),
        (
            OPERATION + "        return 1 if self.truth(1) else 0\n\n" + THEOREM + "        return True\n",
            "truth is called",
        ),
    ],
)
def test_a_construct_outside_the_language_is_refused(tmp_path: Path, body: str, problem: str) -> None:
    with pytest.raises(LanguageError) as caught:
        _compile(tmp_path, body)
    assert problem in str(caught.value)


def test_a_refusal_names_file_line_and_remedy(tmp_path: Path) -> None:
    body = STEP + "        while True:\n            pass\n"
    with pytest.raises(LanguageError) as caught:
        _compile(tmp_path, body)
    line = (HEAD + body).splitlines().index("        while True:") + 1
    assert caught.value.line == line
    assert str(caught.value).startswith(caught.value.file + f":{line}: ")
    assert "for _ in range(limit)" in caught.value.remedy


def test_an_override_keeps_the_kind_of_the_method(tmp_path: Path) -> None:
    body = STEP + "        self.level[thing] = 1\n\n\nBase = Bad\n\n\nclass Bad(Base):\n    '''Worse.'''\n\n"
    body += "    def go(self, thing: Thing) -> None:\n        '''Go.'''\n"
    with pytest.raises(LanguageError, match="go is marked helper but overrides a method marked step"):
        _compile(tmp_path, body)


def test_a_machine_without_parameters_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LanguageError, match="Loose has no parameter class"):
        _compile(tmp_path, "Old = Bad\n\n\nclass Loose(Machine):\n    '''No parameters.'''\n\n\nBad = Loose\n")


def test_the_digest_changes_with_meaning_and_not_with_comments(tmp_path: Path) -> None:
    plain = STEP + "        self.level[thing] = 1\n"
    commented = STEP.replace("Go.", "Go on.") + "        # why\n        self.level[thing] = 1\n"
    other = STEP + "        self.level[thing] = 2\n"
    first, second, third = (_compile(tmp_path, body).digest() for body in (plain, commented, other))
    assert first == second
    assert first != third


def test_the_digest_changes_with_what_a_helper_returns(tmp_path: Path) -> None:
    """A result is held to its type, so another type is another machine."""
    helper = "\n    def one(self) -> Few:\n        '''One.'''\n        return 1\n"
    body = STEP + "        self.level[thing] = self.one()\n" + helper
    assert _compile(tmp_path, body).digest() != _compile(tmp_path, body.replace("-> Few", "-> int")).digest()


def test_the_digest_changes_with_inherited_parameters(tmp_path: Path) -> None:
    head = HEAD.replace(
        "class Bad(Machine[Sizes])", "@attrs.frozen\nclass More(Sizes):\n    m: int = 1\n\nclass Bad(Machine[More])"
    )
    body = STEP + "        self.level[thing] = self.params.m\n"
    first, second = (
        _compile(tmp_path, body, text).digest() for text in (head, head.replace("n: int = 2", "n: int = 3"))
    )
    assert first != second


def test_a_reference_has_the_parameters_of_the_whole_lineage(tmp_path: Path) -> None:
    head = HEAD.replace(
        "class Bad(Machine[Sizes])",
        "@attrs.frozen\nclass More(Sizes):\n    '''More.'''\n    m: int = 1\n    @property\n"
        "    def both(self) -> int:\n        return self.n + self.m\n\nclass Bad(Machine[More])",
    )
    body = (
        STEP
        + "        self.level[thing] = self.params.both\n    @observation\n    def observe(self):\n        return {}\n"
    )
    module = types.ModuleType("lineage")
    sys.modules["lineage"] = module
    exec(reference_source(_compile(tmp_path, body, head)), module.__dict__)
    assert module.Parameters().both == 3
    assert module.Parameters(n=4).both == 5


@pytest.mark.parametrize("name", ["snapshot", "apply", "enabled", "params"])
def test_a_state_variable_does_not_hide_what_every_machine_has(tmp_path: Path, name: str) -> None:
    with pytest.raises(LanguageError, match=f"state variable {name} hides"):
        _compile(tmp_path, f"    {name}: Few\n")


def test_a_record_that_can_change_is_refused(tmp_path: Path) -> None:
    body = "    pair: Loose\n"
    head = HEAD.replace(
        "class Bad", "@attrs.define\nclass Loose(Record):\n    '''Loose.'''\n    first: Few\n\nclass Bad"
    )
    with pytest.raises(LanguageError, match=r"record Loose is not a frozen attrs class\. Decorate it with"):
        _compile(tmp_path, body, head)


def test_a_record_holds_no_container(tmp_path: Path) -> None:
    head = HEAD.replace(
        "class Bad", "@attrs.frozen\nclass Full(Record):\n    '''Full.'''\n    things: Set[Thing]\n\nclass Bad"
    )
    with pytest.raises(LanguageError, match="field things of Full is a container"):
        _compile(tmp_path, "    full: Full\n", head)


def test_the_digest_changes_with_a_record_class(tmp_path: Path) -> None:
    body = "    pair: Pair\n"
    wider = HEAD.replace("first: Few", "first: Annotated[int, Between(0, 4)]")
    assert _compile(tmp_path, body).digest() != _compile(tmp_path, body, wider).digest()
    assert _compile(tmp_path, body).digest() == _compile(tmp_path, body).digest()


def test_a_machine_knows_its_promises_theorems_and_records(tmp_path: Path) -> None:
    body = OPERATION + "        pair = Pair(1, thing)\n        ensure(pair.first == 1, 'one')\n        return 0\n\n"
    definition = _compile(tmp_path, body + THEOREM + "        assume(x > 0)\n        return x >= 1\n")
    assert {promise: [m.name for m in methods] for promise, methods in definition.promises().items()} == {
        "one": ["run"]
    }
    assert list(definition.theorems()) == ["truth"]
    assert list(definition.records) == ["Pair"]


def test_a_broken_promise_is_named(tmp_path: Path) -> None:
    definition = _compile(tmp_path, OPERATION + "        ensure(thing == 0, 'zero')\n        return 0\n")
    machine = definition.cls(definition.parameters())
    assert machine.apply("run", {"thing": 0}) == 0
    with pytest.raises(RuleBroken, match="zero"):
        machine.apply("run", {"thing": 1})


def test_the_values_of_a_record_are_all_its_fields_in_order(tmp_path: Path) -> None:
    definition = _compile(tmp_path, "    pair: Pair\n")
    kind, parameters = definition.state["pair"].type, definition.parameters()
    values = [plain(value) for value in kind.values(parameters)]
    assert len(values) == 4 * 3
    assert values[0] == {"first": 0, "second": None} == plain(kind.default(parameters))
    assert list(values[0]) == ["first", "second"]
    assert all(kind.contains(from_plain(kind, value), parameters) for value in values)
    assert not kind.contains(from_plain(kind, {"first": 4, "second": None}), parameters)


def test_a_record_from_other_fields_is_refused(tmp_path: Path) -> None:
    definition = _compile(tmp_path, "    pair: Pair\n")
    with pytest.raises(TypeError, match="is no Pair: give a dict with the fields first, second"):
        from_plain(definition.state["pair"].type, {"first": 1})


def test_state_takes_no_record_outside_its_type(tmp_path: Path) -> None:
    definition = _compile(tmp_path, "    pair: Pair\n")
    machine = definition.cls(definition.parameters())
    machine.pair = from_plain(definition.state["pair"].type, {"first": 3, "second": 1})
    assert machine.snapshot()[-1] == (3, 1)
    with pytest.raises(OutOfDomain):
        machine.pair = from_plain(definition.state["pair"].type, {"first": 3, "second": 2})
