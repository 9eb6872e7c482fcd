"""Every number has a home: what is cited has an entry, what has an entry is cited, and links lead to entries."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest

from kvproof.fuzz.bugs.document import entries
from kvproof.fuzz.bugs.seeded import seeded_bugs
from kvproof.model import machines
from kvproof.model.sources import Statement, UnknownNumber, citations, faults, linked, problems, series_of, statements
from kvproof.spec.sources import SERIES, SOURCES, UNPLANTED, Source

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "spec"
BUGS = {entry.number for entry in entries()}
KNOWN = {*SOURCES, *BUGS}
PAGES = ("SOURCES.md", "BUGS.md")
OF_MACHINES = tuple(f"{name.replace('-', '_')}/REFERENCE.md" for name in machines.names())

UNHEARD_OF = "I-" + "99"
"""A number that has no entry; joined here, so that this file does not cite it."""
NOBODYS = "Y-" + "01"
"""A number of no series."""


def _cited(where: dict[str, list[str]]) -> dict[str, list[str]]:
    """The citations outside tests, and those of bugs that are planted nowhere else."""
    found = {number: [file for file in files if not file.startswith("tests/")] for number, files in where.items()}
    return {number: files for number, files in found.items() if files or number in UNPLANTED}


def _house(root: Path, text: str) -> Path:
    """A checkout of one source file."""
    (root / "spec").mkdir()
    (root / "spec" / "pool.py").write_text(text)
    return root


def test_every_number_that_is_cited_has_an_entry() -> None:
    assert faults(citations(ROOT), KNOWN, ()) == []


def test_every_entry_is_cited() -> None:
    assert faults(_cited(citations(ROOT)), KNOWN, [*SOURCES, *UNPLANTED]) == []


@pytest.mark.parametrize("number", [UNHEARD_OF, NOBODYS, f"{UNHEARD_OF}-twice"])
def test_a_number_without_an_entry_is_told_with_its_file(number: str, tmp_path: Path) -> None:
    cited = citations(_house(tmp_path, f'"""A block waits in one queue ({number}, I-07)."""'))
    assert faults(cited, KNOWN, ()) == [
        f"{number}, cited in spec/pool.py, has no entry: give it one in spec/sources.py"
    ]


def test_an_entry_that_nothing_cites_is_told(tmp_path: Path) -> None:
    cited = citations(_house(tmp_path, '"""A block waits in one queue (I-07)."""'))
    assert faults(cited, KNOWN, ["I-07", "I-08"]) == [
        "I-08 has an entry in spec/sources.py, and nothing cites it: take it out"
    ]


def test_what_is_generated_and_the_table_itself_cite_nothing(tmp_path: Path) -> None:
    root = _house(tmp_path, "")
    (root / "model" / "reference").mkdir(parents=True)
    for name in ("spec/sources.py", "spec/BUGS.md", "model/reference/transfers.py"):
        (root / name).write_text("I-07")
    assert citations(root) == {}


@pytest.mark.parametrize("text", ["SHA-256", "slots 0 .. P-1x", "A-B-12--", "#C-12", "x.S-1", "V2", "P-100", "cp-1"])
def test_what_only_looks_like_a_number_is_none(text: str, tmp_path: Path) -> None:
    assert citations(_house(tmp_path, text)) == {}


def test_each_series_has_a_prefix_of_its_own() -> None:
    prefixes = [series.prefix for series in SERIES]
    assert len(set(prefixes)) == len(prefixes)


def test_each_number_is_on_the_page_of_its_series() -> None:
    assert {series_of(number).page for number in SOURCES} == {"SOURCES.md"}
    assert {series_of(number).page for number in BUGS} == {"BUGS.md"}


def test_a_number_of_no_series_is_refused() -> None:
    with pytest.raises(UnknownNumber, match=f"{NOBODYS} is of no series: there are I, P, "):
        series_of(NOBODYS)


def test_every_seeded_bug_and_every_variant_has_a_line() -> None:
    variants = {label for name in machines.names() for label in machines.load(name).variants}
    assert {*seeded_bugs(), *variants, *UNPLANTED} == BUGS


def test_every_law_is_stated_or_has_a_reason_why_not() -> None:
    stated = statements(machines.load(name).definition for name in machines.names())
    assert problems(SOURCES, stated) == []


STATED = {"I-06": [Statement("invariant", "slots_are_a_permutation", "block_manager/pool.py")]}


def test_a_law_that_nothing_states_needs_a_reason() -> None:
    unstated = {"I-06": SOURCES["I-06"], "I-07": SOURCES["I-07"]}
    assert problems(unstated, STATED) == [
        "I-07 is stated by no rule, invariant, promise, trial or theorem, and has no reason"
    ]


def test_a_reason_in_vain_is_told() -> None:
    reasoned = {"I-06": attrs.evolve(SOURCES["I-06"], unstated="nobody moves slots")}
    assert problems(reasoned, STATED) == ["I-06 has a reason why nothing states it, but slots_are_a_permutation does"]


def test_a_description_of_upstream_needs_no_statement() -> None:
    assert problems({"B-1": Source("What upstream does.", "read")}, {}) == []


def test_a_statement_is_found_where_it_is_written_first() -> None:
    inherited = machines.load("sequence-caches").definition, machines.load("executor").definition
    assert statements(inherited)["S-8"] == [Statement("rule", "destroy-only-droppable", "sequence_caches/storage.py")]


def test_a_step_states_a_number_by_the_rule_that_it_names_just_before() -> None:
    stated = statements([machines.load("block-manager").definition])
    assert [one.name for one in stated["I-31"]] == ["matched-blocks-are-claimed"]
    assert [one.name for one in stated["I-32"]] == ["ancestors-are-claimed"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("as I-06 says", "as [I-06](SOURCES.md#i-06) says"),
        ("V2-13-caches, too", "[V2-13-caches](BUGS.md#v2-13-caches), too"),
        ("`I-06` in code", "`I-06` in code"),
        ("[I-06](#here)", "[I-06](#here)"),
        ('<a id="i-06"></a>I-06 | X-01', '<a id="i-06"></a>I-06 | [X-01](BUGS.md#x-01)'),
        ("(#12834)", "([#12834](https://github.com/NVIDIA/TensorRT-LLM/issues/12834))"),
        ("SHA-25 of UTF-8", "SHA-25 of UTF-8"),
    ],
)
def test_numbers_and_issues_become_links(text: str, expected: str) -> None:
    assert linked(text) == expected


@pytest.mark.parametrize("page", [*PAGES, *OF_MACHINES])
def test_the_links_of_numbers_lead_to_entries(page: str) -> None:
    above = "../" * page.count("/")
    found = re.findall(rf"\]\({re.escape(above)}((?:SOURCES|BUGS)\.md)#([^)]*)\)", (SPEC / page).read_text())
    anchors = {name: set(re.findall(r'<a id="([^"]*)">', (SPEC / name).read_text())) for name in PAGES}
    assert found
    assert [(name, anchor) for name, anchor in found if anchor not in anchors[name]] == []


@pytest.mark.parametrize("page", [*PAGES, *OF_MACHINES])
def test_the_links_to_files_lead_to_files(page: str) -> None:
    files = re.findall(r"\]\(([\w./]+\.py)\)", (SPEC / page).read_text())
    assert files
    assert [file for file in files if not ((SPEC / page).parent / file).is_file()] == []
