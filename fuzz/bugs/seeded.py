"""What a seeded bug is, and finding the ones that the folders beside this file have: one a machine, one file a bug."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from attrs import field, frozen

from kvproof.fuzz import bugs
from kvproof.fuzz.subject import Parameters
from kvproof.fuzz.target import HarnessError, Target


@frozen
class SeededBug:
    """A historic bug, planted in the implementation."""

    id: str
    title: str
    source: str = field()
    """Issues and pull requests, as #number."""
    mechanism: str = field()
    """What the code does wrongly, and what follows."""
    make_target: Callable[[], Target] = field()
    oracles: tuple[str, ...] = field()
    """The oracles that may see it first; one outside this list would be another bug."""
    machine: str = "block-manager"
    parameters: Parameters = field(factory=dict)
    """Parameters at which the bug shows soonest; none for the ones that show anywhere."""
    seed: int = 1
    """A seed with which a hunt finds it soon, and its trace is soon short; with any it is found within seconds."""
    without: frozenset[str] = frozenset()
    """Operations that need not be driven to find it; none for most."""
    no_variant: str = ""
    """Why the specification has no variant of this bug, when it has none."""
    gap: str = ""
    """Why the minimised trace is more than two operations longer than the shortest there is, when it is."""


class BugError(HarnessError):
    """No such bug."""


@lru_cache(maxsize=1)
def _found() -> dict[str, tuple[str, SeededBug]]:
    """All bugs by id, in order, each with the name of its module: those in the folders of machines that have a `BUG`."""
    found = {}
    for machine in pkgutil.iter_modules(bugs.__path__, f"{bugs.__name__}."):
        if machine.ispkg:
            folder = importlib.import_module(machine.name)
            for module in pkgutil.iter_modules(folder.__path__, f"{machine.name}."):
                bug = getattr(importlib.import_module(module.name), "BUG", None)
                if isinstance(bug, SeededBug):
                    found[bug.id] = module.name, bug
    return dict(sorted(found.items()))


def seeded_bugs() -> dict[str, SeededBug]:
    """All bugs by id, in order."""
    return {name: bug for name, (_, bug) in _found().items()}


def bug_file(bug: str) -> Path:
    """The file that plants the bug of this id."""
    return Path(str(sys.modules[_found()[bug][0]].__file__))


def target_name(bug: str) -> str:
    """How `--target` names the implementation with the bug of this id."""
    return f"{_found()[bug][0]}:BUG.make_target"


def bugs_named(ids: tuple[str, ...]) -> list[SeededBug]:
    """The bugs with these ids, all of them when none is given.

    Raises:
        BugError: one is unknown.
    """
    known = seeded_bugs()
    for name in ids:
        if name not in known:
            raise BugError(f"there is no seeded bug {name!r}; there are {', '.join(known)}")
    return [known[name] for name in ids] if ids else list(known.values())
