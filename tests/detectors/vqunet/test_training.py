"""Training: it learns, is the same each time, and goes on after an interruption to the same weights."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from tests.detectors.vqunet.clips import MovingSquares, frames_of
from xad_agent.detectors.vqunet import training, windows
from xad_agent.detectors.vqunet.network import Architecture, VquNetwork
from xad_agent.detectors.vqunet.training import Plan, train
from xad_agent.detectors.vqunet.windows import Windows, as_input
from xad_agent.errors import XadError

PLAN = Plan(Architecture(2), side=16, steps=6, batch=2, seed=3, precision="float32")


def clips(count: int = 9) -> list[MovingSquares]:
    return [MovingSquares(count, seed, name=f"clip {seed}") for seed in range(2)]


def trained(plan: Plan = PLAN, checkpoint: Path | None = None) -> dict[str, torch.Tensor]:
    return train(clips(), plan, checkpoint, progress=False).state_dict()


def assert_same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture
def each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a checkpoint after each step."""
    monkeypatch.setattr(training, "_SECONDS_BETWEEN_CHECKPOINTS", 0.0)


def interrupt_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = Windows.batch

    def stopped(self: Windows, at: int, size: int) -> Any:
        if at == step:
            raise KeyboardInterrupt
        return batch(self, at, size)

    monkeypatch.setattr(Windows, "batch", stopped)


def test_learns_to_say_the_next_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(training._RATES, "prediction", 1e-2)  # so few steps of so small a network
    plan = replace(PLAN, architecture=Architecture(4), steps=40, batch=4)
    data = Windows(clips(), 6, 16, 0)
    seen, target = data.batch(0, 8)

    def error(network: VquNetwork) -> float:
        with torch.no_grad():
            return float((network.eval()(seen).frame - target).square().mean())

    before = error(VquNetwork(plan.architecture, plan.seed))
    assert error(train(clips(), plan, progress=False)) < 0.2 * before


