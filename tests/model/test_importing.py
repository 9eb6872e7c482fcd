"""Machines and targets of one's own: named from the current folder or by file, and told when they cannot be had."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kvproof.fuzz.target import TargetError, load_target
from kvproof.model.importing import NotImported, imported
from kvproof.model.machines import UnknownMachine, load

STAIRS = Path(__file__).parents[1] / "machines" / "stairs.py"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("specifier", ["own_thing:Thing.made", "own_thing.py:Thing.made", "./own_thing.py:Thing.made"])
def test_what_is_in_the_current_folder_can_be_named(specifier: str) -> None:
    write("own_thing.py", "class Thing:\n    made = 7\n")
    assert imported(specifier)[1] == 7


def test_a_file_finds_its_neighbours() -> None:
    write("inside/own_neighbour.py", "value = 3\n")
    write("inside/own_user.py", "from own_neighbour import value\n")
    assert imported("inside/own_user.py:value")[1] == 3


def test_a_file_of_a_package_is_imported_as_one() -> None:
    write("src/own_package/__init__.py", "")
    write("src/own_package/kinds.py", "value = 4\n")
    write("src/own_package/inner/__init__.py", "")
    write("src/own_package/inner/user.py", "from ..kinds import value\n")
    module, value = imported("src/own_package/inner/user.py:value")
    assert (module.__name__, value) == ("own_package.inner.user", 4)


@pytest.mark.parametrize(
    ("specifier", "told"),
    [
        ("nonsense", "write it as MODULE:ATTR or FILE.py:ATTR"),
        ("absent.py:Thing", "there is no file absent.py"),
        ("own_absent:Thing", "there is no module 'own_absent' in {here} or on Python's path"),
        ("json.py:Thing", "as 'json'; give the file another name"),
        ("own_thing:Absent", "own_thing has no 'Absent'; it has Thing, thing"),
        ("own_thing.py", "say which of own_thing.py, as own_thing.py:ATTR; it has Thing, thing"),
        ("own_broken:Thing", "raised ZeroDivisionError: division by zero ({here}/own_broken.py, line 2)"),
        ("own_needy.py:Thing", "importing 'own_needy' raised ModuleNotFoundError: No module named 'own_absent'"),
    ],
)
def test_what_cannot_be_had_is_told_with_the_remedy(specifier: str, told: str) -> None:
    write("own_thing.py", "from json import loads\nclass Thing: ...\ndef thing(): ...\n_hidden = thing\n")
    write("json.py", "")
    write("own_broken.py", "\n1 / 0\n")
    write("own_needy.py", "import own_absent\n")
    with pytest.raises(NotImported) as caught:
        imported(specifier)
    assert told.format(here=Path.cwd()) in str(caught.value)


def test_a_machine_is_loaded_from_a_file_and_so_is_its_variant() -> None:
    declared = 'machine=Stairs, variants={"tried": OnlyTried},'
    write("folder/own_stairs.py", STAIRS.read_text(encoding="utf-8").replace("machine=Stairs,", declared))
    assert load("folder/own_stairs.py:Stairs").definition.name == "Stairs"
    assert load("./folder/own_stairs.py:Stairs/tried").definition.name == "OnlyTried"
    with pytest.raises(UnknownMachine, match=r"as folder/own_stairs.py:ATTR; it has .*Stairs"):
        load("folder/own_stairs.py")


def test_a_target_is_loaded_from_a_file() -> None:
    write("own_target.py", "class Mine:\n    def reset(self, sizes): ...\n    apply = observe = close = reset\n")
    assert type(load_target("own_target.py:Mine")).__name__ == "Mine"
    with pytest.raises(TargetError, match=r"target 'own_target.py:Yours': own_target.py has no 'Yours'; it has Mine"):
        load_target("own_target.py:Yours")
