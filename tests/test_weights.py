"""Pulling, checking and keeping weights, with packages made here and a client that copies them."""

import hashlib
import io
import multiprocessing
import os
import shutil
import tarfile
import time
import zipfile
from errno import ENOSPC
from pathlib import Path

import pytest

from xad_agent import fetch, weights
from xad_agent.errors import XadError

CONTENT = {"one.bin": b"1" * 5000, "two/a.json": b"{}", "two/b.bin": b"2" * 3000, "three.bin": b"3" * 2000}


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def entry(name, role, client, package, inside, files):
    return weights.Weight(name, role, client, package, "MIT", 0.01, 0.01, inside, {f: sha(CONTENT[f]) for f in files})


REGISTRY = (
    entry("uno", "llm", "pip", "uno==1", "uno/data", ["one.bin"]),
    entry("duo", "objects", "npm", "@x/pair@1", "package/models", ["two/a.json", "two/b.bin"]),
    entry("tre", "pose", "npm", "@x/pair@1", "package/models", ["three.bin"]),
    entry("pics", "demo", "pip", "pics==1", "pics", ["two/a.json"]),
)


class Client:
    """Stands for pip and npm: hands over the packages of `shop`, and writes down what was asked for."""

    def __init__(self, shop: Path, seconds: float = 0):
        self.shop, self.seconds = shop, seconds
        self.calls: list[str] = []

    def __call__(self, command, work, report):
        package = next(word for word in command if word in ("uno==1", "pics==1", "@x/pair@1"))
        self.calls.append(package)
        with (self.shop / "calls").open("a") as calls:
            calls.write(package + "\n")
        time.sleep(self.seconds)
        report(5000)
        source = self.shop / {"uno==1": "uno.whl", "pics==1": "pics.whl", "@x/pair@1": "pair.tgz"}[package]
        shutil.copy(source, work / "package")
        return 0, ""


