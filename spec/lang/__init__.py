"""The language of machines: typed Python over finite types that runs, and that the tools of `kvproof.model` read.

A machine is a class that derives `Machine`. Annotations declare its state, methods marked `step`, `operation`,
`invariant` and `trial` declare what it does. Nothing here knows who reads a machine.
"""

from kvproof.spec.lang.compile import compile_machine
from kvproof.spec.lang.containers import Map, PartialMap, PriorityQueue, Set
from kvproof.spec.lang.definition import Definition, Method
from kvproof.spec.lang.errors import LanguageError, NotAssumed, OutOfDomain, Rejected, RuleBroken
from kvproof.spec.lang.machine import (
    Machine,
    assume,
    canonical,
    choose,
    ensure,
    invariant,
    known,
    normal_form,
    observation,
    operation,
    phase,
    reject,
    require,
    sometimes,
    step,
    theorem,
    trial,
)
from kvproof.spec.lang.record import Record, plain, replace
from kvproof.spec.lang.shipped import Shipped
from kvproof.spec.lang.state import Ghost, StateVariable
from kvproof.spec.lang.types import AtMost, Between, Exactly, Index, Parameters

__all__ = [
    "AtMost",
    "Between",
    "Definition",
    "Exactly",
    "Ghost",
    "Index",
    "LanguageError",
    "Machine",
    "Map",
    "Method",
    "NotAssumed",
    "OutOfDomain",
    "Parameters",
    "PartialMap",
    "PriorityQueue",
    "Record",
    "Rejected",
    "RuleBroken",
    "Set",
    "Shipped",
    "StateVariable",
    "assume",
    "canonical",
    "choose",
    "compile_machine",
    "ensure",
    "invariant",
    "known",
    "normal_form",
    "observation",
    "operation",
    "phase",
    "plain",
    "reject",
    "replace",
    "require",
    "sometimes",
    "step",
    "theorem",
    "trial",
]
