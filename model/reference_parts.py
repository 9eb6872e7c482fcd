"""Source text that every generated reference begins with: `kvproof generate` copies this module from the marked line on.

It is ordinary code so that lint, types and tests see it; a reference is standalone, so it is copied, not imported.
"""

from __future__ import annotations

# --- copied from here ---
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar


class Rejected(Exception):
    """An operation was refused; the state is what it was before."""

    def __init__(self, error: str) -> None:
        super().__init__(f"rejected: {error}")
        self.error = error


class RuleBroken(Exception):
    """A protocol rule did not hold when a step was taken."""

    def __init__(self, rule: str, message: str = "") -> None:
        super().__init__(f"rule {rule} is broken{': ' + message if message else ''}")
        self.rule = rule


class NotAssumed(Exception):
    """A trial was tried where it means nothing: one of its assumptions is false."""


class PriorityQueue:
    """Distinct items, lowest priority first, and within a priority from front to back; all but iteration is O(1)."""

    __slots__ = ("_lanes", "_occupied", "_priority")

    def __init__(self) -> None:
        self._lanes: dict[int, OrderedDict[int, None]] = {}
        self._occupied = 0
        self._priority: dict[int, int] = {}

    def push_back(self, item: int, priority: int) -> None:
        if item in self._priority:
            raise RuleBroken("queued-once", f"{item} is queued already, at priority {self._priority[item]}")
        self._priority[item] = priority
        self._lanes.setdefault(priority, OrderedDict())[item] = None
        self._occupied |= 1 << priority

    def push_front(self, item: int, priority: int) -> None:
        self.push_back(item, priority)
        self._lanes[priority].move_to_end(item, last=False)

    def remove(self, item: int) -> None:
        if item not in self._priority:
            raise RuleBroken("removed-where-queued", f"{item} is not queued here")
        priority = self._priority.pop(item)
        lane = self._lanes[priority]
        del lane[item]
        if not lane:
            self._occupied &= ~(1 << priority)

    def front(self) -> int:
        if not self._occupied:
            raise RuleBroken("front-of-nothing", "an empty queue has no front")
        return next(iter(self._lanes[(self._occupied & -self._occupied).bit_length() - 1]))

    def priority_of(self, item: int) -> int:
        return self._priority[item]

    def __contains__(self, item: int) -> bool:
        return item in self._priority

    def __len__(self) -> int:
        return len(self._priority)

    def __iter__(self) -> Iterator[int]:
        for priority in sorted(self._lanes):
            yield from list(self._lanes[priority])

    def snapshot(self) -> tuple[tuple[int, int], ...]:
        return tuple((item, self._priority[item]) for item in self)

    @classmethod
    def restored(cls, pairs: Iterable[tuple[int, int]]) -> PriorityQueue:
        queue = cls()
        for item, priority in pairs:
            queue.push_back(item, priority)
        return queue


class _Reached(Exception):
    """Stops an operation at its first step, to learn whether it would be refused."""


