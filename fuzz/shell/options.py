"""What may be given for options of several commands: told at once, not after hours of work."""

from __future__ import annotations

import os
import re
from pathlib import Path

import click

from kvproof.fuzz.target import HarnessError
from kvproof.fuzz.targets import DEFAULT_TARGETS
from kvproof.model.solving.solver import default_engine

WORKING_FOLDER = Path(".kvproof")
"""Where commands keep what they find, in the folder that they are started in, unless it is said where."""

LARGEST = 1_000_000
"""No size of anything may be larger: to lay out that many takes the memory and the minutes that there are."""


def default_target(machine: str, target: str | None) -> str:
    """The target to drive.

    Raises:
        HarnessError: none is named and the machine has no default.
    """
    found = target or DEFAULT_TARGETS.get(machine)
    if found is None:
        raise HarnessError(f"machine {machine!r} has no target of its own: name one with --target MODULE:ATTR")
    return found


def parse_parameters(texts: tuple[str, ...]) -> dict[str, int]:
    """`name=value` options.

    Raises:
        HarnessError: one is not of that form, is given twice, or is larger than anything can be.
    """
    found: dict[str, int] = {}
    for text in texts:
        match = re.fullmatch(r"(\w+)=(-?\d+)", text)
        if match is None:
            raise HarnessError(f"parameter {text!r}: write it as NAME=INTEGER")
        name, digits = match.groups()
        if name in found:
            raise HarnessError(f"parameter {text!r}: {name} is {found[name]} already; give it once")
        if len(digits) > len(f"-{LARGEST}") or abs(int(digits)) > LARGEST:
            raise HarnessError(f"parameter {name}={digits[:40]}: out of all proportion; give at most {LARGEST}")
        found[name] = int(digits)
    return found


def check_sizes(unit: str, *sizes: tuple[str, int, int]) -> None:
    """Sizes that were asked for, each with its name and the least that will do.

    Raises:
        HarnessError: one is smaller, or larger than anything can be.
    """
    for name, value, least in sizes:
        if value < least:
            raise HarnessError(f"{name}: {value} {unit} are impossible; give at least {least}")
        if value > LARGEST:
            raise HarnessError(f"{name}: {value} {unit} are out of all proportion; give at most {LARGEST}")


def engine_there(context: click.Context, option: click.Parameter, value: str) -> str:
    """For `--engine`: one whose library is installed.

    Raises:
        BadParameter: it is not.
    """
    if value == "cadical" and default_engine() != value:
        raise click.BadParameter("python-sat is not installed: pip install python-sat, or take z3", context, option)
    return value


def folder(context: click.Context, option: click.Parameter, value: Path) -> Path:
    """For `--out`: a folder that can be written to, or be made; it is not made yet.

    Raises:
        BadParameter: it is neither.
    """
    fault = _fault(value)
    if fault is not None:
        raise click.BadParameter(f"{value}: {fault}; name a folder that can be written to", context, option)
    return value


def file(context: click.Context, option: click.Parameter, value: Path | None) -> Path | None:
    """For a file that can be written, in a folder that is there.

    Raises:
        BadParameter: it cannot.
    """
    if value is None:
        return None
    fault = "is a folder" if value.is_dir() else _fault(value.parent)
    if fault is None and not value.parent.exists():
        fault = f"there is no folder {value.parent}"
    if fault is not None:
        raise click.BadParameter(f"{value}: {fault}; name a file that can be written", context, option)
    return value


def _fault(folder: Path) -> str | None:
    """Why nothing can be written to a folder, which need not be there yet; None when it can."""
    for place in (folder, *folder.parents):
        if place.exists():
            if not place.is_dir():
                return f"{place} is no folder"
            return None if os.access(place, os.W_OK | os.X_OK) else f"{place} may not be written to"
    return None
