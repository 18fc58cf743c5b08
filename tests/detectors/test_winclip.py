"""WinCLIP against a plain recomputation, fast against exact, and the words it gives for a place."""

from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor

from tests.small_clip import small_clip, small_network
from xad_agent.detectors import winclip
from xad_agent.detectors.winclip import WinCLIP
from xad_agent.errors import XadError
from xad_agent.media import Picture, read_picture
from xad_agent.perception.clip import Clip, load_clip
from xad_agent.prompts import vocabulary


@pytest.fixture(scope="module", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XAD_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module", params=[48, (48, 80)], ids=["square", "wide"])
def clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return small_clip(tmp_path_factory.mktemp("clip"), image_size=request.param)


def drawn(seed: int, height: int = 48, width: int = 48) -> Picture:
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / height
    waves = [np.sin(x * random.uniform(3, 20) + y * random.uniform(3, 20) + random.uniform(0, 6)) for _ in range(3)]
    pixels = 128 + 90 * np.stack(waves, axis=-1) + random.normal(0, 6, (height, width, 3))
    return read_picture(pixels.clip(0, 255).astype(np.uint8), name=f"{seed}.png")


def unit(vectors: Tensor) -> Tensor:
    return vectors / vectors.norm(dim=-1, keepdim=True)


class Plain:
    """WinCLIP as the paper tells it, window by window, on the network itself."""

    def __init__(self, network: open_clip.CLIP, thing: str, references: list[Picture]):
        self.network, self.visual = network, network.visual
        words = vocabulary("winclip")
        text = []
        for kind in ("normal", "anomalous"):
            prompts = [t.replace("{}", s.replace("{}", thing)) for s in words[kind] for t in words["templates"]]
            tokens = open_clip.get_tokenizer("ViT-B-16")(prompts, context_length=24)
            text.append(network.encode_text(tokens).mean(dim=0))
        self.text = unit(torch.stack(text))
        self.references = [self.seen(picture) for picture in references]

    def seen(self, picture: Picture) -> tuple[Tensor, dict[tuple[int, int, int], Tensor], Tensor]:
        """The picture's embedding, those of windows by side and place, and the patches' features."""
        height, width = self.visual.image_size
        assert (picture.height, picture.width) == (height, width)
        pixels = torch.tensor(picture.pixels / 255.0, dtype=torch.float32).permute(2, 0, 1)[None]
        mean = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(1, 3, 1, 1)
        std = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(1, 3, 1, 1)
        tokens = self.visual.conv1((pixels - mean) / std)[0].flatten(1).T
        tokens = torch.cat([self.visual.class_embedding[None], tokens]) + self.visual.positional_embedding
        rows, columns = self.visual.grid_size
        windows = {}
        for side in (2, 3):
            for y in range(rows - side + 1):
                for x in range(columns - side + 1):
                    inside = [1 + (y + i) * columns + x + j for i in range(side) for j in range(side)]
                    windows[side, y, x] = self.through(tokens[[0, *inside]])[0]
        image, patches = self.through(tokens)
        return image, windows, patches

    def through(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        x = self.visual.ln_post(self.visual.transformer(self.visual.ln_pre(tokens[None])))[0]
        return unit(x[0] @ self.visual.proj), unit(x[1:])

    def damage(self, seen: Tensor) -> float:
        normal, anomalous = (torch.exp(seen @ text / 0.07) for text in self.text)
        return float(anomalous / (normal + anomalous))

    def score(self, picture: Picture) -> tuple[float, np.ndarray]:
        image, windows, patches = self.seen(picture)
        whole = self.damage(image)
        zero = {place: self.damage(seen) for place, seen in windows.items()}
        values = 3 / (1 / whole + sum(1 / self.spread(zero, side) for side in (2, 3)))
        if not self.references:
            return whole, values
        few = {
            place: min(
                float(1 - seen @ other) / 2 for _, w, _ in self.references for p, other in w.items() if p[0] == place[0]
            )
            for place, seen in windows.items()
        }
        nearest = torch.stack([(1 - patches @ p.T).min(dim=1).values / 2 for _, _, p in self.references])
        unlike = nearest.min(dim=0).values.view(self.visual.grid_size).numpy()
        unlike = (unlike + self.spread(few, 2) + self.spread(few, 3)) / 3
        return (whole + unlike.max()) / 2, (values + unlike) / 2

    def spread(self, scores: dict[tuple[int, int, int], float], side: int) -> np.ndarray:
        rows, columns = self.visual.grid_size
        inverse = [[[] for _ in range(columns)] for _ in range(rows)]
        for (of_side, y, x), score in scores.items():
            for i in range(side):
                for j in range(side):
                    if of_side == side:
                        inverse[y + i][x + j].append(1 / score)
        return np.array([[len(cell) / sum(cell) for cell in row] for row in inverse])


@pytest.mark.parametrize("shots", [0, 1, 3])
def test_exact_is_the_plain_recomputation(clip: Clip, shots: int) -> None:
    size = clip.tower.size
    plain = Plain(small_network(image_size=size), "screw", [drawn(9 + i, *size) for i in range(shots)])
    found = WinCLIP(clip, "screw", [drawn(9 + i, *size) for i in range(shots)], exact=True).score(drawn(0, *size))
    score, values = plain.score(drawn(0, *size))
    assert found.score == pytest.approx(score, abs=1e-5)
    grid = torch.nn.functional.interpolate(torch.from_numpy(values)[None, None].float(), size, mode="bilinear")[0, 0]
    np.testing.assert_allclose(found.values, grid.numpy(), atol=1e-5)
    assert np.ptp(found.values) > 1e-3


def test_fast_ranks_places_as_exact_does(clip: Clip) -> None:
    picture = drawn(1)
    exact, fast = (WinCLIP(clip, exact=exact).score(picture) for exact in (True, False))
    assert spearmanr(exact.values.ravel(), fast.values.ravel())[0] > 0.95
    assert fast.score == pytest.approx(exact.score, abs=1e-2)


@pytest.mark.parametrize("quick", [True, False])
def test_the_mode_says_what_is_done(clip: Clip, monkeypatch: pytest.MonkeyPatch, quick: bool) -> None:
    monkeypatch.setattr(winclip, "quick_bfloat16", lambda: quick)
    asked: list[bool] = []
    inner = clip.tower.summarise
    monkeypatch.setattr(clip.tower, "summarise", lambda t, quick: asked.append(quick) or inner(t, quick))
    fast = WinCLIP(clip)
    fast.score(drawn(2))
    assert set(asked) == {quick}
    assert ("bfloat16" if quick else "float32") in fast.mode
    assert "every second" in fast.mode
    assert WinCLIP(clip, exact=True).mode == "every window; products in float32"


def test_a_reference_itself_is_like_it(clip: Clip) -> None:
    zero, one = WinCLIP(clip, exact=True), WinCLIP(clip, references=[drawn(3)], exact=True)
    np.testing.assert_allclose(one.score(drawn(3)).values, zero.score(drawn(3)).values / 2, atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(300, 40), (8, 8), (100, 2100)])
def test_map_has_the_size_of_the_picture(clip: Clip, height: int, width: int) -> None:
    found = WinCLIP(clip).score(drawn(4, height, width))
    assert found.values.shape == (height, width)
    assert found.values.dtype == np.float32
    assert 0 < found.values.min() <= found.values.max() < 1


def test_a_picture_too_small_is_refused(clip: Clip) -> None:
    with pytest.raises(XadError, match="too small"):
        WinCLIP(clip).score(drawn(0, 1, 1))


def test_words_for_a_place(clip: Clip) -> None:
    detector, picture = WinCLIP(clip, "screw", exact=True), drawn(5, 96, 120)
    words = detector.explain(picture, (0, 0, 40, 40))
    assert sum(word.probability for word in words) == pytest.approx(1, abs=1e-5)
    assert [w.probability for w in words] == sorted((w.probability for w in words), reverse=True)
    assert {word.kind for word in words} == {"normal", "anomalous"}
    assert {"with scratch", "flawless"} <= {word.word for word in words}
    # By hand: windows of the upper left corner, each weighed by what of it lies in the box.
    looks, rows = detector._looks(picture), clip.tower.grid
    inside = np.zeros((96, 120), np.float32)
    inside[:40, :40] = 1
    cells = inside.reshape(rows[0], 96 // rows[0], rows[1], 120 // rows[1]).mean(axis=(1, 3))
    mean = np.zeros(32)
    for side, windows in zip((2, 3), looks.windows, strict=True):
        places = ((y, x) for y in range(rows[0] - side + 1) for x in range(rows[1] - side + 1))
        mean += sum(
            cells[y : y + side, x : x + side].mean() * w.numpy() for (y, x), w in zip(places, windows, strict=True)
        )
    best = words[0]
    state = next(s for s in vocabulary("winclip")["explain"][best.kind] if s.replace("{}", "").strip() == best.word)
    templates = vocabulary("winclip")["explain"]["templates"]
    text = unit(torch.from_numpy(clip.text([t.format(state.format("screw")) for t in templates]))).mean(dim=0)
    assert best.similarity == pytest.approx(float(unit(torch.from_numpy(mean).float()) @ unit(text)), abs=1e-4)


def test_a_mask_is_the_box_it_fills(clip: Clip) -> None:
    detector, picture = WinCLIP(clip), drawn(6, 96, 96)
    mask = np.zeros((96, 96), dtype=bool)
    mask[10:30, 50:80] = True
    assert detector.explain(picture, mask) == detector.explain(picture, (50, 10, 80, 30))


def test_nothing_is_elsewhere_than_the_whole(clip: Clip) -> None:
    words = WinCLIP(clip).explain(drawn(7), (-5, -5, 500, 500))
    assert {word.elsewhere for word in words} == {None}


@pytest.mark.parametrize(
    ("place", "match"),
    [
        ((30, 10, 20, 40), "inverted"),
        ((60, 60, 90, 90), "outside"),
        (np.zeros((48, 48), dtype=bool), "empty"),
        (np.ones((5, 5), dtype=bool), "not of"),
    ],
)
def test_bad_places_are_refused(clip: Clip, place: object, match: str) -> None:
    with pytest.raises(XadError, match=match):
        WinCLIP(clip).explain(drawn(8), place)


@pytest.mark.data
def test_fast_ranks_places_as_exact_does_at_full_size(data: Path, tmp_path: Path) -> None:
    torch.manual_seed(3)
    network = open_clip.create_model("ViT-B-16-plus-240", pretrained=None)
    torch.save(network.state_dict(), tmp_path / "clip.pt")
    clip = load_clip(f"ViT-B-16-plus-240@{tmp_path / 'clip.pt'}")
    for file in ("mvtec_screw/screw/test/good/000.jpg", "magnetic_tile/test/crack/exp2_num_342162.jpg"):
        picture = read_picture(data / file)
        exact, fast = (WinCLIP(clip, exact=exact).score(picture).values for exact in (True, False))
        assert spearmanr(exact.ravel()[::7], fast.ravel()[::7])[0] > 0.98
