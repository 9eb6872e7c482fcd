"""Reads of containers and sequences: subscripts, slices, lengths, membership."""

from __future__ import annotations

import ast
from collections.abc import Callable

from kvproof.model.lowering.context import Context, Undefined
from kvproof.model.lowering.environment import Environment, View
from kvproof.model.symbolic.circuit import FALSE, TRUE
from kvproof.model.symbolic.containers import Container, MapValue, PartialMapValue, QueueValue, SetValue
from kvproof.model.symbolic.integers import Int, Value
from kvproof.model.symbolic.sequences import contains, element, sliced
from kvproof.model.symbolic.shapes import MapShape, PartialMapShape, QueueShape, SetShape, Shape
from kvproof.model.symbolic.values import Bool, Option, Seq

METHODS = "A PartialMap has get and values, a PriorityQueue front and priority_of"


class Reads(Context):
    """Expressions that look something up."""

    def subscript(self, node: ast.Subscript, environment: Environment) -> Value:
        """`owner[key]` or `owner[start:stop]`."""
        if isinstance(node.slice, ast.Slice):
            owner = self.evaluate(node.value, environment)
            lower, upper = (
                None if part is None else self.evaluate(part, environment)
                for part in (node.slice.lower, node.slice.upper)
            )
            sequence = self._sequence(owner, node.value, environment)
            start = self._end(lower, self.algebra.number(0))
            return sliced(self.algebra, sequence, start, self._end(upper, sequence.length))
        if self._container_shape(node.value) is not None:
            keys = self._keys_on_the_way(node, environment)
            return self._found(node, keys, environment)
        owner = self.evaluate(node.value, environment)
        key = self.evaluate(node.slice, environment)
        sequence = self._sequence(owner, node.value, environment)
        index = self.algebra.as_int(self.present(key, node.slice, environment))
        value, exists = element(self.algebra, sequence, index)
        self.oblige(f"defined: {ast.unparse(node)}", node, environment, exists)
        if value is None:
            raise Undefined
        return value

    def _sequence(self, value: Value, node: ast.expr, environment: Environment) -> Seq:
        sequence = self.present(value, node, environment)
        if not isinstance(sequence, Seq):
            raise self.refuse(node, f"{ast.unparse(node)} is no sequence", "Subscript a sequence or a map")
        return sequence

    def _end(self, value: Value | None, otherwise: Int) -> Int | None:
        """An end of a slice, where None is as good as nothing."""
        if value is None:
            return None
        if isinstance(value, Option):
            if value.value is None:
                return None
            return self.algebra.mux_int(value.present, self.algebra.as_int(value.value), otherwise)
        return self.algebra.as_int(value)

    def _container_shape(self, node: ast.expr) -> Shape | None:
        """The shape of a container in the state, named with all keys on the way to it; None for anything else."""
        shape: Shape | None = None
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                shape = self.shapes.get(name)
            case ast.Subscript(value=outer):
                above = self._container_shape(outer)
                shape = above.value if isinstance(above, MapShape) else None
        return shape if isinstance(shape, MapShape | PartialMapShape | SetShape | QueueShape) else None

    def _keys_on_the_way(self, node: ast.expr, environment: Environment) -> list[Value]:
        """The keys in self.state[a][b], outermost container first. Steps in a key change what is then found there."""
        if not isinstance(node, ast.Subscript):
            return []
        keys = self._keys_on_the_way(node.value, environment)
        key, shape = self.evaluate(node.slice, environment), self._container_shape(node.value)
        if isinstance(shape, MapShape):
            key = self.fitted(key, shape.key, ast.unparse(node), node, environment)
        return [*keys, key]

    def _found(self, node: ast.expr, keys: list[Value], environment: Environment) -> Value:
        """What is at these keys now."""
        if not isinstance(node, ast.Subscript):
            return self.evaluate(node, environment)
        owner = self._found(node.value, keys[:-1], environment)
        assert isinstance(owner, View)
        first = owner.alternatives[0][1]
        if isinstance(first, MapValue):
            return self._at(owner, keys[-1])
        if isinstance(first, PartialMapValue):
            there = self._over(owner, lambda container: Bool(self._container_has(container, keys[-1])))
            assert isinstance(there, Bool)
            self.oblige(f"defined: {ast.unparse(node)}", node, environment, there.bit)
            if there.bit == FALSE:
                raise Undefined
            pairs = [(c, v) for c, v in owner.alternatives if isinstance(v, PartialMapValue)]
            found = [self.containers.partial_at(value, keys[-1]) for _, value in pairs]
            return self.algebra.select([condition for condition, _ in pairs], found)
        raise self.refuse(node, f"{ast.unparse(node.value)} has no subscripts", "Sets and queues are looped over")

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
        if self._container_shape(function.value) is None:
            raise self.refuse(node, f"{ast.unparse(function.value)} is no container", "Ask a container of the state")
        keys = self._keys_on_the_way(function.value, environment)
        arguments = [self.evaluate(argument, environment) for argument in node.args]
        owner = self._found(function.value, keys, environment)
        assert isinstance(owner, View)
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
        raise self.refuse(node, f"{ast.unparse(function.value)} has no method {name}", METHODS)

    def length(self, value: Value) -> Value:
        """len(value)."""
        if isinstance(value, Seq):
            return value.length
        if isinstance(value, View):
            return self._over(value, self._container_length)
        raise TypeError(f"len() of a {type(value).__name__.lower()}")

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
        raise TypeError(f"`in` a {type(owner).__name__.lower()}")

    def _container_has(self, container: Container, value: Value) -> int:
        if isinstance(container, QueueValue):
            return self.containers.queue_has(container, value)
        if isinstance(container, SetValue):
            return self.containers.set_has(container, value)
        if isinstance(container, PartialMapValue):
            return self.containers.partial_has(container, value)
        raise TypeError("a total map contains every key")
