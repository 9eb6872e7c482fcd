"""Witnesses: for each conjunct of a machine, a state and a call that this conjunct alone refuses.

They are kept beside the machine, readable, and replayed on the class run directly: the machine refuses, and the same
machine without the conjunct does not. Who has no witness is named in the machine's `documenting` with the reason why it
stands there all the same.
"""

from __future__ import annotations
import __future__

import ast
import json
import os
import tempfile
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import cattrs

from kvproof.model.symbolic.encoding import label
from kvproof.model.witnesses.conjuncts import Conjunct
from kvproof.spec.lang import machine as language
from kvproof.spec.lang.compile import compile_machine
from kvproof.spec.lang.containers import frozen, thawed
from kvproof.spec.lang.definition import Definition, Method
from kvproof.spec.lang.errors import NotAssumed, OutOfDomain, Rejected, RuleBroken
from kvproof.spec.lang.machine import Machine
from kvproof.spec.lang.types import MapType, Type

FILE_NAME = "witnesses.json"
"""The name of the file in the machine's folder."""

UNDEFINED = (OutOfDomain, TypeError, KeyError, IndexError, ZeroDivisionError)
"""What reading a value that is not there ends in."""


class WitnessError(ValueError):
    """A file that has no witnesses, or a witness that does not fit the machine."""


@attrs.frozen
class Witness:
    """A state, and what is called in it; nothing for an invariant, which is false there."""

    conjunct: str
    """Its key."""
    sizes: Mapping[str, int]
    """The machine's parameters."""
    state: Mapping[str, Any]
    """The variables that are not as in the initial state, of maps only the entries that are not."""
    call: str
    arguments: Mapping[str, Any]
    condition: str
    """The rule, promise or invariant that the conjunct belongs to here."""
    unlike: tuple[str, ...] = ()
    """The other invariants that do not hold in the state: those that nobody could keep and be refused by this alone."""
    variant: str = ""
    """The variant of the machine that breaks the promise, where the machine itself does so from no state."""
    slip: tuple[str, str, str] | None = None
    """A mistake that lets the machine break it: the method, a line of it, and what stands there instead."""


@attrs.frozen
class Witnesses:
    """All witnesses of one specification."""

    machine: str
    specification: str
    """The specification's digest."""
    witnesses: tuple[Witness, ...]


def write(witnesses: Witnesses, path: Path) -> None:
    """Put the witnesses into a file, whole or not at all; each field of one on a line of its own."""
    plain = cattrs.unstructure(witnesses)
    for one in plain["witnesses"]:
        for name in ("unlike", "variant", "slip"):
            if not one[name]:
                del one[name]
    each = (
        "  {\n" + ",\n".join(f"   {json.dumps(name)}: {json.dumps(value)}" for name, value in one.items()) + "\n  }"
        for one in plain["witnesses"]
    )
    head = "".join(f" {json.dumps(name)}: {json.dumps(plain[name])},\n" for name in ("machine", "specification"))
    text = "{\n" + head + ' "witnesses": [\n' + ",\n".join(each) + "\n ]\n}\n"
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def read(path: Path) -> Witnesses | None:
    """The witnesses in a file; None when there is no file.

    Raises:
        WitnessError: the file has none.
    """
    if not path.is_file():
        return None
    try:
        return cattrs.structure(json.loads(path.read_text(encoding="utf-8")), Witnesses)
    except (ValueError, KeyError, TypeError, cattrs.BaseValidationError) as error:
        remedy = "write it anew with kvproof witnesses --record"
        raise WitnessError(f"{path} has no witnesses ({error}): {remedy}") from error


# States


def changes(definition: Definition, parameters: Any, snapshot: Sequence[Any]) -> dict[str, Any]:
    """What is in a snapshot that is not in the initial state, in the plain form that a file keeps."""
    initial = definition.cls(parameters).snapshot()
    found: dict[str, Any] = {}
    for (name, variable), old, new in zip(definition.state.items(), initial, snapshot, strict=True):
        difference = _difference(variable.type, old, new, parameters)
        if difference is not None:
            found[name] = difference
    return found


def _difference(kind: Type, old: Any, new: Any, parameters: Any) -> Any:
    if not isinstance(kind, MapType):
        return None if old == new else plain(new)
    entries = zip(kind.key.values(parameters), old, new, strict=True)
    different = {label(key): _difference(kind.value, a, b, parameters) for key, a, b in entries if a != b}
    return {key: {"is": None} if value is None else value for key, value in different.items()} or None


def plain(value: Any) -> Any:
    """Tuples as lists, members of enumerations as numbers. (None, for a map's entry, is told as {"is": None}.)"""
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value


