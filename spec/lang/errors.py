"""What can go wrong when a machine is written, and when it runs."""


class LanguageError(Exception):
    """A construct outside the language, or a declaration that means nothing: file, line, and what to write instead."""

    def __init__(self, file: str, line: int, problem: str, remedy: str, refusal: str = "") -> None:
        super().__init__(f"{file}:{line}: {problem}. {remedy}")
        self.file = file
        self.line = line
        self.problem = problem
        self.remedy = remedy
        self.refusal = refusal
        """The name of the `Refusal` that it is an instance of, if it is one."""


class NoFiniteType(TypeError):
    """An annotation that stands for no type of the language: what is wrong with it, and what to write instead."""

    def __init__(self, problem: str, remedy: str, refusal: str) -> None:
        super().__init__(f"{problem}. {remedy}")
        self.problem = problem
        self.remedy = remedy
        self.refusal = refusal

    def at(self, file: str, line: int, what: str) -> LanguageError:
        """The error of what is annotated so."""
        return LanguageError(file, line, f"{what}: {self.problem}", self.remedy, self.refusal)


class RuleBroken(Exception):
    """A protocol rule did not hold when a step was taken, or an operation broke a promise that it ensures."""

    def __init__(self, rule: str, message: str = "") -> None:
        super().__init__(f"rule {rule} is broken{': ' + message if message else ''}")
        self.rule = rule


class Rejected(Exception):
    """An operation was refused; the state is what it was before."""

    def __init__(self, error: str) -> None:
        super().__init__(f"rejected: {error}")
        self.error = error


class OutOfDomain(RuleBroken):
    """A value outside its declared type ("bound"), or a use of what is not there ("defined": absent key, empty queue).

    It breaks a rule that every machine has. Once it is known where in the machine it happened, `rule` says so too:
    "defined: self.open[table]".
    """

    def __init__(self, message: str, kind: str = "bound") -> None:
        Exception.__init__(self, message)
        self.rule = kind


class NotAssumed(Exception):
    """A theorem or trial was run on values of which it says nothing: one of its assumptions is false for them."""
