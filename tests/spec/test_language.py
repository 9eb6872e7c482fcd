"""What the language refuses, and how it says so."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from pathlib import Path
from typing import Any

import pytest

from kvproof.spec.lang import LanguageError, compile_machine

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

class Bad(Machine[Sizes]):
    """A machine."""
    level: Map[Thing, Few]
    marked: Set[Thing]

'''

STEP = "    @step\n    def go(self, thing: Thing) -> None:\n        '''Go.'''\n"
OPERATION = "    @operation\n    def run(self, thing: Thing) -> int:\n        '''Run.'''\n"
HELPER = "    def help(self, thing: Thing) -> int:\n"

_numbers = itertools.count()


def _compile(tmp_path: Path, body: str) -> Any:
    path = tmp_path / f"bad_{next(_numbers)}.py"
    path.write_text(HEAD + body, encoding="utf-8")
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
