"""Writes BUGS.md: every bug by its number, with its source, its variant, where it is planted, and how it was found."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

import kvproof.fuzz
import kvproof.spec
from kvproof.fuzz.bugs.seeded import SeededBug, bug_file, seeded_bugs
from kvproof.model import evidence, machines
from kvproof.model.sources import page, series_of
from kvproof.spec.sources import SERIES, UNPLANTED


@attrs.frozen
class Variant:
    """The machine with a bug, in the specification."""

    machine: str
    name: str
    doc: str
    file: str
    """Below `spec`."""
    breaks: str
    """The rule, promise or invariant that its counterexample breaks, as recorded for the machine as it is; else empty."""


@attrs.frozen
class Entry:
    """One line of the page."""

    number: str
    title: str
    text: str
    source: str
    machines: tuple[str, ...]
    variants: tuple[Variant, ...]
    no_variant: str
    planted: str
    """The file that plants it, below the folder `fuzz`; empty when there is none."""
    found: str
    """How it was found; why it is not planted, when it is not."""


def variants() -> dict[str, list[Variant]]:
    """The variants of all machines, by number."""
    found: dict[str, list[Variant]] = {}
    spec = Path(next(iter(kvproof.spec.__path__)))
    for machine in machines.names():
        bundle = machines.load(machine)
        recorded = evidence.read(spec / machine.replace("-", "_") / evidence.FILE_NAME)
        current = recorded is not None and recorded.specification == bundle.definition.digest()
        broken: Mapping[str, str] = recorded.variants if recorded is not None and current else {}
        for number, cls in bundle.variants.items():
            file = Path(inspect.getfile(cls)).relative_to(spec).as_posix()
            doc = inspect.cleandoc(cls.__doc__ or "")
            found.setdefault(number, []).append(Variant(machine, cls.__name__, doc, file, broken.get(number, "")))
    return found


def entries() -> list[Entry]:
    """Every bug that is planted, is a variant, or has a reason why it is neither; in the order of the series."""
    known = variants()
    planted = seeded_bugs()
    made = [_planted(bug, known.get(name, [])) for name, bug in planted.items()]
    made += [_variant_only(number, of) for number, of in known.items() if number not in planted]
    made += [
        Entry(number, "", source.text, source.origin, (), (), source.unstated, "", "not planted")
        for number, source in UNPLANTED.items()
    ]
    order = [series.prefix for series in SERIES]
    return sorted(made, key=lambda entry: (order.index(series_of(entry.number).prefix), entry.number))


def _planted(bug: SeededBug, of: list[Variant]) -> Entry:
    file = bug_file(bug.id).relative_to(Path(next(iter(kvproof.fuzz.__path__)))).as_posix()
    return Entry(
        bug.id,
        bug.title,
        bug.mechanism,
        bug.source,
        tuple(dict.fromkeys((bug.machine, *(variant.machine for variant in of)))),
        tuple(of),
        bug.no_variant,
        file,
        "; ".join(_told(bug)),
    )


def _told(bug: SeededBug) -> Iterator[str]:
    """By which oracles a bug is found, with which seed it comes early, and why its trace is long where it is."""
    yield f"by {' or '.join(bug.oracles)}"
    yield f"seed {bug.seed}"
    if bug.gap:
        yield f"longer than the shortest: {bug.gap}"


def _variant_only(number: str, of: list[Variant]) -> Entry:
    base = "-".join(number.split("-")[:2])
    source = seeded_bugs()[base].source if base in seeded_bugs() else ""
    return Entry(
        number,
        "",
        of[0].doc,
        source,
        tuple(variant.machine for variant in of),
        tuple(of),
        "",
        "",
        f"as {base}" if base != number else "not planted",
    )


def bugs_page() -> str:
    """The text of BUGS.md."""
    found = entries()
    groups = [
        {"series": series, "entries": [entry for entry in found if series_of(entry.number) is series]}
        for series in SERIES
        if series.page == "BUGS.md"
    ]
    return page("document.md.jinja", "kvproof.fuzz.bugs", {"groups": groups})
