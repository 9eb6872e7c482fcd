"""What is generated is current, standalone, and the same every time."""

from __future__ import annotations

import ast
import mailbox
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from kvproof.fuzz.commands.generate import command
from kvproof.model import generate, machines
from kvproof.model.document import document
from kvproof.model.writing.source import reference_source

ROOT = Path(__file__).parents[2]


def test_the_committed_files_are_current() -> None:
    result = CliRunner().invoke(command, ["--check", "--root", str(ROOT)])
    assert result.exit_code == 0, result.output


def test_a_stale_file_is_reported_and_then_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "names", lambda: ["transfers"])
    (tmp_path / "spec" / "lang").mkdir(parents=True)
    (tmp_path / "model" / "reference").mkdir(parents=True)
    runner = CliRunner()
    stale = runner.invoke(command, ["--check", "--root", str(tmp_path)])
    assert stale.exit_code == 1
    assert "run `kvproof generate`" in stale.output
    assert not [path for path in (tmp_path / "spec").rglob("*") if path.is_file()]
    assert runner.invoke(command, ["--root", str(tmp_path)]).exit_code == 0
    assert runner.invoke(command, ["--check", "--root", str(tmp_path)]).exit_code == 0


def test_a_reference_imports_nothing_but_the_standard_library() -> None:
    for name in (*machines.names(), "mailbox:Mailbox"):
        source = reference_source(machines.load(name).definition)
        for node in ast.walk(ast.parse(source)):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert all(module.partition(".")[0] in sys.stdlib_module_names for module in modules)


def test_the_document_has_every_method_rule_error_event_and_invariant() -> None:
    definition = machines.load("mailbox:Mailbox").definition
    text = document([("mailbox", mailbox.SHIPPED, Path(mailbox.__file__).parent)])
    for name in (*definition.methods, *definition.rules(), *definition.errors(), *definition.events()):
        if name in definition.methods and definition.methods[name].kind not in ("step", "operation", "invariant"):
            continue
        assert name in text
    assert "| late | `ExpiresOne` |" in text
    assert "| `room` | 2 | Jobs that may wait at once. |" in text
