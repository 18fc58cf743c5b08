"""`xad`: the command line. Answers go to stdout; progress, warnings and errors to stderr."""

import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from xad_agent import __version__
from xad_agent.background import left_behind
from xad_agent.cli_eval import evaluate
from xad_agent.cli_models import models
from xad_agent.cli_options import (
    Alpha,
    Backbone,
    Detectors,
    Json,
    KnowledgeFile,
    Llm,
    Model,
    Normal,
    ProfileDir,
    Rules,
    Seconds,
    Steps,
    Thing,
    Words,
    agent_of,
    fitted,
    models_of,
    print_json,
    specs_of,
)
from xad_agent.cli_serve import mcp, serve, start_app
from xad_agent.defaults import SECONDS, STEPS
from xad_agent.errors import XadError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xad_agent.answer import Answer
    from xad_agent.steps import Step

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None, add_completion=False)
app.command("app")(start_app)
app.command()(serve)
app.command("mcp")(mcp)
app.add_typer(models, name="models")
app.add_typer(evaluate, name="eval")


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Ask in plain words where and why a picture or clip is anomalous; every claim in the answer rests on evidence."""
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command()
def fit(
    normal: Annotated[list[str], typer.Argument(help="Folders, files or globs of normal pictures or clips.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Where to save the profile.")],
    alpha: Alpha = 0.01,
    backbone: Backbone = "efficientnet-lite0",
    detectors: Detectors = None,
    steps: Steps = STEPS,
    zones: Annotated[
        Path | None, typer.Option(help="Places of the clips' camera by name: YAML, `flower bed: [[x, y], ...]` in px.")
    ] = None,
) -> None:
    """Learn what is normal from pictures or clips, and save it as a profile.

    Of clips, what was seen in each is kept in OUTPUT.training until the profile is saved, and with --detectors vqunet
    the training too, once a minute: stopped, the same command goes on from there.
    """
    checkpoint = output.with_name(f"{output.name}.training")
    settings = {"alpha": alpha, "backbone": backbone, "detectors": detectors or (), "steps": steps, "zones": zones}
    profile = fitted(normal, **settings, checkpoint=checkpoint)
    profile.save(output)
    _clear(checkpoint)
    typer.echo(profile.summary())


@app.command()
def ask(
    media: Annotated[Path, typer.Argument(help="The picture or clip.")],
    question: Annotated[str, typer.Argument(help="What to know, in plain words.")],
    profile: ProfileDir = None,
    normal: Normal = None,
    llm: Llm = "embedded",
    model: Model = None,
    thing: Thing = "",
    word: Words = None,
    rules: Rules = None,
    knowledge: KnowledgeFile = None,
    seconds: Seconds = SECONDS,
    as_json: Json = False,
    figure: Annotated[
        Path | None,
        typer.Option(help="Write the overlay beside a normal picture, or the timeline and film strip, as PNG."),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write a self-contained HTML report.")] = None,
    video: Annotated[Path | None, typer.Option(help="Write the clip with its events drawn in, as MP4.")] = None,
) -> None:
    """Answer one question about one picture or clip."""
    conversation = agent_of(profile, normal, llm, models_of(model, thing, word), seconds, rules, knowledge).chat(media)
    answer = _told(conversation.stream(question), quiet=as_json)
    if video:
        _writing(video, lambda: answer.to_video(video))
    if figure:
        _writing(figure, lambda: answer.figure().save(figure, format="PNG"))
    if report:
        _writing(report, lambda: answer.to_html(report))
    if as_json:
        print_json(answer.to_json())


@app.command()
def chat(
    media: Annotated[Path | None, typer.Argument(help="The picture or clip to start with.")] = None,
    profile: ProfileDir = None,
    normal: Normal = None,
    llm: Llm = "embedded",
    model: Model = None,
    thing: Thing = "",
    word: Words = None,
    rules: Rules = None,
    knowledge: KnowledgeFile = None,
    memory: Annotated[Path | None, typer.Option(help="Keep the chat in this file; run again, it goes on.")] = None,
    name: Annotated[str, typer.Option(help="Of the chat in that file.")] = "chat",
    seconds: Seconds = SECONDS,
) -> None:
    """Ask on: one question a line; `/open FILE` turns to another, an empty line ends.

    A rule, such as "Bicycles are allowed here.", holds from then on.

    Without MEDIA, a chat that is kept goes on with what it showed last.
    """
    agent = agent_of(profile, normal, llm, models_of(model, thing, word), seconds, rules, knowledge)
    conversation = agent.chat(media, memory, name)
    while line := _next_line():
        try:
            if line.startswith("/open "):
                conversation.show(line.removeprefix("/open ").strip())
            else:
                _told(conversation.stream(line))
        except XadError as error:
            _complain(str(error))


@app.command()
def scan(
    media: Annotated[list[str], typer.Argument(help="Pictures or clips: files, folders or globs.")],
    profile: Annotated[Path, typer.Option("--profile", help="A profile folder made by `xad fit`.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Where to keep results.jsonl and drawings.")],
    as_json: Json = False,
) -> None:
    """Judge many pictures or clips; run again, it goes on where it stopped."""
    from xad_agent.answer import Verdict
    from xad_agent.profile import Profile
    from xad_agent.scan import scan

    lines = list(scan(media, Profile.load(profile), output))
    counts = {verdict: sum(line.get("verdict") == verdict for line in lines) for verdict in get_args(Verdict)}
    counts["failed"] = sum("error" in line for line in lines)
    if as_json:
        print_json({**counts, "output": str(output)})
        return
    for line in lines:
        if line.get("verdict") != "normal":
            typer.echo(f"{line['media']}: {line.get('error') or line['reason']}")
    summary = ", ".join(f"{count} {which}" for which, count in counts.items())
    typer.echo(f"{summary}; with those of earlier runs in {output}")


@app.command()
def bench(
    what: Annotated[
        str,
        typer.Argument(
            help="A folder in MVTec layout; `perception`: the models that see; `metrics`: those of clips, on a made "
            "set of ShanghaiTech's size; `app`: its start and its first page."
        ),
    ],
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Speed: ratios to the bare network's forward, medians of runs taken in turn.

    Of the models that see, those that --model gives no checkpoint of have random weights at real size.
    """
    from xad_agent.eval import app_bench, bench, clip_bench, perception

    if what == "app":
        result, text = app_bench.bench_app(shutil.which("chromium")), app_bench.as_text
    elif what == "perception":
        result, text = perception.bench_perception(specs_of(model), threads=threads), perception.as_text
    elif what == "metrics":
        result, text = clip_bench.bench_metrics(threads=threads), clip_bench.as_text
    else:
        result, text = bench.bench(Path(what), threads=threads), bench.as_text
    print_json(result) if as_json else typer.echo(text(result))


