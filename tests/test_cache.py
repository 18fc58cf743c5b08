import numpy as np

from xad_agent.cache import cached


def made(value):
    calls = []

    def make():
        calls.append(value)
        return {"array": np.full((2, 3), value, np.float32)}

    return calls, make


def test_what_was_made_is_not_made_again(monkeypatch, tmp_path):
    monkeypatch.setattr("xad_agent.cache.home", lambda: tmp_path)
    calls, make = made(1)
    first = cached("text", {"model": "ä", "prompts": ["a"]}, make)
    again = cached("text", {"prompts": ["a"], "model": "ä"}, make)
    assert len(calls) == 1
    np.testing.assert_array_equal(first["array"], again["array"])
    cached("text", {"model": "ä", "prompts": ["b"]}, make)
    cached("phrases", {"model": "ä", "prompts": ["a"]}, make)
    assert len(calls) == 3


def test_what_is_damaged_is_made_anew(monkeypatch, tmp_path):
    monkeypatch.setattr("xad_agent.cache.home", lambda: tmp_path)
    calls, make = made(2)
    cached("text", {}, make)
    file = next(tmp_path.rglob("*.safetensors"))
    file.write_bytes(b"not it")
    assert cached("text", {}, make)["array"][0, 0] == 2
    assert len(calls) == 2
    assert cached("text", {}, make)["array"][0, 0] == 2
    assert len(calls) == 2


def test_without_a_place_to_write_it_is_made_each_time(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setattr("xad_agent.cache.home", lambda: blocked)
    calls, make = made(3)
    assert cached("text", {}, make)["array"].shape == (2, 3)
    cached("text", {}, make)
    assert len(calls) == 2
