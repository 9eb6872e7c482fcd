"""Watching the steps: a journal is told of each as it takes effect.

The watching functions are bound over the plain methods once, when the manager is made, so that without a journal no step
even asks whether there is one. An override in a subclass is watched like the original.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from kvproof.impl.sequence_caches.prefix_tree import Node
from kvproof.impl.sequence_caches.sequence_cache import SequenceCache

Journal = Callable[[str, tuple[Any, ...]], None]
"""Called with a step's name and its arguments: plain ints, and tuples of chunks for a text or a path."""

STEPS = (
    "open",
    "hold",
    "let_go",
    "lock",
    "unlock",
    "take_slot",
    "destroy",
    "migrate",
    "enqueue",
    "unqueue",
    "link",
    "take_scratch",
    "give_scratch",
    "activate",
    "deactivate",
    "stop",
    "measure",
    "shut",
)


def report_steps(steps: Any, journal: Journal) -> None:
    """Bind reporting functions over the step methods of `steps`."""
    for name in STEPS:
        step = getattr(steps, f"step_{name}")
        report: Callable[..., Any]
        if name == "open":
            report = _reporting_open(step, journal)
        elif name == "link":
            report = _reporting_link(step, journal)
        else:
            report = _reporting(name, step, journal)
        setattr(steps, f"step_{name}", report)


def _reporting(name: str, step: Callable[..., None], journal: Journal) -> Callable[..., None]:
    def report(*arguments: Any) -> None:
        step(*arguments)
        journal(name, tuple(each.number if isinstance(each, SequenceCache) else int(each) for each in arguments))

    return report


def _reporting_open(step: Callable[[SequenceCache], None], journal: Journal) -> Callable[[SequenceCache], None]:
    def report(cache: SequenceCache) -> None:
        step(cache)
        journal("open", (cache.number, cache.text, cache.priority))

    return report


def _reporting_link(
    step: Callable[[int, Node, Hashable], Node], journal: Journal
) -> Callable[[int, Node, Hashable], Node]:
    def report(page: int, parent: Node, chunk: Hashable) -> Node:
        node = step(page, parent, chunk)
        journal("link", (page, node.path()))
        return node

    return report
