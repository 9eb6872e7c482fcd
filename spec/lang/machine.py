"""What a machine is made of, and how it runs directly under Python."""

from __future__ import annotations

import copy
import functools
import inspect
import typing
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar, Generic, NoReturn, TypeVar, cast

from kvproof.spec.lang.annotations import resolve
from kvproof.spec.lang.containers import fresh, frozen
from kvproof.spec.lang.errors import NotAssumed, OutOfDomain, Rejected, RuleBroken
from kvproof.spec.lang.misuse import MISUSES, misuse
from kvproof.spec.lang.record import plain
from kvproof.spec.lang.state import state_types
from kvproof.spec.lang.types import RUNNING, OptionType, Parameters, Type, from_plain

P = TypeVar("P", bound=Parameters)
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_KIND = "_kvproof_kind"


def _marked(function: F, kind: str) -> F:
    setattr(function, _KIND, kind)
    return function


def kind_of(function: Any) -> str:
    """step, operation, trial, invariant, theorem, observation, canonical, .. or helper when a method has no mark."""
    return getattr(function, _KIND, "helper")


def _entered(machine: Any, kind: str) -> str:
    """Note that a method of a kind runs; what ran before."""
    before: str = machine._running
    object.__setattr__(machine, "_running", kind)
    return before


def step(function: F) -> F:
    """A primitive: the only kind of method that writes state. It is logged, and its `require`s are protocol rules."""

    @functools.wraps(function)
    def taken(self: Any, *arguments: Any) -> Any:
        if self._running == "step":  # one that overrides this one calls it: together they are one step
            return function(self, *arguments)
        before = _entered(self, "step")
        try:
            result = function(self, *arguments)
        finally:
            object.__setattr__(self, "_running", before)
        self._steps_taken += 1
        if self.on_step is not None:
            self.on_step(function.__name__, arguments)
        return result

    return _marked(cast(F, taken), "step")


def operation(function: F) -> F:
    """What a caller calls. It either completes or is rejected, and a rejection leaves the state as it was."""

    @functools.wraps(function)
    def called(self: Any, *arguments: Any) -> Any:
        if self._running == "operation":
            return _tested(self, function, inspect.unwrap(function), arguments)
        taken_before = self._steps_taken
        before = _entered(self, "operation")
        try:
            return function(self, *arguments)
        except Rejected as rejection:
            if self._steps_taken != taken_before:
                message = f"{function.__name__} was rejected ({rejection.error}) after it had taken a step"
                raise RuleBroken("all-or-nothing", message) from rejection
            raise
        finally:
            object.__setattr__(self, "_running", before)

    return _marked(cast(F, called), "operation")


def trial(function: F) -> F:
    """What would come of some steps, from any state between operations: its `ensure`s hold, and the rules of its steps.

    It says of two moments what an invariant cannot, such as that one change takes back another. Nobody calls it, and it
    changes nothing: run directly, it works on a copy. `assume` says for which states and arguments it means anything.
    """

    @functools.wraps(function)
    def tried(self: Any, *arguments: Any) -> None:
        if self._running == "trial":
            return function(self, *arguments)  # type: ignore[no-any-return]  # nothing
        hook = self.on_step
        object.__setattr__(self, "on_step", None)  # whoever listens is not copied
        try:
            scratch = copy.deepcopy(self)
        finally:
            object.__setattr__(self, "on_step", hook)
        _entered(scratch, "trial")
        function(scratch, *arguments)
        return None

    return _marked(cast(F, tried), "trial")


def invariant(function: F) -> F:
    """A predicate that holds between operations. Its docstring says why it is true."""
    return _marked(function, "invariant")


def theorem(function: F) -> F:
    """A statement about all integers: assumptions, then the conclusion. Its arguments and the parameters that it reads
    are any integers that satisfy the assumptions. Its docstring says what it is good for."""
    return _marked(function, "theorem")


def observation(function: F) -> F:
    """The method that tells what a caller can see, without internal names. Ordinary Python, read by no checker."""
    return _marked(function, "observation")


def canonical(function: F) -> F:
    """The method that names the machine's interchangeable things: a dict from index class to its values in order.

    Two states that differ only in the names of such things must get orders that carry one into the other. Ordinary
    Python, read by no checker.
    """
    return _marked(function, "canonical")


def normal_form(function: F) -> F:
    """A predicate that some renaming of interchangeable things makes true in every state.

    Who looks at arbitrary states may look at those alone; every canonical state satisfies it, which a test asserts.
    """
    return _marked(function, "normal_form")


