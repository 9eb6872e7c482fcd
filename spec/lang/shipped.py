"""What comes with a machine: its variants, the sizes at which it is checked, and what is known of it in advance.

A module says it of a machine by one value, `SHIPPED = Shipped(machine=.., ..)`, and of several by one value each. What does
not fit the machine is a `LanguageError` where the value is made: a declaration that is read by nobody would be silence.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any, cast

import attrs

from kvproof.spec.lang.class_source import class_source
from kvproof.spec.lang.compile import parameter_class
from kvproof.spec.lang.definition import Definition
from kvproof.spec.lang.machine import Machine, kind_of
from kvproof.spec.lang.refusals import Refusal
from kvproof.spec.lang.types import Parameters

SIZES_FOR = ("induction", "bounded", "explore", "variants", "fuzz")
"""What sizes are for; see `Shipped.sizes`."""

OBLIGATIONS = ("bound: ", "defined: ", "choice-")
"""How the names of what every machine must keep begin."""

FORMER = (
    "VARIANTS",
    "SIZES",
    "SELDOM",
    "BUILT_ON",
    "UNEXPLORED",
    "TRIED",
    "ONLY_FUZZED",
    "PURPOSES",
    "UNREACHED",
    "DOCUMENTING",
)
"""Constants by which modules declared a machine once; each is a field of `Shipped` now."""


def _names(names: Iterable[str]) -> frozenset[str]:
    return frozenset(names)


@attrs.frozen(eq=False, kw_only=True)
class Shipped:
    """A machine with all that is declared of it."""

    machine: type[Machine[Any]]
    """The class."""
    variants: Mapping[str, type[Machine[Any]]] = attrs.field(factory=dict)
    """The machine with one design changed, by label: every checker must find what is wrong with it."""
    sizes: Mapping[str, Mapping[str, Parameters]] = attrs.field(factory=dict)
    """Parameter sets by what they are for and by label: "induction" (proofs), "bounded" (shortest counterexamples),
    "explore", "fuzz" (presets), and "variants", the smallest at which each variant shows, by its label."""
    purposes: Mapping[str, str] = attrs.field(factory=dict)
    """What sizes for induction are for, by label."""
    unreached: Mapping[str, str] = attrs.field(factory=dict)
    """Goals of depth that nothing can reach (`*` stands for any text), each with the reason."""
    unexplored: Mapping[tuple[str, str], str] = attrs.field(factory=dict)
    """Method and arm of branches that only larger sizes reach than can be explored, each with the reason."""
    seldom: frozenset[str] = attrs.field(default=frozenset(), converter=_names)
    """Operations that end what others have built up: random sequences get further when these are drawn seldom."""
    tried: frozenset[str] | None = attrs.field(default=None, converter=attrs.converters.optional(_names))
    """The variants that only a trial finds. A counterexample of any other is one of operations, which an implementation can
    execute, so trials are left out there; None: there may be trials in all."""
    only_fuzzed: Mapping[str, str] = attrs.field(factory=dict)
    """Rules and promises that no proof covers, each with the reason."""
    documenting: Mapping[str, str] = attrs.field(factory=dict)
    """Conjuncts that nothing breaks by themselves, by key or (all of one method's) by the method, each with its reason."""
    built_on: str = ""
    """The machine that this one extends, if it does: what is only that one's is explored there."""

    def refuse_unknown(self, definition: Definition) -> None:
        """Refuse what names no rule or promise of the machine, which has to be compiled to know them."""
        stated = {**definition.rules(), **definition.promises()}
        source = class_source(cast(Any, self.machine))
        for told, values in _unknown("only_fuzzed", self.only_fuzzed, stated, "rule or promise", self.machine):
            raise told.at(source.file, source.node.lineno, **values)
        if isinstance(self.machine.BREAKS, str):  # every letter of it would be a name
            text, name = repr(self.machine.BREAKS), self.machine.__name__
            values = {
                "field": "BREAKS",
                "name": text,
                "what": "tuple of names",
                "machine": name,
                "remedy": f"Write ({text},)",
            }
            raise Refusal.NAMES_NOTHING.at(source.file, source.node.lineno, **values)
        breakable = [*stated, *definition.of_kind("invariant"), "all-or-nothing"]
        broken = [name for name in self.machine.BREAKS if not name.startswith(OBLIGATIONS)]
        for told, values in _unknown("BREAKS", broken, breakable, "rule, promise or invariant", self.machine):
            raise told.at(source.file, source.node.lineno, **values)


def declared(module: ModuleType, machine: type[Machine[Any]]) -> Shipped:
    """What a module declares of a machine, under whatever name; nothing but the machine when it says nothing of it.

    Raises:
        LanguageError: the module declares the machine twice, or by the constants of former times.
    """
    every = {name: value for name, value in vars(module).items() if isinstance(value, Shipped)}
    found = {name: value for name, value in every.items() if value.machine is machine}
    file = module.__file__ or module.__name__
    if len(set(map(id, found.values()))) > 1:
        raise Refusal.DECLARED_TWICE.at(file, 1, names=" and ".join(sorted(found)), machine=machine.__name__)
    former = [name for name in FORMER if hasattr(module, name)]
    if former and not every:
        fields = ", ".join(f"{name.lower()}={name}" for name in former)
        raise Refusal.FORMER_CONSTANTS.at(file, 1, names=", ".join(former), machine=machine.__name__, fields=fields)
    return next(iter(found.values()), None) or Shipped(machine=machine)


Problem = tuple[Refusal, dict[str, str]]


def _problems(shipped: Shipped) -> Iterator[Problem]:
    """What of a declaration does not fit its machine."""
    machine = shipped.machine
    if not (isinstance(machine, type) and issubclass(machine, Machine)):
        yield Refusal.NO_MACHINE, {"value": repr(machine)}
        return
    for label, variant in shipped.variants.items():
        if not (isinstance(variant, type) and issubclass(variant, machine)):
            yield Refusal.OTHER_VARIANT, {"label": repr(label), "value": repr(variant), "machine": machine.__name__}
    parameters = parameter_class(machine)
    for use, named in shipped.sizes.items():
        if use not in SIZES_FOR:
            yield Refusal.SIZES_FOR_NOTHING, {"use": repr(use), "remedy": _closest(use, SIZES_FOR)}
            continue
        for label, values in named.items():
            if not isinstance(values, parameters):
                told = {"use": use, "label": repr(label), "value": repr(values), "parameters": parameters.__name__}
                yield Refusal.OTHER_SIZES, told
    methods = [name for name in dir(machine) if inspect.isfunction(getattr(machine, name))]
    operations = [name for name in methods if kind_of(getattr(machine, name)) == "operation"]
    variants, induction = shipped.variants, shipped.sizes.get("induction", {})
    described = [name.partition(":")[0] for name in shipped.documenting]
    yield from _unknown("sizes for variants", shipped.sizes.get("variants", {}), variants, "variant", machine)
    yield from _unknown("purposes", shipped.purposes, induction, "size for induction", machine)
    yield from _unknown("seldom", sorted(shipped.seldom), operations, "operation", machine)
    yield from _unknown("tried", sorted(shipped.tried or ()), variants, "variant", machine)
    yield from _unknown("documenting", described, methods, "method", machine)
    yield from _unknown("unexplored", [name for name, _ in shipped.unexplored], methods, "method", machine)


def _unknown(
    field: str, names: Iterable[str], known: Iterable[str], what: str, machine: type[Machine[Any]]
) -> Iterator[Problem]:
    """Each name of a field that is not one of those that are known."""
    known = list(known)
    for name in names:
        if name not in known:
            told = {"field": field, "name": repr(name), "what": what, "machine": machine.__name__}
            yield Refusal.NAMES_NOTHING, told | {"remedy": _closest(name, known)}


def _closest(name: str, known: Iterable[str]) -> str:
    """The remedy for a name that is unknown."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    return f"Write {near[0]!r}" if near else f"There is {', '.join(sorted(known)) or 'none'}"


def _checked(init: Callable[..., None]) -> Callable[..., None]:
    """The initialiser that refuses unknown fields, and what does not fit, at the line of the declaration."""
    fields = [field.name for field in attrs.fields(Shipped)]

    @functools.wraps(init)
    def made(self: Shipped, *unnamed: Any, **given: Any) -> None:
        caller = sys._getframe(1)
        file, line = caller.f_code.co_filename, caller.f_lineno
        for value in unnamed:
            raise Refusal.FIELD_WITHOUT_NAME.at(file, line, value=repr(value))
        for name in given:
            if name not in fields:
                raise Refusal.FIELD_UNKNOWN.at(file, line, name=repr(name), remedy=_closest(name, fields))
        if "machine" not in given:
            raise Refusal.FIELD_MISSING.at(file, line)
        init(self, **given)
        for refusal, values in _problems(self):
            raise refusal.at(file, line, **values)

    return made


Shipped.__init__ = _checked(Shipped.__init__)  # type: ignore[method-assign]
