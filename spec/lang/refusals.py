"""Everything that the language refuses, each with what to write instead: errors and LANGUAGE.md are made of this table."""

from __future__ import annotations

import ast
from enum import Enum, unique
from pathlib import Path
from typing import Any

from kvproof.spec.lang.errors import LanguageError, NoFiniteType

PAGE = Path(__file__).with_name("LANGUAGE.md")
"""What is in the language."""

RENAME = "Give it another name"
BOUNDS = "Give the field a type with bounds"
IN_FULL = "Name it in full where it is used: a second name would follow its changes"
EXPRESSION = "Write a number, or one expression over the parameters, numbers, min, max and counts of index types"
TRUTH = "Compare it: x != 0, len(x) > 0, x is not None"
NEW_SEQUENCE = "Build a new one: a[:i] + (x,) + a[i + 1:]"
ITERATED = (
    "Loop over range(..), self.every(IndexClass), an enumeration, a sequence, a Set, a PriorityQueue or m.values()"
)
THEOREM = (
    "A theorem is `assume(..)` lines and one `return condition` over plain ints: arithmetic, comparisons, min, max, "
    "self.params.x and calls of helpers (of ints, without state and loops)"
)

_MACHINE, _TYPES, _NAMES = "The machine", "Types", "Names"
_DECLARATION = "The declaration"
_METHODS, _STATEMENTS, _EXPRESSIONS, _CALLS = "Methods", "Statements", "Expressions", "Calls"
_CONTAINERS, _VALUES, _LOCALS, _EFFECTS, _THEOREMS = "Containers", "Values", "Locals", "Effects", "Theorems"


