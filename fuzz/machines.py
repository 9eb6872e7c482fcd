"""Subjects from the project's machines: the one place where the harness reads a machine's definition."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

import attrs

from kvproof.fuzz.shapes import Fields, Maybe, Named, Run, Shape, Truth, Whole
from kvproof.fuzz.subject import MachineError, Parameters, Reference, Subject
from kvproof.model import machines
from kvproof.spec.lang import LanguageError, types
from kvproof.spec.lang.calls import queries

FAVOURITES_FROM = 9
"""A range with at least this many values has favourites, so that values at which behaviour changes are common."""


@lru_cache(maxsize=32)
def subject_named(name: str) -> Subject:
    """The subject of a machine: one that kvproof ships, or the class at `module:Class`.

    Raises:
        MachineError: there is no such machine.
    """
    try:
        return subject_of(machines.load(name))
    except (machines.UnknownMachine, LanguageError) as error:
        raise MachineError(str(error)) from error


def subject_of(bundle: machines.Bundle) -> Subject:
    """What the harness needs of a machine bundle."""
    definition, reference = bundle.definition, bundle.reference
    operations = definition.of_kind("operation")
    names = tuple(field.name for field in attrs.fields(cast(Any, definition.parameters)))
    sizes = tuple(bundle.sizes.get("fuzz", {}).values()) or (bundle.parameters({}),)
    presets = tuple({name: int(getattr(size, name)) for name in names} for size in sizes)

    @lru_cache(maxsize=4096)
    def shapes_at(values: tuple[int, ...]) -> Mapping[str, Mapping[str, Shape]]:
        named = dict(zip(names, values, strict=True))
        try:
            parameters = bundle.parameters(named)
        except ValueError as error:
            raise MachineError(f"parameters of {bundle.name}: {error}") from error
        return {
            name: {
                argument: shape_of(kind, parameters, named, argument)
                for argument, kind in method.arguments
                if kind is not None
            }
            for name, method in operations.items()
        }

    return Subject(
        name=bundle.name,
        digest=definition.digest(),
        presets=presets,
        make_reference=lambda parameters: cast(Reference, reference(bundle.parameters(parameters))),
        make_shapes=lambda parameters: shapes_at(tuple(parameters[name] for name in names)),
        steps=frozenset(definition.of_kind("step")),
        rejected=reference.Rejected,
        rule_broken=reference.RuleBroken,
        branches=reference.BRANCHES,
        events=tuple(definition.events()),
        sequence_state={
            name: kind
            for name, variable in definition.state.items()
            if (kind := _sequence_items(variable.type)) is not None
        },
        queries=queries(definition),
        seldom=bundle.shipped.seldom,
    )


def shape_of(kind: types.Type, parameters: Any, named: Parameters, argument: str = "") -> Shape:
    """The shape of a type of the specification at given parameters."""
    if isinstance(kind, types.BoolType):
        return Truth()
    if isinstance(kind, types.EnumType):
        return Named(tuple(member.name for member in kind.cls), tuple(kind.cls))
    if isinstance(kind, types.IndexType):
        return Whole(0, kind.size(parameters) - 1, kind.name, is_index=True)
    if isinstance(kind, types.RangeType):
        low, high = kind.ends(parameters)
        return Whole(low, high, favourites=_favourites(low, high, named, argument))
    if isinstance(kind, types.OptionType):
        return Maybe(shape_of(kind.inner, parameters, named, argument))
    if isinstance(kind, types.SeqType):
        return Run(shape_of(kind.inner, parameters, named), kind.length(parameters), kind.exact)
    if isinstance(kind, types.RecordType):
        return Fields(kind.name, {name: shape_of(field, parameters, named, name) for name, field in kind.fields})
    raise MachineError(
        f"argument {argument}: {type(kind).__name__} cannot be an argument; use an index, a range, a sequence or a record"
    )


def _favourites(low: int, high: int, named: Parameters, argument: str) -> tuple[int, ...]:
    """The default of an argument, the ends, and parameters near which it matters.

    `default_priority` is the default of all arguments and fields whose last word is `priority`.
    """
    if high - low + 1 < FAVOURITES_FROM:
        return ()
    default = [value for name, value in named.items() if name == f"default_{argument.rpartition('_')[2]}"]
    large = [value for value in named.values() if value >= FAVOURITES_FROM]
    found = [*default, low, *(near for value in large for near in (value, value - 1)), high]
    return tuple(dict.fromkeys(value for value in found if low <= value <= high))


def _sequence_items(kind: types.Type) -> str | None:
    """The kind of the items of the sequences that values of a type hold, if they do (see `Whole.kind`)."""
    if isinstance(kind, types.SeqType):
        return kind.inner.name if isinstance(kind.inner, types.IndexType) else "integer"
    if isinstance(kind, types.OptionType):
        return _sequence_items(kind.inner)
    return _sequence_items(kind.value) if isinstance(kind, types.MapType | types.PartialMapType) else None
