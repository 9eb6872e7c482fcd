"""Source text that every generated reference begins with: `kvproof generate` copies this module from the marked line on.

It is ordinary code so that lint, types and tests see it; a reference is standalone, so it is copied, not imported.
"""

from __future__ import annotations

# --- copied from here ---
import ast
import linecache
from collections import OrderedDict
from collections.abc import Callable, Container, Iterable, Iterator
from itertools import product
from types import CodeType
from typing import Any, ClassVar

_MISUSES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What Python raises for an absent key or element, None in place of a value, a wrong length, a division by 0."""


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


class OutOfDomain(RuleBroken):
    """A value outside its declared type ("bound"), or a use of what is not there ("defined"): no machine may do that."""

    def __init__(self, rule: str, value: Any = "") -> None:
        super().__init__(rule, str(value))


class NotAssumed(Exception):
    """A trial was tried where it means nothing: one of its assumptions is false."""


class PriorityQueue:
    """Distinct items, lowest priority first, and within a priority from front to back; all but iteration is O(1)."""

    __slots__ = ("_lanes", "_low", "_occupied", "_priority")

    def __init__(self, low: int = 0) -> None:
        self._lanes: dict[int, OrderedDict[int, None]] = {}
        self._low = low
        self._occupied = 0
        self._priority: dict[int, int] = {}

    def push_back(self, item: int, priority: int) -> None:
        if item in self._priority:
            raise OutOfDomain("defined", f"{item} is queued already, at priority {self._priority[item]}")
        self._priority[item] = priority
        self._lanes.setdefault(priority, OrderedDict())[item] = None
        self._occupied |= 1 << priority - self._low

    def push_front(self, item: int, priority: int) -> None:
        self.push_back(item, priority)
        self._lanes[priority].move_to_end(item, last=False)

    def remove(self, item: int) -> None:
        if item not in self._priority:
            raise OutOfDomain("defined", f"{item} is not queued here and cannot be removed")
        priority = self._priority.pop(item)
        lane = self._lanes[priority]
        del lane[item]
        if not lane:
            self._occupied &= ~(1 << priority - self._low)

    def front(self) -> int:
        if not self._occupied:
            raise OutOfDomain("defined", "an empty queue has no front")
        return next(iter(self._lanes[(self._occupied & -self._occupied).bit_length() - 1 + self._low]))

    def priority_of(self, item: int) -> int:
        if item not in self._priority:
            raise OutOfDomain("defined", f"{item} is not queued here and has no priority")
        return self._priority[item]

    def __contains__(self, item: object) -> bool:
        return item in self._priority

    def __len__(self) -> int:
        return len(self._priority)

    def __iter__(self) -> Iterator[int]:
        return iter([item for priority in sorted(self._lanes) for item in self._lanes[priority]])

    def snapshot(self) -> tuple[tuple[int, int], ...]:
        return tuple((item, self._priority[item]) for item in self)

    @classmethod
    def restored(cls, pairs: Iterable[tuple[int, int]], low: int = 0) -> PriorityQueue:
        queue = cls(low)
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
    """For each operation that takes records or members of enumerations: what makes each argument out of its plain form."""
    TYPED: ClassVar[dict[str, Callable[..., bool]]] = {}
    """For each step: whether its arguments are of its types."""
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
        except (OutOfDomain, *_MISUSES) as error:
            self._tell(error)
            raise

    def attempt(self, trial: str, arguments: dict[str, Any], saved: Any) -> bool:
        """Try a trial in the state that `saved` is the snapshot of, and return to it; False where the trial means nothing.

        Raises `RuleBroken` when the trial fails. Nothing that it does is reported or counted.
        """
        hook, coverage, events, taken = self.on_step, self.coverage, self.events, self.steps_taken
        self.on_step, self.coverage, self.events = None, set(), {}
        self.offered = []
        values = [arguments[name] for name in self.TRIALS[trial]]
        try:
            getattr(self, trial)(*values)
        except NotAssumed:
            return False
        except (OutOfDomain, *_MISUSES) as error:
            self._tell(error)
            raise
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
        values = self._values(operation, arguments)
        self.on_step, self.coverage, self.events = stop, set(), {}
        try:
            getattr(self, operation)(*values)
        except Rejected as rejection:
            return rejection.error
        except (_Reached, RuleBroken):
            return None
        except _MISUSES as error:
            if not self._is_own(error):
                raise
            return None
        finally:
            self.on_step, self.coverage, self.events, self.steps_taken = hook, coverage, events, taken
        return None

    def _values(self, operation: str, arguments: dict[str, Any]) -> list[Any]:
        values = [arguments[name] for name in self.OPERATIONS[operation]]
        readers = self.READERS.get(operation)
        return values if readers is None else [read(value) for read, value in zip(readers, values, strict=True)]

    def check(self) -> list[str]:
        """Names of the invariants that do not hold now. One in which a promise breaks, or that reads what is not there,
        does not hold."""
        try:
            return [name for name in self.INVARIANTS if not getattr(self, name)()]
        except (RuleBroken, *_MISUSES):
            return [name for name in self.INVARIANTS if not self._is_true(name)]

    def _is_true(self, invariant: str) -> bool:
        try:
            return bool(getattr(self, invariant)())
        except RuleBroken:
            return False
        except _MISUSES as error:
            if not self._is_own(error):
                raise
            return False

    def _tell(self, error: Exception) -> None:
        """Raise an error of the machine's own methods as a broken rule that says in which expression it happened."""
        if not self._is_own(error):
            return
        code, instruction = _places(error, type(self))[-1]
        kind, told = ("defined", f"{type(error).__name__}: {error}")
        if isinstance(error, OutOfDomain):
            kind, told = error.rule, str(error)
        elif isinstance(error, IndexError) and str(error).startswith("list"):
            kind = "bound"  # a total map is a list, a sequence is a tuple
        if ":" in kind:  # it says already where
            return
        raise OutOfDomain(f"{kind}: {_expression(code, instruction)}", f"in {code.co_name}: {told}") from error

    def _is_own(self, error: Exception) -> bool:
        """Whether it was the machine's own methods that raised; an error of anything else is none of the machine."""
        own = _places(error, type(self))
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        last = None if trace is None else trace.tb_frame.f_code
        return bool(own) and (isinstance(error, OutOfDomain) or own[-1][0] is last)

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
        for one in allowed:
            if one == chosen or _plain(one) == chosen:
                return one
        raise RuleBroken(f"choice-allowed:{name}", f"{chosen} is not among {[_plain(one) for one in allowed]}")