@unique
class Refusal(Enum):
    """One thing that is refused: what is wrong, and the remedy; both name the thing (`{name}`) when they are told."""

    NO_PARAMETERS = (
        _MACHINE,
        "{machine} has no parameter class",
        "Derive from Machine[YourParameters], YourParameters an attrs class deriving Parameters",
    )
    NO_SOURCE = _MACHINE, "the source of {name} cannot be read", "Define it in a file"
    STATE_WITH_VALUE = (
        _MACHINE,
        "state variable {name} is given a value in the class",
        "Give it its first value in initial()",
    )
    STATE_WITH_PLAIN_INT = _MACHINE, "state variable {name} holds a record with a plain int", BOUNDS

    NO_FINITE_TYPE = (
        _TYPES,
        "{annotation} is not a finite type",
        "Use bool, an IntEnum, an Index class, Annotated[int, Between(..)], Annotated[tuple[T, ...], AtMost(..)], "
        "T | None, a Record class, Map, PartialMap, Set or PriorityQueue",
    )
    UNKNOWN_IN_ANNOTATION = _TYPES, "an annotation names {name}, which is unknown", "Define or import it"
    ANNOTATION_UNREADABLE = (
        _TYPES,
        "an annotation has no value: {error}",
        "Write Map[K, V], PartialMap[K, V], Set[K], PriorityQueue[IndexClass, Few]; names are those of the module",
    )
    BOUND_UNREADABLE = _TYPES, "the bound {bound} is not one expression whose source can be read", EXPRESSION
    BOUND_READS = _TYPES, "a bound reads {name}", EXPRESSION
    ENUM_WITH_GAPS = _TYPES, "the members of {enum} are not numbered from 0 without gaps", "Number them 0, 1, 2, .."
    QUEUE_OF_OTHERS = (
        _TYPES,
        "a PriorityQueue holds an Index type at a bounded integer priority",
        "Write PriorityQueue[IndexClass, Annotated[int, Between(low, high)]]",
    )
    RECORD_AS_KEY = (
        _TYPES,
        "a record cannot be a key of a container or a member of a Set",
        "Use an Index type, and a Map from it to the record",
    )
    CONTAINER_AS_KEY = (
        _TYPES,
        "a container cannot be a key of a container or a member of a Set",
        "Use an Index type, and a Map from it to the container",
    )
    CONTAINER_INSIDE = (
        _TYPES,
        "a container stands in something else than the state or a total Map",
        "Use a Map to the container, and a Set of the keys that are there",
    )
    RECORD_NOT_FROZEN = _TYPES, "record {record} is not a frozen attrs class", "Decorate it with @attrs.frozen"
    RECORD_UNKNOWN_NAME = _TYPES, "record {record} names {name}, which is unknown", "Define or import it"
    RECORD_PRIVATE_FIELD = _TYPES, "field {field} of {record} begins with an underscore", "Rename it"
    RECORD_OTHER_FIELD = (
        _TYPES,
        "field {field} of {record} is given in another way, or is something else than what it is given",
        "Leave kw_only, init, alias and converter away: fields are given by position or by their names",
    )
    RECORD_WITH_CONTAINER = _TYPES, "field {field} of {record} is a container", "Records hold values only: use a Map"
    RECORD_EMPTY = _TYPES, "record {record} has no fields", "Annotate its fields in the class body"

    STATE_HIDES = _NAMES, "state variable {name} hides what every machine has under that name", RENAME
    METHOD_HIDES = _NAMES, "method {name} hides what every machine has under that name", RENAME
    METHOD_HIDES_PART = _NAMES, "{name} is the name of a method that is overridden and called", RENAME
    METHOD_AND_STATE = _NAMES, "{name} is a method and a state variable", RENAME
    MACHINE_NAME = _NAMES, "a machine is called {name}", RENAME
    LOCAL_NAME = _NAMES, "a local is called {name}", RENAME
    LOCAL_HIDES = _NAMES, "a local named {name} hides what has this name", RENAME
    NAME_OF_REFERENCES = (
        _NAMES,
        "{name}, which the machine uses, is the name of something that all references have",
        RENAME,
    )
    TWO_THINGS = _NAMES, "there are two things called {name}: {one} and {other}", RENAME

    OVERRIDE_OF_OTHER_KIND = (
        _METHODS,
        "{name} is marked {kind} but overrides a method marked {overridden}",
        "Mark it @{overridden} too",
    )
    SUPER_OF_OTHER = (
        _METHODS,
        "super().{other}(..) in {name}",
        "Call super().{name}(..), what the method overrides, or self.{other}(..)",
    )
    SUPER_OF_NOTHING = _METHODS, "super().{name}(..), and no base has {name}", "Leave it away"
    SUPER_IN_THEOREM = _METHODS, "theorem {name} calls what it overrides", "State it whole"
    WAIVED_FORM = _METHODS, "WAIVED is {value}", 'Write WAIVED = ("an_invariant", ..), a tuple of names'
    WAIVED_UNKNOWN = _METHODS, "{machine} waives {name}, which is no invariant or trial of its bases", "{remedy}"
    WAIVED_OWN = _METHODS, "{machine} waives {name}, which it states itself", "Leave it away, there and here"
    ASYNC = _METHODS, "an async method", "Machines are sequential: use def"
    DECORATED = _METHODS, "method {name} is decorated with {marks}", "Give it one of the marks of the language, or none"
    PARAMETERS_NOT_PLAIN = _METHODS, "default, keyword or variadic parameters", "List every parameter plainly"
    NO_DOCSTRING = _METHODS, "{kind} {name} has no docstring", "Say what it means"
    ARGUMENT_WITHOUT_TYPE = _METHODS, "argument {argument} of {name} has no type", "Annotate it with a finite type"
    ARGUMENT_WITH_PLAIN_INT = (
        _METHODS,
        "{argument}: an argument that any caller gives holds a record with a plain int",
        BOUNDS,
    )
    ARGUMENT_CONTAINER = _METHODS, "argument {argument} is a container", IN_FULL
    RESULT_CONTAINER = _METHODS, "{name} returns a container", IN_FULL
    RESULT_UNDECLARED = _METHODS, "{name} returns something", "Say in its annotation what"
    NO_RESULT = _METHODS, "{name} can end without a result", "Return a value on every path"
    STEP_RETURNS = (
        _METHODS,
        "a step returns",
        "A step has one effect and no result: move the rest into a helper",
    )
    RULE_AFTER_EFFECT = _METHODS, "a rule after an effect", "State every require at the start of the step"
    NOT_A_STEP = _METHODS, "{kind} {name} writes self.{state}", "Only steps write state"
    TRIAL_RETURNS = _METHODS, "trial {name} returns something", "State it with ensure(..)"
    TRIAL_TAKES_RECORD = _METHODS, "{argument}: a trial takes no records", "Give it the fields one by one"

    CONSTRUCT = _STATEMENTS, "{construct} is not in the language: `{source}`", "{remedy}"
    FOR_WITH_ELSE = _STATEMENTS, "a for with an else", "Keep in a local whether the loop was left: found = True, break"
    LOOP_VARIABLES = (
        _STATEMENTS,
        "{target} are several loop variables over {source}",
        "Loop over one plain variable; take a sequence apart on a line of its own: a, b = pair. "
        "Only enumerate and zip give several",
    )
    SEVERAL_AT_ONCE = (
        _STATEMENTS,
        "{source} gives {count} values a round",
        "Give each a variable of its own: for i, x in enumerate(..), for a, b in zip(.., ..)",
    )
    ZIP_STRICT = (
        _STATEMENTS,
        "zip with a length that has to be equal",
        "Say so with ensure(len(a) == len(b), ..) or require, and write strict=False: zip ends with the shortest",
    )
    SEVERAL_FORM = _STATEMENTS, "{source}", "Write enumerate(a), or zip(a, b) with two things or more"
    RECORD_WRITTEN = _STATEMENTS, "{target} is written", "A record does not change: construct a new one"
    SEQUENCE_WRITTEN = _STATEMENTS, "a local sequence is written in place", NEW_SEQUENCE
    NO_TARGET = (
        _STATEMENTS,
        "assignment to something else than a local or a state variable: {target}",
        "Assign to a local, self.x or self.x[key]",
    )
    NO_STATE_WRITTEN = _STATEMENTS, "self.{name} is not a state variable", "Declare it in the class body"
    NOT_A_STATEMENT = (
        _STATEMENTS,
        "{function} used as a value",
        "Put it on a line of its own",
    )
    WRONG_PLACE = _STATEMENTS, "{function} in {kind} {name}", "It belongs in: {allowed}"
    STATEMENT_ARGUMENTS = (
        _STATEMENTS,
        "{function} with {count} arguments",
        "require(condition, rule), ensure(condition, promise), assume(condition), reject(error), sometimes(event)",
    )
    NO_PLAIN_NAME = _STATEMENTS, "{function} without a plain name", "Name it with a string literal"
    NO_EFFECT = _STATEMENTS, "{function} alone on a line has no effect", "Use its value"

    CONSTANT = _EXPRESSIONS, "the constant {value}", "Values are booleans, integers, None and tuples"
    UNKNOWN_NAME = (
        _EXPRESSIONS,
        "unknown name {name}",
        "Use a local, an integer constant, an enum or an index class of the module",
    )
    SELF_AS_VALUE = (
        _EXPRESSIONS,
        "{source} is used as a value",
        "Name a state variable, or one parameter: self.params.x",
    )
    NO_STATE_READ = _EXPRESSIONS, "self.{name} is not a state variable", "Declare it, or use self.params"
    NO_PARAMETER = _EXPRESSIONS, "no parameter {name}", "Declare it in {parameters}"
    NO_MEMBER = _EXPRESSIONS, "{owner} has no member {name}", "Use one of its members"
    NO_ENUM_MEMBER = _EXPRESSIONS, "{owner}.{name} is no member of an enumeration", "Use a member of one"
    RECORD_AS_VALUE = _EXPRESSIONS, "the record class {name} used as a value", "Construct one: {name}(..)"
    CLASS_AS_VALUE = (
        _EXPRESSIONS,
        "the class {name} is used as a value",
        "Use one of its values, or loop over them",
    )
    NO_FIELD = _EXPRESSIONS, "no record has a field {name}", "Records here: {records}"
    IDENTITY = _EXPRESSIONS, "{source} asks for identity", "Write == or !=, is for None"

    CALL = _CALLS, "a call of something unknown: {call}", "{remedy}"
    CONVERSION_FORM = _CALLS, "{name} is made of something else than one number: {call}", "Write {name}(number)"
    NOT_IMPORTED = _CALLS, "{name} is not imported", "Write from kvproof.spec.lang import {name}"
    OF_ONE_VALUE = (
        _CALLS,
        "{name} of something else than one value: {call}",
        "Write known(x), or replace(record, field=value)",
    )
    CALL_OF_FUNCTION = _CALLS, "a function of the module is called: {call}", "Make it a helper method of the machine"
    KEYWORDS = _CALLS, "keyword arguments in {call}", "Pass arguments by position; only fields of records have names"
    NO_METHOD = _CALLS, "no method {name}", "Define it in the machine"
    ARGUMENT_COUNT = _CALLS, "{name} is called with {count} arguments", "It takes ({arguments})"
    OPERATION_CALLED = _CALLS, "operation {name} is called from inside", "Move what is shared into a helper"
    STEP_FROM_HERE = _CALLS, "{kind} {name} takes a step", "Only operations and helpers take steps"
    KIND_CALLED = _CALLS, "{kind} {name} is called", "Machines call steps and helpers"
    RESULT_OF_NOTHING = _CALLS, "{name} has no result", "Call it on a line of its own"
    RECORD_VALUES = _CALLS, "{record} is constructed with {count} values", "Give each field once: {fields}"
    CHOOSE_FORM = (
        _CALLS,
        "choose without candidates and name",
        'Write choose((x for x in ...), "name")',
    )
    NO_GENERATOR = (
        _CALLS,
        "{function} of something else than a generator",
        "Write {function}(... for x in ...)",
    )
    FIELD_OF_OTHERS = _CALLS, "{record} has no field {name}", "Its fields: {fields}"
    FIELDS_SPREAD = _CALLS, "fields are given by ** in {call}", "Name each field"
    GENERATOR_ASYNC = _CALLS, "an async generator", "Machines are sequential: leave async away"
    EXTREME_OF_MANY = (
        _CALLS,
        "{function} of what a generator gives: {source}",
        "Keep the {word} in a loop: `if x {sign} best: best = x`, from a first value",
    )
    EXTREME_OF_ONE = (
        _CALLS,
        "{function} of {count} values: {source}",
        "Give {function} two numbers or more, or keep the {word} in a loop",
    )
    EXTREME_OF_TRUTH = _CALLS, "{function} of a truth value", "Write `and`, `or`, or 1 if .. else 0"
    LENGTH_OF_SEVERAL = _CALLS, "len of {count} things", "Write len(sequence)"
    NO_LENGTH = _CALLS, "len of {source}, which is {kind}", "Sequences, sets, queues and partial maps have lengths"
    RANGE_FORM = (
        _CALLS,
        "range with {count} numbers",
        "Write range(stop), range(start, stop) or range(start, stop, step)",
    )
    REVERSED_FORM = _CALLS, "{source}", "Write reversed(sequence) or reversed(range(..))"
    EVERY_OF = _CALLS, "{source} of no index class", "Name one index class"
    LOOP_AS_VALUE = _CALLS, "{source} is used as a value", "Loop over it: range(..), reversed(..), every(..), values()"

    NO_CONTAINER_METHOD = (
        _CONTAINERS,
        "method {name} of a container, used here: {source}",
        "Containers have {methods}; what changes one stands on a line of its own, what reads one does not",
    )
    METHOD_OF_OTHERS = _CONTAINERS, "{owner} has no method {name}", "Its methods: {methods}"
    CONTAINER_ARGUMENTS = _CONTAINERS, "{name} with {count} arguments", "It takes {needed}"
    KEY_DELETED = _CONTAINERS, "a key of {owner} is deleted", "Only a PartialMap gives up its keys"
    CONTAINER_REPLACED = _CONTAINERS, "the container {name} is replaced", "Change what is in it"
    CONTAINER_AS_VALUE = _CONTAINERS, "the container {name} is used as a value", IN_FULL
    SEQUENCE_IN_PLACE = _CONTAINERS, "{owner} is written in place, and is a sequence", NEW_SEQUENCE
    WRITTEN_IN_PLACE = _CONTAINERS, "{owner} is written in place, and is no map", "Use a Map"
    IN_TOTAL_MAP = _CONTAINERS, "`in` the total map {owner}", "It has every key: ask for its value"
    CONTAINER_ITERATED = _CONTAINERS, "{source} is {way}", ITERATED
    NOT_ITERATED = _CONTAINERS, "{source}, {kind}, is looped over", ITERATED

    NO_MEMBER_VALUE = (
        _VALUES,
        "{found} is no value of {where}: it needs {needed}",
        "Give a member of {enum}: for member in {enum}",
    )
    TRUTH_AS_NUMBER = (
        _VALUES,
        "{found} is no value of {where}: it needs {needed}",
        "Write 1 if .. else 0",
    )
    NUMBER_AS_TRUTH = _VALUES, "{found} is no value of {where}: it needs {needed}", TRUTH
    NOT_OF_TYPE = _VALUES, "{found} is no value of {where}: it needs {needed}", "Give it a value of that type"
    KEY_OF_OTHER_TYPE = (
        _VALUES,
        "{found} is asked for where {needed} is kept",
        "Ask for a value of that type: a member of the enumeration; 1 if .. else 0 for a number",
    )
    NO_TRUTH_VALUE = _VALUES, "{source} is {kind} and no truth value", TRUTH
    NONE_FROM_AND_OR = (
        _VALUES,
        "{source} may be None, and `and` and `or` would give it back",
        "Write x is not None and x",
    )
    NONE_AS_NUMBER = (
        _VALUES,
        "{source} is None and no number ({where})",
        "Ask first: if x is None, and give it a number otherwise",
    )
    NO_NUMBER = _VALUES, "{source} is {kind} and no number ({where})", "Use numbers there"
    NO_COMMON_TYPE = _VALUES, "{source} has {kinds}", "Give it values of one type, or construct a Record"
    REPLACED = _VALUES, "{source} is {kind} and has no fields to replace", "Give replace a record"
    HAS_NO_FIELD = _VALUES, "{source} is {kind} and has no field {name}", "Read a field of a record"
    HAS_NO_ELEMENTS = _VALUES, "{source} is {kind} and has no elements", "Subscript a sequence or a map"
    NO_SUM = _VALUES, "{one} + {other}", "Add sequences, or numbers"
    COMPARED = _VALUES, "{one} is compared with {other} in {source}", "Compare values of one type"
    LOOKED_FOR = (
        _VALUES,
        "{found} is looked for where {needed} is",
        "Look for a value of the elements' type",
    )
    UNPACKED = _VALUES, "{kind} is unpacked", "Only sequences are"

    MAY_HAVE_NO_VALUE = (
        _LOCALS,
        "{name} may have no value here",
        "Assign it on every path, before the branch, loop or generator",
    )
    HAS_NO_VALUE = _LOCALS, "{name} has no value here", "Assign it before"
    LOCAL_OF_TWO_TYPES = _LOCALS, "{name} has {kind}", "Give every local values of one type"

    RECURSION = _EFFECTS, "{name} calls itself ({way})", "Write a loop over range(limit)"
    STEP_WHILE_LOOKING = (
        _EFFECTS,
        "{where} takes a step{way}",
        "Only operations, trials and helpers of these take steps, on lines of their own",
    )
    CHOICE_WHILE_LOOKING = (
        _EFFECTS,
        "{where} makes a choice{way}",
        "Choose on a line of its own in an operation, a trial or a helper of these",
    )
    PROMISE_WHILE_LOOKING = _EFFECTS, "{where} makes a promise{way}", "Put the ensure into the operation or trial"
    REFUSAL_WHILE_LOOKING = (
        _EFFECTS,
        "{where} refuses an operation{way}",
        "Refuse in an operation, or in a helper that it calls on a line of its own",
    )
    EVENT_WHILE_LOOKING = _EFFECTS, "{where} marks an event{way}", "Mark the event in the operation or step"

    THEOREM_RESULT = _THEOREMS, "theorem {name} does not return bool", "Annotate it -> bool"
    THEOREM_ARGUMENT = _THEOREMS, "{argument}: a theorem speaks of all integers", "Annotate it with plain int"
    THEOREM_BODY = _THEOREMS, "a theorem has more than assumptions before its return", THEOREM
    THEOREM_END = _THEOREMS, "a theorem does not end in its conclusion", THEOREM
    THEOREM_HELPER = _THEOREMS, "{name} has an argument that is no plain int", THEOREM
    THEOREM_PART = _THEOREMS, "{source} in a theorem", THEOREM
    THEOREM_PROPERTY = _THEOREMS, "{source} is computed from parameters", THEOREM
    THEOREM_RECURSION = _THEOREMS, "{name} calls itself", THEOREM
    THEOREM_CALLS = _THEOREMS, "{kind} {name} is called in a theorem", THEOREM

    FIELD_WITHOUT_NAME = _DECLARATION, "Shipped is given {value} without a name", "Write Shipped(machine=.., ..)"
    FIELD_UNKNOWN = _DECLARATION, "Shipped has no field {name}", "{remedy}"
    FIELD_MISSING = _DECLARATION, "Shipped is given no machine", "Write machine=.., the class"
    NO_MACHINE = _DECLARATION, "{value} is declared, which is no machine", "Give the class, which derives Machine"
    OTHER_VARIANT = _DECLARATION, "variant {label} is {value}, which is no {machine}", "Derive it from {machine}"
    SIZES_FOR_NOTHING = _DECLARATION, "there are no sizes for {use}", "{remedy}"
    OTHER_SIZES = _DECLARATION, "size {label} for {use} is {value}", "Give {parameters}(..)"
    NAMES_NOTHING = _DECLARATION, "{field} names {name}, which is no {what} of {machine}", "{remedy}"
    DECLARED_TWICE = _DECLARATION, "{names} declare one machine, {machine}", "Make them one"
    FORMER_CONSTANTS = (
        _DECLARATION,
        "{names} of a module are not read",
        "Declare SHIPPED = Shipped(machine={machine}, {fields}), with Shipped from kvproof",
    )

    def __init__(self, section: str, problem: str, remedy: str) -> None:
        self.section = section
        self.problem = problem
        self.remedy = remedy

    def at(self, file: str, line: int, **values: Any) -> LanguageError:
        """The error at a line, with the values that problem and remedy name."""
        return LanguageError(file, line, self.problem.format(**values), self.remedy.format(**values), self.name)

    def of_type(self, **values: Any) -> NoFiniteType:
        """The error of an annotation, of which only who reads it knows the line."""
        return NoFiniteType(self.problem.format(**values), self.remedy.format(**values), self.name)


