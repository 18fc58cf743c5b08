"""The command line: what goes where, exit codes, one line for what the user can mend."""

import json
import subprocess
import sys
import time

import pytest

from tests.eval.clip_sets import write_clip_set
from tests.normal import NormalProfile, texture
from tests.things import ThingsProfile, sightings, thing
from xad_agent import cli
from xad_agent.defaults import STEPS


@pytest.fixture
def scripted(monkeypatch):
    """A hand-made profile, and a chat model that always fails, so that the evidence alone answers."""
    from tests.scripted import ScriptedChatModel
    from xad_agent.agent import Agent

    agent = Agent(NormalProfile(), llm=ScriptedChatModel(script=[RuntimeError("off")]))
    monkeypatch.setattr(cli, "agent_of", lambda *_: agent)


@pytest.fixture
def part(tmp_path):
    from PIL import Image

    pixels = texture(99)
    pixels[20:40, 60:76] = 250
    path = tmp_path / "päckchen ☃.png"
    Image.fromarray(pixels).save(path)
    return path


@pytest.mark.parametrize("arguments", [[], ["ask"], ["no-such-command"], ["ask", "a.png", "Why?", "--alpha"]])
def test_wrong_use_exits_with_2(run, arguments):
    code, _, err = run(*arguments)
    assert code == 2 and "Traceback" not in err


@pytest.mark.parametrize(
    ("content", "part_of_error"),
    [(None, "missing.png"), (b"", "empty"), (b"just text", "picture"), (b"\xff\xd8\xff\xe0 cut off", "picture")],
)
def test_unusable_picture_is_one_line(run, scripted, tmp_path, content, part_of_error):
    path = tmp_path / "missing.png"
    if content is not None:
        path.write_bytes(content)
    code, out, err = run("ask", path, "Where is it?", "--json")
    assert code in (1, 2) and out == "" and part_of_error in err
    assert len(err.strip().splitlines()) == 1 and "Traceback" not in err


def test_a_folder_where_a_file_belongs(run, scripted, tmp_path):
    code, _, err = run("ask", tmp_path, "Where is it?")
    assert code in (1, 2) and len(err.strip().splitlines()) == 1


def test_profile_and_normal_exclude_each_other(run, tmp_path):
    code, _, err = run("ask", "a.png", "Why?", "--profile", tmp_path, "--normal", tmp_path)
    assert code == 2 and "either" in err


def test_a_profile_that_is_none(run, tmp_path, part):
    code, _, err = run("ask", part, "Why?", "--profile", tmp_path)
    assert code in (1, 2) and len(err.strip().splitlines()) == 1


def test_ask_prints_the_answer_and_writes_figure_and_report(run, scripted, part, tmp_path):
    figure, report = tmp_path / "new folder" / "answer.png", tmp_path / "answer.html"
    code, out, err = run("ask", part, "Where is it?", "--figure", figure, "--report", report)
    assert code == 0 and out.startswith("Anomalous") and "[E1]" in out and "note:" in err
    assert figure.stat().st_size > 1000 and report.stat().st_size > 1000


def test_json_is_one_object_and_nothing_else(run, scripted, part):
    code, out, _ = run("ask", part, "Where is it?", "--json")
    assert code == 0 and json.loads(out)["verdict"] == "anomalous" and len(out.splitlines()) == 1


def test_an_unwritable_figure_is_one_line(run, scripted, part, tmp_path):
    (tmp_path / "file").write_text("x")
    code, _, err = run("ask", part, "Where is it?", "--figure", tmp_path / "file" / "answer.png")
    assert code == 1 and "cannot write" in err


def test_chat_goes_on_after_a_mistake(run, scripted, part, monkeypatch):
    lines = iter(["Is it normal?", "/open nowhere.png", "How big is it?", ""])
    monkeypatch.setattr("builtins.input", lambda *_: next(lines))
    code, out, err = run("chat", part)
    assert code == 0 and out.count("[E1]") == 2 and "nowhere.png" in err


def test_an_unexpected_error_is_one_line_and_debug_shows_more(run, monkeypatch, part):
    def broken(*_, **__):
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(cli, "agent_of", broken)
    code, _, err = run("ask", part, "Why?")
    assert code == 1 and "--debug" in err and "Traceback" not in err
    monkeypatch.setattr(sys, "argv", ["xad", "ask", str(part), "Why?", "--debug"])
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_fit_without_pictures(run, tmp_path):
    code, out, err = run("fit", tmp_path / "none", "-o", tmp_path / "p")
    assert code in (1, 2) and out == "" and not (tmp_path / "p").exists()
    assert len(err.strip().splitlines()) == 1


