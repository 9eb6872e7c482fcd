"""Lockstep as a pytest test: a target of one's own becomes a test in five lines.

    from kvproof import LockstepTest
    from my_package import MyTarget

    class TestMine(LockstepTest):
        machine = "block-manager"
        target = MyTarget

`machine` is a name of kvproof's, `module:Class`, or a class that derives `kvproof.Machine`; `target` is a class
or a function that is called without arguments (see `kvproof.fuzz.target`). Options of the run are attributes
(`seconds`, `operations`, `until_accepted`, `seed`, `engine`, `parameters`, `refused`, `without`, `schedule`);
`--kvproof-seconds` and `--kvproof-seed` override them. Where machines are slow or busy, count `operations`, set
`until_accepted` and give plenty of `seconds`: then every run drives as much. A failing test tells the minimised sequence
step by step and where its trace was written.

A function does the same inside a test: `run_lockstep("block-manager", MyTarget, seconds=5)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from kvproof.fuzz.targets import DEFAULT_MACHINE

if TYPE_CHECKING:
    import pytest

    from kvproof.fuzz.campaign import Campaign
    from kvproof.fuzz.subject import Subject
    from kvproof.fuzz.target import Target

DEFAULT_SECONDS = 5.0
DEFAULT_TRACES = Path(".kvproof") / "traces"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The two options; see the module."""
    group = parser.getgroup("kvproof")
    group.addoption("--kvproof-seconds", type=float, default=None, help="seconds of each lockstep test")
    group.addoption("--kvproof-seed", type=int, default=None, help="seed of each lockstep test")


class LockstepTest:
    """Derive a class whose name begins with `Test`, and name a machine and a target."""

    machine: ClassVar[Any] = DEFAULT_MACHINE
    target: ClassVar[Any] = None
    seconds: ClassVar[float] = DEFAULT_SECONDS
    operations: ClassVar[int | None] = None
    until_accepted: ClassVar[bool] = False
    """Go on until every operation was accepted, beyond `operations` if need be; `seconds` end the run all the same."""
    seed: ClassVar[int] = 0
    engine: ClassVar[str] = "hypothesis"
    parameters: ClassVar[Mapping[str, int]] = {}
    refused: ClassVar[tuple[str, ...]] = ()
    """Operations that the parameters cannot allow; any other that is never accepted fails the test."""
    without: ClassVar[tuple[str, ...]] = ()
    """Operations that the target does not offer: they are not driven."""
    schedule: ClassVar[str | None] = None
    """How the pending work of a target with a schedule goes on; None draws a mode for each case."""

    def test_lockstep(self, request: pytest.FixtureRequest) -> None:
        """The target does what the machine says."""
        import pytest  # here, so that the class can be had without it

        factory = type(self).__dict__.get("target", type(self).target)
        if isinstance(factory, staticmethod):
            factory = factory.__func__
        if factory is None:
            pytest.fail(f"{type(self).__name__} names no target: set `target` to a class or a function", pytrace=False)
        seconds = request.config.getoption("--kvproof-seconds")
        seed = request.config.getoption("--kvproof-seed")
        run_lockstep(
            self.machine,
            factory,
            seconds=self.seconds if seconds is None else seconds,
            operations=self.operations,
            until_accepted=self.until_accepted,
            seed=self.seed if seed is None else seed,
            engine=self.engine,
            parameters=self.parameters,
            refused=self.refused,
            without=self.without,
            schedule=self.schedule,
            traces=request.config.rootpath / DEFAULT_TRACES,
        )


def run_lockstep(
    machine: Any,
    target: Callable[[], Target],
    *,
    seconds: float = DEFAULT_SECONDS,
    operations: int | None = None,
    until_accepted: bool = False,
    seed: int = 0,
    engine: str = "hypothesis",
    parameters: Mapping[str, int] | None = None,
    refused: Iterable[str] = (),
    without: Iterable[str] = (),
    schedule: str | None = None,
    traces: Path = DEFAULT_TRACES,
) -> Campaign:
    """Fuzz a target beside a machine inside a test.

    Raises:
        AssertionError: they differ (with the minimised sequence), or an operation was never accepted.
        HarnessError: the machine, the parameters or the target cannot be used.
    """
    # kvproof is imported here so that the plugin costs other projects' test runs nothing.
    from kvproof.fuzz.campaign import Engine, Plan, run_campaign
    from kvproof.fuzz.replay import account, replay
    from kvproof.fuzz.target import make_target
    from kvproof.fuzz.trace import trace_name, write_trace

    __tracebackhide__ = True
    subject = _subject(machine)
    name = getattr(target, "__qualname__", repr(target))

    def make() -> Target:
        return make_target(target, name)

    plan = Plan(
        seconds,
        seed,
        Engine(engine),
        dict(parameters or {}),
        operations,
        until_accepted=until_accepted,
        refused=frozenset(refused),
        without=frozenset(without),
        schedule=schedule,
    )
    campaign = run_campaign(subject, make, plan)
    trace = campaign.trace(f"{getattr(target, '__module__', '')}:{name}")
    if trace is not None:
        shapes = subject.make_shapes(trace.parameters)
        path = traces / trace_name(trace, shapes)
        write_trace(path, trace, shapes)
        raise AssertionError(
            f"{name} differs from {subject.name}\n{account(replay(subject, trace, make))}\ntrace: {path}"
        )
    if campaign.interrupted:
        raise KeyboardInterrupt
    idle = campaign.idle()
    if idle:
        told = ", ".join(f"{operation} {what}" for operation, what in idle.items())
        raise AssertionError(f"the run has failed: {told} in {campaign.progress.operations} operations")
    return campaign


def _subject(machine: Any) -> Subject:
    from kvproof.fuzz.machines import subject_named
    from kvproof.fuzz.subject import Subject

    if isinstance(machine, Subject):
        return machine
    return subject_named(machine if isinstance(machine, str) else f"{machine.__module__}:{machine.__qualname__}")
