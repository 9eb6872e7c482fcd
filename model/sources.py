"""Where numbers are cited and what states them, and the page SOURCES.md that says so.

A number stands for an invariant, a law, a promise, a behaviour or a bug: a prefix and digits. `kvproof.spec.sources` says
what each is. What *states* one is found in the docstrings of the machines: an invariant, a trial or a theorem that cites
it; a rule or promise that a docstring names, in backquotes, just before it; or the only rule or promise of a method that
cites it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from pathlib import Path

import attrs
import jinja2

import kvproof.spec
from kvproof.spec.lang import Definition, Method
from kvproof.spec.sources import SERIES, SOURCES, Series, Source

HOUSES = ("spec", "model", "impl", "fuzz", "api", "tests")
"""The folders of a checkout whose sources cite numbers; those of an installed package have no tests."""
ENDINGS = frozenset({".py", ".md", ".jinja", ".cu", ".cpp", ".h"})
GENERATED = ("spec/SOURCES.md", "spec/BUGS.md", "spec/lang/LANGUAGE.md", "model/reference/", "/REFERENCE.md")
"""What repeats the citations of other files."""
TABLE = "spec/sources.py"
"""What is said there of a number is no citation of it."""

REPOSITORY = "https://github.com/NVIDIA/TensorRT-LLM/issues"
"""GitHub sends on from there to the pull request where the number is of one."""

_SHAPE = re.compile(r"(?<![\w.#-])([A-Z]\d?)-\d{1,2}(?:-[a-z]+)?(?![\w-])")
_PREFIXES = {series.prefix: series for series in SERIES}
_NO_LINK = r"`[^`]*`|\[[^\]]*\]\([^)]*\)|</a>[\w-]+"
"""Code, links, and the number of an entry's own line."""


@attrs.frozen
class Statement:
    """What states a number: the kind of thing, its name, and the file that has it."""

    kind: str
    name: str
    file: str
    """Below `spec`."""


class UnknownNumber(LookupError):
    """A number is cited that has no entry, or is of no series."""


def root_of(spec: Path) -> Path:
    """The folder that has all houses, from where `spec` is."""
    return spec.parent


def numbers_in(text: str) -> Iterator[str]:
    """Every number in a text, in order: whatever looks like one, of whatever series."""
    return (found.group() for found in _SHAPE.finditer(text))


def series_of(number: str) -> Series:
    """The series that a number is of.

    Raises:
        UnknownNumber: no series has its prefix.
    """
    prefix = number.split("-")[0]
    if prefix not in _PREFIXES:
        raise UnknownNumber(f"{number} is of no series: there are {', '.join(_PREFIXES)} in {TABLE}")
    return _PREFIXES[prefix]


def citations(root: Path) -> dict[str, list[str]]:
    """For each number, the files below `root` that cite it, as paths from there."""
    found: dict[str, list[str]] = {}
    for path in _files(root):
        for number in dict.fromkeys(numbers_in(path.read_text(encoding="utf-8"))):
            found.setdefault(number, []).append(path.relative_to(root).as_posix())
    return found


def _files(root: Path) -> Iterator[Path]:
    """The files that people write, below `root`."""
    pages = sorted(root.glob("*.md"))
    for path in [*pages, *(path for house in HOUSES for path in sorted((root / house).rglob("*")))]:
        name = path.relative_to(root).as_posix()
        generated = name.startswith(GENERATED) or name.endswith(GENERATED)
        if path.suffix in ENDINGS and path.is_file() and name != TABLE and not generated:
            yield path


def faults(cited: Mapping[str, Iterable[str]], known: Iterable[str], uncited: Iterable[str]) -> list[str]:
    """What is wrong: the numbers that are cited and not known, and those of `uncited` that nothing cites."""
    entries = set(known)
    missing = [number for number in sorted(cited) if number not in entries]
    return [
        *(f"{number}, cited in {', '.join(cited[number])}, has no entry: give it one in {TABLE}" for number in missing),
        *(
            f"{number} has an entry in {TABLE}, and nothing cites it: take it out"
            for number in uncited
            if number not in cited
        ),
    ]


