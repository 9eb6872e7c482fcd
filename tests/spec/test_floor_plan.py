"""Every machine folder has the same floor plan, and operations derive nothing that is said about them."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest

from kvproof.model import machines
from kvproof.spec.lang.machine import kind_of

ROOMS = ("kinds", "actions", "operations", "invariants", "view", "machine", "sizes", "variants")
"""What each folder has; beside them it has files of state, `trials` where there are any, and whatever else it names."""

SAID = ("invariant", "trial", "observation", "canonical", "normal_form", "phase")
"""Kinds of method that say something of a machine, and are no part of what it does."""


def _package(name: str) -> ModuleType:
    return importlib.import_module(f"kvproof.spec.{name.replace('-', '_')}")


def _rooms(package: ModuleType) -> list[str]:
    """What is in a folder; nothing, if it is a file."""
    return [found.name for found in pkgutil.iter_modules(getattr(package, "__path__", ()))]


def _floors(module: ModuleType) -> list[ModuleType]:
    """A room, with what is in it where it is a folder."""
    return [module, *(importlib.import_module(f"{module.__name__}.{room}") for room in _rooms(module))]


def _unnamed(package: ModuleType) -> list[str]:
    """The rooms that a folder's reading order leaves out."""
    return [room for room in _rooms(package) if f"`{room}`" not in (package.__doc__ or "")]


def _classes(module: ModuleType) -> list[type]:
    return [cls for cls in vars(module).values() if inspect.isclass(cls) and cls.__module__ == module.__name__]


def _said_by(cls: type) -> set[str]:
    return {name for base in cls.__mro__ for name, method in vars(base).items() if kind_of(method) in SAID}


@pytest.mark.parametrize("name", machines.names())
def test_every_folder_has_the_rooms_of_the_plan(name: str) -> None:
    assert set(ROOMS) <= set(_rooms(_package(name)))


@pytest.mark.parametrize("name", machines.names())
def test_the_reading_order_names_every_file(name: str) -> None:
    package = _package(name)
    folders = [importlib.import_module(f"{package.__name__}.{room}") for room in ("operations", "variants")]
    unnamed = {folder.__name__: _unnamed(folder) for folder in (package, *folders)}
    assert not any(unnamed.values()), unnamed


def test_a_file_without_a_place_in_the_reading_order_is_noticed() -> None:
    folder = ModuleType("folder", "Read `kinds` first.")
    folder.__path__ = _package("transfers").__path__
    assert "tables" in _unnamed(folder)
    assert "kinds" not in _unnamed(folder)


@pytest.mark.parametrize("name", machines.names())
def test_actions_and_operations_derive_nothing_that_is_said_about_them(name: str) -> None:
    package = _package(name)
    modules = [
        module
        for room in ("actions", "operations")
        for module in _floors(importlib.import_module(f"{package.__name__}.{room}"))
    ]
    classes = [cls for module in modules for cls in _classes(module)]
    assert len(classes) >= 2
    assert [(cls.__name__, _said_by(cls)) for cls in classes if _said_by(cls)] == []


def test_operations_that_derive_an_invariant_are_noticed() -> None:
    assert "slots_are_conserved" in _said_by(machines.load("sequence-caches").definition.cls)


@pytest.mark.parametrize("name", machines.names())
def test_the_class_statement_of_the_machine_is_all_that_it_adds(name: str) -> None:
    machine = machines.load(name).definition.cls
    assert machine.__module__ == f"{_package(name).__name__}.machine"
    assert [kind for kind in vars(machine).values() if inspect.isfunction(kind)] == []