def test_names_of_anybody_are_scored(run, tmp_path):
    root = write_clip_set(tmp_path / "walk")
    (tmp_path / "labels.json").write_text(json.dumps({"01_004": [["object", "bicycle"]]}))
    rows = [{"clip": clip, "frame": n, "text": "a bike" * (n == 4)} for clip in ("01", "02") for n in range(12)]
    (tmp_path / "answers.jsonl").write_text("\n".join(map(json.dumps, rows)))
    what = ("--labels", tmp_path / "labels.json", "--clips", root / "testing/frames")
    code, out, _ = run("eval", "xman", *what, "--answers", tmp_path / "answers.jsonl", "--json")
    assert code == 0 and json.loads(out)["map"] == json.loads(out)["per_class_ap"]["bicycle"] == 0.5, "clip 02 ties"
    for wrong in ((), ("--answers", "a", "--profile", "b")):
        code, out, err = run("eval", "xman", *what, *wrong)
        assert code == 2 and out == "" and "give one of" in err


def test_names_of_a_profile_are_scored(run, tmp_path, monkeypatch):
    root = write_clip_set(tmp_path / "walk")
    (tmp_path / "labels.json").write_text(json.dumps({f"01_{n:03}": [["object", "skateboard"]] for n in range(12)}))
    told = {"01": sightings(thing(speed=2.5, gait=0.5), frames=12), "02": sightings(thing(), frames=12)}
    monkeypatch.setattr("xad_agent.eval.xman.Profile.load", lambda _: ThingsProfile(told))
    what = ("--labels", tmp_path / "labels.json", "--clips", root / "testing/frames", "--profile", "p")
    kept = ("-o", tmp_path / "out", "--report", tmp_path / "report.html")
    code, out, _ = run("eval", "xman", *what, *kept, "--regions", root / "testing/masks", "--first", 0)
    assert code == 0 and "100.0" in next(line for line in out.splitlines() if line.startswith("skateboard"))
    assert json.loads((tmp_path / "out/result.json").read_text())["first"] == 0
    assert "<svg" in (tmp_path / "report.html").read_text()
    code, _, err = run("eval", "xman", *what[:4], "--answers", "a", "--regions", "r")
    assert code == 2 and "--regions is for a profile" in err


def test_help_loads_nothing_heavy():
    heavy = "{'torch', 'transformers', 'langchain', 'gradio', 'timm', 'cv2'}"
    program = f"import sys, xad_agent, xad_agent.cli; sys.exit(len({heavy} & set(sys.modules)))"
    started = time.perf_counter()
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
    assert time.perf_counter() - started < 30  # a hang, not a speed; speed is `xad bench`'s


def test_fit_says_how_long_vqunet_trains_and_where_it_is_kept(run, tmp_path, monkeypatch):
    asked = {}
    profile = ThingsProfile()
    monkeypatch.setattr(profile, "save", lambda folder: None)
    monkeypatch.setattr("xad_agent.profile.Profile.fit", lambda normal, **how: asked.update(how) or profile)
    options = ["-o", tmp_path / "p", "--detectors", "vqunet"]
    assert run("fit", "clips", *options)[0] == 0
    assert (asked["detectors"], asked["steps"]) == (["vqunet"], STEPS)
    assert run("fit", "clips", *options, "--steps", 7)[0] == 0
    assert (asked["steps"], asked["checkpoint"]) == (7, tmp_path / "p.training")
    assert run("fit", "clips", *options, "--steps", 0)[0] == 2


def test_what_a_fit_kept_is_removed_and_nothing_else(run, tmp_path, monkeypatch):
    """A folder of the user's may have that name."""
    profile = ThingsProfile()
    monkeypatch.setattr(profile, "save", lambda folder: None)
    monkeypatch.setattr("xad_agent.profile.Profile.fit", lambda normal, **how: profile)
    for name in ("mine", "theirs"):
        (tmp_path / f"{name}.training" / "sightings").mkdir(parents=True)
        for file in ("sightings/1.safetensors", "vqunet.safetensors"):
            (tmp_path / f"{name}.training" / file).write_text("")
    own = tmp_path / "mine.training" / "good.png"
    own.write_text("")
    for name in ("mine", "theirs", "none"):
        assert run("fit", "clips", "-o", tmp_path / name)[0] == 0
    assert sorted(tmp_path.rglob("*")) == [own.parent, own]