def _places(error: Exception, reference: type) -> list[tuple[CodeType, int]]:
    """Where an error passed through the methods of a machine, the innermost last."""
    methods = tuple(f"{cls.__name__}." for cls in reference.__mro__ if cls not in (Reference, object))
    file = vars(Reference)["apply"].__code__.co_filename
    found = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename == file and code.co_qualname.startswith(methods):
            found.append((code, trace.tb_lasti))
        trace = trace.tb_next
    return found


def _expression(code: CodeType, instruction: int) -> str:
    """The expression that was being evaluated."""
    first, last, start, end = list(code.co_positions())[instruction // 2]
    if first is None or first != last:
        return code.co_name
    text = linecache.getline(code.co_filename, first).encode()[start:end].decode(errors="replace")
    try:
        return ast.unparse(ast.parse(f"({text})", mode="eval"))
    except SyntaxError:
        return text.strip()


def _key(value: Any, keys: Container[Any], at: str) -> Any:
    """A key of a total map: of others a list would take some for places counted from its end, a dict would take them in."""
    if value in keys:
        return value
    raise OutOfDomain(f"bound: {at}", f"{value!r} is not a key of this map")


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
    return [mapping[key] for key in _in_order(mapping)] if len(mapping) > 1 else list(mapping.values())


def _sequences(elements: Iterable[Any], shortest: int, longest: int) -> list[tuple[Any, ...]]:
    """All sequences of these elements, shorter ones first."""
    return [found for length in range(shortest, longest + 1) for found in product(list(elements), repeat=length)]


def _in_order(values: Iterable[Any]) -> list[Any]:
    """Values in ascending order, None before all others."""
    known = list(values)
    try:
        return sorted(known)
    except TypeError:
        return sorted(known, key=_rank)


def _each(values: Any) -> Any:
    """What a loop over something runs over, whatever it is: over sets in order."""
    return _in_order(values) if isinstance(values, set) else values


def _rank(value: Any) -> Any:
    if isinstance(value, tuple):
        return (1, tuple([_rank(part) for part in value]))
    return (0, 0) if value is None else (1, value)
