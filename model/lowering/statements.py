"""Statements of a machine, executed symbolically: assignments, branches, loops, calls of methods."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence

from kvproof.model.depth import DIFFERENT, EMPTY, EQUAL, FULL, ONE, SEVERAL, Site, method_depth, state_site
from kvproof.model.lowering.context import Activation, Undefined
from kvproof.model.lowering.environment import Environment, joined
from kvproof.model.lowering.expressions import SIMPLER
from kvproof.model.lowering.iteration import Iteration
from kvproof.model.lowering.record import Branch
from kvproof.model.symbolic.circuit import FALSE, TRUE
from kvproof.model.symbolic.containers import MapValue, PartialMapValue, QueueValue, SetValue
from kvproof.model.symbolic.integers import Int, Value
from kvproof.model.symbolic.shapes import MapShape, OptionShape, QueueShape, SeqShape, SetShape, Shape, shape_of
from kvproof.model.symbolic.values import NONE, Option, Seq
from kvproof.spec.lang.definition import Method
from kvproof.spec.lang.types import OptionType

Change = Callable[[Value, Shape, int], tuple[Value, int]]
"""A change of one stored value under a condition: the new value, and the literal that the change was allowed."""


class Statements(Iteration):
    """Executes the bodies of methods."""

    def block(self, statements: Sequence[ast.stmt], environment: Environment) -> Environment | None:
        """Execute statements; returns the environment that falls out at the end, or None when every path has left."""
        current: Environment | None = environment
        for statement in statements:
            if current is None or current.guard == FALSE:
                return None
            try:
                current = self._statement(statement, current)
            except Undefined:
                return None
            except (TypeError, ValueError) as error:
                raise self.refuse(statement, f"{ast.unparse(statement)}: {error}", SIMPLER) from error
        return current

    def _statement(self, node: ast.stmt, environment: Environment) -> Environment | None:
        match node:
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                return environment
            case ast.Assign(targets=[target], value=value):
                self._assign(target, value, environment)
                return environment
            case ast.AnnAssign(target=ast.Name() as target, value=ast.expr() as value):
                self._assign(target, value, environment)
                return environment
            case ast.AugAssign(target=target, op=operator, value=value):
                old, by = self.evaluate(target, environment), self.evaluate(value, environment)
                old = self.present(old, target, environment)
                self._store(target, self.combined(operator, old, self.present(by, value, environment)), environment)
                return environment
            case ast.Delete(targets=[ast.Subscript() as target]):
                self._delete(target, environment)
                return environment
            case ast.If():
                return self._if(node, environment)
            case ast.For():
                return self._for(node, environment)
            case ast.Return(value=result):
                value_returned = NONE if result is None else self.evaluate(result, environment)
                self.activation.returns.append((environment, value_returned))
                self.activation.left += 1
                return None
            case ast.Break():
                self.activation.loops[-1][0].append((environment.guard, environment))
                return None
            case ast.Continue():
                self.activation.loops[-1][1].append((environment.guard, environment))
                return None
            case ast.Expr(value=ast.Call() as call):
                return self._effect(call, environment)
            case _:
                raise self.refuse(node, f"{type(node).__name__} has no symbolic form", SIMPLER)

    # Calls for their effect

    def _effect(self, node: ast.Call, environment: Environment) -> Environment | None:
        function = node.func
        if isinstance(function, ast.Name) and function.id in ("require", "ensure"):
            rule = node.args[1]
            assert isinstance(rule, ast.Constant)
            if function.id == "ensure":
                self.record.promise(str(rule.value), self.path(environment))
            self.oblige(str(rule.value), node, environment, self.truth(node.args[0], environment))
            return environment
        if isinstance(function, ast.Name) and function.id == "sometimes":
            event = node.args[0]
            assert isinstance(event, ast.Constant)
            self.record.event(str(event.value), self.path(environment))
            return environment
        if isinstance(function, ast.Name) and function.id == "assume":
            condition = self.truth(node.args[0], environment)
            self.activation.left += 1
            self.activation.rejected = True
            return None if condition == FALSE else environment.branch(self.circuit, condition)
        if isinstance(function, ast.Name) and function.id == "reject":
            error = node.args[0]
            assert isinstance(error, ast.Constant)
            self.oblige("all-or-nothing", node, environment, environment.stepped ^ 1)
            self.record.rejected(str(error.value), self.path(environment))
            self.activation.left += 1
            self.activation.rejected = True
            return None
        if isinstance(function, ast.Attribute):
            if isinstance(function.value, ast.Name) and function.value.id == "self":
                self.called(node, function.attr, environment)
            else:
                self._mutate(node, function, environment)
            return environment
        raise self.refuse(node, f"{ast.unparse(node)} alone on a line has no effect", "Use its value")

    def called(self, node: ast.Call, name: str, environment: Environment) -> Value:
        """A call of a step or helper: its body is executed here. None is no argument where none is optional, and its
        result must belong to the type that it says; what else its arguments and locals say is mypy's business."""
        method = self.definition.methods[name]
        values = [self.evaluate(given, environment) for given in node.args]
        arguments = {
            argument: value if isinstance(kind, OptionType) else self.present(value, given, environment)
            for (argument, kind), value, given in zip(method.arguments, values, node.args, strict=True)
        }
        if method.kind == "step":
            self.record.step(name, self.path(environment))
        result, ended = self.run(method, arguments, environment, self.path(environment))
        environment.state = ended.state
        environment.stepped = TRUE if method.kind == "step" else ended.stepped
        if ended.guard != TRUE:
            environment.guard = self.circuit.both(environment.guard, ended.guard)
            self.activation.left += 1
        if ended.guard == FALSE:
            raise Undefined  # every path was refused, or came to what has no value
        if method.returns is not None:
            result = self.fitted(
                result, shape_of(method.returns, self.parameters), f"result of {name}", node, environment
            )
        return result

    def run(
        self, method: Method, arguments: dict[str, Value], environment: Environment, base: int
    ) -> tuple[Value, Environment]:
        """Execute a method's body; `base` is the whole path condition of the call. Paths that were rejected are gone."""
        outer = getattr(self, "activation", None)
        activation = Activation(method, base)
        self.activation = activation
        self._argument_goals(method, arguments, base)
        inner = Environment(arguments, environment.state, TRUE, environment.stepped)
        end = self.block(method.node.body, inner)
        if end is not None:
            activation.returns.append((end, NONE))
        paths = []
        for path, value in activation.returns:
            path.locals = {"return": value}
            paths.append((path.guard, path))
        ended = joined(self.containers, paths)
        if ended is None:
            ended = Environment({"return": NONE}, environment.state, FALSE, environment.stepped)
        elif not activation.rejected:
            ended.guard = TRUE
        if outer is not None:
            outer.rejected = outer.rejected or activation.rejected
            self.activation = outer
        return ended.locals["return"], ended

    def _argument_goals(self, method: Method, arguments: dict[str, Value], base: int) -> None:
        """Where sequences among the arguments are empty or full, and where two of one type are equal."""
        if self.record.goals is None:
            return
        depth = method_depth(method)
        for name, site in depth.sequences.items():
            kind = next(kind for argument, kind in method.arguments if argument == name)
            shape = shape_of(kind, self.parameters) if kind is not None else None
            value, there = arguments[name], base
            if isinstance(shape, OptionShape):
                shape = shape.inner
            if isinstance(value, Option):
                there, value = self.circuit.both(base, value.present), value.value or NONE
            if isinstance(value, Seq) and isinstance(shape, SeqShape):
                self.holding(site, value.length, shape.limit, there)
        for (a, b), site in depth.pairs.items():
            same = self.algebra.equal(arguments[a], arguments[b])
            self.record.goal(site.cases[EQUAL], self.circuit.both(base, same))
            self.record.goal(site.cases[DIFFERENT], self.circuit.both(base, same ^ 1))

    def state_goals(self, state: Mapping[str, Value], path: int) -> None:
        """Where containers of the state are empty or full."""
        for name, shape in self.shapes.items():
            self._container_goals(state_site(name), shape, state[name], path)

    def _container_goals(self, site: Site, shape: Shape, value: Value, path: int) -> None:
        if isinstance(value, MapValue) and isinstance(shape, MapShape):
            for item in value.items:
                self._container_goals(site, shape.value, item, path)
        elif isinstance(value, QueueValue) and isinstance(shape, QueueShape):
            self.holding(site, self.algebra.from_thermometer(value.valid), shape.capacity, path)
        elif isinstance(value, SetValue):
            self.holding(site, self.algebra.count(value.bits), len(value.bits), path)
        elif isinstance(value, PartialMapValue):
            self.holding(site, self.algebra.count(value.present), len(value.present), path)
        elif isinstance(value, Seq) and isinstance(shape, SeqShape) and not shape.exact:
            self.holding(site, value.length, shape.limit, path)

    def holding(self, site: Site, length: Int, limit: int, path: int) -> None:
        """The goals for what holds `length` of at most `limit`."""
        matches, both = self.algebra.matches, self.circuit.both
        for case in (EMPTY, ONE):
            self.record.goal(site.cases[case], both(path, matches(length, case)))
        self.record.goal(site.cases[SEVERAL], both(path, self.algebra.less(self.algebra.number(ONE), length)))
        self.record.goal(site.cases[FULL], both(path, matches(length, limit)))

    # Branches and loops

    def _if(self, node: ast.If, environment: Environment) -> Environment | None:
        condition = self.truth(node.test, environment)
        path, method = self.path(environment), self.activation.method
        taken, passed = self.circuit.both(path, condition), self.circuit.both(path, condition ^ 1)
        # A way that this path cannot go is not lowered: its values would never be selected.
        if taken != FALSE:
            self.record.branch(Branch(method.name, node.lineno, "then"), taken)
        if passed == FALSE:
            return self.block(node.body, environment)
        self.record.branch(Branch(method.name, node.lineno, "else"), passed)
        if taken == FALSE:
            return self.block(node.orelse, environment)
        left_before = self._left()
        then = self.block(node.body, environment.branch(self.circuit, condition))
        otherwise = self.block(node.orelse, environment.branch(self.circuit, condition ^ 1))
        paths = [(condition, part) for part in (then, otherwise) if part is not None]
        result = joined(self.containers, paths)
        if result is not None and self._left() == left_before:
            result.guard = environment.guard
        return result

    def _left(self) -> int:
        """Grows whenever a path leaves the statements around, in whatever way."""
        activation = self.activation
        return activation.left + sum(len(broken) + len(continued) for broken, continued in activation.loops)

    def _for(self, node: ast.For, environment: Environment) -> Environment | None:
        cases, ends = self.iterated(node.iter, environment)
        left_before = self._left()
        guard_before = environment.guard
        exits: list[tuple[int, Environment]] = []
        broken: list[tuple[int, Environment]] = []
        self.activation.loops.append((broken, []))
        current: Environment | None = environment
        path, rounds = self.path(environment), []
        for exists, value in cases:
            if current is None or current.guard == FALSE:
                break
            if exists == FALSE:
                if ends:
                    break
                continue
            rounds.append(self.circuit.both(self.path(current), exists))
            current = self._iteration(node, exists, value, current, ends, exits)
            exits.extend(broken)
            broken.clear()
        self.activation.loops.pop()
        self.numbered(node, path, rounds)
        if current is not None and current.guard != FALSE:
            exits.append((TRUE, current))
        result = joined(self.containers, exits)
        if result is not None and self._left() == left_before:
            result.guard = guard_before
        return result

    def _iteration(
        self,
        node: ast.For,
        exists: int,
        value: Value,
        environment: Environment,
        ends: bool,
        exits: list[tuple[int, Environment]],
    ) -> Environment | None:
        """One round of a loop. Where the value is not there, the path waits in `exits` or goes on unchanged."""
        broken, continued = self.activation.loops[-1]
        inside = environment.branch(self.circuit, exists)
        self.bound(node.target, value, inside)
        self.record.branch(Branch(self.activation.method.name, node.lineno, "loop"), self.path(inside))
        entered = inside.guard
        left_before, broken_before = self.activation.left, len(broken)
        if exists != TRUE and ends:
            exits.append((exists ^ 1, environment.branch(self.circuit, exists ^ 1)))
        after = self.block(node.body, inside)
        paths = continued + ([(TRUE, after)] if after is not None else [])
        result = joined(self.containers, paths)
        continued.clear()
        unbroken = self.activation.left == left_before and len(broken) == broken_before
        if result is not None and unbroken:
            result.guard = entered
        if exists == TRUE or ends:
            return result
        if result is None:
            return environment.branch(self.circuit, exists ^ 1)
        skipped = environment.branch(self.circuit, exists ^ 1)
        # Broken paths of this round are told apart from the rest before it is known whether the value exists.
        whole = joined(self.containers, [(exists, result), (TRUE, skipped)])
        if whole is not None and unbroken:
            whole.guard = environment.guard
        return whole

    # Assignments

    def _assign(self, target: ast.expr, value: ast.expr, environment: Environment) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            values = [self.evaluate(element, environment) for element in value.elts]
            for part, new in zip(target.elts, values, strict=True):
                self._store(part, new, environment)
        else:
            self._store(target, self.evaluate(value, environment), environment)

    def _unpack(self, target: ast.Tuple, value: Value, environment: Environment) -> None:
        whole = self.present(value, target, environment)
        if not isinstance(whole, Seq):
            raise self.refuse(target, f"{ast.unparse(target)} is given what is no sequence", "Assign one by one")
        holds = self.algebra.equal(whole.length, self.algebra.number(len(target.elts)))
        self.oblige(f"defined: {ast.unparse(target)}", target, environment, holds)
        if holds == FALSE:
            raise Undefined
        for part, new in zip(target.elts, whole.items, strict=False):
            self._store(part, new, environment)

    def _store(self, target: ast.expr, value: Value, environment: Environment) -> None:
        if isinstance(target, ast.Tuple):
            self._unpack(target, value, environment)
        elif isinstance(target, ast.Name):
            environment.locals[target.id] = value
        elif isinstance(target, ast.Attribute):
            shape = self.shapes[target.attr]
            environment.state[target.attr] = self.fitted(value, shape, ast.unparse(target), target, environment)
        else:
            assert isinstance(target, ast.Subscript)
            *outer, last = self._keys(target, environment)

            def put(old: Value, shape: Shape, condition: int) -> tuple[Value, int]:
                if isinstance(old, PartialMapValue):
                    key, key_fits = self.algebra.fitted(last, old.shape.key)
                    new, fits = self.algebra.fitted(value, old.shape.value)
                    changed = self.containers.partial_put(old, key, new, condition)
                    return changed, self.circuit.both(key_fits, fits)
                if not isinstance(old, MapValue):
                    raise self.refuse(target, f"{ast.unparse(target)} is written", "Only maps are written by key")
                key, key_fits = self.algebra.fitted(last, old.shape.key)
                new, fits = self.algebra.fitted(value, old.shape.value)
                at = [self.circuit.both(condition, c) for c in self.containers.keys(old.shape.keys, key)]
                return self.containers.map_changed(old, at, [new] * len(at)), self.circuit.both(key_fits, fits)

            self._change(target.value, outer, f"bound: {ast.unparse(target)}", put, environment)

    def _delete(self, target: ast.Subscript, environment: Environment) -> None:
        *outer, last = self._keys(target, environment)

        def remove(old: Value, _: Shape, condition: int) -> tuple[Value, int]:
            if not isinstance(old, PartialMapValue):
                raise self.refuse(target, f"{ast.unparse(target)} is deleted", "Only a PartialMap gives up its keys")
            return self.containers.partial_deleted(old, last, condition), self.containers.partial_has(old, last)

        self._change(target.value, outer, f"defined: {ast.unparse(target)}", remove, environment)

    def _mutate(self, node: ast.Call, function: ast.Attribute, environment: Environment) -> None:
        arguments = [self.evaluate(argument, environment) for argument in node.args]
        keys = self._keys(function.value, environment)
        name = function.attr

        def change(old: Value, shape: Shape, condition: int) -> tuple[Value, int]:
            containers, fitted = self.containers, self.algebra.fitted
            if isinstance(old, QueueValue) and isinstance(shape, QueueShape):
                item, fits = fitted(arguments[0], shape.item)
                if name == "remove":
                    queue, allowed = containers.queue_removed(old, item, condition)
                    return queue, self.circuit.both(fits, allowed)
                priority, priority_fits = fitted(arguments[1], shape.priority)
                queue, allowed = containers.queue_pushed(
                    old, self.algebra.as_int(item), self.algebra.as_int(priority), name == "push_front", condition
                )
                return queue, self.circuit.all([fits, priority_fits, allowed])
            if isinstance(old, SetValue) and isinstance(shape, SetShape):
                if name == "discard":
                    return containers.set_without(old, arguments[0], condition), TRUE
                member, fits = fitted(arguments[0], shape.inner)
                return containers.set_with(old, member, condition), fits
            problem = f"{ast.unparse(function.value)} has no method {name}"
            raise self.refuse(
                node, problem, "A Set has add and discard, a PriorityQueue push_back, push_front and remove"
            )

        self._change(function.value, keys, f"defined: {ast.unparse(node)}", change, environment)

    def _keys(self, node: ast.expr, environment: Environment) -> list[Value]:
        """The keys in self.state[a][b], outermost container first."""
        if isinstance(node, ast.Subscript):
            return [*self._keys(node.value, environment), self.evaluate(node.slice, environment)]
        return []

    def _change(self, owner: ast.expr, keys: list[Value], what: str, change: Change, environment: Environment) -> None:
        """Change the container at `keys` within a state variable, wherever these keys may lead."""
        root = owner
        while isinstance(root, ast.Subscript):
            root = root.value
        assert isinstance(root, ast.Attribute)
        failures: list[int] = []

        def visit(value: Value, shape: Shape, rest: list[Value], condition: int) -> Value:
            if not rest:
                changed, allowed = change(value, shape, condition)
                failures.append(self.circuit.both(condition, allowed ^ 1))
                return changed
            if not isinstance(value, MapValue) or not isinstance(shape, MapShape):
                raise self.refuse(owner, f"{ast.unparse(owner)} holds no containers", "Only total maps hold containers")
            key, fits = self.algebra.fitted(rest[0], shape.key)
            failures.append(self.circuit.both(condition, fits ^ 1))
            at = self.containers.keys(shape.keys, key)
            items = [
                item if c == FALSE else visit(item, shape.value, rest[1:], self.circuit.both(condition, c))
                for c, item in zip(at, value.items, strict=True)
            ]
            return MapValue(value.shape, tuple(items))

        name = root.attr
        environment.state[name] = visit(environment.state[name], self.shapes[name], keys, TRUE)
        self.oblige(what, owner, environment, self.circuit.any(failures) ^ 1)
