"""A random machine with something wrong in it: refused by the checker, or the same in all executions."""

from __future__ import annotations

import ast
import copy
import random
from collections.abc import Callable, Iterator

from .names import REFUSED

SNIPPETS = (
    "while True:\n    break",
    "x = [1, 2]",
    "x = {1: 2}",
    "x = (lambda y: y)(1)",
    "x = 'text'",
    "x = 1.5",
    "assert True",
    "raise ValueError",
    "import os",
    "with self:\n    pass",
    "try:\n    pass\nexcept ValueError:\n    pass",
    "x = unknown_name",
    "x = self.unknown_name",
    "x = self.unknown_method()",
    "x = self.params.unknown",
    "x = range(3)",
    "x = self.every",
    "x = self",
    "x = len",
    "x: int",
    "x = y = 1",
    "for x, y in ((1, 2),):\n    pass",
    "for x in range(3):\n    pass\nelse:\n    pass",
    "x = 1 if True else (1,)",
    "x = not 3",
    "x = known()",
    "x = known(1)",
    "x = replace(3, x=1)",
    "x = super().move()",
    "x = tuple((1, 2))",
    "x = tuple(None for y in range(2))",
    "x = enumerate((1, 2))",
    "for x in enumerate((1, 2)):\n    pass",
    "for i, x in enumerate((1, 2)):\n    y = i + x",
    "for x, y in zip((1, 2), (1,), strict=True):\n    pass",
    "for x, y in zip((1, 2), (True,)):\n    z = x + 1 if y else 2",
    "x = 3 and 4",
    "x = (1 < 2) + None",
    "x = len(3)",
    "x = min(1)",
    "x = min((1, 2))",
    "x = max()",
    "x = sum((1, 2))",
    "x = any((True,))",
    "x = all(1 for y in range(2))",
    "x = sum(None for y in range(2))",
    "x = 5 is 5",
    "x = (1, 2) is None",
    "x = (1, 2) < (1, 3)",
    "x = 1 / 2",
    "x = 2 ** 3",
    "x = ~1",
    "x = 1 & 2",
    "x = +1",
    "x = 5 // 0",
    "x = 5 % -2",
    "x = 5 // (0 - 2)",
    "x = (1, 2)[::2]",
    "x = (1, 2)[5]",
    "x = 3[0]",
    "x = 3 in 3",
    "x = None.field",
    "x = (1, (2,))",
    "x = (1, True)",
    "x = (1, None)",
    "x = range(0, 4, 0)",
    "for x in range(4, 0):\n    pass",
    "for x in 5:\n    pass",
    "for x in None:\n    pass",
    "for x in self.params:\n    pass",
    "for x in reversed(reversed((1, 2))):\n    pass",
    "break",
    "continue",
    "return",
    "return 3",
    "return None",
    "return (1, 2)",
    "global z",
    "del self",
    "pass; x = 1",
    "print(1)",
    "reject('late')",
    "require(True, 'here')",
    "ensure(1, 'one')",
    "ensure(None, 'none')",
    "sometimes(3)",
    "assume(True)",
    "x = choose((y for y in range(2)), 'c')",
    "x = choose((1, 2), 'c')",
    "x = choose((y for y in ()), 'c')",
    "x = any(y for y in (True, None))",
    "x, y = 1",
    "x, y = (1, 2, 3)",
    "x, (y, z) = 1, (2, 3)",
    "*x, y = (1, 2)",
    "x = f'{1}'",
    "x = (y := 3)",
    "x = [y for y in range(3)]",
    "x = (1, 2).count(1)",
    "x = True + True",
    "x = -True",
    "x = True < 2",
    "x = (True, False)[True]",
    "x = min(True, 0)",
    "x = None == 0",
    "x = () == None",
    "x = 1 == (1,)",
    "x = True == 1",
    "x = False in (0, 1)",
)
"""Statements, each wrong or odd in its own way."""


