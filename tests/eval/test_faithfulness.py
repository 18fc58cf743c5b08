"""`xad eval faithfulness`: what a set comes to, by hand, and a small set gone through."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.normal import texture, with_square
from tests.tiny import tiny_spec
from xad_agent.errors import XadError
from xad_agent.eval.batch import Batch
from xad_agent.eval.changes import SLIGHT
from xad_agent.eval.faithfulness import as_text, evaluate_faithfulness
from xad_agent.eval.faithfulness_picture import outcome
from xad_agent.eval.faithfulness_sanity import ALL, ANEW, LAST, VARIANTS
from xad_agent.eval.faithfulness_summary import steadiness, summarise
from xad_agent.eval.layout import Sample


def record(number: int, **changes: object) -> dict[str, object]:
    """A picture whose explanation is as good as can be, but for `changes`."""
    found: dict[str, object] = {"item": f"cut/{number}.png", "kind": "cut", "seconds": 1.0, "score": 2.0}
    found |= {"detected": True, "normal_score": 0.5, "repaired": True, "repaired_elsewhere": False}
    for way, best in (("deletion", 0.1), ("insertion", 0.9)):
        found |= {f"map.{way}": best, f"regions.{way}": best, f"{way}.random": 0.5, f"{way}.elsewhere": 0.6}
    found |= {"peak_in_mask": True, "map_peak_in_mask": number > 0}
    for name in ("energy", "energy_unsubtracted", "energy_boxes", "energy_regions"):
        found |= {name: 0.5, f"{name}_times": 2.0 + number}
    for change in SLIGHT:
        found |= {f"stability.{change}.{key}": value for key, value in (("rank", 0.9), ("iou", 0.8))}
        found |= {f"stability.{change}.distance": 0.0, f"stability.{change}.same": True}
    found |= {"sanity.none.auroc": 0.95, "sanity.none.peak": True}
    for name in VARIANTS:
        found |= {f"sanity.{name}.correlation": 0.2, f"sanity.{name}.ssim": 0.3}
        found |= {f"sanity.{name}.auroc": 0.6 + 0.01 * number, f"sanity.{name}.peak": False}
    return found | changes


def summed(*records: dict[str, object]) -> dict:
    samples = [Sample(Path(f"cut/{number}.png"), "cut", Path("mask.png")) for number in range(len(records))]
    return summarise(list(zip(samples, records, strict=True)), train=9, threshold=1.0, seed=0)


@pytest.fixture(scope="module")
def best(few_resamples: None) -> dict:
    return summed(*(record(number) for number in range(4)))


def test_orders_and_their_differences(best: dict) -> None:
    assert best["n"] == {"train": 9, "defective": 4, "detected": 4, "followed": 4, "failed": 0}
    assert best["orders"]["map"]["deletion"] == pytest.approx(0.1)
    assert best["orders"]["elsewhere"]["insertion_interval"] == pytest.approx([0.6, 0.6])
    less = best["differences"]["map"]
    assert {control: less[control]["deletion"]["difference"] for control in less} == {
        "random": pytest.approx(-0.4),
        "elsewhere": pytest.approx(-0.5),
        "reversed": pytest.approx(-0.8),
    }
    assert less["reversed"]["insertion"]["difference"] == pytest.approx(0.8)
    assert less["random"]["insertion"]["interval"] == pytest.approx([0.4, 0.4])


def test_shares_and_energies(best: dict) -> None:
    tried = best["counterfactual"]
    assert [tried[name]["hits"] for name in ("regions", "elsewhere", "everything")] == [4, 0, 4]
    assert (tried["difference"]["difference"], tried["difference"]["p_value"]) == (1, 0.125)
    assert best["pointing"]["map_peak_in_mask"]["hits"] == 3
    assert (best["energy"]["energy"]["share"], best["energy"]["energy"]["times"]) == (0.5, 3.5)


def test_stability_is_pooled_by_picture() -> None:
    shaken = record(0) | {"stability.JPEG 40.rank": None, "stability.JPEG 40.same": False}
    assert steadiness(shaken, "rank") == pytest.approx(0.9)
    assert steadiness(shaken, "same") == pytest.approx(1 - 1 / len(SLIGHT))
    found = summed(shaken, record(1))["stability"]
    assert found["JPEG 40"]["rank"] == pytest.approx(0.9)
    assert found["JPEG 40"]["same"]["hits"] == 1
    assert found["all"]["same"] == pytest.approx(1 - 0.5 / len(SLIGHT))


@pytest.mark.parametrize(
    ("changes", "passed"),
    [
        ({}, True),
        ({"correlation": 0.95}, False),  # alike as after a shift
        ({"auroc": 0.97}, False),  # places the defect as well
        ({"correlation": 0.95, "auroc": 0.97}, False),
    ],
)
def test_the_rule_of_the_sanity_check(changes: dict[str, float], passed: bool) -> None:
    changed = {f"sanity.{ANEW}.{key}": value for key, value in changes.items()}
    sanity = summed(*(record(number, **changed) for number in range(8)))["sanity"]
    assert (sanity[ANEW]["passed"], sanity[LAST]["passed"], sanity["passed"]) == (passed, True, passed)


def test_a_fall_within_noise_does_not_pass() -> None:
    mixed = [record(n) | {f"sanity.{ALL}.auroc": 0.95 + (0.2 if n % 2 else -0.2)} for n in range(4)]
    assert summed(*mixed)["sanity"][ALL]["passed"] is False


def test_one_picture_is_too_few_to_tell() -> None:
    result = summed(record(0))
    assert result["sanity"]["passed"] is None
    assert result["orders"]["map"]["deletion_interval"] is None


def test_pictures_that_pass_or_fail_or_do_not_fall_are_counted_apart(best: dict) -> None:
    passed = {"item": "cut/0.png", "kind": "cut", "seconds": 1.0, "score": 0.4, "detected": False}
    failed = {"item": "cut/1.png", "kind": "cut", "seconds": 1.0, "error": "unreadable"}
    still = record(2) | {outcome(order, way): None for way in ("deletion", "insertion") for order in best["orders"]}
    result = summed(passed, failed, still, record(3, normal_score=None, repaired_elsewhere=None))
    assert result["n"] == {"train": 9, "defective": 3, "detected": 2, "followed": 1, "failed": 1}
    assert result["failed"] == [{"item": "cut/1.png", "error": "unreadable"}]
    assert result["counterfactual"]["elsewhere"]["n"] == result["counterfactual"]["everything"]["n"] == 1
    assert any("1 pictures do not pass" in note for note in result["notes"])
    none = summed(passed)
    assert none["orders"]["map"]["deletion"] is None
    assert "no explanation to try" in none["notes"][0]
    shown = as_text({**none, "category": "nut", "alpha": 0.05, "seed": 0})
    assert "too few pictures to tell" in shown


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture(scope="module")
def category(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("set") / "part"
    for seed in range(6):
        save(root / f"train/good/{seed}.png", texture(seed))
    save(root / "test/good/0.png", texture(50))
    mask = np.zeros((96, 96), np.uint8)
    mask[30:54, 40:64] = 255
    for seed in range(3):
        save(root / f"test/square/{seed}.png", with_square((40, 30, 64, 54), seed=60 + seed))
        save(root / f"ground_truth/square/{seed}_mask.png", mask)
    (root / "test/square/2.png").write_bytes(b"no picture")
    return root


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_spec(tmp_path_factory.mktemp("weights"))


def test_a_set_is_gone_through_and_gone_on_with(category: Path, spec: str, run, tmp_path: Path) -> None:
    batch = Batch(output=tmp_path / "out", limit=4, progress=False, report=tmp_path / "report.html")
    first = evaluate_faithfulness(category, alpha=0.2, backbone=spec, batch=batch)
    assert json.loads(json.dumps(first)) == first
    assert first["n"] == {"train": 6, "defective": 2, "detected": 2, "followed": 2, "failed": 1}
    assert first["orders"]["map"]["deletion"] < first["orders"]["random"]["deletion"]
    assert first["pointing"]["map_peak_in_mask"]["hits"] == 2
    assert (first["task"], first["category"]) == ("faithfulness", "part")
    page = (tmp_path / "report.html").read_text()
    assert page.count("<svg") == 4
    assert "best: square/" in page
    assert "worst: square/" in page
    assert "failed: square/2.png" in as_text(first)

    arguments = [category, "--alpha", 0.2, "--backbone", spec, "-o", tmp_path / "out", "--json"]
    code, out, _ = run("eval", "faithfulness", *arguments)
    assert code == 0
    again = json.loads(out)
    measured = [[{**item, "seconds": 0} for item in result["items"]] for result in (first, again)]
    assert measured[0] == measured[1]
    assert first["sanity"] == again["sanity"]
    with pytest.raises(XadError, match="other settings"):
        evaluate_faithfulness(category, alpha=0.3, backbone=spec, batch=batch)


def test_wrong_sets_are_named(category: Path, tmp_path: Path) -> None:
    save(tmp_path / "good/train/good/0.png", texture(0))
    save(tmp_path / "good/test/good/0.png", texture(1))
    with pytest.raises(XadError, match="no defective test picture"):
        evaluate_faithfulness(tmp_path / "good")
    for kind in ("test", "temp"):
        for number in range(4):
            save(tmp_path / f"boards/{number}_{kind}.png", texture(number))
            (tmp_path / f"boards/{number}.txt").write_text("10 10 20 20 1\n")
    with pytest.raises(XadError, match="pairs have no profile"):
        evaluate_faithfulness(tmp_path / "boards")
    with pytest.raises(XadError, match="no such folder"):
        evaluate_faithfulness(tmp_path / "nowhere")
    (category.parent / "other").symlink_to(category)
    with pytest.raises(XadError, match="name one of them"):
        evaluate_faithfulness(category.parent)
    with pytest.raises(XadError, match="limit 0"):
        evaluate_faithfulness(category, batch=Batch(limit=0))
