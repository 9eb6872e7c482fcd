"""What a module declares of its machine fits the machine, and what does not is told with the remedy."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pytest
import shelf
from click.testing import CliRunner

from kvproof.fuzz.command_line import main
from kvproof.model import machines
from kvproof.spec.lang import LanguageError, Shipped
from kvproof.spec.lang.shipped import declared
from kvproof.spec.transfers import Transfers

SIZES = shelf.ShelfParameters()

MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "no machine": ({}, "Shipped is given no machine"),
    "no class": ({"machine": 3}, "3 is declared, which is no machine"),
    "a misspelt field": ({"machine": shelf.Shelf, "sedlom": ()}, "no field 'sedlom'. Write 'seldom'"),
    "an unknown field": ({"machine": shelf.Shelf, "x": ()}, "no field 'x'. There is built_on, documenting, machine"),
    "another machine's variant": (
        {"machine": shelf.Shelf, "variants": {"other": Transfers}},
        "which is no Shelf",
    ),
    "sizes for nothing": (
        {"machine": shelf.Shelf, "sizes": {"inducton": {}}},
        "there are no sizes for 'inducton'. Write 'induction'",
    ),
    "no parameters": (
        {"machine": shelf.Shelf, "sizes": {"fuzz": {"one": 1}}},
        "size 'one' for fuzz is 1. Give ShelfP",
    ),
    "another machine's parameters": (
        {"machine": shelf.Shelf, "sizes": {"fuzz": {"one": machines.load("transfers").parameters({})}}},
        "size 'one' for fuzz is TransfersParameters",
    ),
    "the size of no variant": (
        {"machine": shelf.Shelf, "sizes": {"variants": {"late": SIZES}}},
        "sizes for variants names 'late', which is no variant of Shelf. There is none",
    ),
    "the purpose of no size": (
        {"machine": shelf.Shelf, "sizes": {"induction": {"two books": SIZES}}, "purposes": {"two boks": "both"}},
        "purposes names 'two boks', which is no size for induction of Shelf. Write 'two books'",
    ),
    "no operation": ({"machine": shelf.Shelf, "seldom": {"kep"}}, "seldom names 'kep', which is no operation"),
    "a helper": ({"machine": shelf.Shelf, "seldom": {"is_taken"}}, "seldom names 'is_taken', which is no operation"),
    "no variant": ({"machine": shelf.Shelf, "tried": {"late"}}, "tried names 'late', which is no variant"),
    "no conjunct": (
        {"machine": shelf.Shelf, "documenting": {"kep: 1": "so"}},
        "documenting names 'kep', which is no method",
    ),
    "no branch": ({"machine": shelf.Shelf, "unexplored": {("kep", "else"): "so"}}, "unexplored names 'kep'"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_does_not_fit_the_machine_is_refused_where_it_is_declared(mistake: str) -> None:
    given, told = MISTAKES[mistake]
    with pytest.raises(LanguageError) as refused:
        Shipped(**given)
    assert told in str(refused.value)
    assert refused.value.file == __file__


def test_every_field_that_names_something_has_a_mistake_above() -> None:
    reasons = {"unreached", "only_fuzzed", "built_on"}  # goals are accounted for by checks, the others are asked below
    told = " ".join(text for _, text in MISTAKES.values())
    assert {field.name for field in attrs.fields(Shipped) if field.name.rstrip("s") not in told} <= reasons


def test_fields_have_names() -> None:
    with pytest.raises(LanguageError, match="without a name"):
        Shipped(shelf.Shelf)  # type: ignore[misc]


def test_an_exception_for_a_rule_that_there_is_not_is_refused() -> None:
    with pytest.raises(
        LanguageError, match="only_fuzzed names 'never-sad', which is no rule or promise of SaysNothing"
    ):
        machines.bundle_of("x", Shipped(machine=shelf.SaysNothing, only_fuzzed={"never-sad": "nobody says it"}))
    machines.bundle_of("x", Shipped(machine=shelf.SaysNothing, only_fuzzed={"never-said": "nobody says it"}))


@pytest.fixture
def module() -> ModuleType:
    made = ModuleType("toys")
    made.__file__ = "toys.py"
    return made


def test_a_machine_of_which_nothing_is_declared_has_nothing_but_itself(module: ModuleType) -> None:
    vars(module).update(MACHINE=shelf.Shelf)
    assert attrs.asdict(declared(module, shelf.Shelf), recurse=False) == attrs.asdict(
        Shipped(machine=shelf.Shelf), recurse=False
    )


def test_each_machine_of_a_module_has_a_declaration_of_its_own(module: ModuleType) -> None:
    known, wrong = Shipped(machine=shelf.Shelf, seldom={"ask"}), Shipped(machine=shelf.FirstOnly)
    vars(module).update(SHIPPED=known, AGAIN=known, WRONG=wrong)
    assert declared(module, shelf.Shelf) is known
    assert declared(module, shelf.FirstOnly) is wrong
    assert declared(module, shelf.SaysNothing).seldom == frozenset()


def test_two_declarations_of_one_machine_are_refused(module: ModuleType) -> None:
    vars(module).update(SHIPPED=Shipped(machine=shelf.Shelf), OTHER=Shipped(machine=shelf.Shelf))
    with pytest.raises(LanguageError, match="OTHER and SHIPPED declare one machine, Shelf"):
        declared(module, shelf.Shelf)


SPEC = """
from kvproof.spec.lang import Shipped
from shelf import FirstOnly, Shelf

"""


@pytest.mark.parametrize("command", ["check", "explore", "fuzz", "witnesses"])
@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            'VARIANTS = {"first only": FirstOnly}\nTRIED = {"first only"}\n',
            "SHIPPED = Shipped(machine=Shelf, variants=VARIANTS, tried=TRIED)",
        ),
        ('SHIPPED = Shipped(machine=Shelf, sedlom={"keep"})\n', "Shipped has no field 'sedlom'. Write 'seldom'"),
    ],
)
def test_a_declaration_that_is_not_read_ends_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, text: str, told: str
) -> None:
    name = f"toys_{abs(hash((command, told)))}"
    (tmp_path / f"{name}.py").write_text(SPEC + text)
    monkeypatch.syspath_prepend(tmp_path)
    ended = CliRunner().invoke(main, [command, "--machine", f"{name}:Shelf"])
    assert ended.exit_code == 2, ended.output
    assert told in " ".join(ended.output.split())
