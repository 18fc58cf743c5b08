"""What is measured of one picture, in the small normal world where the score is known to come from a square."""

from types import SimpleNamespace

import numpy as np
import pytest

from tests.normal import NormalProfile, case_of, examine, texture, with_square
from xad_agent.case import Case
from xad_agent.eval.changes import SLIGHT
from xad_agent.eval.faithfulness_orders import Cells
from xad_agent.eval.faithfulness_picture import (
    CONTROLS,
    EXPLANATIONS,
    WAYS,
    as_map,
    counterfactual,
    outcome,
    pointing,
    replaced_in_order,
    sanity,
    stability,
)
from xad_agent.evidence import Region

SQUARE = (40, 40, 52, 52)
MASK = np.zeros((96, 96), dtype=bool)
MASK[40:52, 40:52] = True
CELLS = Cells((96, 96), (12, 12))


@pytest.fixture(scope="module")
def profile() -> NormalProfile:
    return NormalProfile()


@pytest.fixture(scope="module")
def case(profile: NormalProfile) -> Case:
    return case_of(with_square(SQUARE), profile)


def random() -> np.random.Generator:
    return np.random.default_rng(0)


def test_the_true_explanation_beats_its_controls(case: Case, profile: NormalProfile) -> None:
    outcomes, arrays = replaced_in_order(case, profile, CELLS, random())
    for explanation in EXPLANATIONS:
        for control in CONTROLS:
            assert outcomes[f"{explanation}.deletion"] < outcomes[f"deletion.{control}"]
            assert outcomes[f"{explanation}.insertion"] > outcomes[f"insertion.{control}"]
        assert outcomes[f"{explanation}.deletion"] < 0.1
        assert outcomes[f"{explanation}.insertion"] > 0.9
    assert outcomes["normal_score"] < profile.calibration.threshold()
    assert set(arrays) == {outcome(o, w) for w in WAYS for o in (*EXPLANATIONS, *CONTROLS)} | {"normal", "replaced"}
    assert arrays["replaced"].shape == arrays["normal"].shape == (96, 96, 3)
    again, _ = replaced_in_order(case, profile, CELLS, random())
    assert again == outcomes


def test_a_picture_that_no_normal_content_mends_is_said_not_to_be_followed(case: Case) -> None:
    wild = np.random.default_rng(0).integers(0, 2, (96, 96, 1)).repeat(3, axis=2).astype(np.uint8) * 255
    stranger = NormalProfile([wild] * 3)
    stranger.calibration = NormalProfile().calibration
    made_strange = case_of(with_square(SQUARE), stranger)
    outcomes, arrays = replaced_in_order(made_strange, stranger, CELLS, random())
    assert {key for key, value in outcomes.items() if value is None} == {
        outcome(order, way) for way in WAYS for order in (*EXPLANATIONS, *CONTROLS)
    }
    assert arrays == {}


def test_regions_as_a_map() -> None:
    def region(name: str, box: tuple[int, int, int, int]) -> Region:
        return Region(label=name, box=box, score=1, peak=box[:2], area_share=0.1)

    values = as_map((region("region 1", (1, 0, 2, 1)), region("region 2", (4, 0, 6, 1))), (1, 8))
    np.testing.assert_array_equal(values, [[-1, 2, -1, -1, 1, 1, -1, -2]])


def test_counterfactual_and_its_control(case: Case, profile: NormalProfile) -> None:
    assert counterfactual(case, profile, random()) == {"repaired": True, "repaired_elsewhere": False}


def test_pointing_by_hand() -> None:
    values = np.zeros((10, 10), np.float32)
    values[2:4, 2:4] = 3.0
    mask = np.zeros((10, 10), dtype=bool)
    mask[2:4, 2:3] = mask[9, 9] = True
    region = Region(label="region 1", box=(2, 2, 4, 4), score=3, peak=(3, 2), area_share=0.04)
    made = SimpleNamespace(anomaly_map=SimpleNamespace(values=values), regions=(region,))
    found = pointing(made, mask, usual=1.0)
    assert found == {
        "peak_in_mask": False,
        "map_peak_in_mask": True,
        "energy": 0.5,
        "energy_times": pytest.approx(0.5 / 0.03),
        "energy_unsubtracted": 0.5,
        "energy_unsubtracted_times": pytest.approx(0.5 / 0.03),
        "energy_boxes": 0.5,
        "energy_boxes_times": pytest.approx(0.5 / 0.03),
        "energy_regions": 0.5,
        "energy_regions_times": pytest.approx(0.5 / 0.03),
    }


def test_stability_of_a_clear_defect(case: Case, profile: NormalProfile) -> None:
    found = stability(case, profile, {name: SLIGHT[name] for name in ("shifted 2 px", "JPEG 90")})
    assert len(found) == 8
    for name in ("shifted 2 px", "JPEG 90"):
        assert found[f"stability.{name}.same"] is True
        assert found[f"stability.{name}.iou"] > 0.8
        assert found[f"stability.{name}.distance"] < 0.08
        assert found[f"stability.{name}.rank"] > 0.5


def test_a_change_that_hides_the_defect_leaves_no_region(case: Case, profile: NormalProfile) -> None:
    hidden = SimpleNamespace(make=lambda pixels: texture(7), back=lambda a: a, same=lambda a: a)
    found = stability(case, profile, {"hidden": hidden})
    assert (found["stability.hidden.same"], found["stability.hidden.iou"]) == (False, 0.0)


def test_sanity_compares_with_the_true_map(case: Case) -> None:
    def upside_down(picture):
        found = examine(picture)
        return type(found)(found.values.max() - found.values, found.score, found.detector)

    found = sanity(case, MASK, {"same": examine, "turned": upside_down})
    assert found["sanity.none.auroc"] > 0.95
    assert found["sanity.none.peak"] is True
    assert found["sanity.same.correlation"] == pytest.approx(1)
    assert found["sanity.same.ssim"] == pytest.approx(1)
    assert found["sanity.same.auroc"] == found["sanity.none.auroc"]
    assert found["sanity.turned.correlation"] == pytest.approx(-1)
    assert found["sanity.turned.auroc"] == pytest.approx(1 - found["sanity.none.auroc"])
    assert found["sanity.turned.peak"] is False