CONSTRUCTS: dict[type[ast.AST], str] = {
    ast.While: "Write `for _ in range(limit)` with a break: every loop has a bound",
    ast.Try: "An operation tests first and rejects; steps state rules with require",
    ast.TryStar: "An operation tests first and rejects; steps state rules with require",
    ast.With: "State the steps one after the other",
    ast.Raise: "Use reject(error) in an operation or require(condition, rule) in a step",
    ast.Assert: "Use require(condition, rule) in a step, or an @invariant",
    ast.Match: "Use if and elif",
    ast.FunctionDef: "Write a helper method of the machine",
    ast.ClassDef: "Declare types at the top of the module",
    ast.Global: "Declare a state variable",
    ast.Nonlocal: "Declare a state variable",
    ast.Import: "Import at the top of the module",
    ast.ImportFrom: "Import at the top of the module",
    ast.Delete: "Delete one key of a PartialMap: del self.x[key]",
    ast.Assign: "Assign to one target on a line",
    ast.AnnAssign: "Give the local its value on this line: name: Type = value",
    ast.Expr: "A line is an assignment, a call, an if, a for or a return",
    ast.Lambda: "Write a helper method",
    ast.ListComp: "Write tuple(.. for x in ..)",
    ast.SetComp: "Write a loop over a state variable of type Set",
    ast.DictComp: "Write a loop over a PartialMap",
    ast.GeneratorExp: "Give it to all(..), any(..), sum(..), tuple(..) or choose(.., name), or write a loop",
    ast.List: "Use a tuple: sequences are immutable values",
    ast.Dict: "Use a PartialMap state variable",
    ast.Set: "Use a Set state variable",
    ast.JoinedStr: "Messages are for the tools to make; give rules and errors plain names",
    ast.NamedExpr: "Assign on a line of its own",
    ast.Starred: "Write `a + b` for sequences",
    ast.Slice: "Write a[i:j], or tuple(a[i] for i in range(start, stop, step))",
    ast.Await: "Machines are sequential",
    ast.Yield: "Return a sequence",
    ast.YieldFrom: "Return a sequence",
    ast.Div: "Numbers are integers: write //",
    ast.Pow: "Write x * x, multiply in a loop over range(..), or give the parameters a property that computes it",
    ast.LShift: "Multiply by the power of two",
    ast.RShift: "Divide by the power of two: //",
    ast.BitAnd: "Write `and` for truth values; for flags, a Set or a Map to bool",
    ast.BitOr: "Write `or` for truth values, + for sequences; for flags, a Set or a Map to bool",
    ast.BitXor: "Write != for truth values; for flags, a Set or a Map to bool",
    ast.MatMult: "Write sums of products",
    ast.Invert: "Write `not` for truth values",
    ast.UAdd: "Leave the plus away",
}
"""Python's constructs that are not in the language, and what to write instead."""

