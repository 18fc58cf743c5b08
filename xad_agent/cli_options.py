"""What commands of `xad` have in common: their options, and how a profile is had and a result printed."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xad_agent.errors import XadError

if TYPE_CHECKING:
    from xad_agent.agent import Agent
    from xad_agent.eval.batch import Batch
    from xad_agent.perception.models import Models
    from xad_agent.profile import Profile

Alpha = Annotated[float, typer.Option(min=0.0001, max=0.5, help="False-alarm rate the limit is set for.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
ProfileDir = Annotated[Path | None, typer.Option("--profile", help="A profile folder made by `xad fit`.")]
Normal = Annotated[
    list[Path] | None, typer.Option("--normal", help="Normal pictures or clips to fit on now; repeatable.")
]
Llm = Annotated[
    str,
    typer.Option(help="Chat model: embedded, hf:FOLDER, gguf:FILE, PROVIDER:MODEL (openai:gpt-5), openai:MODEL@URL."),
]
Model = Annotated[
    list[str] | None,
    typer.Option("--model", help="ROLE=SPEC: use this checkpoint as clip, prompts, finder, segmenter or vlm."),
]
Seconds = Annotated[
    float,
    typer.Option(min=0.1, help="For a question; then it is answered by what was measured till then."),
]
Thing = Annotated[str, typer.Option(help="What is looked at, in a word or two, for models that read words.")]
Words = Annotated[
    list[str] | None, typer.Option("--word", help="What may be wrong with it, in your words; repeatable.")
]
Rules = Annotated[
    Path | None,
    typer.Option("--rules", help="What is allowed or forbidden, one statement a line; `#` begins a comment."),
]
KnowledgeFile = Annotated[
    Path | None, typer.Option("--knowledge", help="JSON with descriptions of products; --thing chooses one.")
]
Detectors = Annotated[
    list[str] | None, typer.Option("--detectors", help="What to learn besides the usual: vqunet (clips); repeatable.")
]
Steps = Annotated[int, typer.Option(min=1, help="Batches that vqunet trains on; more take longer and err less.")]
Backbone = Annotated[str, typer.Option(help="Feature network: efficientnet-lite0, or timm:NAME[@FILE].")]
Output = Annotated[
    Path | None,
    typer.Option("-o", "--output", help="Keep a line for each item here, and the result; called again, it goes on."),
]
Limit = Annotated[int | None, typer.Option(help="At most so many of each type, drawn with --seed.")]
ShardOf = Annotated[
    str | None,
    typer.Option("--shard", help="I/N: do the I-th of N parts; all share one -o, and a run without --shard gathers."),
]
Seed = Annotated[int, typer.Option(help="Of whatever is drawn at random.")]
Report = Annotated[
    Path | None, typer.Option("--report", help="Write an HTML page: plots, the best and the worst examples.")
]


def batch_of(
    output: Path | None, limit: int | None = None, shard: str | None = None, seed: int = 0, report: Path | None = None
) -> "Batch":
    """How an evaluation goes through its set, as the options say."""
    from xad_agent.eval.batch import Batch
    from xad_agent.eval.sampling import Shard

    return Batch(output, limit, Shard.parse(shard) if shard else None, seed, report=report)


def profile_of(folder: Path | None, normal: list[Path] | None) -> "Profile | None":
    """The profile of a folder or of normal media, None without either; XadError where both are given."""
    if folder and normal:
        raise XadError("give either --profile or --normal, not both", exit_code=2)
    if folder:
        from xad_agent.profile import Profile

        return Profile.load(folder)
    return fitted(normal) if normal else None


def agent_of(
    profile: Path | None,
    normal: list[Path] | None,
    llm: str,
    models: "Models",
    seconds: float,
    rules: Path | None = None,
    knowledge: Path | None = None,
) -> "Agent":
    """The agent of what the options say; files of the user's are read before anything that takes long."""
    from xad_agent.agent import Agent
    from xad_agent.budget import Budget
    from xad_agent.knowledge import read_knowledge
    from xad_agent.rulebook import read_rules

    said = read_rules(rules) if rules else ()
    known = read_knowledge(knowledge, models.thing) if knowledge else None
    normals = profile_of(profile, normal)
    return Agent(profile=normals, llm=llm, models=models, budget=Budget(seconds=seconds), rules=said, knowledge=known)


def models_of(named: list[str] | None, thing: str = "", words: list[str] | None = None) -> "Models":
    """The models that ROLE=SPEC name, beside those that were chosen; XadError where it is not of that form."""
    from xad_agent.perception.models import Models

    return Models(specs_of(named), thing, words or ())


def specs_of(named: list[str] | None) -> dict[str, str]:
    """The specs of ROLE=SPEC by role; XadError where it is not of that form."""
    pairs = [entry.partition("=") for entry in named or ()]
    if wrong := next((role + equals + spec for role, equals, spec in pairs if not (role and spec)), None):
        raise XadError(f"--model {wrong}: give ROLE=SPEC, as clip=FOLDER", exit_code=2)
    return {role: spec for role, _, spec in pairs}


def fitted(normal: Sequence[str | Path], **settings: Any) -> "Profile":
    """A profile of what was named; one source by itself, so that a wrong name is an error and not a skipped picture."""
    from xad_agent.profile import Profile

    return Profile.fit(normal if len(normal) > 1 else normal[0], **settings)


def show(result: dict[str, Any], as_text: Callable[[dict[str, Any]], str], as_json: bool) -> None:
    """A result on stdout, as one JSON object or to read."""
    print_json(result) if as_json else typer.echo(as_text(result))


def print_json(record: Any) -> None:
    """One JSON object on stdout."""
    typer.echo(json.dumps(record, ensure_ascii=False))