def statements(definitions: Iterable[Definition]) -> dict[str, list[Statement]]:
    """What states each number, in the machines' order; what a machine inherits counts where it is written."""
    found: dict[str, list[Statement]] = {}
    for definition in definitions:
        for method in definition.methods.values():
            for number, statement in _stated_by(method):
                others = found.setdefault(number, [])
                if all((one.kind, one.name) != (statement.kind, statement.name) for one in others):
                    others.append(statement)
    return found


def _stated_by(method: Method) -> Iterator[tuple[str, Statement]]:
    file = Path(method.file).relative_to(Path(next(iter(kvproof.spec.__path__)))).as_posix()
    if method.kind in ("invariant", "trial", "theorem"):
        for number in numbers_in(method.doc):
            yield number, Statement(method.kind, method.name, file)
        return
    rules, promises = method.literals("require", 1), method.literals("ensure", 1)
    for number, names in _paired(method.doc, [*rules, *promises]):
        for name in names:
            yield number, Statement("rule" if name in rules else "promise", name, file)


def _paired(doc: str, names: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Each number with the names just before it in its sentence; with the only name that there is, if none stands there."""
    for sentence in re.split(r"(?<=\.)\s+", doc):
        before: list[str] = []
        closed = False
        for word in re.finditer(rf"`([^`]*)`|{_SHAPE.pattern}", sentence):
            if word.group(1) is None:
                closed = True
                yield word.group(), before or (names if len(names) == 1 else [])
            elif word.group(1) in names:
                before = [word.group(1)] if closed else [*before, word.group(1)]
                closed = False


def problems(sources: Mapping[str, Source], stated: Mapping[str, list[Statement]]) -> list[str]:
    """What is wrong with the reasons: an entry that nothing states and that does not say why, or that says so in vain."""
    found = []
    for number, source in sources.items():
        if number not in stated and not source.unstated and series_of(number).stated:
            found.append(f"{number} is stated by no rule, invariant, promise, trial or theorem, and has no reason")
        if number in stated and source.unstated:
            found.append(f"{number} has a reason why nothing states it, but {stated[number][0].name} does")
    return found


def linked(text: str, folder: str = "") -> str:
    """A text in Markdown with a link for each number, to its entry, and for each issue; code and links stay as they are.

    `folder` is where SOURCES.md and BUGS.md are, seen from the text.
    """

    def link(found: re.Match[str]) -> str:
        text = found.group()
        if text.startswith("#"):
            return f"[{text}]({REPOSITORY}/{text[1:]})"
        series = _PREFIXES.get(text.split("-")[0])
        return text if text[0] in "`[<" or series is None else f"[{text}]({folder}{series.page}#{anchor(text)})"

    return re.sub(rf"{_NO_LINK}|{_SHAPE.pattern}|(?<![\w(/\[])#\d{{3,5}}\b|(?<=\()#\d{{3,5}}\b", link, text)


def anchor(number: str) -> str:
    """The name of a number's entry on its page."""
    return number.lower()


def page(template: str, package: str, values: Mapping[str, object]) -> str:
    """A page from a template of a package, with its numbers linked."""
    text = resources.files(package).joinpath(template).read_text(encoding="utf-8")
    environment = jinja2.Environment(
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,
    )
    environment.filters["cell"] = lambda text: " ".join(str(text).split()).replace("|", "\\|")
    environment.filters["anchor"] = anchor
    return linked(environment.from_string(text).render(**values))


def sources_page(definitions: Iterable[Definition], root: Path) -> str:
    """The text of SOURCES.md."""
    stated, cited = statements(definitions), citations(root)
    groups = []
    for series in SERIES:
        entries = [
            {
                "number": number,
                "source": source,
                "stated": stated.get(number, []),
                "files": [name for name in cited.get(number, []) if not name.startswith("tests/")],
            }
            for number, source in SOURCES.items()
            if series_of(number) is series
        ]
        groups.append({"series": series, "entries": entries})
    return page("sources.md.jinja", "kvproof.model", {"groups": groups})
