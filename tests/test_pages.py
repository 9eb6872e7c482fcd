"""What the pages say is true: their commands run, their files are complete, their samples are what is printed."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pages
import pytest
from hypothesis.configuration import set_hypothesis_home_dir

OWN = ("my_manager.py", "my_target.py", "test_my_manager.py")
"""The manager of one's own: the target stands in the README, the rest in TARGETS.md."""
PAGES = pages.pages()
LANGUAGE = Path("spec/lang/LANGUAGE.md")
"""What is generated, and says commands and links all the same."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty current folder; what was imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    path = list(sys.path)
    yield tmp_path
    sys.path[:] = path
    set_hypothesis_home_dir(None)
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def text(page: Path) -> str:
    return (pages.ROOT / page).read_text(encoding="utf-8")


def write_own(folder: Path) -> None:
    shown = {block.marker: block.text for page in PAGES for block in pages.blocks(text(page))}
    for name in OWN:
        (folder / name).write_text(shown[name], encoding="utf-8")


@pytest.mark.parametrize("page", [*PAGES, LANGUAGE], ids=str)
def test_every_command_of_a_page_does_what_the_page_says(page: Path, folder: Path) -> None:
    write_own(folder)
    faults = pages.faults(text(page), folder)
    assert not faults, "\n".join([f"{page}:", *faults])


@pytest.mark.parametrize("page", [*PAGES, LANGUAGE], ids=str)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    assert not pages.dead_links(page)


def test_what_is_generated_is_marked_for_reviewers() -> None:
    marked: dict[Path, bool] = {}
    for line in (pages.ROOT / ".gitattributes").read_text(encoding="utf-8").splitlines():
        pattern, _, value = line.partition(" linguist-generated=")
        marked |= dict.fromkeys(
            (path.relative_to(pages.ROOT) for path in pages.ROOT.glob(pattern) if value), value == "true"
        )
    generated = {path for kind in ("*.md", "*.py") for path in pages.written(kind) if pages.is_generated(path)}
    assert {path for path, value in marked.items() if value} == generated


def test_no_file_is_shown_twice() -> None:
    shown = [block.marker for page in PAGES for block in pages.blocks(text(page)) if block.marker.endswith(".py")]
    assert len(shown) == len(set(shown))


def test_the_readme_is_of_two_screens_and_names_every_page() -> None:
    readme = text(Path("README.md"))
    assert len(readme.splitlines()) <= 110
    linked = {Path(link) for link in re.findall(r"\]\(([^)#\s]+)\)", readme)}
    beside = {Path("README.md"), *(page for page in PAGES if page.parts[0] in ("tests",) and page.name != "TESTS.md")}
    assert not set(PAGES) - linked - beside


def test_the_mistake_that_the_page_suggests_is_found(folder: Path) -> None:
    write_own(folder)
    source = folder / "my_manager.py"
    source.write_text(source.read_text(encoding="utf-8").replace("list(reused)", "reused"), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_my_manager.py"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 1, result.stdout
    assert "result:value:add" in result.stdout


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ("```sh\nkvproof bugs --list  # exit 1\n```\n", "exit status 0, not 1"),
        ("```sh\nkvproof fuzz --machine nothing\n```\n", "exit status 2, not 0"),
        ("```sh\nrm -rf /\n```\n", "exit status 127"),
        ("```sh\nkvproof bugs --crash  # exit 1\n```\n", "exit status 2, not 1"),
        ("```sh\nkvproof --version\n```\n\n```text\nversion none\n```\n", "line 5: nothing printed 'version none'"),
        ("<!-- run with: --seed none -->\n```sh\nkvproof bugs --list\n```\n", "exit status 2, not 0"),
        ("<!-- not run: it takes long -->\n```sh\nkvproof check --deep\n```\n", "--deep"),
        ("<!-- not run: it takes long -->\n```sh\npython tests/nothing.py\n```\n", "no file tests/nothing.py"),
        ("<!-- not run: it takes long -->\n```sh\npython -m kvproof.nothing\n```\n", "no module kvproof.nothing"),
        ('```sh\npip install ".[everything]"\n```\n', "no extra 'everything'"),
        ("Say `kvproof prove it`.\n", "no such command"),
        ("Say `kvproof check --fast`.\n", "--fast"),
        ("<!-- own.py -->\n```python\nraise SystemExit(3)\n```\n\n```sh\npython own.py\n```\n", "exit status 3, not 0"),
    ],
)
def test_a_page_that_is_wrong_is_told(page: str, told: str, folder: Path) -> None:
    (fault,) = pages.faults(page, folder)
    assert told in fault


def test_a_sample_leaves_out_lines_and_times_but_no_words(folder: Path) -> None:
    page = "```sh\nkvproof --help\n```\n\n```text\nUsage: kvproof [OPTIONS] COMMAND [ARGS]...\n...\nCommands:\n```\n"
    assert not pages.faults(page, folder)
    assert pages.faults(page.replace("Commands:", "Command:"), folder)


def test_a_command_that_ends_in_a_traceback_is_no_finding(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages.main, "invoke", lambda context: 1 // 0)
    (fault,) = pages.faults("```sh\nkvproof bugs --list  # exit 1\n```\n", folder)
    assert "ZeroDivisionError" in fault
