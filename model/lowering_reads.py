"""Reads of containers and sequences: subscripts, slices, lengths, membership."""

from __future__ import annotations

import ast
from collections.abc import Callable

from kvproof.model.circuit import FALSE, TRUE
from kvproof.model.lowering_context import Context
from kvproof.model.lowering_environment import Environment, View
from kvproof.model.symbolic_containers import Container, MapValue, PartialMapValue, QueueValue, SetValue
from kvproof.model.symbolic_integers import Int, Value
from kvproof.model.symbolic_sequences import contains, element, prefix, suffix
from kvproof.model.symbolic_values import Bool, Seq


class Reads(Context):
    """Expressions that look something up."""

    def subscript(self, node: ast.Subscript, environment: Environment) -> Value:
        """`owner[key]` or `owner[start:stop]`."""
        owner = self.evaluate(node.value, environment)
        if isinstance(node.slice, ast.Slice):
            sequence = self.present(owner, node.value, environment)
            assert isinstance(sequence, Seq)
            if node.slice.upper is not None:
                sequence = prefix(self.algebra, sequence, self.integer(node.slice.upper, environment))
            if node.slice.lower is not None:
                sequence = suffix(self.algebra, sequence, self.integer(node.slice.lower, environment))
            return sequence
        key = self.evaluate(node.slice, environment)
        if isinstance(owner, View):
            return self._looked_up(node, owner, key, environment)
        sequence = self.present(owner, node.value, environment)
        assert isinstance(sequence, Seq)
        index = self.algebra.as_int(self.present(key, node.slice, environment))
        value, exists = element(self.algebra, sequence, index)
        self.oblige(f"defined: {ast.unparse(node)}", node, environment, exists)
        return self.algebra.number(0) if value is None else value

    def _looked_up(self, node: ast.Subscript, owner: View, key: Value, environment: Environment) -> Value:
        first = owner.alternatives[0][1]
        if isinstance(first, MapValue):
            return self._at(owner, self.fitted(key, first.shape.key, ast.unparse(node), node, environment))
        if isinstance(first, PartialMapValue):
            return self.present(self._got(owner, key), node, environment)
        raise self.refuse(node, f"{ast.unparse(node.value)} cannot be subscripted")

    def _got(self, owner: View, key: Value) -> Value:
        """The values of partial maps at a key, or None."""
        pairs = [(c, v) for c, v in owner.alternatives if isinstance(v, PartialMapValue)]
        return self.algebra.select([c for c, _ in pairs], [self.containers.partial_get(v, key) for _, v in pairs])

    def _at(self, owner: View, key: Value) -> Value:
        """The values of total maps at a key of their type."""
        both = self.circuit.both
        conditions: list[int] = []
        items: list[Value] = []
        for condition, container in owner.alternatives:
            assert isinstance(container, MapValue)
            for at, item in zip(self.containers.keys(container.shape.keys, key), container.items, strict=True):
                path = both(condition, at)
                if path != FALSE:
                    conditions.append(path)
                    items.append(item)
        if not items:
            container = owner.alternatives[0][1]
            assert isinstance(container, MapValue)
            conditions, items = [TRUE], [container.items[0]]
        if isinstance(items[0], Container):
            return View([(c, i) for c, i in zip(conditions, items, strict=True) if isinstance(i, Container)])
        return self.algebra.select(conditions, items)

    def _over(self, owner: View, read: Callable[[Container], Value]) -> Value:
        """A read of whichever container it is."""
        conditions = [condition for condition, _ in owner.alternatives]
        return self.algebra.select(conditions, [read(container) for _, container in owner.alternatives])

    def container_read(self, node: ast.Call, function: ast.Attribute, environment: Environment) -> Value:
        """A reading method of a container."""
        owner = self.evaluate(function.value, environment)
        if not isinstance(owner, View):
            raise self.refuse(node, f"{ast.unparse(function.value)} is no container")
        arguments = [self.evaluate(argument, environment) for argument in node.args]
        first, name = owner.alternatives[0][1], function.attr
        containers = self.containers
        if name == "get" and isinstance(first, PartialMapValue):
            return self._got(owner, arguments[0])
        if name in ("front", "priority_of") and isinstance(first, QueueValue):
            results = [
                containers.queue_front(queue) if name == "front" else containers.queue_priority(queue, arguments[0])
                for _, queue in owner.alternatives
                if isinstance(queue, QueueValue)
            ]
            conditions = [condition for condition, _ in owner.alternatives]
            exists = self.algebra.select_bit([(c, e) for c, (_, e) in zip(conditions, results, strict=True)])
            self.oblige(f"defined: {ast.unparse(node)}", node, environment, exists)
            return self.algebra.select(conditions, [value for value, _ in results])
        raise self.refuse(node, f"{ast.unparse(function)} has no symbolic form")

    def length(self, value: Value) -> Value:
        """len(value)."""
        if isinstance(value, Seq):
            return value.length
        if isinstance(value, View):
            return self._over(value, self._container_length)
        raise TypeError(f"len() of a {type(value).__name__}")

    def _container_length(self, container: Container) -> Int:
        if isinstance(container, QueueValue):
            return self.algebra.from_thermometer(container.valid)
        if isinstance(container, SetValue):
            return self.algebra.count(container.bits)
        if isinstance(container, PartialMapValue):
            return self.algebra.count(container.present)
        return self.algebra.number(len(container.items))

    def contained(self, owner: Value, value: Value) -> int:
        """The literal `value in owner`."""
        if isinstance(owner, Seq):
            return contains(self.algebra, owner, value)
        if isinstance(owner, View):
            result = self._over(owner, lambda container: Bool(self._container_has(container, value)))
            assert isinstance(result, Bool)
            return result.bit
        raise TypeError(f"`in` a {type(owner).__name__}")

    def _container_has(self, container: Container, value: Value) -> int:
        if isinstance(container, QueueValue):
            return self.containers.queue_has(container, value)
        if isinstance(container, SetValue):
            return self.containers.set_has(container, value)
        if isinstance(container, PartialMapValue):
            return self.containers.partial_has(container, value)
        raise TypeError("a total map contains every key")