def machine_in(definition: Definition, parameters: Any, state: Mapping[str, Any]) -> Machine[Any]:
    """The machine, run directly, in the state that a witness describes.

    Raises:
        WitnessError: that is no state of the machine.
    """
    machine = definition.cls(parameters)
    unknown = sorted(set(state) - set(definition.state))
    if unknown:
        raise WitnessError(f"{definition.name} has no state variable {', '.join(unknown)}")
    for name, change in state.items():
        kind = definition.state[name].type
        try:
            picture = _changed(kind, frozen(getattr(machine, name)), change, parameters)
            object.__setattr__(machine, name, thawed(kind, picture, parameters))
        except (*UNDEFINED, ValueError, AttributeError) as error:
            raise WitnessError(f"{change!r} is no change of {definition.name}.{name}: {error}") from error
    return machine


def _changed(kind: Type, old: Any, change: Any, parameters: Any) -> Any:
    if not isinstance(kind, MapType):
        return change
    keys = [label(key) for key in kind.key.values(parameters)]
    unknown = sorted(set(change) - set(keys))
    if unknown:
        raise ValueError(f"it has no keys {', '.join(unknown)}")
    entries = zip(keys, old, strict=True)
    return [
        _changed(kind.value, part, None if change[key] == {"is": None} else change[key], parameters)
        if key in change
        else part
        for key, part in entries
    ]


# Replay


def subject(definition: Definition, variants: Mapping[str, type[Machine[Any]]], witness: Witness) -> Definition:
    """The machine that a witness is about: the machine itself, or the variant that it names."""
    if not witness.variant:
        return definition
    if witness.variant not in variants:
        raise WitnessError(f"{definition.name} has no variant {witness.variant}")
    return compile_machine(variants[witness.variant])


def slipped(definition: Definition, slip: tuple[str, str, str] | None) -> dict[str, Method]:
    """The method in which a mistake was made, with the mistake."""
    if slip is None:
        return {}
    name, line, instead = slip
    lines = ast.unparse(definition.methods[name].node).splitlines()
    if lines.count(line) != 1:
        raise WitnessError(f"{name} has {lines.count(line)} lines {line!r}: one is needed")
    lines[lines.index(line)] = instead
    node = ast.parse("\n".join(lines)).body[0]
    assert isinstance(node, ast.FunctionDef)
    return {name: attrs.evolve(definition.methods[name], node=node)}


def replay(definition: Definition, conjunct: Conjunct, witness: Witness) -> str:
    """Run a witness on its `subject`, with and without the conjunct: "" when it shows what it should, or what it does."""
    parameters = definition.parameters(**witness.sizes)
    mistake = slipped(definition, witness.slip)
    violated = set(_violated(machine_in(definition, parameters, witness.state), definition, {}))
    expected = {*witness.unlike, *([conjunct.condition] if conjunct.kind == "invariant" else [])}
    if violated != expected:
        return f"in its state {_listed(violated)} and not {_listed(expected)} is violated"
    if conjunct.kind == "invariant":
        without = _violated(machine_in(definition, parameters, witness.state), definition, conjunct.changed)
        return (
            f"without the conjunct {conjunct.condition} does not hold either" if conjunct.condition in without else ""
        )
    broken = _broken(definition, parameters, witness, mistake)
    if broken != conjunct.condition:
        return f"{call_of(witness)} breaks {broken or 'nothing'}"
    weakened = attrs.evolve(definition, methods={**definition.methods, **conjunct.changed})
    broken = _broken(definition, parameters, witness, {**conjunct.changed, **slipped(weakened, witness.slip)})
    allowed = broken is None or (conjunct.kind == "promise" and broken != conjunct.condition)
    return "" if allowed else f"without the conjunct {call_of(witness)} breaks {broken} all the same"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def call_of(witness: Witness) -> str:
    """The call of a witness, as one would write it."""
    return f"{witness.call}({', '.join(f'{name}={value}' for name, value in witness.arguments.items())})"


MOST_SHOWN = 160
"""Characters of a state that are told in one line."""


def told(witness: Witness) -> str:
    """A witness in a line: the call, or only the state, and what of the state is not as in the beginning."""
    state = ""
    for place, value in _places(witness.state):
        more = f"{state}{', ' if state else ''}{place} = {value}"
        if len(more) > MOST_SHOWN:
            state += ", .."
            break
        state = more
    where = f"`{state}`" if state else "the initial state"
    if witness.unlike and witness.call:
        where += f", without {' and '.join(f'`{name}`' for name in witness.unlike)}"
    mistake = f" of {witness.variant}" if witness.variant else ""
    if witness.slip is not None:
        mistake = f" once `{witness.slip[1].strip()}` of `{witness.slip[0]}` reads `{witness.slip[2].strip()}`"
    return f"`{call_of(witness)}`{mistake} in {where}" if witness.call else where


