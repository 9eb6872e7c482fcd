"""The oracles, each a function of both sides that returns a failure or None.

`refinement` (result and observation) compares what can be seen from outside; `StepValidation` replays the target's own
step log through a second reference, the validator, so that a protocol violation which cancels out before the
operation ends is seen too; `content` compares bytes read back from the target with the pattern of their token path;
`races` reports what the target's happens-before check found.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import frozen

from kvproof.fuzz.content import pattern
from kvproof.fuzz.failure import Failure, fingerprint, first_difference, inside_text, place_kind, place_text, plain
from kvproof.fuzz.paths import PathNode, path_text
from kvproof.fuzz.subject import Reference, Subject
from kvproof.fuzz.target import (
    Content,
    Observation,
    Operation,
    Outcome,
    Race,
    Refused,
    Step,
    describe,
    render,
)

ITEMS_SHOWN = 12
"""Items of a list that a message shows; a longer one is told by its length."""


@frozen
class Moment:
    """Where in a run an oracle looks."""

    index: int
    operation: Operation

    @property
    def told(self) -> str:
        """The operation in a message: a prompt of a service has hundreds of tokens."""
        return self.operation.told(ITEMS_SHOWN)

    def failure(self, oracle: str, kind: str, message: str, expected: object = None, actual: object = None) -> Failure:
        """The failure of `oracle` at this operation."""
        name = fingerprint(oracle, kind, self.operation.name)
        return Failure(oracle, self.index, name, message, plain(expected), plain(actual))


def crash(moment: Moment, error: BaseException) -> Failure:
    """The target raised instead of returning an outcome."""
    message = f"{moment.told} raised {describe(error)}"
    return moment.failure("crash", type(error).__name__, message, "an outcome", describe(error))


def outcome(moment: Moment, expected: Outcome, actual: Outcome) -> Failure | None:
    """Same result, or same refusal. The message about two results names the first place at which they differ."""
    if isinstance(expected, Refused) or isinstance(actual, Refused):
        if expected == actual:
            return None
        kind = f"{_word(expected)}/{_word(actual)}"
        message = f"{moment.told}: the specification {expected}, the target {actual}"
        return moment.failure("result", kind, message, str(expected), str(actual))
    if expected.value == actual.value:
        return None
    found = first_difference(plain(expected.value), plain(actual.value))
    if found is None:
        return None
    place, left, right = found
    if not place:
        message = f"{moment.told}: the specification {expected}, the target {actual}"
        return moment.failure("result", "value", message, str(expected), str(actual))
    fields = [part for part in place if isinstance(part, str)]
    both = f"the specification has {render(left)}, the target {render(right)}"
    message = f"{moment.told}, result{inside_text(place)}: {both}"
    return moment.failure("result", ".".join(["value", *fields]), message, str(expected), str(actual))


def _word(result: Outcome) -> str:
    return f"refused {result.error}" if isinstance(result, Refused) else "accepted"


def same_observation(expected: Observation, actual: Observation) -> bool:
    """Are two observations equal, whatever mixture of lists and tuples each side builds?"""
    return expected == actual or plain(expected) == plain(actual)


def observation(
    moment: Moment, expected: Observation, actual: Observation, oracle: str = "observation", who: str = "the target"
) -> Failure | None:
    """Same observation."""
    if same_observation(expected, actual):
        return None
    found = first_difference(plain(expected), plain(actual))
    if found is None:
        return None
    place, left, right = found
    kind = place_kind(place) if oracle == "observation" else f"state.{place_kind(place)}"
    both = f"the specification has {render(left)}, {who} has {render(right)}"
    message = f"after {moment.told}, {place_text(place)}: {both}"
    return moment.failure(oracle, kind, message, left, right)


def invariants(moment: Moment, broken: Iterable[str]) -> Failure | None:
    """The specification's own invariants hold in the reference: `broken` are those that do not."""
    broken = list(broken)
    if not broken:
        return None
    message = f"after {moment.told} the specification's own invariant {broken[0]} does not hold"
    return moment.failure("invariant", broken[0], message, "all invariants", broken)


class StepValidation:
    """The validator: a reference that performs the steps that the target says it performed."""

    def __init__(self, subject: Subject, validator: Reference) -> None:
        self._subject = subject
        self.validator = validator
        self.validated = 0
        """Steps replayed so far."""
        self._view: Observation | None = None

    def steps(self, moment: Moment, steps: Sequence[Step]) -> Failure | None:
        """Replay an operation's step log; each rule of the specification must hold at its step."""
        if steps:
            self._view = None
        known = self._subject.steps
        validator = self.validator
        broken = self._subject.rule_broken
        for number, (name, arguments) in enumerate(steps):
            if name not in known:
                message = f"{moment.told}, step {number}: the target reports {name!r}, which is no step; steps are "
                return moment.failure("step", f"unknown-step:{name}", message + ", ".join(sorted(known)), None, name)
            typed = getattr(validator, "TYPED", {}).get(name)
            try:
                if typed is not None and not typed(validator, *arguments):
                    raise ValueError("an argument is not of the type that the step declares")
                getattr(validator, name)(*arguments)
            except broken as error:
                rule = getattr(error, "rule", "unnamed-rule")
                step = Step(name, arguments)
                message = f"{moment.told}, step {number}, {step}: breaks the rule {rule}"
                return moment.failure("step", f"{rule}:{name}", message, rule, str(step))
            except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
                step = Step(name, arguments)
                message = f"{moment.told}, step {number}, {step}: is impossible here: {describe(error)}"
                return moment.failure("step", f"impossible:{name}", message, None, str(step))
        self.validated += len(steps)
        return None

    def state(self, moment: Moment, actual: Observation) -> Failure | None:
        """The logged steps lead to what the target shows: nothing was done that the log does not say."""
        if self._view is None:
            self._view = self.validator.observe()
        return observation(moment, self._view, actual, "step", "the target, whose step log led there,")


def content(moment: Moment, contents: Iterable[Content]) -> Failure | None:
    """Every block's bytes are those of its token path."""
    for where, path, start, data, layer in contents:
        wanted = path.data if isinstance(path, PathNode) else pattern(path, start, layer)
        if data != wanted:
            if isinstance(path, PathNode):
                start, path = path.start(), path.path()
            size = len(wanted) // max(1, len(path) - start)
            first = (
                next((at for at, (a, b) in enumerate(zip(wanted, data, strict=False)) if a != b), len(wanted)) // size
            )
            message = (
                f"after {moment.told}, {where}: the bytes of token {first} of this block are not those of the path "
                f"{path_text(path[: start + first + 1])}"
            )
            return moment.failure("content", "bytes", message, wanted.hex(), data.hex())
    return None


def races(moment: Moment, found: Iterable[Race]) -> Failure | None:
    """No two conflicting accesses are unordered."""
    for race in found:
        message = f"during {moment.told}: {race.message}"
        return moment.failure("race", race.kind, message, "an order", race.kind)
    return None