def phase(function: F) -> F:
    """The method that classifies one value of an index type: its results are the nodes of the state diagram."""
    return _marked(function, "phase")


def require(condition: bool, rule: str, message: str = "") -> None:
    """A protocol rule of the step in which it stands: whoever takes the step must make `condition` true."""
    if not condition:
        raise RuleBroken(rule, message)


def ensure(condition: bool, promise: str) -> None:
    """What an operation promises, or a trial shows, wherever it stands: operation, helper or trial itself must make
    `condition` true."""
    if not condition:
        raise RuleBroken(promise)


def assume(condition: bool) -> None:
    """What a theorem or trial presumes. Run directly on other values, it raises `NotAssumed`."""
    if not condition:
        raise NotAssumed("an assumption is false for these values")


def reject(error: str) -> NoReturn:
    """Refuse the operation: allowed only before its first step."""
    raise Rejected(error)


def sometimes(event: str) -> None:
    """Marks a point that some run must reach; a check that never reaches it fails."""


_decided: ContextVar[list[Any] | None] = ContextVar("decided", default=None)


@contextmanager
def deciding(choices: Sequence[Any]) -> Iterator[None]:
    """Let `choose` take these, in order, records as dicts; when they are used up, the policy decides again."""
    token = _decided.set(list(choices))
    try:
        yield
    finally:
        _decided.reset(token)


def known(value: T | None) -> T:
    """The value, where it is sure to be one: None is an error here ("defined")."""
    if value is None:
        raise OutOfDomain("None is not known", "defined")
    return value


def choose(candidates: Iterable[T], name: str) -> T:
    """One of `candidates`, left open by the system. Run directly, the policy is the first of them."""
    offered = tuple(candidates)  # all of them: whoever takes another one must find it defined
    if not offered:
        raise RuleBroken(f"choice-exists:{name}", "there is nothing to choose from")
    decided = _decided.get()
    if not decided:
        return offered[0]
    wanted = decided.pop(0)
    for one in offered:
        if plain(one) == wanted:
            return one
    raise RuleBroken(f"choice-allowed:{name}", f"{wanted} is not among {list(map(plain, offered))}")


def _in_machine(function: F) -> F:
    """A method of the language: what it converts is tested against its machine's parameters."""

    @functools.wraps(function)
    def called(self: Any, *arguments: Any) -> Any:
        if RUNNING.get() is self.params:  # within another of its methods, as most are
            return function(self, *arguments)
        token = RUNNING.set(self.params)
        try:
            return function(self, *arguments)
        finally:
            RUNNING.reset(token)

    return cast(F, called)


def _checked(function: F) -> F:
    """A helper or step that is given None where it takes none, or a helper that returns what is not of the type that it
    says, is out of its domain, as the checkers have it."""

    run, written = _in_machine(function), inspect.unwrap(function)

    @functools.wraps(function)
    def called(self: Any, *arguments: Any) -> Any:
        return _tested(self, run, written, arguments)

    return cast(F, called)


