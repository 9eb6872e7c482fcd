"""The machines that there are, each with what is derived from it.

A machine is a folder of `kvproof.spec` whose package gives `MACHINE`, `VARIANTS` and `SIZES`, and may give `SELDOM`, the
operations that random sequences are to use seldom, `BUILT_ON`, the machine that it extends, `UNEXPLORED`, branches that no
size reaches that can be explored, `UNREACHED`, goals of depth that nothing can reach, `TRIED`, the variants that only a
trial finds, and `DOCUMENTING`, conjuncts that nothing breaks by themselves. A machine of one's own is named `module:Class`
or `file.py:Class`; its module may give `VARIANTS`, `SIZES`, `UNREACHED`, `TRIED` and `DOCUMENTING` too; its reference is
generated in memory.
"""

from __future__ import annotations

import functools
import importlib
import linecache
import pkgutil
import sys
import types
from collections.abc import Hashable, Mapping
from typing import Any, cast

import attrs

import kvproof.spec
from kvproof.model.depth import machine_goals
from kvproof.model.importing import NotImported, imported
from kvproof.model.writing.marks import Measured
from kvproof.model.writing.source import reference_source
from kvproof.spec.lang import Definition, Machine, Parameters, compile_machine


class UnknownMachine(Exception):
    """No machine has this name."""


@attrs.frozen(eq=False)
class Bundle:
    """A machine and what is derived from it."""

    name: str
    definition: Definition
    reference: Any
    variants: Mapping[str, type[Machine[Any]]]
    sizes: Mapping[str, Mapping[str, Parameters]]
    """Named parameter sets, by purpose: "induction", "bounded", "explore", "fuzz"."""
    seldom: frozenset[str] = frozenset()
    """Operations that end what others have built up: random sequences get further when these are drawn seldom."""
    built_on: str = ""
    """The machine that this one extends, if it does: what is only that one's is explored there."""
    unexplored: Mapping[tuple[str, str], str] = attrs.field(factory=dict)
    """Method and arm of branches that only larger sizes reach than can be explored, each with the reason."""
    tried: frozenset[str] | None = None
    """The variants that only a trial finds. A counterexample of any other is one of operations, which an implementation can
    execute, so trials are left out there; None: there may be trials in all."""
    has_trials: bool = True
    """Whether its trials are tried."""
    documenting: Mapping[str, str] = attrs.field(factory=dict)
    """Conjuncts that nothing breaks by themselves, by key or (all of one method's) by the method, each with its reason."""
    unreached: Mapping[str, str] = attrs.field(factory=dict)
    """Goals of depth that no proof can reach, each with the reason; a `*` stands for any text."""

    def goals(self) -> frozenset[str]:
        """The goals of depth that are this machine's own, and not those of the machine that it extends."""
        found = machine_goals(self.definition) | machine_goals(self.definition, of_trials=True)
        return found - load(self.built_on).goals() if self.built_on else found

    def checked(self) -> tuple[str, ...]:
        """What checkers look at: the operations, and the trials where these are tried."""
        definition = self.definition
        return (*definition.of_kind("operation"), *(definition.trials() if self.has_trials else ()))

    def parameters(self, values: Mapping[str, int]) -> Parameters:
        """The machine's parameters from a plain mapping; `ValueError` names what does not fit."""
        known = {field.name for field in attrs.fields(cast(Any, self.definition.parameters))}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"parameter {name!r} is unknown: {self.name} has {', '.join(sorted(known))}")
            if isinstance(value, bool) or not isinstance(value, int):
                raise ValueError(f"parameter {name} is {value!r}: it must be an integer")
        return self.definition.parameters(**values)

    def variant(self, name: str) -> Bundle:
        """The variant `name` as a machine of its own."""
        if name not in self.variants:
            raise UnknownMachine(f"{self.name} has no variant {name!r}: there are {', '.join(self.variants) or 'none'}")
        made = _bundle(f"{self.name}/{name}", self.variants[name], {}, self.sizes)
        return attrs.evolve(made, has_trials=self.tried is None or name in self.tried)


@functools.cache
def generated_class(cls: Hashable, enforce: bool = True, depth: bool = False) -> Any:
    """The reference class of any machine, generated and loaded in memory; see `writing.source` for `enforce` and
    `depth`."""
    definition = compile_machine(cast(type[Machine[Any]], cls))
    source = reference_source(definition, enforce, depth)
    digest = definition.digest()
    name = f"<reference of {definition.name} {digest}{'' if enforce else ' without rules'}{' with depth' if depth else ''}>"
    module = types.ModuleType(f"kvproof_reference_{definition.name}_{digest}_{enforce}_{depth}")
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    # dataclasses look their module up by name while the class is made
    sys.modules[module.__name__] = module
    exec(compile(source, name, "exec"), module.__dict__)
    reference = getattr(module, definition.name)
    return type(definition.name, (Measured, reference), {"DEFINITION": definition}) if depth else reference


def names() -> list[str]:
    """The machines that kvproof ships."""
    return sorted(
        found.name.replace("_", "-")
        for found in pkgutil.iter_modules(kvproof.spec.__path__)
        if found.ispkg and found.name != "lang"
    )


def load(name: str) -> Bundle:
    """The machine `name`, or the class at `module:Class` or `file.py:Class`; each may be followed by `/` and a variant."""
    own, colon, last = name.rpartition(":")
    base, slash, variant = last.partition("/")
    if slash and (colon or not name.endswith(".py")):
        return load(f"{own}{colon}{base}").variant(variant)
    if colon or name.endswith(".py"):
        try:
            module, cls = imported(name)
        except NotImported as error:
            raise UnknownMachine(f"machine {name!r}: {error}") from error
        if not (isinstance(cls, type) and issubclass(cls, Machine)):
            raise UnknownMachine(f"{name!r} is not a machine: it must derive kvproof.Machine")
        made = _bundle(name, cls, getattr(module, "VARIANTS", {}), getattr(module, "SIZES", {}))
        return attrs.evolve(
            made,
            tried=getattr(module, "TRIED", None),
            unreached=getattr(module, "UNREACHED", {}),
            documenting=getattr(module, "DOCUMENTING", {}),
        )
    if name not in names():
        raise UnknownMachine(
            f"there is no machine {name!r}: choose from {', '.join(names())}, or give module:Class or file.py:Class"
        )
    package = importlib.import_module(f"kvproof.spec.{name.replace('-', '_')}")
    reference = importlib.import_module(f"kvproof.model.reference.{name.replace('-', '_')}")
    definition = compile_machine(package.MACHINE)
    seldom = frozenset(getattr(package, "SELDOM", ()))
    built_on = str(getattr(package, "BUILT_ON", ""))
    return Bundle(
        name,
        definition,
        getattr(reference, definition.name),
        package.VARIANTS,
        package.SIZES,
        seldom,
        built_on,
        getattr(package, "UNEXPLORED", {}),
        getattr(package, "TRIED", None),
        unreached=getattr(package, "UNREACHED", {}),
        documenting=getattr(package, "DOCUMENTING", {}),
    )


def _bundle(
    name: str, cls: type[Machine[Any]], variants: Mapping[str, Any], sizes: Mapping[str, Mapping[str, Parameters]]
) -> Bundle:
    return Bundle(name, compile_machine(cls), generated_class(cast(Hashable, cls)), variants, sizes)
