"""Where python-sat is not installed z3 does the work, and what only CaDiCaL can do says so."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from kvproof.fuzz.command_line import main

STAIRS = "stairs:Stairs"


@pytest.fixture(autouse=True)
def _without_python_sat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither this process nor the solvers' processes can import it."""
    hidden = ("pysat", "pysolvers")
    for name in [*hidden, *(name for name in sys.modules if name.startswith("pysat."))]:
        monkeypatch.setitem(sys.modules, name, None)  # type: ignore[arg-type]  # None: cannot be imported
    hide = f"import sys\nsys.modules.update(dict.fromkeys({hidden}))\n"
    (tmp_path / "sitecustomize.py").write_text(hide, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def test_check_proves_with_z3() -> None:
    result = CliRunner().invoke(main, ["check", "--machine", STAIRS, "--sizes", "three stairs"])
    assert result.exit_code == 0, result.output
    assert f"{STAIRS}, z3" in result.output
    assert "proved" in result.output


def test_witnesses_are_found_with_z3() -> None:
    result = CliRunner().invoke(main, ["witnesses", "--machine", STAIRS])
    assert "broken by themselves" in result.output


@pytest.mark.parametrize("options", [["--engine", "cadical"], ["--certify"]])
def test_what_only_cadical_can_do_says_what_to_install(options: list[str]) -> None:
    result = CliRunner().invoke(main, ["check", "--machine", STAIRS, *options])
    assert result.exit_code == 2
    assert "pip install python-sat" in result.output
