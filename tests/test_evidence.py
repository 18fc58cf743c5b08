"""Evidence: exact masks, nothing that can be changed, ids in order."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays
from pydantic import ValidationError

from xad_agent.evidence import Evidence, Ledger, Quantity, Region, run_lengths

MASKS = [
    # mask by rows, runs down the columns, zeros first
    ([[0, 1], [0, 1]], (2, 2)),
    ([[1, 0], [1, 0]], (0, 2, 2)),
    ([[0, 1, 0], [1, 1, 0]], (1, 3, 2)),
    ([[0, 0], [0, 0]], (4,)),
    ([[1, 1], [1, 1]], (0, 4)),
    ([[1]], (0, 1)),
]


def region(**changes) -> Region:
    fields = {"label": "region 1", "box": (1, 0, 3, 2), "score": 7.9, "peak": (1, 1), "area_share": 0.25}
    return Region(**(fields | changes))


@pytest.mark.parametrize(("mask", "runs"), MASKS)
def test_run_lengths_by_hand(mask, runs):
    assert run_lengths(np.array(mask)) == runs
    np.testing.assert_array_equal(region(rle=runs).mask(*np.shape(mask)), np.array(mask, dtype=bool))


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_masks_survive_the_round_trip(mask):
    runs = run_lengths(mask)
    assert sum(runs) == mask.size
    assert all(n > 0 for n in runs[1:]), "only the first run may be empty"
    back = region(rle=runs).mask(*mask.shape)
    np.testing.assert_array_equal(back, mask)
    assert back.flags.c_contiguous


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=8)))
def test_masks_survive_json(mask):
    place = region(rle=run_lengths(mask))
    np.testing.assert_array_equal(Region.model_validate_json(place.model_dump_json()).mask(*mask.shape), mask)


def test_without_runs_the_mask_is_the_box():
    assert region(box=(1, 0, 3, 2)).mask(3, 4).astype(int).tolist() == [[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]


def test_a_mask_of_another_picture_is_refused():
    with pytest.raises(ValueError, match="covers 4 px, the picture has 6"):
        region(rle=(2, 2)).mask(2, 3)


@pytest.mark.parametrize("box", [(3, 0, 1, 2), (1, 2, 3, 2), (-1, 0, 3, 2)])
def test_boxes_are_ordered(box):
    with pytest.raises(ValidationError, match="is not x0 y0 x1 y1"):
        region(box=box)


@pytest.mark.parametrize(
    "fields",
    [
        {"value": float("nan")},
        {"value": float("inf")},
        {"value": 1.0, "p_value": 0.0},
        {"value": 1.0, "p_value": 1.1},
    ],
)
def test_quantities_that_measure_nothing(fields):
    with pytest.raises(ValidationError):
        Quantity(name="score", **fields)


def test_nothing_can_be_changed():
    ledger = Ledger()
    entry = ledger.add(tool="score", statement="It scores 2.", quantities=(Quantity(name="score", value=2),))
    for owner, field in ((entry, "statement"), (entry.quantities[0], "value"), (region(), "score")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(owner, field, "x")


def test_the_ledger_numbers_and_finds():
    ledger = Ledger()
    first = ledger.add(tool="score", statement="It scores 2.", arguments={"k": 1}, media="abc")
    second = ledger.add(tool="locate", statement="There.", media="abc")
    assert [entry.id for entry in ledger] == ["E1", "E2"]
    assert len(ledger) == 2
    assert ledger["E2"] is second
    assert "E2" in ledger and "E3" not in ledger
    with pytest.raises(KeyError):
        ledger["E3"]
    assert ledger.find("score", {"k": 1}, "abc") is first
    assert ledger.find("score", {"k": 2}, "abc") is None
    assert ledger.find("score", {"k": 1}, "other picture") is None


def test_iterating_is_safe_while_evidence_arrives():
    ledger = Ledger()
    ledger.add(tool="score", statement="It scores 2.")
    for entry in ledger:
        ledger.add(tool="again", statement=entry.statement)
    assert len(ledger) == 2


def test_quantity_by_name():
    quantities = (Quantity(name="score", value=7.9), Quantity(name="threshold", value=4.2))
    entry = Evidence(id="E1", tool="score", statement="It scores 7.9.", quantities=quantities)
    assert entry.quantity("threshold").value == 4.2
    with pytest.raises(KeyError, match="E1 has no quantity 'area'"):
        entry.quantity("area")


@pytest.mark.parametrize("fields", [{"id": "E0"}, {"id": "1"}, {"statement": ""}, {"kind": "guess"}, {"verdict": "ok"}])
def test_evidence_that_is_none(fields):
    with pytest.raises(ValidationError):
        Evidence(**({"id": "E1", "tool": "score", "statement": "It scores 2."} | fields))


def test_the_figure_stays_out_of_json():
    entry = Evidence(id="E1", tool="score", statement="There.", figure=np.zeros((2, 2, 3), np.uint8))
    assert "figure" not in entry.model_dump(mode="json")


def test_nothing_inside_evidence_can_be_changed():
    figure = np.zeros((2, 2, 3), np.uint8)
    entry = Ledger().add(
        tool="name", statement="It is a hole.", arguments={"region": 1}, labels={"hole": 0.5}, figure=figure
    )
    for change in (
        lambda: entry.labels.update(hole=0.9),
        lambda: entry.arguments.__setitem__("region", 2),
        lambda: entry.figure.fill(9),
        lambda: entry.labels.pop("hole"),
    ):
        with pytest.raises((TypeError, ValueError)):
            change()
    figure[:] = 9
    assert entry.figure.max() == 0
    assert copy.deepcopy(entry.labels) == {"hole": 0.5}
    assert entry.model_dump(mode="json")["labels"] == {"hole": 0.5}
