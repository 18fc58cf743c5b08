"""Frame AUC over descriptions: the layout, the folds, and the real text."""

import gzip
import shutil
import zlib
from pathlib import Path

import numpy as np
import pytest

from xad_agent.errors import XadError
from xad_agent.eval import scene_text
from xad_agent.eval.scene_text import as_text, evaluate_scene_text, read_described
from xad_agent.perception.relations import Triplet

NORMAL, STRANGE = "One person walks along.", "One person rides a bicycle."


def hashed(sentences: list[str]) -> np.ndarray:
    """The mean of a fixed random vector for each word, at unit length."""
    rows = [
        np.mean([np.random.default_rng(zlib.crc32(w.encode())).normal(size=40) for w in sentence.split()], axis=0)
        for sentence in sentences
    ]
    vectors = np.array(rows, np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def words_as_triplets(texts: list[str]) -> list[list[Triplet]]:
    """Stands in for the parser: the second, third and last word."""
    split = [text.rstrip(".").split() for text in texts]
    return [[Triplet(w[1], w[2], w[-1], at)] if w else [] for at, w in enumerate(split)]


def write_set(folder: Path, clips: dict[str, str], zipped: bool = False) -> Path:
    """Clips as patterns: "." a normal frame, "x" an anomalous one."""
    (folder / "test_frame_description").mkdir(parents=True)
    rows = ["image_path,label"]
    for name, pattern in clips.items():
        text = "".join(f"{STRANGE if mark == 'x' else NORMAL}\n" for mark in pattern).encode()
        file = folder / "test_frame_description" / f"test_{name}.txt{'.gz' if zipped else ''}"
        file.write_bytes(gzip.compress(text) if zipped else text)
        rows += [f"set/test/{name}/{at:03}.jpg,{int(mark == 'x')}" for at, mark in enumerate(pattern)]
    (folder / "test.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.mark.parametrize("zipped", [False, True])
def test_reads_clips_with_their_labels(tmp_path: Path, zipped: bool) -> None:
    clips = read_described(write_set(tmp_path / "set", {"01_0014": "..x", "01_0015": "x."}, zipped))
    assert [clip.name for clip in clips] == ["01_0014", "01_0015"]
    assert clips[0].descriptions == [NORMAL, NORMAL, STRANGE]
    assert clips[0].labels.tolist() == [False, False, True]


def test_what_never_was_normal_elsewhere_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xad_agent.llm.parser.read_triplets", words_as_triplets)
    pattern = "." * 80 + "x" * 80
    write_set(tmp_path / "deep" / "one", {"01": pattern, "02": pattern[::-1], "03": "." * 60})
    result = evaluate_scene_text(tmp_path, encoder=hashed)
    found = result["sets"]["one"]
    assert (found["frames"], found["anomalous"], found["clips"], found["seed"]) == (380, 160, 3, 0)
    assert (found["triplets"]["said"], found["triplets"]["distinct"]) == (380, 2)
    for kind in ("triplets", "sentences"):
        assert found[kind]["frame_auc_unsmoothed"] == 1
        assert found[kind]["frame_auc_micro"] > 0.99
    assert as_text(result).startswith("one: 380 frames of 3 clips, 160 anomalous\n  frame AUC by triplets")


def test_a_clip_is_never_scored_by_what_it_knows_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Normal frames of the second clip say what is anomalous in the first, so that is normal to the first; and the
    second's own normal frames are new to it, since no other clip says so in a normal frame."""
    monkeypatch.setattr("xad_agent.llm.parser.read_triplets", words_as_triplets)
    folder = write_set(tmp_path / "set", {"01": "...x", "02": "....", "03": "...."})
    second = folder / "test_frame_description" / "test_02.txt"
    second.write_text("\n".join([NORMAL, NORMAL, NORMAL, STRANGE]) + "\n")
    clips = read_described(folder)
    triplets = scene_text._triplets(clips)
    by_triplets = scene_text._by_triplets(clips, triplets, hashed, 0)
    by_sentences = scene_text._by_sentences(clips, hashed)
    assert by_triplets[0][3] < 1.2 < by_triplets[1][3]
    assert by_sentences[0][3] == pytest.approx(0, abs=1e-3)
    assert by_sentences[1][3] > 0.1


def test_a_frame_is_as_strange_as_its_rarest_triplet() -> None:
    frames = [[Triplet("a", "b")] * 2, [], [Triplet("a", "b")]]
    assert scene_text._greatest(np.array([1.0, 3.0, 2.0]), frames).tolist() == [3, 0, 2]


@pytest.mark.parametrize(
    ("clips", "reason"),
    [({"01": "..x"}, "two described clips"), ({"01": "..", "02": ".."}, "normal as well as anomalous")],
)
def test_sets_that_cannot_be_measured_are_named(tmp_path: Path, clips: dict[str, str], reason: str) -> None:
    with pytest.raises(XadError, match=reason):
        read_described(write_set(tmp_path / "set", clips))


def test_wrong_folders_and_lengths_are_named(tmp_path: Path) -> None:
    with pytest.raises(XadError, match="name a folder of described clips"):
        evaluate_scene_text(tmp_path)
    folder = write_set(tmp_path / "set", {"01": "..x", "02": "..x"})
    (folder / "test_frame_description" / "test_02.txt").write_text(f"{NORMAL}\n")
    with pytest.raises(XadError, match="1 descriptions for 3 labelled frames"):
        read_described(folder)


@pytest.mark.data
def test_real_descriptions_tell_anomalies_from_normal(data: Path, tmp_path: Path) -> None:
    """The six clips of one scene of ShanghaiTech, by the real parser; sentences are hashed to be quick."""
    source, folder = data / "video_text" / "anomalyruler" / "SHTech", tmp_path / "SHTech"
    (folder / "test_frame_description").mkdir(parents=True)
    shutil.copy(source / "test.csv", folder)
    for file in (source / "test_frame_description").glob("test_06_*.txt.gz"):
        shutil.copy(file, folder / "test_frame_description")
    found = evaluate_scene_text(tmp_path, encoder=hashed)["sets"]["SHTech"]
    assert (found["clips"], found["frames"]) == (6, 241 + 217 + 265 + 265 + 217 + 265)
    assert found["triplets"]["said"] > 5 * found["frames"]
    low, high = found["triplets"]["frame_auc_micro_interval"]
    assert low <= found["triplets"]["frame_auc_micro"] <= high
    assert found["triplets"]["frame_auc_micro"] > 0.6