FUNCTIONS: dict[str, str] = {
    "abs": "Write x if x >= 0 else -x",
    "bool": TRUTH,
    "dict": "Use a PartialMap state variable",
    "divmod": "Write x // y and x % y",
    "filter": "Write tuple(x for x in .. if ..)",
    "float": "Numbers are integers: count in smaller units",
    "frozenset": "Use a Set state variable, or a sequence",
    "getattr": "Name the state variable, parameter or field",
    "int": "A member of an enumeration and an index are numbers already; of a truth value write 1 if .. else 0",
    "isinstance": "The type is known from the annotations; ask x is not None",
    "iter": "Write a loop with a break",
    "list": "Use a tuple: sequences are immutable values",
    "map": "Write tuple(f(x) for x in ..)",
    "next": "Write a loop with a break, or leave it open with choose(.., name)",
    "pow": "Write x * x, or multiply in a loop over range(..)",
    "print": "Look at it in a debugger, or at the steps in a trace",
    "round": "Numbers are integers: write //",
    "set": "Use a Set state variable, or a sequence",
    "sorted": "A Set is visited ascending, a PriorityQueue in its order; insert where it belongs: a[:i] + (x,) + a[i:]",
    "str": "There are no texts: use an enumeration",
    "super": "Call what a method overrides: super().m(..) in m",
}
"""Python's functions that are not in the language, and what to write instead."""


def last_resort(what: str) -> str:
    """The remedy for what has no remedy of its own: where it says what there is."""
    return f"{PAGE} says what is in the language; {what} is not"
