"""What the README shows is true: its manager passes its test, and the mistake that it suggests is found."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def _block(name: str) -> str:
    found = re.search(rf"<!-- {re.escape(name)} -->\n```\w+\n(.*?)\n```", README, flags=re.DOTALL)
    assert found, f"README.md has no code block after <!-- {name} -->"
    return found[1] + "\n"


def _pytest(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_my_manager.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("my_manager.py", "test_my_manager.py"):
        (tmp_path / name).write_text(_block(name), encoding="utf-8")
    return tmp_path


def test_the_manager_in_the_readme_passes_its_test(folder: Path) -> None:
    result = _pytest(folder)
    assert result.returncode == 0, result.stdout


def test_the_mistake_that_the_readme_suggests_is_found(folder: Path) -> None:
    source = folder / "my_manager.py"
    broken = source.read_text(encoding="utf-8").replace("list(reused)", "reused")
    source.write_text(broken, encoding="utf-8")
    result = _pytest(folder)
    assert result.returncode == 1, result.stdout
    assert "result:value:add" in result.stdout


def test_the_first_command_in_the_readme_succeeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kvproof.fuzz.command_line import main

    monkeypatch.chdir(tmp_path)
    line = next(line for line in README.splitlines() if "pip install . &&" in line)
    for command in line.split(" && ")[2:]:
        program, *arguments = shlex.split(command)
        assert program == ".venv/bin/kvproof"
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output


def test_every_command_in_the_readme_exists() -> None:
    from kvproof.fuzz.command_line import main

    named = set(re.findall(r"kvproof (\w+)", README)) - {"is", "replay", "takes"}
    assert named <= set(main.list_commands(None)) | {"check"}  # type: ignore[arg-type]  # the list does not look at it
