"""The harness drives any machine: what knows of a manager is a target, a planted bug or a workload."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import kvproof.fuzz

FOLDER = Path(kvproof.fuzz.__file__).parent

KNOWING = ("kvproof.impl", "kvproof.fuzz.workload", *(f"kvproof.fuzz.targets.{name}" for name in (
    "block_manager", "executor", "sequence_caches", "transfers",
)))  # fmt: skip

MODULES = sorted(path for folder in ("", "drawing", "shell", "shrinking") for path in (FOLDER / folder).glob("*.py"))


def known(source: str) -> set[str]:
    """What a module imports of the managers."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        found |= {name for name in names if name.startswith(KNOWING)}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_the_core_imports_no_manager(path: Path) -> None:
    assert known(path.read_text()) == set()


def test_an_import_of_one_is_seen() -> None:
    assert known("def f():\n    from kvproof.impl.device import Device") == {"kvproof.impl.device"}