def test_is_the_same_each_time_and_another_by_another_seed() -> None:
    assert_same(trained(), trained())
    assert not torch.equal(trained()["head.weight"], trained(replace(PLAN, seed=4))["head.weight"])


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.usefixtures("each_step")
def test_resumes_to_the_same_weights(
    precision: training.Precision, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, file = replace(PLAN, precision=precision), tmp_path / "new folder" / "run.safetensors"
    with monkeypatch.context() as patch:
        interrupt_at(4, patch)
        with pytest.raises(KeyboardInterrupt):
            trained(plan, file)
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    with safe_open(file, "pt") as opened:
        assert opened.metadata()["step"] == "4"
    assert_same(trained(plan, file), trained(plan))
    assert_same(trained(plan, file), trained(plan))  # a finished one is only loaded


@pytest.mark.usefixtures("each_step")
def test_an_interrupted_write_leaves_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "run.safetensors"
    with monkeypatch.context() as patch:
        interrupt_at(3, patch)
        with pytest.raises(KeyboardInterrupt):
            trained(PLAN, file)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    before = file.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("xad_agent.checkpoint.os.replace", killed)
        with pytest.raises(KeyboardInterrupt):
            trained(PLAN, file)
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


@pytest.mark.parametrize(
    ("change", "wrong"),
    [({"steps": 7}, "settings"), ({"seed": 9}, "settings"), ({"architecture": Architecture(4)}, "settings")],
)
def test_refuses_a_checkpoint_of_other_settings(tmp_path: Path, change: dict[str, Any], wrong: str) -> None:
    file = tmp_path / "run.safetensors"
    trained(PLAN, file)
    with pytest.raises(XadError, match=f"of other {wrong}"):
        trained(replace(PLAN, **change), file)


def test_refuses_a_checkpoint_of_other_clips(tmp_path: Path) -> None:
    file = tmp_path / "run.safetensors"
    trained(PLAN, file)
    with pytest.raises(XadError, match="of other clips"):
        train([MovingSquares(9, 77)], PLAN, file, progress=False)


@pytest.mark.parametrize("cut", [0, 7, -20])
def test_refuses_a_damaged_checkpoint(tmp_path: Path, cut: int) -> None:
    file = tmp_path / "run.safetensors"
    trained(PLAN, file)
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(XadError, match="damaged"):
        trained(PLAN, file)


@pytest.mark.parametrize("lost", ["network.head.bias", "adam.0.exp_avg"])
def test_refuses_a_checkpoint_that_lacks_something(tmp_path: Path, lost: str) -> None:
    file = tmp_path / "run.safetensors"
    trained(PLAN, file)
    with safe_open(file, "pt") as opened:
        about, arrays = opened.metadata(), {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    del arrays[lost]
    save_file(arrays, file, metadata=about)
    with pytest.raises(XadError, match="damaged"):
        trained(PLAN, file)


def test_says_where_a_checkpoint_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(XadError, match="cannot write the checkpoint"):
        trained(PLAN, tmp_path / "file" / "run.safetensors")


def test_the_rate_falls_from_the_papers_to_nothing() -> None:
    assert PLAN.rate(0) == 2e-4
    assert PLAN.rate(3) == pytest.approx(1e-4)
    assert replace(PLAN, architecture=Architecture(2, "reconstruction")).rate(0) == 2e-5
    assert 0 < PLAN.rate(5) < PLAN.rate(4)


@pytest.mark.parametrize("change", [{"side": 20}, {"side": 0}, {"steps": 0}, {"batch": 0}])
def test_impossible_plans_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(XadError, match="VQU-Net cannot"):
        replace(PLAN, **change)


def test_progress_goes_to_stderr_and_says_float32(capsys: pytest.CaptureFixture[str]) -> None:
    train(clips(), PLAN, progress=True)
    out, err = capsys.readouterr()
    assert not out
    assert "float32" in err
    assert "6/6" in err
    train(clips(), PLAN, progress=False)
    assert capsys.readouterr() == ("", "")


def test_windows_are_six_consecutive_frames_of_one_clip() -> None:
    both = clips()
    data = Windows(both, 6, 16, 0)
    assert len(data) == 2 * (9 - 5)
    shrunk = [[windows.shrunk(frame, 16) for frame in frames_of(clip)] for clip in both]
    true = [as_input([np.stack(of_clip[i : i + 6])]) for of_clip in shrunk for i in range(4)]
    seen, target = data.batch(0, 8)
    assert seen.shape == (8, 15, 16, 16)
    order = [next(i for i, (s, _) in enumerate(true) if torch.equal(s[0], one)) for one in seen]
    assert sorted(order) == list(range(8))  # one round is every window, once
    assert all(torch.equal(true[i][1][0], one) for i, one in zip(order, target, strict=True))
    again, _ = Windows(both, 6, 16, 0).batch(1, 8)
    assert torch.equal(again, data.batch(1, 8)[0])
    assert not torch.equal(again, seen)  # another round, another order


def test_frames_are_scaled_and_stacked_oldest_first() -> None:
    window = np.stack([np.full((8, 8, 3), value, np.uint8) for value in (0, 51, 102, 153, 204, 255)])
    window[..., 2] = 0
    seen, target = as_input([window])
    assert seen[0, :, 0, 0].tolist() == pytest.approx(
        [-1, -1, -1, -0.6, -0.6, -1, -0.2, -0.2, -1, 0.2, 0.2, -1, 0.6, 0.6, -1]
    )
    assert target[0, :, 0, 0].tolist() == [1, 1, -1]
    alone, same = as_input([window[:1]])
    assert torch.equal(alone, same)


def test_long_clips_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MAX_FRAMES", 20)
    monkeypatch.setattr(windows, "_RUN", 4)
    read: list[tuple[int, int]] = []

    class Watched(MovingSquares):
        def frames(self, start: int, stop: int, step: int) -> Iterator[np.ndarray]:
            read.append((start, stop))
            return super().frames(start, stop, step)

    data = Windows([Watched(100)], 6, 16, 0)
    assert len(read) == 2
    assert all(start % 4 == 0 and stop == start + 9 for start, stop in read)
    assert len(data) == 8
    assert Windows([Watched(100)], 6, 16, 0).fingerprint == data.fingerprint
    assert Windows([Watched(100)], 6, 16, 1).fingerprint != data.fingerprint


def test_short_missing_and_broken_off_clips_are_refused() -> None:
    with pytest.raises(XadError, match="at least one"):
        train([], PLAN, progress=False)
    with pytest.raises(XadError, match="the clip short has 5 frames, VQU-Net needs 6"):
        train([*clips(), MovingSquares(5, name="short")], PLAN, progress=False)

    class BrokenOff(MovingSquares):
        def frames(self, start: int, stop: int, step: int) -> Iterator[np.ndarray]:
            return super().frames(start, min(stop, 3), step)

    with pytest.raises(XadError, match="the clip torn has 3 frames"):
        train([BrokenOff(9, name="torn")], PLAN, progress=False)


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def __enter__(self) -> "Full":
            return self

        def __exit__(self, *_: object) -> None: ...

        def write(self, _: bytes) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(windows.tempfile, "TemporaryFile", Full)
    with pytest.raises(XadError, match=r"no room .* TMPDIR"):
        Windows(clips(), 6, 16, 0)


def test_metadata_is_plain_json(tmp_path: Path) -> None:
    file = tmp_path / "run.safetensors"
    trained(PLAN, file)
    with safe_open(file, "pt") as opened:
        assert json.loads(opened.metadata()["about"])["settings"]["architecture"]["width"] == 2