def _tested(machine: Any, function: Callable[..., Any], written: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """The result of a method; `written`: as it stands in the class, which says what it takes and returns."""
    needed, result_type = _signature(written)
    for name, value in zip(needed, arguments, strict=False) if None in arguments else ():
        if value is None and name:
            where = f"argument {name} of {function.__name__}"
            raise OutOfDomain(f"{where} is None", f"defined: {where}")
    result = function(machine, *arguments)
    if result_type is not None and not result_type.contains(result, machine.params):
        where = f"result of {function.__name__}"
        raise OutOfDomain(f"{result!r} is no {where}", f"bound: {where}")
    return result


@functools.cache
def _signature(function: Callable[..., Any]) -> tuple[tuple[str, ...], Type | None]:
    """The names of the arguments, empty where None is a value; and the type of the result when it says more than int."""
    hints = typing.get_type_hints(function, include_extras=True)
    result = hints.get("return", type(None))
    plain = result in (int, type(None), NoReturn)
    names = tuple(
        "" if hints.get(name, int) is not int and isinstance(resolve(hints[name]), OptionType) else name
        for name in _argument_names(function)
    )
    return names, None if plain else resolve(result)


@functools.cache
def _argument_types(function: Callable[..., Any]) -> dict[str, Type]:
    hints = typing.get_type_hints(function, include_extras=True)
    return {name: resolve(hint) for name, hint in hints.items() if name != "return"}


@functools.cache
def _argument_names(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)[1:]


@functools.cache
def _invariants(cls: Hashable) -> tuple[str, ...]:
    waived = cast(type[Machine[Any]], cls).WAIVED
    return tuple(name for name in sorted(dir(cls)) if kind_of(getattr(cls, name)) == "invariant" and name not in waived)


def _free(name: str) -> bool:
    """Whether a method without a mark is ordinary Python."""
    return name == "initial" or name.startswith("__")


class Machine(Generic[P]):
    """Base of all machines. State variables are the annotations of the subclasses; `params` are fixed for life."""

    params: P
    on_step: Callable[[str, tuple[Any, ...]], None] | None
    parameter_class: ClassVar[type[Parameters]]
    BREAKS: ClassVar[tuple[str, ...]] = ()
    """Of a variant: the rules, promises, invariants or obligations of which its shortest counterexamples break one. Checks
    say when another one broke."""
    WAIVED: ClassVar[tuple[str, ...]] = ()
    """The invariants and trials of its bases that a machine, mostly a variant, does not claim: nobody checks them."""
    _types: ClassVar[dict[str, Type]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, value in list(cls.__dict__.items()):
            if not inspect.isfunction(value) or _free(name):
                continue
            if kind_of(value) in ("helper", "step"):
                setattr(cls, name, _checked(value))
            elif kind_of(value) in ("operation", "trial", "invariant", "normal_form"):
                setattr(cls, name, _in_machine(value))

    def __init__(self, params: P) -> None:
        object.__setattr__(self, "params", params)
        object.__setattr__(self, "on_step", None)
        object.__setattr__(self, "_steps_taken", 0)
        object.__setattr__(self, "_running", "")
        declared = state_types(cast(Hashable, type(self)), Machine)
        object.__setattr__(self, "_state", {name: variable.type for name, variable in declared.items()})
        for name, kind in self._state.items():
            object.__setattr__(self, name, fresh(kind, params))
        self.initial()

    _steps_taken: int
    _running: str
    """The kind of the marked method that runs now; a method of that kind is called by one that overrides it."""
    _state: dict[str, Type]

    def initial(self) -> None:
        """Gives state variables their first values where the defaults (0, False, None, empty) are not right."""

    def __setattr__(self, name: str, value: Any) -> None:
        kind = self._state.get(name)
        if kind is not None and not kind.contains(value, self.params):
            raise OutOfDomain(f"{value!r} is not a value of {name}")
        object.__setattr__(self, name, value)

    def every(self, kind: type[T]) -> Iterable[T]:
        """All values of an index type, ascending."""
        return cast(Iterable[T], range(kind.count(self.params)))  # type: ignore[attr-defined]  # an Index class

    def snapshot(self) -> tuple[Any, ...]:
        """The whole state, hashable, variables in order of declaration."""
        return tuple(frozen(getattr(self, name)) for name in self._state)

    def apply(self, name: str, arguments: dict[str, Any]) -> Any:
        """Run one operation by name, or try a trial; raises `Rejected`, `NotAssumed` or `RuleBroken`.

        Records may be given as dicts of their fields. What breaks may be a rule that all machines have (`OutOfDomain`).
        """
        method = getattr(type(self), name, None)
        if method is None or kind_of(method) not in ("operation", "trial") or name in self.WAIVED:
            raise OutOfDomain(f"{type(self).__name__} has no operation {name!r}")
        names = _argument_names(inspect.unwrap(method))
        if set(arguments) != set(names):
            raise OutOfDomain(f"{name} takes {', '.join(names)}; it was given {', '.join(arguments)}")
        kinds = _argument_types(inspect.unwrap(method))
        values = [from_plain(kinds.get(argument), arguments[argument]) for argument in names]
        try:
            return method(self, *values)
        except (OutOfDomain, *MISUSES) as error:
            found = misuse(error, self._written())
            if found is None:
                raise
            raise found from error

    def check(self) -> list[str]:
        """Names of the invariants that do not hold now. One in which a promise breaks, or that reads what is not there,
        does not hold."""
        return [name for name in _invariants(cast(Hashable, type(self))) if not self._holds(name)]

    def _holds(self, invariant: str) -> bool:
        try:
            return bool(getattr(self, invariant)())
        except RuleBroken:
            return False
        except MISUSES as error:
            if misuse(error, self._written()) is None:
                raise
            return False

    def _written(self) -> list[type]:
        """The classes in which somebody has written this machine down."""
        return [cls for cls in type(self).__mro__ if issubclass(cls, Machine) and cls is not Machine]
