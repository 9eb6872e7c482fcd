"""Records in arguments and results: drawn, told, written to traces, minimised, compared."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
import toy_batch
from toy_batch import BATCH_DEFAULTS, TOY_BATCH, BatchReference, BatchTarget, order, push_all, weight_of

from kvproof.fuzz.campaign import Engine, Plan, run_campaign
from kvproof.fuzz.chooser import RandomChooser
from kvproof.fuzz.drawing.arguments import ArgumentSource
from kvproof.fuzz.drawing.repair import Mender
from kvproof.fuzz.lockstep import Lockstep, run
from kvproof.fuzz.shapes import Fields, Run, Whole, from_json, to_json
from kvproof.fuzz.shrinking.minimise import Minimiser
from kvproof.fuzz.target import Operation, render
from kvproof.fuzz.trace import Trace, TraceError, fit, parse_trace, render_trace

SHAPE = TOY_BATCH.make_shapes(BATCH_DEFAULTS)["push_all"]["orders"]


def make_source(reference: BatchReference) -> ArgumentSource:
    return ArgumentSource(TOY_BATCH, BATCH_DEFAULTS, reference)


def make_trace(*operations: Operation) -> Trace:
    return Trace("toy-batch", TOY_BATCH.digest, None, BATCH_DEFAULTS, operations, None, None, "fuzz")


def test_drawn_records_are_legal_and_survive_json() -> None:
    source, chooser = make_source(BatchReference(BATCH_DEFAULTS)), RandomChooser(1)
    for _ in range(300):
        orders = source.draw_any("push_all", chooser).arguments["orders"]
        assert SHAPE.contains(orders)
        assert SHAPE.parse(json.loads(json.dumps(to_json(SHAPE, orders)))) == orders


def test_most_drawn_batches_are_enabled_and_many_are_long() -> None:
    reference = BatchReference(BATCH_DEFAULTS)
    reference.words = {2: (1, 2)}
    source, chooser = make_source(reference), RandomChooser(2)
    found = []
    for _ in range(200):
        source.moved()
        found.append(source.draw_enabled("push_all", chooser))
    lengths = Counter(len(each.arguments["orders"]) if each is not None else 0 for each in found)
    assert lengths[0] < 20
    assert lengths[2] > 50


def test_records_of_a_list_mostly_name_different_things() -> None:
    source, chooser = make_source(BatchReference(BATCH_DEFAULTS)), RandomChooser(3)
    batches = [source.draw_any("push_all", chooser).arguments["orders"] for _ in range(400)]
    alike = [len({each["job"] for each in batch}) < len(batch) for batch in batches]
    assert 0 < sum(alike) < 60


def test_numbers_are_often_what_a_query_answers_about_the_record() -> None:
    source, chooser = make_source(BatchReference(BATCH_DEFAULTS)), RandomChooser(4)
    orders = [each for _ in range(300) for each in source.draw_any("push_all", chooser).arguments["orders"]]
    right = [each for each in orders if each["word"] and each["weight"] == weight_of(each["word"])]
    assert len(right) > len(orders) / 5


def test_asking_a_query_leaves_no_mark() -> None:
    reference = BatchReference(BATCH_DEFAULTS)
    reference.coverage = set()
    reference.on_step = hook = lambda name, arguments: None
    source, chooser = make_source(reference), RandomChooser(5)
    for _ in range(50):
        source.draw_any("push_all", chooser)
    assert reference.coverage == set()
    assert reference.events == {}
    assert reference.on_step is hook


def test_sequences_of_one_batch_share_prefixes() -> None:
    source, chooser = make_source(BatchReference(BATCH_DEFAULTS)), RandomChooser(6)
    shared = 0
    for _ in range(300):
        words = [each["word"] for each in source.draw_any("push_all", chooser).arguments["orders"]]
        shared += any(len(a) > 1 and a[:2] == b[:2] for at, a in enumerate(words) for b in words[:at])
    assert shared > 30


def test_simpler_records_are_legal_and_different() -> None:
    source, chooser = make_source(BatchReference(BATCH_DEFAULTS)), RandomChooser(7)
    for _ in range(100):
        orders = source.draw_any("push_all", chooser).arguments["orders"]
        for simpler in SHAPE.simpler(orders):
            assert SHAPE.contains(simpler)
            assert simpler != orders


def test_a_simpler_list_has_one_record_less_or_one_simpler_field() -> None:
    simpler = list(SHAPE.simpler((order(0), order(1, (2,), weight=4))))
    assert (order(0),) in simpler
    assert (order(1, (2,), weight=4),) in simpler
    assert (order(0), order(1, (), weight=4)) in simpler
    assert (order(0), order(1, (2,), weight=0)) in simpler


@pytest.mark.parametrize(
    "value",
    [
        {"word": (), "job": 0, "weight": 0, "note": None},
        {"job": 0, "word": (), "weight": 0},
        {**order(0), "more": 1},
        order(9),
        (0, (), 0, None),
    ],
    ids=["order of fields", "missing", "too many", "out of range", "no dict"],
)
def test_what_is_no_record_of_the_shape_is_not_contained(value: Any) -> None:
    assert isinstance(SHAPE, Run)
    assert not SHAPE.inner.contains(value)


def test_a_trace_with_records_reads_back_as_it_was_written() -> None:
    trace = make_trace(push_all(order(1, (0, 2), 4, 1), order(0)))
    text = render_trace(trace, TOY_BATCH.make_shapes(BATCH_DEFAULTS))
    assert fit(parse_trace(text, "here.json"), TOY_BATCH, "here.json") == trace
    assert '{"orders": [{"job": 1, "word": [0, 2], "weight": 4, "note": 1}, {"job": 0,' in text


def test_a_record_with_its_fields_in_another_order_is_read() -> None:
    reordered = Operation("push_all", {"orders": (dict(reversed(order(1, (2,)).items())),), "budget": 2})
    (fitting,) = fit(make_trace(reordered), TOY_BATCH, "here.json").operations
    assert list(fitting.arguments["orders"][0]) == ["job", "word", "weight", "note"]


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (3, "3 is not a Order with the fields job, word, weight, note"),
        ({**order(0), "jbo": 1}, "a Order has no field 'jbo'; it has job, word, weight, note"),
        ({"job": 0, "word": (), "note": None}, "a Order needs the field 'weight', an integer from 0 to 12"),
        (order(7), "job: 7 is not an integer from 0 to 3"),
        (order(1, (0, 5)), "word: 5 is not an integer from 0 to 2"),
    ],
)
def test_a_record_that_does_not_fit_is_told_with_its_field(record: Any, told: str) -> None:
    operation = Operation("push_all", {"orders": (record,), "budget": 2})
    with pytest.raises(TraceError) as caught:
        fit(make_trace(operation), TOY_BATCH, "here.json")
    assert str(caught.value).startswith("here.json: operations[0].arguments.orders: [0]: ")
    assert told in str(caught.value)


def test_json_objects_are_records_at_any_depth() -> None:
    assert from_json({"a": [{"b": [1]}]}) == {"a": ({"b": (1,)},)}


def test_records_are_told_by_their_first_field_and_what_is_not_nothing() -> None:
    told = str(push_all(order(0, (1, 2), weight=5), order(1), budget=4))
    assert told == "push_all(orders=[{job 0, word [1, 2], weight 5}, {job 1}], budget=4)"
    assert render({"a": 0, "b": None, "c": (), "d": True}) == "{a 0, d true}"


@pytest.mark.parametrize("engine", list(Engine))
def test_a_correct_target_passes(engine: Engine) -> None:
    campaign = run_campaign(TOY_BATCH, BatchTarget, Plan(seconds=30, engine=engine, operations=800))
    assert campaign.finding is None
    assert campaign.passed()
    assert campaign.progress.acceptances["push_all"] > campaign.progress.attempts["push_all"] / 2


def test_a_difference_between_records_names_the_first_field_that_differs() -> None:
    with Lockstep(TOY_BATCH, toy_batch.WrongPlace(), BATCH_DEFAULTS) as lockstep:
        failure = run(lockstep, [push_all(order(0), order(1, (0,)))])
    assert failure is not None
    assert failure.fingerprint == "result:value.place:push_all"
    assert "result[1].place: the specification has 1, the target 2" in failure.message


@pytest.mark.parametrize(
    ("target", "shortest"),
    [
        (toy_batch.WrongPlace, "push_all(orders=[{job 0}, {job 1, word [0]}], budget=1)"),
        (toy_batch.HeavyCrash, "push_all(orders=[{job 0, weight 1, note 1}], budget=0)"),
    ],
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_known_optimum_is_reached(target: type[BatchTarget], shortest: str, seed: int) -> None:
    campaign = run_campaign(TOY_BATCH, target, Plan(seconds=30, seed=seed, engine=Engine.WALK))
    assert campaign.finding is not None
    assert [str(operation) for operation in campaign.finding.best().operations] == [shortest]


def test_two_batches_become_one_where_that_is_enough() -> None:
    class Full(BatchTarget):
        def enter(self, job: int, word: tuple[int, ...]) -> None:
            if len(self.jobs) == 2:
                raise MemoryError("three are too many")
            super().enter(job, word)

    operations = (push_all(order(3)), push_all(order(2)), push_all(order(1, (2,))))
    with Lockstep(TOY_BATCH, Full(), BATCH_DEFAULTS) as lockstep:
        failure = run(lockstep, operations)
    assert failure is not None
    best = Minimiser(TOY_BATCH, Full).minimise(BATCH_DEFAULTS, operations, failure)
    assert [len(operation.arguments["orders"]) for operation in best.operations] == [3]


def test_a_parameter_that_bounds_a_list_of_records_shrinks() -> None:
    campaign = run_campaign(TOY_BATCH, toy_batch.HeavyCrash, Plan(seconds=30, engine=Engine.WALK))
    assert campaign.finding is not None
    assert campaign.finding.best().parameters["batch"] == 1


def test_indices_inside_records_are_turned_until_the_operation_is_enabled() -> None:
    reference = BatchReference(BATCH_DEFAULTS)
    reference.words = {0: (), 1: ()}
    source, chooser = make_source(reference), RandomChooser(8)
    for _ in range(50):
        source.moved()
        found = source.draw_enabled("push_all", chooser)
        assert found is not None
        assert {each["job"] for each in found.arguments["orders"]} <= {2, 3}


def test_a_number_is_set_to_an_end_when_that_enables_the_operation() -> None:
    parameters = {**BATCH_DEFAULTS, "batch": 1}
    arguments: dict[str, Any] = {"orders": (order(0, (1, 1, 1)),), "budget": 1}
    mender = Mender(BatchReference(parameters), TOY_BATCH.make_shapes(parameters))
    assert mender.mend("push_all", arguments) is None
    assert arguments["budget"] == 9


def test_a_record_inside_a_record_has_a_shape_too() -> None:
    pair = Fields("Pair", {"low": Whole(0, 3), "high": Whole(0, 3)})
    outer = Fields("Outer", {"pairs": Run(pair, 2)})
    value = {"pairs": ({"low": 1, "high": 3},)}
    assert outer.contains(value)
    assert outer.parse(to_json(outer, value)) == value
    assert {"pairs": ({"low": 0, "high": 3},)} in list(outer.simpler(value))
