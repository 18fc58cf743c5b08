"""Going through a set: what is kept, taken up again, refused and shared."""

import json
import multiprocessing
from types import SimpleNamespace

import numpy as np
import pytest

from xad_agent.errors import XadError
from xad_agent.eval.batch import Batch, failures, score_all
from xad_agent.eval.page import Page
from xad_agent.eval.sampling import Shard

SAMPLES = [SimpleNamespace(name=f"cut/{n}.png", kind="cut") for n in range(5)]


def run(batch, score=lambda sample: {"score": int(sample.name[4])}, settings=None, arrays=False):
    with batch.store({"alpha": 0.1} if settings is None else settings) as store:
        scored = score_all(batch.chosen(SAMPLES), store, score, batch, arrays=arrays)
        records = [record for _, record in scored]
        result = {"task": "toy", "items": records, "failed": failures(records)}
        return batch.finish(store, result, lambda: Page("Toy", "as text", result))


def quiet(folder=None, **options):
    return Batch(output=folder, progress=False, **options)


def test_an_item_is_a_line_with_its_seconds(tmp_path):
    result = run(quiet(tmp_path))
    lines = [json.loads(line) for line in (tmp_path / "items.jsonl").read_text().splitlines()]
    assert [line["item"] for line in lines] == [sample.name for sample in SAMPLES]
    assert all(line["kind"] == "cut" and line["seconds"] >= 0 for line in lines)
    assert json.loads((tmp_path / "result.json").read_text()) == result
    assert result["machine"]["cores"] >= 1 and isinstance(result["weights"], dict)


def test_an_interrupted_run_goes_on(tmp_path):
    asked = []

    def score(sample):
        asked.append(sample.name)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return {"score": 1}

    with pytest.raises(KeyboardInterrupt):
        run(quiet(tmp_path), score)
    assert len(run(quiet(tmp_path), score)["items"]) == 5
    assert asked == ["cut/0.png", "cut/1.png", "cut/2.png", "cut/2.png", "cut/3.png", "cut/4.png"]


def test_failures_are_counted_and_tried_again(tmp_path):
    def odd(sample):
        if int(sample.name[4]) % 2:
            raise ValueError("no\nuse")
        return {"score": 0}

    result = run(quiet(tmp_path), odd)
    assert result["failed"] == [{"item": f"cut/{n}.png", "error": "ValueError: no use"} for n in (1, 3)]
    again = run(quiet(tmp_path))
    assert again["failed"] == [] and [item["score"] for item in again["items"]] == [0, 1, 0, 3, 0]
    with pytest.raises(XadError, match="no picture could be scored; the first: ZeroDivisionError"):
        run(quiet(), lambda sample: 1 / 0)


def test_other_settings_are_refused_and_named(tmp_path):
    run(quiet(tmp_path))
    with pytest.raises(XadError, match=r"\(alpha 0\.1, now 0\.2, beta not set, now 1, seed 0, now 3\)") as caught:
        run(quiet(tmp_path, seed=3), settings={"alpha": 0.2, "beta": 1})
    assert caught.value.exit_code == 2
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(XadError, match="not whole JSON"):
        run(quiet(tmp_path))


def test_shards_share_a_folder_and_a_whole_run_gathers(tmp_path):
    parts = [run(quiet(tmp_path, shard=Shard(number, 2))) for number in (1, 2)]
    assert [len(part["items"]) for part in parts] == [3, 2] and parts[1]["shard"] == "2/2"
    whole = run(quiet(tmp_path), lambda sample: pytest.fail("it was done"))
    assert [item["score"] for item in whole["items"]] == [0, 1, 2, 3, 4] and "shard" not in whole
    assert {path.name for path in tmp_path.glob("*.json*")} >= {"items-1-of-2.jsonl", "result-2-of-2.json"}


def test_what_belongs_to_an_item_is_kept_with_it(tmp_path):
    names = ["a/b.png", "a_b.png", "ü" * 300, "../../up"]
    batch = quiet(tmp_path)
    with batch.store({}) as store:
        for place, name in enumerate(names):
            assert not store.kept(name)
            store.keep(name, map=np.full((2, 3), place, np.float32))
        assert [store.arrays(name)["map"][0, 0] for name in names] == [0, 1, 2, 3]
    assert len(list((tmp_path / "arrays").iterdir())) == 4
    run(batch, settings={})
    asked = []
    again = {"score": lambda sample: asked.append(sample.name) or {"score": 1}, "settings": {}}
    assert len(run(batch, **again)["items"]) == 5 and asked == []
    assert len(run(batch, **again, arrays=True)["items"]) == 5 and len(asked) == 5, "none of their arrays is there"


def _fit(folder, queue):
    with Batch(output=folder, progress=False).store({}) as store:
        queue.put(store.fit(lambda profile: (profile.mkdir(), queue.put("made"))))


def test_of_several_shards_one_fits(tmp_path):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    workers = [context.Process(target=_fit, args=(tmp_path, queue)) for _ in range(3)]
    for worker in workers:
        worker.start()
    told = [queue.get(timeout=60) for _ in range(4)]
    for worker in workers:
        worker.join()
    assert told.count("made") == 1 and len({one for one in told if one != "made"}) == 1


def test_a_report_shows_every_set_and_escapes_what_it_shows(tmp_path):
    path = tmp_path / "report.html"
    batch = quiet(report=path)
    run(batch)
    with batch.store({}) as store:
        result = {"task": "toy", "seed": 0, "alpha": "<b>"}
        batch.finish(store, result, lambda: Page("<script>", "1 < 2", result))
    text = path.read_text("utf-8")
    assert '<th scope="row">machine</th>' in text
    assert text.count("<section>") == 2 and "<script>" not in text and "1 &lt; 2" in text and "&lt;b&gt;" in text
    with pytest.raises(XadError, match="the report cannot be written"):
        run(quiet(report=tmp_path / "none" / "report.html"))
