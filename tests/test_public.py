"""What is public: the names of `kvproof`, where they are written down, and what they cost."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner

import kvproof
from kvproof.fuzz.command_line import main
from kvproof.spec import lang

ROOT = Path(__file__).parents[1]
OF_TOOLS = {"Definition", "Method", "StateVariable", "compile_machine", "plain"}
"""What the language offers to those who read machines, not to those who write them."""
HEAVY = {"hypothesis", "jinja2", "pysat", "pytest", "torch", "z3"}


def imported_by(statement: str) -> set[str]:
    """The modules that there are after a statement in a new process."""
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def documented(page: str) -> list[str]:
    """The names in the tables of a page."""
    return re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE)


def test_every_public_name_is_there() -> None:
    assert [name for name in kvproof.__all__ if getattr(kvproof, name, None) is None] == []
    assert set(kvproof.__all__) <= set(dir(kvproof))


def test_every_public_name_is_written_down_once_and_nothing_else_is() -> None:
    assert sorted(documented((ROOT / "api" / "API.md").read_text(encoding="utf-8"))) == sorted(kvproof.__all__)


def test_types_are_seen_where_the_names_come_from() -> None:
    tree = ast.parse((ROOT / "api" / "__init__.py").read_text(encoding="utf-8"))
    (guarded,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {"__version__"}
    for node in guarded.body:
        if isinstance(node, ast.ImportFrom):
            home = __import__(str(node.module), fromlist=["_"])
            for alias in node.names:
                assert getattr(home, alias.name) is getattr(kvproof, alias.name)
                seen.add(alias.name)
    assert seen == set(kvproof.__all__)


def test_whoever_writes_a_machine_finds_all_of_the_language() -> None:
    assert set(lang.__all__) - OF_TOOLS <= set(kvproof.__all__)


def test_a_name_that_is_not_public_is_told() -> None:
    with pytest.raises(AttributeError, match="module 'kvproof' has no attribute 'Blocks': it has AtMost"):
        _ = kvproof.Blocks


def test_the_version_is_that_of_the_distribution() -> None:
    assert kvproof.__version__ == version("kvproof")
    assert (
        CliRunner().invoke(main, ["--version"], prog_name="kvproof").output
        == f"kvproof, version {version('kvproof')}\n"
    )


@pytest.mark.parametrize("arguments", [["-h"], ["fuzz", "-h"]])
def test_help_is_short_to_ask_for(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0
    assert result.output.startswith("Usage: ")


def test_python_m_kvproof_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "kvproof", "--version"], capture_output=True, text=True, check=True)
    assert version("kvproof") in done.stdout


def test_importing_kvproof_imports_nothing_else() -> None:
    assert {name for name in imported_by("import kvproof") if name.startswith("kvproof.")} == set()


def test_names_need_no_solver_and_no_test_framework() -> None:
    found = imported_by("from kvproof import *")
    assert "kvproof.fuzz.pytest_plugin" in found
    assert not HEAVY & found


@pytest.mark.parametrize("package", ["impl", "impl.sequence_caches", "impl.executor", "impl.device"])
def test_who_embeds_the_implementation_gets_attrs_and_numpy_alone(package: str) -> None:
    found = imported_by(f"import kvproof.{package}")
    roots = {name.partition(".")[0] for name in found} - set(sys.stdlib_module_names)
    assert {root for root in roots if not root.startswith("_")} <= {"attr", "attrs", "kvproof", "numpy"}
    assert not [name for name in found if name.startswith("kvproof.") and not name.startswith("kvproof.impl")]


def test_generate_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)  # type: ignore[arg-type]  # None: cannot be imported
    for name in [
        name for name in sys.modules if name.startswith("kvproof.model.") and name.endswith(("generate", "document"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    result = CliRunner().invoke(main, ["generate", "--check"])
    assert result.exit_code == 2
    assert "pip install 'kvproof[document]'" in result.output
