"""Watching the steps: an observer is told of each as it takes effect.

The reporting functions are bound over the plain methods once, when a manager is made, so that without an observer no
step even asks whether there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Observer = Callable[[str, tuple[Any, ...]], None]
"""Called with a step's name and its arguments: plain ints, bools, tuples and None."""

Told = Callable[..., tuple[Any, ...]]
"""What an observer is told of a step, from what the step returned and its arguments."""


def report_steps(
    steps: Any,
    names: Iterable[str],
    observer: Observer,
    told: Mapping[str, Told] | None = None,
    others: Told | None = None,
) -> None:
    """Bind reporting functions over the step methods of `steps`.

    Args:
        names: of the steps; the method of a step has the prefix `step_`.
        told: for steps whose arguments are not what an observer should be told.
        others: the same for all the rest; None: their arguments as they are.
    """
    for name in names:
        step = getattr(steps, f"step_{name}")
        setattr(steps, f"step_{name}", _reporting(name, step, observer, (told or {}).get(name, others)))


def _reporting(name: str, step: Callable[..., Any], observer: Observer, told: Told | None) -> Callable[..., Any]:
    if told is None:

        def report(*arguments: Any) -> Any:
            result = step(*arguments)
            observer(name, arguments)
            return result
    else:

        def report(*arguments: Any) -> Any:
            result = step(*arguments)
            observer(name, told(result, *arguments))
            return result

    return report
