"""The modules of the language are a ladder: each imports only what stands below it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import kvproof.spec.lang

PACKAGE = "kvproof.spec.lang"


def imports(source: str) -> set[str]:
    """The modules of the language that a module imports, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == PACKAGE:
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{PACKAGE}."):
            found.add(node.module.removeprefix(f"{PACKAGE}."))
        elif isinstance(node, ast.Import):
            found |= {a.name.removeprefix(f"{PACKAGE}.") for a in node.names if a.name.startswith(f"{PACKAGE}.")}
    return found


def ladder(modules: Mapping[str, str]) -> list[str]:
    """The modules (name: source) from the lowest to the highest; `CycleError` when there is no such order."""
    return list(TopologicalSorter({name: imports(source) for name, source in modules.items()}).static_order())


def test_no_module_of_the_language_imports_what_imports_it() -> None:
    folder = Path(next(iter(kvproof.spec.lang.__path__)))
    modules = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.py") if path.stem != "__init__"}
    order = ladder(modules)
    steps = ["types", "containers", "annotations", "state", "machine", "definition", "checker", "compile"]
    assert [name for name in order if name in steps] == steps


def test_an_import_inside_a_function_counts() -> None:
    late = f"def f():\n    from {PACKAGE} import machine\n"
    with pytest.raises(CycleError):
        ladder({"machine": f"from {PACKAGE}.definition import Definition\n", "definition": late})
