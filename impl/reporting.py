"""Watching the steps: an observer is told of each as it takes effect, and cache events are made from some of them.

The watching functions are bound over the plain methods once, when the manager is made, so that without a watcher no
step even asks whether there is one. An override in a subclass is watched like the original.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kvproof.impl.events import EventLog
from kvproof.impl.reuse_tree import ROOT, UNATTACHED
from kvproof.impl.tokens import Key

Observer = Callable[[str, tuple[Any, ...]], None]
"""Called with a step's name and its arguments: plain ints, bools, tuples and None."""

STEPS = (
    "claim",
    "release",
    "prioritise",
    "swap",
    "copy",
    "attach",
    "detach",
    "acquire",
    "drop",
    "pin",
    "unpin",
    "open_claims",
    "close_claims",
    "begin",
    "extend",
    "reuse",
    "write",
    "truncate",
    "end",
    "tick",
)


def report_steps(steps: Any, observer: Observer, parent: list[int]) -> None:
    """Bind reporting functions over the step methods of `steps`, whose blocks have the tree parents `parent`."""
    for name in STEPS:
        step = getattr(steps, f"step_{name}")
        if name == "attach":
            report = _reporting_attach(step, observer)
        elif name == "release":
            report = _reporting_release(step, observer, parent)
        else:
            report = _reporting(name, step, observer)
        setattr(steps, f"step_{name}", report)


def _reporting(name: str, step: Callable[..., None], observer: Observer) -> Callable[..., None]:
    def report(*arguments: Any) -> None:
        step(*arguments)
        observer(name, arguments)

    return report


def _reporting_attach(step: Callable[[int, int, Key], None], observer: Observer) -> Callable[..., None]:
    def report(block: int, parent: int, key: Key) -> None:
        step(block, parent, key)
        observer("attach", (block, None if parent == ROOT else parent, key))

    return report


def _reporting_release(step: Callable[[int, bool], None], observer: Observer, parent: list[int]) -> Callable[..., None]:
    def report(block: int, to_front: bool) -> None:
        step(block, to_front)
        observer("release", (block, to_front or parent[block] == UNATTACHED))  # where it went, not what was asked

    return report


def log_events(steps: Any, log: EventLog, parent: list[int]) -> None:
    """Bind functions that fill `log` over those step methods of `steps` that change what is cached, or where."""
    attach, detach, swap = steps.step_attach, steps.step_detach, steps.step_swap

    def attach_with_event(block: int, above: int, key: Key) -> None:
        attach(block, above, key)
        log.stored(block, above, key)

    def detach_with_event(block: int) -> None:
        detach(block)
        log.removed(block)

    def swap_with_event(a: int, b: int) -> None:
        swap(a, b)
        for block in (a, b):
            if parent[block] != UNATTACHED:
                log.moved(block)

    steps.step_attach, steps.step_detach, steps.step_swap = attach_with_event, detach_with_event, swap_with_event