def _places(change: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in change.items():
        at = f"{place}[{key}]" if place else key
        if value == {"is": None}:
            yield at, None
        elif isinstance(value, dict):
            yield from _places(value, at)
        else:
            yield at, value


# Verdicts


def earned(definition: Definition, witness: Witness) -> bool:
    """Whether a witness shows that something is refused by the conjunct alone.

    An invariant that is false only where another one is false too follows from the others: its witness shows no more than
    that it says something.
    """
    return witness.condition not in definition.of_kind("invariant") or not witness.unlike


@attrs.frozen
class Unearned:
    """A conjunct that refuses nothing by itself."""

    conjunct: Conjunct
    conditions: frozenset[str]
    """All rules, promises and invariants that have it: several, where it is a helper's."""
    implied_by: tuple[str, ...]
    """The invariants that are false whenever it is; () where no state makes it false."""


def unearned(
    definition: Definition, conjuncts: Sequence[Conjunct], witnesses: Iterable[Witness]
) -> dict[str, Unearned]:
    """The conjuncts that nothing breaks by themselves, by key.

    Of an equivalence that is symmetric, each direction follows from the other for the other pair: that is none.
    """
    known = {witness.conjunct: witness for witness in witnesses}
    shown = {key for key, witness in known.items() if earned(definition, witness)}
    halves = {(c.where, c.half_of) for c in conjuncts if c.half_of and c.key in shown}
    conditions: dict[str, set[str]] = {}
    for conjunct in conjuncts:
        conditions.setdefault(conjunct.key, set()).add(conjunct.condition)
    found: dict[str, Unearned] = {}
    for conjunct in conjuncts:
        if conjunct.key not in shown and (not conjunct.half_of or (conjunct.where, conjunct.half_of) in halves):
            witness = known.get(conjunct.key)
            unlike = witness.unlike if witness is not None else ()
            found.setdefault(conjunct.key, Unearned(conjunct, frozenset(conditions[conjunct.key]), unlike))
    return found


def unexplained(found: Mapping[str, Unearned], documenting: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The conjuncts that nothing breaks and no reason is given for, and the reasons for which there is no need.

    A reason is given for a conjunct by its key, for all of a method by its name, and with all of an invariant for what it
    has through helpers that serve nothing else.
    """
    given = set(documenting)
    silent = [
        key for key, one in found.items() if not {key, one.conjunct.where} & given and not one.conditions <= given
    ]
    used = {name for key, one in found.items() for name in (key, one.conjunct.where)}
    return silent, [name for name in documenting if name not in used]


def _violated(machine: Machine[Any], definition: Definition, changed: Mapping[str, Method]) -> list[str]:
    """The invariants that do not hold, or mean nothing; but one without the conjunct that guards it may mean nothing."""
    _change(machine, changed)
    found = []
    for name in definition.of_kind("invariant"):
        try:
            holds = getattr(machine, name)()
        except UNDEFINED:
            holds = name in changed
        if not holds:
            found.append(name)
    return found


def _broken(definition: Definition, parameters: Any, witness: Witness, changed: Mapping[str, Method]) -> str | None:
    """The rule or promise that the call of a witness breaks, in a machine in which some methods are changed."""
    machine = machine_in(definition, parameters, witness.state)
    _change(machine, changed)
    method = definition.methods[witness.call]
    arguments = [
        value if kind is None else thawed(kind, value, parameters)
        for (_, kind), value in zip(method.arguments, witness.arguments.values(), strict=True)
    ]
    try:
        getattr(machine, witness.call)(*arguments)
    except (Rejected, NotAssumed, *UNDEFINED):
        return None
    except RuleBroken as error:  # what is undefined breaks one as well
        return error.rule
    return None


_MARKS: dict[str, Callable[[Any], Any]] = {
    "step": language.step,
    "operation": language.operation,
    "trial": language.trial,
}


def _change(machine: Machine[Any], changed: Mapping[str, Method]) -> None:
    """Give one machine other methods, made from their syntax trees."""
    for name, method in changed.items():
        node = ast.FunctionDef(**{**dict(ast.iter_fields(method.node)), "decorator_list": []})
        module = ast.fix_missing_locations(ast.Module([ast.copy_location(node, method.node)], []))
        made: dict[str, Any] = {}
        flags = __future__.annotations.compiler_flag
        exec(compile(module, method.file, "exec", flags), method.namespace, made)
        function = _MARKS.get(method.kind, lambda same: same)(made[name])
        object.__setattr__(machine, name, types.MethodType(function, machine))
