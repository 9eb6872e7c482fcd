"""What lockstep drives: operations in, outcomes and observations out.

A target is any object with `reset`, `apply`, `observe` and `close`. Further methods are optional; each of the first
three switches an oracle on (see `kvproof.fuzz.oracles`):

- `steps()`: the primitives that it performed since the last operation began, in order (step validation).
- `choices()`: what it chose in the last operation where the specification leaves a choice open, in order; the reference
  follows, and a choice that is not allowed is a difference.
- `contents()`: the bytes it holds for every cached or referenced block, with the token path each stands for.
- `races()`: the unordered conflicting accesses that it knows of (happens-before).

A target whose work completes later than it is asked for, in an order that is not fixed, has a **schedule**. It offers the
first three of these together, and lockstep then decides the order and records it:

- `pace(mode, seed)`: before `apply`: how pending work goes on until the next operation (see `kvproof.fuzz.pace`).
- `follow(picks)`: before `apply`, instead of `pace`: exactly these pieces of work complete, in this order. One that
  cannot complete is passed over; where the operation must wait for more, the oldest work goes on. It raises for what is
  no pick of this target: then the trace cannot be used.
- `schedule()`: after `apply`: the picks that completed during it, in order; None when there is no schedule after all.
- `schedule_ahead()`: after `contents()`: the picks that the target let complete for that look alone. After `follow` that
  order must depend on nothing but the operations so far and what they followed, so that a trace says it all.

A pick is a name that means something to the target, such as `onboard`; the harness only keeps and repeats it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol, cast, runtime_checkable

from attrs import field, frozen

from kvproof.fuzz.paths import PathNode
from kvproof.model.importing import NotImported, imported
from kvproof.spec.lang import LanguageError

Value = Any
"""An argument or a result: int, bool, None, a tuple of values, or a record: a dict from field to value, in the order of
the machine's fields. Lists exist only in JSON."""

Observation = Mapping[str, Any]
"""What can be seen from outside, as JSON-able data that names nothing by a raw id."""


class HarnessError(Exception):
    """Bad input of the harness (a trace, a target, parameters): the message names the thing and the remedy.

    The command line prints it and exits with status 2.
    """


class TargetError(HarnessError):
    """The target cannot be used: it cannot be imported, lacks a method, or raised where it may not."""


class UnsupportedParameters(TargetError):
    """Raised by a target's `reset` for sizes that it does not offer: the engines draw others instead."""


@frozen
class Operation:
    """One call: absolute and self-contained, so that it means the same wherever it stands in a sequence."""

    name: str
    arguments: Mapping[str, Value]
    schedule: tuple[str, ...] | None = None
    """The picks that complete during it; None when that was not recorded, or when the target has no schedule."""
    choices: tuple[Value, ...] = ()
    """What a machine that plays the target takes where it leaves a choice open, in order; after them its policy decides.
    Any other target chooses by itself, and says what by `choices()`."""

    def __str__(self) -> str:
        return self.told()

    def told(self, most: int | None = None) -> str:
        """As `render`: the call, sequences of more than `most` items only by how many there are."""
        inside = ", ".join(f"{name}={render(value, most)}" for name, value in self.arguments.items())
        chosen = f" choosing {', '.join(map(render, self.choices))}" if self.choices else ""
        return f"{self.name}({inside}){chosen}"


@frozen
class Returned:
    """The operation was accepted and returned `value`."""

    value: Value = None

    def __str__(self) -> str:
        return f"returned {render(self.value)}"


@frozen
class Refused:
    """The operation was refused with the error named `error`; everything must be as before."""

    error: str

    def __str__(self) -> str:
        return f"refused {self.error}"


Outcome = Returned | Refused


class Step(NamedTuple):
    """One primitive of a step log: its name in the specification and its arguments in the specification's order."""

    name: str
    arguments: tuple[Value, ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(render(value) for value in self.arguments)})"


class Content(NamedTuple):
    """Bytes read back from a target: a layer's of tokens `path[start:]`, the same number of bytes for each token.

    A path that is given as a node tells for itself of which tokens the data are, and has the bytes of layer 0 only.
    """

    where: str
    path: tuple[int, ...] | PathNode
    start: int
    data: bytes
    layer: int = 0


@frozen
class Race:
    """Two accesses to one place, at least one a write, that nothing orders."""

    kind: str = field()
    """A stable name without ids, such as `write-after-read`: it becomes part of the failure's fingerprint."""
    message: str = field()


