"""The scene graph: counts by hand, what it calls rare, and what a stored one needs. Sentences are hashed."""

import zlib
from collections import Counter

import numpy as np
import pytest

from xad_agent.detectors import scene_graph
from xad_agent.detectors.scene_graph import GENERATED, SceneGraph, generated, remembering, unseen_scores
from xad_agent.errors import XadError
from xad_agent.perception.perspective import Perspective
from xad_agent.perception.relations import Observed, Triplet, relations
from xad_agent.prompts import vocabulary

DIMENSIONS = 48


def hashed(sentences: list[str]) -> np.ndarray:
    """Sentences that share words are near: the mean of a fixed random vector for each word, at unit length."""
    rows = []
    for sentence in sentences:
        words = [np.random.default_rng(zlib.crc32(word.encode())).normal(size=DIMENSIONS) for word in sentence.split()]
        rows.append(np.mean(words, axis=0))
    vectors = np.array(rows, np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def clip(**said: int) -> list[Triplet]:
    """Triplets by predicate and object ("walks_beside__person") with how often each occurs."""
    found = []
    for name, count in said.items():
        predicate, _, other = name.replace("__", "/").replace("_", " ").partition("/")
        found += [Triplet("person", predicate, other, frame) for frame in range(count)]
    return found


CLIPS = [clip(walks=50, walks_beside__person=30, stands=20), clip(walks=40, stands=8, carries__bag=2), clip(walks=30)]
RIDES = Triplet("person", "rides", "bicycle")


@pytest.fixture(scope="module")
def graph() -> SceneGraph:
    return SceneGraph.fit(CLIPS, hashed)


def test_counts_are_those_of_all_clips(graph: SceneGraph) -> None:
    assert dict(zip(graph.bank, graph.counts, strict=True)) == {
        ("person", "walks", ""): 120,
        ("person", "walks beside", "person"): 30,
        ("person", "stands", ""): 28,
        ("person", "carries", "bag"): 2,
    }
    assert graph.bank[0] == ("person", "walks", "")
    assert graph.total == 180


def test_score_of_a_normal_triplet_is_its_rarity(graph: SceneGraph) -> None:
    """A common one is no farther from itself than 0, so log10(181 / 120); a rare one may lie near a common one."""
    scores = graph.score([Triplet("person", "walks"), Triplet("person", "carries", "bag")])
    assert scores[0] == pytest.approx(np.log10(181 / 120), abs=1e-5)
    assert scores[0] < scores[1] <= np.log10(181 / 2) + 1e-5
    assert graph.ceiling == pytest.approx(np.log10(181))


def test_score_is_the_best_of_rarity_plus_distance(graph: SceneGraph) -> None:
    """Against a loop over the bank, straight from the definition."""

    def projected(words: tuple[str, str, str]) -> np.ndarray:
        vector = hashed([" ".join(words).strip()])[0] @ graph.projection
        return vector / np.linalg.norm(vector)

    for triplet in (RIDES, Triplet("dog", "walks"), Triplet("person", "stands")):
        expected = min(
            np.log10(181 / count) + np.linalg.norm(projected(triplet.words) - projected(words)) / graph.reach
            for words, count in zip(graph.bank, graph.counts, strict=True)
        )
        assert graph.score([triplet])[0] == pytest.approx(expected, abs=1e-5)


def test_what_never_occurred_is_stranger_than_what_did(graph: SceneGraph) -> None:
    normal = graph.score([triplet for one in CLIPS for triplet in one])
    strange = graph.score([RIDES, Triplet("truck", "drives on", "lawn"), Triplet("person", "hits", "person")])
    assert strange.min() > graph.ceiling >= normal.max() - 1e-5


def test_learning_puts_abnormal_triplets_farther_off_than_their_sentences_are(graph: SceneGraph) -> None:
    """Of the nearest normal triplet's distance, abnormal over normal ones: against embeddings without a projection."""
    abnormal = [Triplet(*words) for words in generated(graph.bank, graph.counts, seed=99)]
    plain = SceneGraph(hashed, graph.bank, graph.counts, graph.points, np.eye(DIMENSIONS, dtype=np.float32), 1.0)

    def separation(of: SceneGraph) -> float:
        spread = of._distances_to(of.bank)
        return float(np.median(of._distances_to([t.words for t in abnormal]).min(axis=1)) / spread.mean())

    assert separation(graph) > 1.5 * separation(plain)


def test_reason_is_a_count_beside_its_nearest_normal_ones(graph: SceneGraph) -> None:
    reason = graph.explain(RIDES)
    assert (reason.count, reason.total) == (0, 180)
    assert len(reason.nearest) == 3
    assert str(reason).startswith("person rides bicycle: 0 of 180 normal triplets; nearest: person ")
    known = graph.explain(Triplet("person", "walks beside", "person"))
    assert known.count == 30
    assert "person walks beside person" not in dict(known.nearest), "what it is itself is not its neighbour"


def test_reason_prints_thousands_and_the_nearest_sentence() -> None:
    graph = SceneGraph.fit([clip(stands_beside__person=1200)], hashed)
    assert (
        str(graph.explain(RIDES))
        == "person rides bicycle: 0 of 1,200 normal triplets; nearest: person stands beside person, 1,200"
    )


def test_unseen_scores_are_those_without_the_clip() -> None:
    """ "carries bag" is only in the second clip: unseen, it is stranger than anything that was normal."""
    unseen = unseen_scores(CLIPS, hashed)
    assert [len(scores) for scores in unseen] == [len(one) for one in CLIPS]
    alone = SceneGraph.fit([CLIPS[0], CLIPS[2]], hashed)
    np.testing.assert_allclose(unseen[1], alone.score(CLIPS[1]), rtol=1e-5)
    assert unseen[1][-1] > alone.ceiling


def test_unseen_scores_can_be_asked_of_other_triplets() -> None:
    asked = [[RIDES], [], [Triplet("person", "walks")]]
    first, second, third = unseen_scores(CLIPS, hashed, asked=asked)
    assert (len(first), len(second), len(third)) == (1, 0, 1)
    assert third[0] < 1 < first[0]


def test_more_clips_than_groups_are_left_out_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first and the third clip are one of two groups, so what only these two know is new to both."""
    monkeypatch.setattr(scene_graph, "FOLDS", 2)
    common, own = clip(walks=5), clip(walks=5, jumps=5)
    together = unseen_scores([own, common, own, common], hashed)
    apart = unseen_scores([own, own, common, common], hashed)
    assert together[0][-1] == together[2][-1] > np.log10(15)
    assert apart[0][-1] < np.log10(15)


def test_generated_triplets_have_a_word_that_is_not_normal(graph: SceneGraph) -> None:
    made = generated(graph.bank, graph.counts, seed=0)
    normal = [{words[place] for words in graph.bank} for place in range(3)]
    assert len(made) == GENERATED
    assert all(any(word and word not in normal[place] for place, word in enumerate(words)) for words in made)
    assert generated(graph.bank, graph.counts, seed=0) == made
    assert generated(graph.bank, graph.counts, seed=1) != made


def test_generated_words_that_are_normal_here_are_not_used() -> None:
    pool = vocabulary("abnormal")["predicates"]
    bank = [("person", predicate, "bench") for predicate in pool[:-1]]
    made = generated(bank, np.ones(len(bank)), seed=0)
    assert {words[1] for words in made} - {words[1] for words in bank} == {pool[-1]}


def test_fit_is_deterministic(graph: SceneGraph) -> None:
    again = SceneGraph.fit(CLIPS, hashed)
    np.testing.assert_array_equal(again.projection, graph.projection)
    assert again.score([RIDES])[0] == graph.score([RIDES])[0]


def test_state_makes_the_same_detector(graph: SceneGraph) -> None:
    settings, arrays = graph.state()
    again = SceneGraph.from_state(settings, arrays, hashed)
    assert again.explain(RIDES) == graph.explain(RIDES)
    with pytest.raises(ValueError, match="belong together"):
        SceneGraph.from_state(settings, {**arrays, "counts": arrays["counts"][:-1]}, hashed)


def test_nothing_to_fit_is_said_and_nothing_to_score_is_fine(graph: SceneGraph) -> None:
    assert len(graph.score([])) == 0
    for clips in ([], [[], []]):
        with pytest.raises(XadError, match="gave no triplet"):
            SceneGraph.fit(clips, hashed)


def test_remembering_asks_once() -> None:
    asked: Counter[str] = Counter()

    def counting(sentences: list[str]) -> np.ndarray:
        asked.update(sentences)
        return hashed(sentences)

    encoder = remembering(counting)
    np.testing.assert_array_equal(encoder(["a b", "c", "a b"]), hashed(["a b", "c", "a b"]))
    encoder(["c", "d"])
    assert asked == Counter(["a b", "c", "d"])


def test_scores_do_not_depend_on_company(graph: SceneGraph) -> None:
    triplets = [RIDES, *CLIPS[1][::20], RIDES]
    assert graph.score(triplets) == pytest.approx([graph.score([one])[0] for one in triplets])


def test_from_tracks_to_the_reason() -> None:
    """Walkers are normal, one after another; then one comes by bicycle."""

    def passing(name: str, track: int, y: float, size: tuple[float, float], pace: float) -> list[Observed]:
        return [
            Observed(track, name, (x - size[0] / 2, y - size[1], x + size[0] / 2, y), (pace, 0.0))
            for x in (pace * frame / 10 for frame in range(30))
        ]

    def said(*paths: list[Observed]) -> list[Triplet]:
        return relations(list(zip(*paths, strict=True)), 10, Perspective(1000, 1000, 100.0, 0.0, 0))

    walkers = [said(passing("person", 1, y, (40, 100), 80)) for y in (200, 210, 220)]
    rider = said(passing("person", 1, 200, (40, 100), 200), passing("bicycle", 2, 210, (80, 60), 200))
    graph = SceneGraph.fit(walkers, hashed)
    rarest = rider[int(graph.score(rider).argmax())]
    assert str(graph.explain(rarest)) == "person rides bicycle: 0 of 90 normal triplets; nearest: person walks, 90"
    assert rarest.tracks == (1, 2)


@pytest.mark.data
def test_real_sentences_find_the_nearest_in_meaning() -> None:
    from xad_agent.llm.sentences import embed

    graph = SceneGraph.fit([clip(walks=900, stands_beside__person=80, rides__scooter=2, carries__backpack=40)], embed)
    assert graph.explain(RIDES).nearest[0] == ("person rides scooter", 2)
    walking, riding, fighting = graph.score([Triplet("person", "walks"), RIDES, Triplet("person", "hits", "person")])
    assert walking < 0.1
    assert min(riding, fighting) > 2
