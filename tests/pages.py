"""Runs the commands of a Markdown page, as its reader would: in order, in one folder, beside the files that it shows.

What the page says by comments, which a reader does not see:

- `<!-- name.py -->` before a code block: this is the file `name.py`.
- `<!-- run with: OPTIONS -->` before a block of commands: they are run with these options too, so that they are short;
  `<!-- run with: OPTIONS; exit 3 -->` if they end otherwise then.
- `<!-- not run: REASON -->` before a block of commands: they are only looked at.

And what it says visibly: a command ends with status 0, or as its comment says (`# exit 1`); a block of `text` after
commands is what they print, shortened by lines of `...`; decimals are times, and are not compared.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import click
from click.testing import CliRunner

from kvproof.fuzz.command_line import main

ROOT = Path(__file__).parents[1]
GENERATED = {Path("spec/REFERENCE.md")}
TEST_COMMAND = "the test command"
"""The marker of the block that `.ci/run` runs."""


CRASHED = 70
"""The exit status of a command that ends in a traceback: Python's own is 1, which means a finding."""


class Block(NamedTuple):
    """A fenced block of a page."""

    line: int
    marker: str
    language: str
    text: str


def pages() -> list[Path]:
    """Every page of the repository that somebody wrote, relative to its root."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    found = (
        listed.stdout.splitlines() if listed.returncode == 0 else [str(p.relative_to(ROOT)) for p in ROOT.rglob("*.md")]
    )
    hidden = [Path(name) for name in found if any(part.startswith(".") for part in Path(name).parts)]
    return sorted({Path(name) for name in found if (ROOT / name).is_file()} - GENERATED - set(hidden))


def blocks(page: str) -> Iterator[Block]:
    """The fenced blocks of a page, with the marker right before each."""
    pattern = r"^(?:<!-- (?P<marker>[^\n]*?) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$"
    for found in re.finditer(pattern, page, flags=re.DOTALL | re.MULTILINE):
        yield Block(page.count("\n", 0, found.start()) + 1, found["marker"] or "", found["language"], found["text"])


def faults(page: str, folder: Path) -> list[str]:
    """What is not as the page says, each with its line. The current folder has to be `folder`, which is empty."""
    found = []
    printed = None
    for block in blocks(page):
        if re.fullmatch(r"[\w/]+\.\w+", block.marker):
            (folder / block.marker).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.marker).write_text(block.text, encoding="utf-8")
        elif block.language == "sh":
            printed, wrong = _run(block)
            found += wrong
        elif block.language == "text" and printed is not None:
            found += [f"line {block.line}: nothing printed {line!r}" for line in _missing(block.text, printed)]
    for code in re.findall(r"(?<!`)`(kvproof [^`\n]+)`(?!`)", page):
        found += _unknown(shlex.split(code)[1:], f"`{code}`")
    return found


def _run(block: Block) -> tuple[str, list[str]]:
    """What a block of commands printed, and what was wrong."""
    printed, found = "", []
    kind, _, options = block.marker.partition(": ")
    added, _, status = (options if kind == "run with" else "").partition("; exit ")
    for number, line in enumerate(block.text.splitlines(), block.line + 1 + bool(block.marker)):
        command, _, comment = line.partition("#")
        expected = int(status or ([*re.findall(r"exit (\d)", comment), "0"])[0])
        for part in filter(None, map(str.strip, command.split("&&"))):
            words = shlex.split(part)
            words[0] = words[0].removeprefix(".venv/bin/")
            if words[:3] == ["python", "-m", "kvproof"]:
                words[:3] = ["kvproof"]
            where = f"line {number}: {part}"
            if kind in ("not run", TEST_COMMAND) or _installs(words):
                found += _unusable(words, where)
                continue
            status_now, output = _execute([*words, *shlex.split(added)])
            printed += output
            if status_now != expected:
                found.append(f"{where}: exit status {status_now}, not {expected}\n{output}")
    return printed, found


def _installs(words: list[str]) -> bool:
    return words[0] == "pip" or words[:3] == ["python3", "-m", "venv"]


def _execute(words: list[str]) -> tuple[int, str]:
    if words[0] == "kvproof":
        result = CliRunner().invoke(main, words[1:], prog_name="kvproof")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            return CRASHED, f"{result.output}{result.exception!r}"
        return result.exit_code, result.output
    if words[0] in ("python", "python3"):
        done = subprocess.run([sys.executable, *words[1:]], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr
    return 127, f"{words[0]}: a page may say kvproof and python; say `not run` of all else"


def _unusable(words: list[str], where: str) -> list[str]:
    """What can be said against a command without running it."""
    if words[0] == "kvproof":
        return _unknown(words[1:], where)
    if words[0] == "pip":
        wanted = set(re.findall(r"[\w-]+", "".join(re.findall(r"\[(.*?)\]", " ".join(words)))))
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return [f"{where}: there is no extra {one!r}" for one in sorted(wanted - set(project["optional-dependencies"]))]
    if words[1:2] == ["-m"]:
        return [] if find_spec(words[2]) else [f"{where}: there is no module {words[2]}"]
    return [
        f"{where}: there is no file {word}" for word in words[1:] if word.endswith(".py") and not (ROOT / word).exists()
    ]


def _unknown(arguments: list[str], where: str) -> list[str]:
    """Whether `kvproof` takes these arguments."""
    context = click.Context(main)
    command = main.get_command(context, arguments[0]) if not arguments[0].startswith("-") else main
    if command is None:
        return [f"{where}: there is no such command"]
    given = [re.sub(r"^[A-Z]{3,}$", "README.md", word) for word in arguments[1:]]  # TRACE and the like: some file
    Path("README.md").touch()
    try:
        command.make_context(arguments[0], given, parent=context)
    except click.exceptions.Exit:  # --help and --version end here
        return []
    except click.ClickException as error:
        return [f"{where}: {error.format_message()}"]
    return []


def _missing(shown: str, printed: str) -> list[str]:
    """The lines of a sample that were not printed, or not in this order."""
    left = [_plain(line) for line in printed.splitlines()]
    found = []
    for line in filter(str.strip, shown.splitlines()):
        if line.strip() == "...":
            continue
        plain = _plain(line)
        if plain in left:
            left = left[left.index(plain) + 1 :]
        else:
            found.append(line)
    return found


def _plain(line: str) -> str:
    return " ".join(re.sub(r"\d+\.\d+", "0.0", line).split())


def dead_links(page: Path) -> list[str]:
    """Links of a page to files, folders or headings of the repository that are not there."""
    found = []
    text = re.sub(r"^```.*?^```$", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"\w+://|mailto:", link):
            continue
        path, _, heading = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        if not target.exists():
            found.append(f"{page}: {link}: there is no such file")
        elif heading and heading not in _headings(target.read_text(encoding="utf-8")):
            found.append(f"{page}: {link}: there is no such heading")
    return found


def _headings(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}