class Reference:
    """What every generated reference has: hooks, counters, and running an operation by name."""

    SPECIFICATION = ""
    OPERATIONS: ClassVar[dict[str, tuple[str, ...]]] = {}
    TRIALS: ClassVar[dict[str, tuple[str, ...]]] = {}
    STEPS: ClassVar[dict[str, tuple[str, ...]]] = {}
    INVARIANTS: ClassVar[tuple[str, ...]] = ()
    READERS: ClassVar[dict[str, tuple[Callable[[Any], Any], ...]]] = {}
    """For each operation that takes records: what makes each argument out of its plain form."""
    RECORD_RESULTS: ClassVar[frozenset[str]] = frozenset()
    """The operations whose results hold records."""
    EVENTS: ClassVar[tuple[str, ...]] = ()
    BRANCHES: ClassVar[dict[int, tuple[str, int, str]]] = {}
    Rejected = Rejected
    RuleBroken = RuleBroken

    def __init__(self) -> None:
        self.on_step: Callable[[str, tuple[Any, ...]], None] | None = None
        self.steps_taken = 0
        self.coverage: set[int] = set()
        self.events: dict[str, int] = {}
        self.script: list[Any] | None = None
        self.offered: list[tuple[str, tuple[Any, ...]]] = []

    def apply(self, operation: str, arguments: dict[str, Any]) -> Any:
        """Run one operation; raises `Rejected`, or `RuleBroken` when the protocol itself is broken.

        Records, in the arguments and in the result, are dicts of their fields.
        """
        values = self._values(operation, arguments)
        self.offered = []
        taken = self.steps_taken
        try:
            result = getattr(self, operation)(*values)
            return _plain(result) if operation in self.RECORD_RESULTS else result
        except Rejected as rejection:
            if self.steps_taken != taken:
                message = f"{operation} was rejected ({rejection.error}) after it had taken a step"
                raise RuleBroken("all-or-nothing", message) from rejection
            raise

    def attempt(self, trial: str, arguments: dict[str, Any], saved: Any) -> bool:
        """Try a trial in the state that `saved` is the snapshot of, and return to it; False where the trial means nothing.

        Raises `RuleBroken` when the trial fails. Nothing that it does is reported or counted.
        """
        hook, coverage, events, taken = self.on_step, self.coverage, self.events, self.steps_taken
        self.on_step, self.coverage, self.events = None, set(), {}
        self.offered = []
        try:
            getattr(self, trial)(*(arguments[name] for name in self.TRIALS[trial]))
        except NotAssumed:
            return False
        finally:
            if self.steps_taken != taken:
                self.restore(saved)
            self.on_step, self.coverage, self.events, self.steps_taken = hook, coverage, events, taken
        return True

    def restore(self, saved: Any) -> None:
        """Return to a state that `snapshot` gave."""
        raise NotImplementedError

    def enabled(self, operation: str, arguments: dict[str, Any]) -> str | None:
        """The error with which the operation would be refused now, or None. Changes nothing."""

        def stop(name: str, taken: tuple[Any, ...]) -> None:
            raise _Reached

        hook, coverage, events, taken = self.on_step, self.coverage, self.events, self.steps_taken
        self.on_step, self.coverage, self.events = stop, set(), {}
        try:
            getattr(self, operation)(*self._values(operation, arguments))
        except Rejected as rejection:
            return rejection.error
        except (_Reached, RuleBroken):
            return None
        finally:
            self.on_step, self.coverage, self.events, self.steps_taken = hook, coverage, events, taken
        return None

    def _values(self, operation: str, arguments: dict[str, Any]) -> list[Any]:
        values = [arguments[name] for name in self.OPERATIONS[operation]]
        readers = self.READERS.get(operation)
        return values if readers is None else [read(value) for read, value in zip(readers, values, strict=True)]

    def check(self) -> list[str]:
        """Names of the invariants that do not hold now."""
        return [name for name in self.INVARIANTS if not getattr(self, name)()]

    def _reach(self, event: str) -> None:
        self.events[event] = self.events.get(event, 0) + 1

    def _choose(self, candidates: Iterable[Any], name: str) -> Any:
        """The next choice of the script, when there is one and it is allowed; otherwise the policy: the first allowed.

        What was offered is kept, so that a search can try every choice.
        """
        allowed = tuple(candidates)
        self.offered.append((name, allowed))
        if not allowed:
            raise RuleBroken(f"choice-exists:{name}", "there is nothing to choose from")
        if not self.script:
            return allowed[0]
        chosen = self.script.pop(0)
        if chosen not in allowed:
            raise RuleBroken(f"choice-allowed:{name}", f"{chosen} is not among {list(allowed)}")
        return chosen


def _fields(cls: Any, value: Any) -> Any:
    """The fields of a record in order, from a dict or a tuple of them."""
    if not isinstance(value, dict):
        return value
    if value.keys() != set(cls._fields):
        raise TypeError(f"{value!r} is no {cls.__name__}: give a dict with the fields {', '.join(cls._fields)}")
    return [value[name] for name in cls._fields]


def _plain(value: Any) -> Any:
    """A result without records: they become dicts of their fields."""
    if not isinstance(value, tuple):
        return value
    names = getattr(value, "_fields", None)
    if names is None:
        return tuple([_plain(part) for part in value])
    return {name: _plain(part) for name, part in zip(names, value, strict=True)}


def _same(value: Any) -> Any:
    return value


def _ascending(mapping: dict[Any, Any]) -> list[Any]:
    """The values of a partial map in ascending order of their keys."""
    return [mapping[key] for key in sorted(mapping)] if len(mapping) > 1 else list(mapping.values())
