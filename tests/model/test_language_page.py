"""LANGUAGE.md says all that is in the language, and its examples are what it says they are."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import kvproof.spec.lang
from kvproof.fuzz.command_line import main
from kvproof.model import machines
from kvproof.model.checking.explore import explore
from kvproof.model.checking.verdict import Verdict
from kvproof.model.language_page import language_page
from kvproof.spec.lang import examples
from kvproof.spec.lang.inference import METHODS
from kvproof.spec.lang.refusals import CONSTRUCTS, FUNCTIONS, Refusal

PAGE_TEXT = language_page()


def example(name: str) -> machines.Bundle:
    module = importlib.import_module(f"{examples.__name__}.{name}")
    return machines.load(f"{module.__name__}:{module.SHIPPED.machine.__name__}")


def test_the_page_has_every_refusal_and_remedy() -> None:
    refused = PAGE_TEXT.partition("\n## Refusals\n")[2]
    rows = refused.count("\n| ") - refused.count(" | remedy |")
    assert rows == len(Refusal) + len(CONSTRUCTS) + len(FUNCTIONS)


@pytest.mark.parametrize("name", sorted(kvproof.spec.lang.__all__))
def test_the_page_names_everything_that_the_language_gives(name: str) -> None:
    if not inspect.isclass(getattr(kvproof.spec.lang, name)) or name in ("Map", "Set", "Record", "Index", "Parameters"):
        assert re.search(rf"\b{name}\b", PAGE_TEXT)


def test_the_page_has_every_method_of_containers() -> None:
    assert all(f"`{name}(" in PAGE_TEXT for name in METHODS)


def test_every_example_is_on_the_page_and_in_the_table() -> None:
    folder = Path(next(iter(examples.__path__)))
    assert list(examples.STATES) == sorted(path.stem for path in folder.glob("ex*.py"))
    assert all(f"\n### {number}. {name}\n" in PAGE_TEXT for number, name in enumerate(examples.STATES, start=1))
    assert len(examples.STATES) >= 15


@pytest.mark.parametrize("name", examples.STATES)
def test_an_example_has_the_states_that_the_page_says(name: str) -> None:
    bundle = example(name)
    (sizes,) = bundle.sizes["explore"].values()
    explored = explore(bundle, sizes)
    assert explored.finding is None
    assert explored.verdict is Verdict.EXPLORED
    assert explored.states == examples.STATES[name]


@pytest.mark.parametrize("name", examples.STATES)
def test_an_example_is_proved(name: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["check", "--machine", example(name).name, "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "proved" in result.output
