"""What is generated is current, standalone, and the same every time."""

from __future__ import annotations

import ast
import mailbox
import re
import sys
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner

from kvproof.fuzz.commands.generate import command
from kvproof.model import generate, machines
from kvproof.model.document import document
from kvproof.model.generate import PAGE
from kvproof.model.writing.source import reference_source

ROOT = Path(__file__).parents[2]


def test_the_committed_files_are_current() -> None:
    result = CliRunner().invoke(command, ["--check", "--root", str(ROOT)])
    assert result.exit_code == 0, result.output


def test_a_stale_file_is_reported_and_then_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "names", lambda: ["transfers"])
    (tmp_path / "spec" / "lang").mkdir(parents=True)
    (tmp_path / "spec" / "transfers").mkdir()
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
    text = document("mailbox", mailbox.SHIPPED, Path(mailbox.__file__).parent)
    for name in (*definition.methods, *definition.rules(), *definition.errors(), *definition.events()):
        if name in definition.methods and definition.methods[name].kind not in ("step", "operation", "invariant"):
            continue
        assert name in text
    assert "| late | `ExpiresOne` |" in text
    assert "| `room` | 2 | Jobs that may wait at once. |" in text


def test_a_page_says_the_condition_of_each_rule_promise_and_refusal() -> None:
    text = (ROOT / "spec" / "block_manager" / PAGE).read_text(encoding="utf-8")
    assert "- rule [`claim-before-swap`](#rules): `not self.is_free(first) and (not self.is_free(second))`" in text
    assert "- rejected with `empty-prompt` if `len(tokens) == 0`" in text
    assert "- promises [`reuse-as-estimated`](#promises): `added[0].reused >= promised`" in text


def test_a_refusal_inside_a_loop_says_for_what() -> None:
    text = (ROOT / "spec" / "block_manager" / PAGE).read_text(encoding="utf-8")
    loop = "for some `index` in `range(len(requests))`"
    assert f"- rejected with `empty-prompt` if {loop}, `len(requests[index].tokens) == 0`" in text


@pytest.mark.parametrize("name", machines.names())
def test_each_section_that_a_page_names_is_there(name: str) -> None:
    text = (ROOT / "spec" / name.replace("-", "_") / PAGE).read_text(encoding="utf-8")
    sections = {line[3:].lower().replace(" ", "-") for line in text.splitlines() if line.startswith("## ")}
    assert {link for link in re.findall(r"\]\(#([a-z-]+)\)", text)} <= sections


def test_sizes_are_told_as_differences() -> None:
    sizes = {
        "one": mailbox.MailboxParameters(),
        "two": mailbox.MailboxParameters(),
        "odd": mailbox.MailboxParameters(room=1),
    }
    text = document("mailbox", attrs.evolve(mailbox.SHIPPED, sizes={**mailbox.SHIPPED.sizes, "explore": sizes}), None)
    assert "| odd | `room=1` |" in text
    assert "| one |  |" in text


def test_the_page_of_a_machine_of_ones_own_is_printed() -> None:
    printed = CliRunner().invoke(command, ["--machine", "mailbox:Mailbox"])
    assert printed.exit_code == 0, printed.output
    assert printed.output.startswith("# mailbox:Mailbox\n")
    wrong = CliRunner().invoke(command, ["--machine", "mailbox:Mailbox", "--check"])
    assert wrong.exit_code == 2
