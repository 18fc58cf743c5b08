"""`xad eval diff`, `results` and `detectors`: what puts runs, sets or detectors beside each other."""

from pathlib import Path
from typing import Annotated

import typer

from xad_agent.cli_options import Alpha, Detectors, Json, Limit, Output, Report, Seed, batch_of, show


def diff(
    first: Annotated[
        Path, typer.Argument(metavar="A", help="A folder that -o named, or a file of what --json printed.")
    ],
    second: Annotated[Path, typer.Argument(metavar="B", help="Of another run of the same evaluation.")],
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """What got better from run A to run B, item by item, what worse, and whether it is more than noise."""
    from xad_agent.eval.diff import as_text, compare_runs

    show(compare_runs(first, second, seed=seed), as_text, as_json)


def results(
    runs: Annotated[list[Path], typer.Argument(help="Folders that -o named, or files of what --json printed.")],
    page: Annotated[Path, typer.Option("-o", "--output", help="The Markdown page to write.")] = Path("RESULTS.md"),
) -> None:
    """Write the results page: figures of all sets with intervals, beside the published ones of others."""
    from xad_agent.eval.results import write_results

    write_results(runs, page)
    typer.echo(f"{page} written", err=True)


def detectors(
    directories: Annotated[
        list[Path], typer.Argument(help="Sets of pictures or clips, as `xad eval images` and `clips` take them.")
    ],
    models: Annotated[
        bool, typer.Option("--models", help="Also the zero-shot detector of what `xad models use` chose.")
    ] = False,
    detectors: Detectors = None,
    alpha: Alpha = 0.05,
    output: Output = None,
    limit: Limit = None,
    seed: Seed = 0,
    report: Report = None,
    as_json: Json = False,
) -> None:
    """Every detector on every set, beside the best with how sure the difference is, and what each costs."""
    from xad_agent.eval.detectors import as_text, evaluate_detectors

    batch = batch_of(output, limit, None, seed, report)
    show(
        evaluate_detectors(directories, alpha=alpha, models=models, extra=detectors or (), batch=batch),
        as_text,
        as_json,
    )
