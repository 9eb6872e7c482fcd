"""The call graph of a machine: which of its own methods each method calls, and what follows from that.

A call is `self.name(..)`: a container's method of the same name, as in `self.free.add(..)`, is none of the machine's `add`.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterable, Iterator

from kvproof.spec.lang.definition import Definition

Part = Callable[[ast.AST], bool]
"""Whether a part of a method is one of some sort."""


def nothing(node: ast.AST) -> bool:
    """No part at all."""
    return False


@functools.cache
def called(node: ast.FunctionDef, leaving_out: Part = nothing) -> tuple[str, ...]:
    """The methods that a method calls, each once, in order of appearance; not from within the parts left out."""
    return tuple(dict.fromkeys(_calls(node, leaving_out)))


def _calls(node: ast.AST, leaving_out: Part) -> Iterator[str]:
    if leaving_out(node):
        return
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=name)):
            yield name
    for part in ast.iter_child_nodes(node):
        yield from _calls(part, leaving_out)


def reached(definition: Definition, roots: Iterable[str], leaving_out: Part = nothing) -> frozenset[str]:
    """The methods that `roots` call, at however many removes, and these; not from within the parts left out."""
    found: set[str] = set()
    pending = list(roots)
    while pending:
        name = pending.pop()
        if name not in found and name in definition.methods:
            found.add(name)
            pending += called(definition.methods[name].node, leaving_out)
    return frozenset(found)


def running_methods(definition: Definition, leaving_out: Part = nothing) -> frozenset[str]:
    """Steps, operations, and the helpers that they reach: the methods that a run can come to."""
    return reached(definition, [*definition.of_kind("operation"), *definition.of_kind("step")], leaving_out)


def only_tried(definition: Definition) -> frozenset[str]:
    """Trials and the helpers that nothing but trials reaches."""
    return reached(definition, definition.trials()) - running_methods(definition)


def queries(definition: Definition) -> frozenset[str]:
    """The operations from which no step can be reached."""
    steps = set(definition.of_kind("step"))
    return frozenset(name for name in definition.of_kind("operation") if not reached(definition, [name]) & steps)


def inlined_size(definition: Definition, name: str) -> int:
    """Syntax nodes of a method with everything it calls: an estimate of how much work its circuit is.

    A method counts as often as it is called.
    """
    sizes: dict[str, int] = {}

    def size(method: str) -> int:
        if method not in sizes:
            sizes[method] = 0
            node = definition.methods[method].node
            own = sum(1 for _ in ast.walk(node))
            sizes[method] = own + sum(size(inner) for inner in _calls(node, nothing) if inner in definition.methods)
        return sizes[method]

    return size(name)