@app.command("rules")
def induced_rules(
    profile: Annotated[Path, typer.Argument(help="A profile folder made by `xad fit`.")], as_json: Json = False
) -> None:
    """What a profile has learned as normal, in sentences."""
    from xad_agent.profile import Profile

    said = Profile.load(profile).rules()
    if as_json:
        print_json({"profile": str(profile), "rules": list(said)})
        return
    typer.echo("\n".join(said))


@app.command()
def doctor(as_json: Json = False) -> None:
    """What works on this machine, and what to do about the rest."""
    from xad_agent.doctor import checks

    found = checks()
    if as_json:
        print_json([vars(check) for check in found])
        return
    for check in found:
        typer.echo(f"{'ok ' if check.ok else '-- '} {check.name:22} {check.detail}")
        if check.advice:
            typer.echo(f"    {check.advice}")


def _writing(path: Path, write: Any) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write()
    except OSError as error:
        raise XadError(f"cannot write {path}: {error.strerror or error}; choose another place") from error


def _clear(checkpoint: Path) -> None:
    """Remove what a fit kept in its folder, and the folder where nothing else is in it."""
    seen = checkpoint / "sightings"
    for file in (*seen.glob("*.safetensors"), checkpoint / "vqunet.safetensors"):
        file.unlink(missing_ok=True)
    for folder in (seen, checkpoint):
        with suppress(OSError):  # it is not there, or holds something of the user's
            folder.rmdir()


def _next_line() -> str:
    try:
        return input("> " if sys.stdin.isatty() else "").strip()
    except EOFError:
        return ""


def _told(steps: "Iterator[Step]", quiet: bool = False) -> "Answer":
    """The answer; what is measured meanwhile is told on stderr and, unless `quiet`, each checked sentence on stdout."""
    from xad_agent.answer import prose

    said = 0
    for step in steps:
        if step.kind == "tool":
            _complain(f"measuring: {step.tool}")
        elif step.claim and not quiet:
            typer.echo((" " if said else "") + prose([step.claim]), nl=False)
            said += 1
    assert step.answer is not None
    if said:
        typer.echo()
    if step.answer.note:
        _complain(f"note: {step.answer.note}")
    return step.answer


def _complain(line: str) -> None:
    typer.echo(line, err=True)


def main() -> None:
    """Run `xad`; exit 0 done, 1 failed, 2 wrong use, 130 stopped."""
    try:
        _run()
    except SystemExit as end:
        if left_behind():  # Python would wait for a step that hangs, and everything is said
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(end.code if isinstance(end.code, int) else 0)
        raise


def _run() -> None:
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    try:
        app(args=arguments, prog_name="xad")
    except XadError as error:
        if debug:
            raise
        _complain(f"xad: {error}")
        sys.exit(error.exit_code)
    except Exception as error:  # a defect of ours: still one line, and how to see more
        if debug:
            raise
        _complain(
            f"xad: unexpected {type(error).__name__}: {error}; run it again with --debug and report what it shows"
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