def make_wheel(path: Path, inside: str, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as wheel:
        for name, data in files.items():
            wheel.writestr(f"{inside}/{name}", data)


def make_tarball(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as tarball:
        for name, data in files.items():
            about = tarfile.TarInfo(f"package/models/{name}")
            about.size = len(data)
            tarball.addfile(about, io.BytesIO(data))


@pytest.fixture
def client(tmp_path, monkeypatch):
    shop = tmp_path / "shop"
    shop.mkdir()
    make_wheel(shop / "uno.whl", "uno/data", CONTENT)
    make_wheel(shop / "pics.whl", "pics", CONTENT)
    make_tarball(shop / "pair.tgz", CONTENT)
    client = Client(shop)
    monkeypatch.setenv("XAD_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(weights, "registry", lambda: REGISTRY)
    monkeypatch.setattr(fetch, "run", client)
    monkeypatch.setattr(fetch.shutil, "which", lambda name: f"/usr/bin/{name}")
    return client


def left_behind() -> list[str]:
    models = weights.home() / "models"
    return sorted(p.name for p in models.iterdir() if p.name != ".lock") if models.exists() else []


def test_pull_stores_what_the_registry_names_and_nothing_else(client):
    rows = weights.pull("embedded", progress=False)
    assert [(r.name, r.status) for r in rows] == [("uno", "pulled"), ("duo", "pulled"), ("tre", "pulled")]
    assert left_behind() == ["duo", "tre", "uno"]
    assert weights.path("uno").read_bytes() == CONTENT["one.bin"]
    assert weights.path("llm") == weights.path("uno")
    assert (weights.path("objects") / "two/b.bin").read_bytes() == CONTENT["two/b.bin"]
    kept = {str(p.relative_to(weights.path("duo"))) for p in weights.path("duo").rglob("*") if p.is_file()}
    assert kept == {"two/a.json", "two/b.bin", weights.STAMP}


def test_models_of_one_package_are_fetched_at_once(client):
    weights.pull(["pose", "objects"], progress=False)
    assert client.calls == ["@x/pair@1"]


def test_pull_again_fetches_nothing(client):
    weights.pull("all", progress=False)
    client.calls.clear()
    assert {row.status for row in weights.pull("all", progress=False)} == {"present"}
    assert client.calls == []


def test_bar_goes_to_stderr_only(client, capsys):
    weights.pull("uno")
    out, err = capsys.readouterr()
    assert out == ""
    assert "uno==1: 100%" in err


def test_unknown_name_lists_the_known(client):
    with pytest.raises(XadError, match=r"no model is called 'nope'.*embedded.*uno \(llm\)") as error:
        weights.pull(["nope"])
    assert error.value.exit_code == 2


def test_path_of_what_is_not_there_says_how_to_get_it(client):
    with pytest.raises(XadError, match="run `xad models pull uno`"):
        weights.path("llm")


@pytest.mark.parametrize("damage", [b"1" * 4999 + b"x", b"", None], ids=["one byte", "cut to nothing", "removed"])
def test_damage_is_seen_and_mended(client, damage):
    weights.pull("uno", progress=False)
    file = weights.path("uno")
    file.unlink()
    if damage is not None:
        file.write_bytes(damage)
    assert weights.listing()[0].status == "damaged"
    with pytest.raises(XadError, match="damaged"):
        weights.path("uno")
    assert weights.pull("uno", progress=False)[0].status == "pulled"
    assert weights.path("uno").read_bytes() == CONTENT["one.bin"]
    assert left_behind() == ["uno"]


def test_verify_hashes_even_where_the_stamp_agrees(client):
    weights.pull("uno", progress=False)
    file = weights.path("uno")
    before = file.stat()
    file.write_bytes(b"x" * before.st_size)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert weights.listing()[0].status == "present"
    assert [row.status for row in weights.verify()] == ["damaged", "missing", "missing", "missing"]


@pytest.mark.parametrize("stamp", ["", "not json", "[]", None])
def test_a_spoilt_stamp_is_made_anew(client, stamp):
    weights.pull("uno", progress=False)
    file = weights.path("uno").parent / weights.STAMP
    if stamp is None:
        file.unlink()
    else:
        file.write_text(stamp)
    assert weights.path("uno").exists()
    assert "one.bin" in file.read_text()


def test_wrong_hash_keeps_nothing(client):
    make_wheel(client.shop / "uno.whl", "uno/data", {"one.bin": b"evil"})
    with pytest.raises(XadError, match=r"one\.bin of uno==1 has another sha256"):
        weights.pull("uno", progress=False)
    assert left_behind() == []


def test_wrong_hash_leaves_the_old_copy_and_the_other_models(client):
    weights.pull("pics", progress=False)
    make_tarball(client.shop / "pair.tgz", CONTENT | {"three.bin": b"evil"})
    with pytest.raises(XadError, match=r"three\.bin"):
        weights.pull("all", progress=False)
    assert left_behind() == ["pics", "uno"]


@pytest.mark.parametrize(
    "spoil", [lambda p: p.write_bytes(b"no archive"), lambda p: p.write_bytes(p.read_bytes()[:200])]
)
@pytest.mark.parametrize(("name", "file"), [("uno", "uno.whl"), ("duo", "pair.tgz")])
def test_broken_package(client, spoil, name, file):
    spoil(client.shop / file)
    with pytest.raises(XadError, match="is damaged, or lacks"):
        weights.pull(name, progress=False)
    assert left_behind() == []


def test_package_without_the_file(client):
    make_wheel(client.shop / "uno.whl", "elsewhere", CONTENT)
    with pytest.raises(XadError, match="lacks uno"):
        weights.pull("uno", progress=False)


def test_interrupted_pull_keeps_what_is_finished_and_goes_on(client, monkeypatch):
    def interrupted(command, work, report):
        if "@x/pair@1" in command:
            (work / "package" / "half.tgz").write_bytes(b"half")
            raise KeyboardInterrupt
        return client(command, work, report)

    monkeypatch.setattr(fetch, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        weights.pull("embedded", progress=False)
    assert left_behind() == ["uno"]
    monkeypatch.setattr(fetch, "run", client)
    client.calls.clear()
    assert [r.status for r in weights.pull("embedded", progress=False)] == ["present", "pulled", "pulled"]
    assert client.calls == ["@x/pair@1"]


def test_leavings_of_a_killed_process_are_swept(client):
    (weights.home() / "models" / ".partial-dead").mkdir(parents=True)
    weights.pull("uno", progress=False)
    assert left_behind() == ["uno"]


def test_full_disk_is_seen_beforehand(client, monkeypatch):
    monkeypatch.setattr(weights.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 0))
    with pytest.raises(XadError, match=r"is full \(.* MB are needed\): free some space"):
        weights.pull("uno", progress=False)
    assert client.calls == []
    assert left_behind() == []


def test_full_disk_while_writing(client, monkeypatch):
    def full(*_):
        raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(weights.shutil, "copyfileobj", full)
    with pytest.raises(XadError, match=r"the disk of .* is full"):
        weights.pull("uno", progress=False)
    assert left_behind() == []


def test_home_that_cannot_be_made(client, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XAD_HOME", str(tmp_path / "file"))
    with pytest.raises(XadError, match=r"cannot write to .* set XAD_HOME"):
        weights.pull("uno", progress=False)


def test_without_npm_all_else_is_pulled(client, monkeypatch):
    monkeypatch.setattr(fetch.shutil, "which", lambda name: None)
    with pytest.raises(XadError, match=r"npm, which fetches @x/pair@1, is not on this machine: install Node\.js"):
        weights.pull("all", progress=False)
    assert left_behind() == ["pics", "uno"]


def test_without_pip(client, monkeypatch):
    monkeypatch.setattr(fetch.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(XadError, match="pip, which fetches uno==1, is not in this Python"):
        weights.pull("uno", progress=False)


CLIENT_ERRORS = [
    (
        "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError'",
        "reaches no package registry",
    ),
    (
        "npm error code ENOTFOUND\nnpm error network request to https://r.example/x failed",
        "reaches no package registry",
    ),
    ("npm error code ECONNREFUSED", "reaches no package registry"),
    (
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
        "the disk of .* is full",
    ),
    ("npm error code ENOSPC", "the disk of .* is full"),
    (
        "ERROR: No matching distribution found for uno==1\n",
        r"pip could not fetch uno==1: ERROR: No matching distribution",
    ),
    ("ERROR: 404 for url: https://r.example/simple/uno/", r"pip could not fetch uno==1: ERROR: 404 for url: \.\.\."),
    ("", "pip could not fetch uno==1: it gave no reason"),
]


@pytest.mark.parametrize(("output", "line"), CLIENT_ERRORS)
def test_client_that_fails(client, monkeypatch, output, line):
    monkeypatch.setattr(fetch, "run", lambda *_: (1, output))
    with pytest.raises(XadError, match=line) as error:
        weights.pull("uno", progress=False)
    assert "://" not in str(error.value)
    assert left_behind() == []


def pull_in_process(shop: Path, queue) -> None:
    weights.registry = lambda: REGISTRY
    fetch.run = Client(shop, seconds=0.3)
    fetch.shutil.which = lambda name: f"/usr/bin/{name}"
    queue.put([row.status for row in weights.pull("embedded", progress=False)])


def test_two_processes_at_once_fetch_each_package_once(client):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    processes = [context.Process(target=pull_in_process, args=(client.shop, queue)) for _ in range(2)]
    for process in processes:
        process.start()
    results = [queue.get(timeout=30) for _ in processes]
    for process in processes:
        process.join(timeout=30)
    assert sorted(results) == [["present"] * 3, ["pulled"] * 3]
    assert (client.shop / "calls").read_text().split() == ["uno==1", "@x/pair@1"]
    assert {row.status for row in weights.verify("embedded")} == {"present"}


def test_run_reports_sizes_and_kills_the_client_on_interrupt(tmp_path):
    command = ["sh", "-c", "echo $$ > pid; printf 12345 > part; sleep 30"]
    seen: list[int] = []

    def interrupt(size):
        seen.append(size)
        if size >= 5:
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        fetch.run(command, tmp_path, interrupt)
    assert time.monotonic() - started < 10
    assert seen[-1] >= 5
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_run_gives_exit_code_and_output(tmp_path):
    assert fetch.run(["sh", "-c", "echo said; echo wrong >&2; exit 3"], tmp_path, lambda size: None) == (
        3,
        "said\nwrong\n",
    )


def test_the_registry_itself():
    by_role = {weight.role: weight for weight in weights.registry()}
    assert list(by_role) == ["llm", "sentences", "backbone", "objects", "pose", "edges", "parser", "demo"]
    assert len(by_role["demo"].files) == 190
    for weight in by_role.values():
        assert all(len(sha256) == 64 for sha256 in weight.files.values())
        assert "==" in weight.package or weight.package.rpartition("@")[2].count(".") == 2, "a version is pinned"


def test_home_is_the_users_cache_without_the_variable(monkeypatch):
    monkeypatch.delenv("XAD_HOME", raising=False)
    assert weights.home().name == "xad-agent"


class Evil:
    """Unpickling it would write a file."""

    def __reduce__(self):
        return os.system, ("touch evil_was_here",)


def test_load_state_dict(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    monkeypatch.chdir(tmp_path)
    state = {"layer.weight": torch.arange(6.0).reshape(2, 3)}
    save_file(state, tmp_path / "a.safetensors")
    torch.save(state, tmp_path / "b.pth")
    torch.save({"epoch": 3, "state_dict": state}, tmp_path / "c.ckpt")
    for name in ("a.safetensors", "b.pth", "c.ckpt"):
        loaded = weights.load_state_dict(tmp_path / name)
        assert list(loaded) == ["layer.weight"]
        assert torch.equal(loaded["layer.weight"], state["layer.weight"])
    torch.save({"x": Evil()}, tmp_path / "evil.pth")
    torch.save({"epoch": 3}, tmp_path / "no_tensors.pth")
    (tmp_path / "text.pth").write_text("hello")
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "a.safetensors").read_bytes()[:30])
    for name, line in {
        "evil.pth": "holds code, which is never run",
        "no_tensors.pth": "holds no state dict",
        "text.pth": "damaged",
        "cut.safetensors": "damaged",
        "missing.pth": "no such weights file",
    }.items():
        with pytest.raises(XadError, match=line):
            weights.load_state_dict(tmp_path / name)
    assert not (tmp_path / "evil_was_here").exists()
