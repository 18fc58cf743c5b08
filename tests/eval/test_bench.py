"""The bench's own arithmetic, and that it times the network that the detector really calls."""

import os

import numpy as np
import pytest
import torch
from PIL import Image

from xad_agent.errors import XadError
from xad_agent.eval import bench
from xad_agent.media import read_picture


class Network(torch.nn.Module):
    """Two layers inside one module, so only the outer call counts; remembers what it is given."""

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.ReLU())
        self.given = []

    def forward(self, x):
        self.given.append(x)
        return self.layers(x)


class Profile:
    def __init__(self):
        self.network = Network()

    def examine(self, picture):
        with torch.inference_mode():
            x = torch.from_numpy(picture.pixels.copy()).permute(2, 0, 1)[None].float()
            return self.network(x * 2)


@pytest.fixture
def tests(tmp_path):
    for name in "ab":
        Image.fromarray(np.full((8, 9, 3), ord(name), np.uint8)).save(tmp_path / f"{name}.png")
    return sorted(tmp_path.iterdir())


def test_trunk_is_the_detectors_network_on_its_own_input(tests):
    profile = Profile()
    trunk = bench._trunk(profile, read_picture(tests[0]))
    assert len(profile.network.given) == 1
    trunk()
    first, second = profile.network.given
    assert second is first
    assert float(first.max()) == 2 * ord("a")


def test_a_detector_without_a_network_is_refused(tests):
    profile = Profile()
    profile.examine = lambda picture: None
    with pytest.raises(XadError, match="found no network"):
        bench._trunk(profile, read_picture(tests[0]))


def test_compare_takes_the_ratio_within_each_turn(tests, monkeypatch):
    clock = iter([1.0, 2.0, 10.0, 30.0, 2.0, 3.0])
    monkeypatch.setattr(bench, "seconds", lambda work: next(clock))
    found = bench.compare(Profile(), tests, repeats=3)
    assert found["ratio"] == {"median": 2.0, "q1": 1.75, "q3": 2.5, "n": 3}
    assert (found["trunk_seconds"]["median"], found["inference_seconds"]["median"]) == (2.0, 3.0)


def test_threads_are_put_back(monkeypatch):
    before = torch.get_num_threads()
    with bench.limited_threads(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
    with pytest.raises(XadError, match="take 1 or more"), bench.limited_threads(0):
        pass


def test_processes_get_the_number_of_threads_and_failures_are_none():
    spread = bench._process(["sh", "-c", 'test "$OMP_NUM_THREADS" = 2'], 2)
    assert spread is not None and spread["n"] == bench.COLD_RUNS
    assert bench._process(["sh", "-c", "exit 1"], 1) is None
    assert bench._process([os.devnull], 1) is None


def test_synthetic_pictures_are_seeded(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "SYNTHETIC_NORMALS", 2)
    folders = [tmp_path / name for name in "xy"]
    made = []
    for folder in folders:
        folder.mkdir()
        made.append(bench._synthetic(folder, seed=3))
    (normal, tests), (_, again) = made
    assert (len(normal), len(tests)) == (bench.SYNTHETIC_NORMALS, bench.SYNTHETIC_TESTS)
    assert read_picture(tests[0]).sha256 == read_picture(again[0]).sha256