def malformed(text: str, seed: int) -> str:
    """The text with one change, most often one that makes it wrong."""
    rng = random.Random(f"malformed {seed}")
    tree = ast.parse(text)
    changes: list[Callable[[ast.Module, random.Random], bool]] = [
        _odd_statement,
        _odd_statement,
        _lost_statement,
        _sometimes_assigned,
        _sometimes_assigned,
        _sometimes_assigned,
        _sometimes_assigned,
        _moved_expression,
        _moved_expression,
        _renamed,
        _refused_name,
        _another_argument,
        _another_mark,
        *(_call_inside,) * 6,
        _container_named,
        _lost_documentation,
        _recursive,
    ]
    for _ in range(20):
        candidate = copy.deepcopy(tree)
        if rng.choice(changes)(candidate, rng):
            try:
                written = ast.unparse(ast.fix_missing_locations(candidate))
                compile(written, "<malformed>", "exec")
            except SyntaxError:
                continue
            return written
    return text


def _methods(tree: ast.Module) -> list[ast.FunctionDef]:
    machine = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "M")
    return [node for node in machine.body if isinstance(node, ast.FunctionDef) and node.name != "initial"]


def _states(tree: ast.Module) -> list[str]:
    machine = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "M")
    return [
        node.target.id for node in machine.body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    ]


def _blocks(method: ast.FunctionDef) -> list[list[ast.stmt]]:
    found = []
    for node in ast.walk(method):
        for name in ("body", "orelse"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block:
                found.append(block)
    return found


def _odd_statement(tree: ast.Module, rng: random.Random) -> bool:
    block = rng.choice(_blocks(rng.choice(_methods(tree))))
    at = rng.randint(1, len(block)) if isinstance(block[0], ast.Expr) else rng.randint(0, len(block))
    try:
        block[at:at] = ast.parse(rng.choice(SNIPPETS)).body
    except SyntaxError:
        return False
    return True


def _lost_statement(tree: ast.Module, rng: random.Random) -> bool:
    """A local is no longer assigned, a path no longer returns."""
    block = rng.choice(_blocks(rng.choice(_methods(tree))))
    at = rng.randrange(len(block))
    if isinstance(block[at], ast.Expr) and at == 0:
        return False
    block[at] = ast.Pass()
    return True


def _sometimes_assigned(tree: ast.Module, rng: random.Random) -> bool:
    """An assignment of a local stands under a condition, or in a loop: some path leaves the local without a value."""
    assigned = []
    for method in _methods(tree):
        names = [node for node in ast.walk(method) if isinstance(node, ast.Name)]
        read = {node.id for node in names if isinstance(node.ctx, ast.Load)}
        for block in _blocks(method):
            assigned += [(method, block, at) for at, each in enumerate(block) if _assigns(each) & read]
    if not assigned:
        return False
    method, block, at = rng.choice(assigned)
    machine = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "M")
    tests = [test for node in machine.body if isinstance(node, ast.AnnAssign) if (test := _varying(node))]
    tests += [_text(node) for node in ast.walk(method) if isinstance(node, ast.Compare)][:2]
    if rng.random() < 0.15:
        head = f"for _ in range({rng.randint(0, 2)}):"
    else:
        head = f"if {rng.choice(['', 'not '])}({rng.choice(tests or ['0 < 1'])}):"
    block[at] = ast.parse(f"{head}\n    {_text(block[at])}").body[0]
    return True


def _assigns(statement: ast.stmt) -> set[str]:
    """The locals that a statement assigns."""
    if not isinstance(statement, ast.Assign | ast.AnnAssign):
        return set()
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _varying(variable: ast.AnnAssign) -> str:
    """A test of a variable of the state; "" for one of a type that the annotation does not tell."""
    name, written = f"self.{_text(variable.target)}", _text(variable.annotation)
    if written == "bool":
        return name
    if written.endswith("| None"):
        return f"{name} is None"
    return f"len({name}) > 0" if written.startswith(("Set[", "PartialMap[", "PriorityQueue[")) else ""