@runtime_checkable
class Target(Protocol):
    """The part of a target that is not optional."""

    def reset(self, parameters: Mapping[str, int]) -> None:
        """Start afresh with these sizes. Raises `UnsupportedParameters` when it does not offer them."""

    def apply(self, operation: Operation) -> Outcome:
        """Perform one operation. Any exception is a finding of the crash oracle."""

    def observe(self) -> Observation:
        """The observation as the specification's machine defines it."""

    def close(self) -> None:
        """Give back what `reset` took. Called once, also after a failure."""


REQUIRED_METHODS = ("reset", "apply", "observe", "close")

SCHEDULE_METHODS = ("pace", "follow", "schedule")
"""All of them, or none."""


@frozen
class Abilities:
    """Which of the methods that are optional a target has."""

    steps: bool
    choices: bool
    contents: bool
    races: bool
    schedule: bool
    """Lockstep decides when its pending work completes."""
    schedule_ahead: bool

    @classmethod
    def of(cls, target: Target) -> Abilities:
        """Those of one target."""

        def has(*methods: str) -> bool:
            return all(callable(getattr(target, method, None)) for method in methods)

        return cls(
            steps=has("steps"),
            choices=has("choices"),
            contents=has("contents"),
            races=has("races"),
            schedule=has(*SCHEDULE_METHODS),
            schedule_ahead=has("schedule_ahead"),
        )


def render(value: Value, most: int | None = None) -> str:
    """A value as a reader writes it: sequences in brackets, as in the trace file; records in braces, the first field
    and those that say more than 0, none or empty. Of a sequence of more than `most` items only their number is told."""
    if isinstance(value, Mapping):
        told = [name for at, (name, item) in enumerate(value.items()) if at == 0 or item not in (0, None, (), [])]
        return "{" + ", ".join(f"{name} {render(value[name], most)}" for name in told) + "}"
    if isinstance(value, tuple | list):
        if most is not None and len(value) > most:
            return f"[{len(value)} items]"
        return "[" + ", ".join(render(item, most) for item in value) + "]"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def load_target(specifier: str) -> Target:
    """Make the target named by `MODULE:ATTR` or `FILE.py:ATTR` (dots allowed in ATTR), which is called without arguments.

    Raises:
        TargetError: the module or the attribute is missing, the call raises, or the result lacks a method.
    """
    try:
        _, factory = imported(specifier)
    except (NotImported, LanguageError) as error:
        raise TargetError(f"target {specifier!r}: {error}") from error
    return make_target(factory, specifier)


def make_target(factory: Any, name: str) -> Target:
    """Call a target's class or factory and check what comes back.

    Raises:
        TargetError: as `load_target`.
    """
    if not callable(factory):
        raise TargetError(
            f"target {name!r}: {factory!r} cannot be called; name a class or a function without arguments"
        )
    try:
        target = factory()
    except TargetError:
        raise
    except Exception as error:  # the user's constructor: whatever it raises is reported
        raise TargetError(f"target {name!r}: making it raised {describe(error)}") from error
    scheduled = any(callable(getattr(target, method, None)) for method in SCHEDULE_METHODS)
    needed = (*REQUIRED_METHODS, *(SCHEDULE_METHODS if scheduled else ()))
    missing = [method for method in needed if not callable(getattr(target, method, None))]
    if missing:
        raise TargetError(
            f"target {name!r}: {type(target).__name__} lacks {', '.join(missing)}; see kvproof.fuzz.target"
        )
    return cast(Target, target)


def reset_target(target: Target, parameters: Mapping[str, int]) -> None:
    """`target.reset`, where every exception means that the target cannot be used.

    Raises:
        TargetError: the target raised.
    """
    try:
        target.reset(parameters)
    except TargetError:
        raise
    except Exception as error:  # the user's code: whatever it raises is reported
        if isinstance(error, KeyError) and error.args and error.args[0] not in parameters:
            raise TargetError(
                f"{type(target).__name__}.reset raised {describe(error)}, which the machine does not have: it has "
                f"{', '.join(parameters)}; if the target is one of another machine, name one of this"
            ) from error
        sizes = ", ".join(f"{name}={value}" for name, value in parameters.items())
        raise TargetError(f"{type(target).__name__}.reset({sizes}) raised {describe(error)}") from error


def describe(error: BaseException) -> str:
    """An exception in one line: its type and message."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def as_steps(log: Iterable[Any]) -> list[Step]:
    """A target's step log in one form; it may hold `Step`s or plain `(name, arguments)` pairs."""
    return [step if isinstance(step, Step) else Step(step[0], tuple(step[1])) for step in log]
