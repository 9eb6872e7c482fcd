"""What a seeded bug is, and finding the ones that this folder has."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import lru_cache

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
    without: frozenset[str] = frozenset()
    """Operations that need not be driven to find it; none for most."""
    no_variant: str = ""
    """Why the specification has no variant of this bug, when it has none."""
    gap: str = ""
    """Why the minimised trace is more than two operations longer than the shortest there is, when it is."""


class BugError(HarnessError):
    """No such bug."""


@lru_cache(maxsize=1)
def seeded_bugs() -> dict[str, SeededBug]:
    """All bugs by id, in order: each module of this folder that has a `BUG`."""
    found = {}
    for module in pkgutil.iter_modules(bugs.__path__):
        bug = getattr(importlib.import_module(f"{bugs.__name__}.{module.name}"), "BUG", None)
        if isinstance(bug, SeededBug):
            found[bug.id] = bug
    return dict(sorted(found.items()))


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