def _places(tree: ast.Module) -> Iterator[tuple[ast.AST, str, int | None, ast.expr]]:
    for method in _methods(tree):
        for statement in method.body[1:]:
            for node in ast.walk(statement):
                for name, value in ast.iter_fields(node):
                    if isinstance(value, ast.expr) and isinstance(getattr(value, "ctx", ast.Load()), ast.Load):
                        if name not in ("func", "annotation", "target"):
                            yield node, name, None, value
                    elif isinstance(value, list):
                        for index, part in enumerate(value):
                            if isinstance(part, ast.expr) and isinstance(getattr(part, "ctx", ast.Load()), ast.Load):
                                yield node, name, index, part


def _moved_expression(tree: ast.Module, rng: random.Random) -> bool:
    """One expression stands where another, most often of another type, stood."""
    places = list(_places(tree))
    if len(places) < 2:
        return False
    owner, name, index, _ = rng.choice(places)
    taken = copy.deepcopy(rng.choice(places)[3])
    if index is None:
        setattr(owner, name, taken)
    else:
        getattr(owner, name)[index] = taken
    return True


def _renamed(tree: ast.Module, rng: random.Random) -> bool:
    """A name means something else."""
    method = rng.choice(_methods(tree))
    names = [node for node in ast.walk(method) if isinstance(node, ast.Name) and node.id != "self"]
    if len(names) < 2:
        return False
    rng.choice(names).id = rng.choice(names).id
    return True


def _refused_name(tree: ast.Module, rng: random.Random) -> bool:
    """Something has a name that is taken: a local, an argument, a method, a type, a variable of the state."""
    old = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} | {node.name for node in _methods(tree)}
    name, new = rng.choice(sorted(old - {"self", "MACHINE"})), rng.choice(REFUSED)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == name:
            node.id = new
        elif isinstance(node, ast.arg) and node.arg == name:
            node.arg = new
        elif isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            node.name = new
        elif isinstance(node, ast.Attribute) and node.attr == name:
            node.attr = new
    return name not in ("M", "Machine", "Sizes")


def _another_argument(tree: ast.Module, rng: random.Random) -> bool:
    calls = [node for method in _methods(tree) for node in ast.walk(method) if isinstance(node, ast.Call)]
    if not calls:
        return False
    call = rng.choice(calls)
    sort = rng.random()
    if sort < 0.4 and call.args:
        call.args.pop()
    elif sort < 0.8:
        call.args.append(ast.Constant(0))
    else:
        call.keywords.append(ast.keyword("key", ast.Constant(0)))
    return True


def _another_mark(tree: ast.Module, rng: random.Random) -> bool:
    """A method is marked as another kind of method."""
    method = rng.choice(_methods(tree))
    mark = rng.choice(["step", "operation", "trial", "invariant", "theorem", ""])
    method.decorator_list = [ast.Name(mark, ast.Load())] if mark else []
    return True


def _call_inside(tree: ast.Module, rng: random.Random) -> bool:
    """A call, most often of a helper that takes steps, where it may not stand: in a quantifier, an invariant, a step."""
    methods = _methods(tree)
    steps = {method.name for method in methods if any(_text(mark) == "step" for mark in method.decorator_list)}
    stepping = [m for m in methods if not m.decorator_list and any(f"self.{step}(" in _text(m) for step in steps)]
    looking = [m for m in methods if any(_text(mark) in ("step", "invariant") for mark in m.decorator_list)]
    hosts = [method for method in looking if method.name in steps] if rng.random() < 0.6 else looking
    acting = [m for m in methods if not m.decorator_list or _text(m.decorator_list[0]) in ("operation", "trial")]
    host = rng.choice(hosts if hosts and rng.random() < 0.5 else acting or methods)
    if host not in looking:  # a quantifier needs a value
        stepping = [method for method in stepping if _text(method.returns or ast.Constant(None)) != "None"]
    others = [method for method in stepping if host.name not in _reached(methods, method.name)]  # else it is a cycle
    called = rng.choice(others) if others and rng.random() < 0.8 else rng.choice(methods)
    arguments = [_some_argument(tree, argument, rng) for argument in called.args.args[1:]]
    call = f"self.{called.name}({', '.join(arguments)})"
    returns = _text(called.returns) if called.returns is not None else "None"
    test = call if returns == "bool" else f"{call} == {call}" if returns != "None" else call
    quantified = f"x{rng.randint(50, 99)} = {rng.choice(['any', 'all'])}({test} for y in range(2))"
    chained = f"if 0 <= 1 == ({test}):\n    pass"
    within = [quantified, quantified, quantified, chained, f"if {test}:\n    pass", f"assert {test}"]
    # where a call may not stand at all, a plain one; elsewhere one within a quantifier
    text = rng.choice([call] * 5 + within[3:] if host in looking else [call, *within])
    at = 1 if rng.random() < 0.6 else rng.randint(1, len(host.body))  # further down it is often not reached
    host.body.insert(at, ast.parse(text).body[0])
    return True


def _reached(methods: list[ast.FunctionDef], first: str) -> set[str]:
    """The methods that a call of one leads to, itself among them."""
    found: set[str] = set()
    pending = [first]
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            texts = [_text(method) for method in methods if method.name == name]
            pending += [other.name for other in methods for text in texts if f"self.{other.name}(" in text]
    return found


def _text(node: ast.AST) -> str:
    return ast.unparse(node)


def _some_argument(tree: ast.Module, argument: ast.arg, rng: random.Random) -> str:
    """A value for an argument, of its type where that is easily told."""
    written = _text(argument.annotation) if argument.annotation is not None else ""
    if written.endswith("| None"):
        return "None"
    if written == "bool":
        return "True"
    machine = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "M")
    variables = [node for node in machine.body if isinstance(node, ast.AnnAssign)]
    same = [f"self.{_text(node.target)}" for node in variables if _text(node.annotation) == written]
    if same:
        return rng.choice(same)
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == written and _text(node.bases[0]) == "IntEnum":
            return f"{written}.{next(_text(each.targets[0]) for each in node.body if isinstance(each, ast.Assign))}"
        if isinstance(node, ast.Assign) and _text(node.targets[0]) == written and "tuple[" in _text(node.value):
            return "()"
    return rng.choice(["0", "1"])


def _container_named(tree: ast.Module, rng: random.Random) -> bool:
    """A variable of the state is named by a local, compared, tested, looped over, given away."""
    name = f"self.{rng.choice(_states(tree))}"
    other = f"self.{rng.choice(_states(tree))}"
    text = rng.choice(
        [
            f"x = {name}",
            f"x = {name} == {other}",
            f"if {name}:\n    pass",
            f"for x in {name}:\n    pass",
            f"x = ({name}, {other})",
            f"x = {name} if True else {other}",
            f"x = {name} in {other}",
            f"x = len({name})",
            f"x = {name} is None",
            f"x = {name}[0]",
            f"x = {name}[{other}]",
            f"x = {name}.values()",
            f"x = {name}.get(0)",
            f"x = {name}.front()",
            f"{name} = {other}",
            f"{name}.add(0)",
            f"del {name}[0]",
            f"{name} += 1",
            f"x = {name} + {other}",
            f"x = {name} < {other}",
            f"x = any({name} for x in range(2))",
            f"return {name}",
        ]
    )
    method = rng.choice(_methods(tree))
    method.body.insert(rng.randint(1, len(method.body)), ast.parse(text).body[0])
    return True


def _lost_documentation(tree: ast.Module, rng: random.Random) -> bool:
    method = rng.choice(_methods(tree))
    if len(method.body) < 2:
        return False
    del method.body[0]
    return True


def _recursive(tree: ast.Module, rng: random.Random) -> bool:
    """A method that calls itself."""
    method = rng.choice(_methods(tree))
    arguments = ", ".join(argument.arg for argument in method.args.args[1:])
    method.body.insert(rng.randint(1, len(method.body)), ast.parse(f"self.{method.name}({arguments})").body[0])
    return True
