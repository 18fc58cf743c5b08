"""`xad eval`: the commands that measure quality; what they measure is in eval/."""

from pathlib import Path
from typing import Annotated

import typer

from xad_agent.cli_compare import detectors, diff, results
from xad_agent.cli_options import (
    Alpha,
    Backbone,
    Detectors,
    Json,
    Limit,
    Llm,
    Model,
    Normal,
    Output,
    ProfileDir,
    Report,
    Seed,
    ShardOf,
    Steps,
    Thing,
    Words,
    batch_of,
    models_of,
    show,
)
from xad_agent.defaults import EXPLAINED, STEPS
from xad_agent.errors import XadError

evaluate = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Measure quality on labelled data.")


@evaluate.command("images")
def eval_images(
    directory: Annotated[
        Path,
        typer.Argument(
            help="A set, one category of it or all, in the layout of MVTec (as MPDD), VisA, BTAD, KSDD2, MVTec LOCO, "
            "or of pairs with boxes as DeepPCB."
        ),
    ],
    alpha: Alpha = 0.05,
    backbone: Backbone = "efficientnet-lite0",
    output: Output = None,
    limit: Limit = None,
    shard: ShardOf = None,
    seed: Seed = 0,
    report: Report = None,
    as_json: Json = False,
) -> None:
    """Detection, place and counterfactual on a set of pictures with masks.

    MVTec LOCO also by its saturating metric; pairs each against its own reference, box by box.
    """
    from xad_agent.eval.images import as_text, evaluate_images

    batch = batch_of(output, limit, shard, seed, report)
    result = evaluate_images(directory, alpha=alpha, backbone=backbone, batch=batch)
    show(result, as_text, as_json)


@evaluate.command("zero-shot")
def eval_zero_shot(
    directory: Annotated[Path, typer.Argument(help="As `xad eval images` takes; train/ is not looked at.")],
    detector: Annotated[
        str,
        typer.Option(help="self-dissimilarity, centre, contrast; models: by what --model and `xad models use` give."),
    ] = "self-dissimilarity",
    model: Model = None,
    thing: Thing = "",
    word: Words = None,
    backbone: Backbone = "efficientnet-lite0",
    output: Output = None,
    limit: Limit = None,
    shard: ShardOf = None,
    seed: Seed = 0,
    report: Report = None,
    as_json: Json = False,
) -> None:
    """Detection and place without any normal picture, beside chance and trivial detectors."""
    from xad_agent.detectors.zero_shot import zero_shot_detector
    from xad_agent.eval.zero_shot import as_text, evaluate_zero_shot

    scorer = zero_shot_detector(models_of(model, thing, word)) if detector == "models" else detector
    batch = batch_of(output, limit, shard, seed, report)
    result = evaluate_zero_shot(directory, detector=scorer, backbone=backbone, batch=batch)
    show(result, as_text, as_json)


@evaluate.command("faithfulness")
def eval_faithfulness(
    directory: Annotated[Path, typer.Argument(help="A category in a layout of `xad eval images`.")],
    alpha: Alpha = 0.05,
    backbone: Backbone = "efficientnet-lite0",
    output: Output = None,
    limit: Limit = EXPLAINED,
    shard: ShardOf = None,
    seed: Seed = 0,
    report: Report = None,
    as_json: Json = False,
) -> None:
    """Whether maps and regions are why a picture is anomalous: put normal content there, change it, randomise weights.

    Of each type 4 defective pictures, unless --limit says otherwise; ten to thirty seconds each, and two fits.
    """
    from xad_agent.eval.faithfulness import as_text, evaluate_faithfulness

    batch = batch_of(output, limit, shard, seed, report)
    show(evaluate_faithfulness(directory, alpha=alpha, backbone=backbone, batch=batch), as_text, as_json)


@evaluate.command("refutation")
def eval_refutation(
    directory: Annotated[Path, typer.Argument(help="A category in a layout of `xad eval images`.")],
    pictures: Annotated[int | None, typer.Option(min=4, help="So many test pictures, half of them good.")] = None,
    alpha: Alpha = 0.05,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """False alarms and recall with refutation, beside the bare limit, on harmlessly changed pictures too.

    Each picture is judged as it is, 20 % brighter and darker, shifted 5 px, as a JPEG of quality 40, and blurred 1 px.
    """
    from xad_agent.eval.refutation import as_text, evaluate_refutation

    result = evaluate_refutation(directory, pictures=pictures, alpha=alpha, seed=seed)
    show(result, as_text, as_json)


@evaluate.command("segment")
def eval_segment(
    directory: Annotated[Path, typer.Argument(help="A category in a layout of `xad eval images`.")],
    segmenter: Annotated[
        str, typer.Option(help="embedded, or a SAM: a hub's name, a folder, vit_b@FILE.")
    ] = "embedded",
    limit: Limit = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """How well defects are cut out given their true boxes, beside GrabCut and the boxes themselves."""
    from xad_agent.eval.segment import as_text, evaluate_segmenters

    result = evaluate_segmenters(directory, limit=limit, seed=seed, segmenter=segmenter)
    show(result, as_text, as_json)


@evaluate.command("checker")
def eval_checker(
    directory: Annotated[Path, typer.Argument(help="A category in a layout of `xad eval images`.")],
    pictures: Annotated[int, typer.Option(min=2, help="Test pictures to take evidence from.")] = 20,
    alpha: Alpha = 0.05,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """How many falsified claims the claim checker catches, and how many true ones it passes."""
    from xad_agent.eval.checker import as_text, evaluate_checker, measure_everything

    result = evaluate_checker(measure_everything(directory, pictures, alpha, seed), seed)
    show(result, as_text, as_json)


@evaluate.command("planning")
def eval_planning(as_json: Json = False) -> None:
    """Which tools the embedded planner calls for questions in plain words, by intent; it learned from half of them."""
    from xad_agent.eval.planning import as_text, evaluate_planning

    result = evaluate_planning()
    show(result, as_text, as_json)


@evaluate.command("premises")
def eval_premises(
    pictures: Annotated[list[Path] | None, typer.Option(help="A layout of `xad eval images`; repeatable.")] = None,
    clips: Annotated[Path | None, typer.Option(help="A folder of clips, as `xad eval clips` takes it.")] = None,
    media: Annotated[int, typer.Option(min=2, help="Pictures of each folder, and half as many clips.")] = 8,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """How often the agent says no, or that it cannot tell, where a question takes for granted what is not so."""
    from xad_agent.eval.premises import as_text, evaluate_premises

    if not pictures and clips is None:
        raise XadError("give --pictures, --clips or both", exit_code=2)
    result = evaluate_premises(pictures or (), clips, media=media, seed=seed)
    show(result, as_text, as_json)


@evaluate.command("answers")
def eval_answers(
    directory: Annotated[
        Path,
        typer.Argument(
            help="A folder in MVTec layout, of clips as `xad eval clips` takes, in MMAD's layout (mmad.json), or of "
            "laboratory scenes (records.json)."
        ),
    ],
    question: Annotated[str | None, typer.Option(help="Where and why it is anomalous, unless told otherwise.")] = None,
    profile: ProfileDir = None,
    llm: Llm = "embedded",
    model: Model = None,
    word: Words = None,
    references: Annotated[
        Path | None,
        typer.Option(help="JSON of sentences that are true, by item or type, to hold answers against."),
    ] = None,
    judge: Annotated[str | None, typer.Option(help="A chat model that grades answers by their references.")] = None,
    knowledge: Annotated[Path | None, typer.Option(help="What is known of products, for MMAD's questions.")] = None,
    yes_no: Annotated[bool, typer.Option("--yes-no", help="Ask what is answered by yes or no instead.")] = False,
    alpha: Alpha = 0.05,
    backbone: Backbone = "efficientnet-lite0",
    output: Output = None,
    limit: Limit = None,
    shard: ShardOf = None,
    seed: Seed = 0,
    report: Report = None,
    as_json: Json = False,
) -> None:
    """Whether answers are true: claims checked again, verdict, place, name, of a chat model and of the template alone.

    The layout decides what else: MMAD's multiple choice by its seven subtasks; laboratory scenes by verdict, type,
    place and sentence. Without --profile one is fitted on the set's normal media, with --alpha and --backbone.
    """
    from xad_agent.eval.answer_layouts import evaluate_folder

    result, as_text = evaluate_folder(
        directory,
        batch_of(output, limit, shard, seed, report),
        yes_no,
        question=question,
        profile=profile,
        llm=llm,
        models=models_of(model, words=word),
        references=references,
        judge=judge,
        knowledge=knowledge,
        alpha=alpha,
        backbone=backbone,
    )
    show(result, as_text, as_json)


@evaluate.command("questions")
def eval_questions(
    directory: Annotated[Path, typer.Argument(help="A folder in MVTec layout.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="A new folder; its pictures are links.")],
    knowledge: Annotated[Path | None, typer.Option(help="What is known of the product, for how defects look.")] = None,
    limit: Limit = None,
    seed: Seed = 0,
) -> None:
    """Make multiple choice of our own in MMAD's layout, for `xad eval answers`; what it scores is no MMAD score."""
    from xad_agent.eval.questions_made import write_questions

    typer.echo(write_questions(directory, output, batch_of(None, limit, seed=seed), knowledge))


@evaluate.command("clips")
def eval_clips(
    directory: Annotated[
        Path,
        typer.Argument(
            help="A folder of UCSD Ped1 or Ped2, Avenue, ShanghaiTech, UBnormal or Street Scene as it is published, "
            "or with training/frames, testing/frames and testing/masks."
        ),
    ],
    alpha: Alpha = 0.05,
    detectors: Detectors = None,
    limit: Limit = None,
    shard: ShardOf = None,
    output: Output = None,
    seed: Seed = 0,
    report: Report = None,
    as_json: Json = False,
) -> None:
    """Detection, place, events and speed on labelled clips: frame and pixel AUC, RBDC, TBDC, event F1.

    A set of which only frames are labelled gives the metrics of frames and events.
    """
    from xad_agent.eval.clip_scoring import ProfileMethod
    from xad_agent.eval.clips import as_text, evaluate_clips

    batch = batch_of(output, limit, shard, seed, report)
    show(evaluate_clips(directory, ProfileMethod(alpha, tuple(detectors or ())), batch=batch), as_text, as_json)


@evaluate.command("vqunet")
def eval_vqunet(
    directory: Annotated[Path, typer.Argument(help="A folder with training/frames, testing/frames and testing/masks.")],
    variants: Annotated[
        list[str] | None,
        typer.Option(
            help="reconstruction or prediction, alone or with -codebook, or prediction-codebook-skips; repeatable; "
            "all five by default."
        ),
    ] = None,
    steps: Steps = STEPS,
    width: Annotated[int, typer.Option(min=1, help="Channels of the first level; the paper's is 64.")] = 16,
    work: Annotated[Path | None, typer.Option(help="Keep checkpoints and results here; resume from it.")] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """The ablation of VQU-Net: prediction or reconstruction, with or without codebook, and quantised skips."""
    from xad_agent.eval.vqunet import VARIANTS, as_text, evaluate_vqunet

    chosen = variants or list(VARIANTS)
    result = evaluate_vqunet(directory, chosen, steps=steps, width=width, work=work, seed=seed)
    show(result, as_text, as_json)


@evaluate.command("xman")
def eval_xman(
    labels: Annotated[Path, typer.Option(help="JSON of why frames are anomalous, in X-MAN's layout.")],
    clips: Annotated[Path, typer.Option(help="A folder with one folder of frames, or one video file, per clip.")],
    profile: ProfileDir = None,
    normal: Normal = None,
    answers: Annotated[
        Path | None,
        typer.Option(
            help="Anybody's answers as JSON lines, of frames or events, or what `xad scan` wrote, or `xad ask`."
        ),
    ] = None,
    regions: Annotated[
        Path | None,
        typer.Option(
            help="Where anomalies truly are, to name them there too: a tracks.json, or a folder with masks of each "
            "clip; what lies beside labels and clips unless told otherwise."
        ),
    ] = None,
    pattern: Annotated[str | None, typer.Option(help="Of the labels' keys, with the groups clip and frame.")] = None,
    first: Annotated[
        int | None, typer.Option(help="What labels and answers count a clip's first frame as, if not as its name does.")
    ] = None,
    output: Output = None,
    limit: Limit = None,
    shard: ShardOf = None,
    seed: Seed = 0,
    report: Report = None,
    as_json: Json = False,
) -> None:
    """How well anomalies are named, by X-MAN's protocol: the mean average precision over classes.

    Of our profile also the object detector alone and, where true regions are known, the upper bound of naming.
    """
    from xad_agent.eval.xman import KEY, as_text, evaluate_answers, evaluate_profile

    if sum(map(bool, (profile, normal, answers))) != 1:
        raise XadError("give one of --profile, --normal and --answers", exit_code=2)
    if answers and regions:
        raise XadError("--regions is for a profile to look at; --answers are scored as they are", exit_code=2)
    keys, batch = pattern or KEY, batch_of(output, limit, shard, seed, report)
    if answers:
        result = evaluate_answers(labels, clips, answers, pattern=keys, first=first, batch=batch)
    else:
        result = evaluate_profile(
            labels,
            clips,
            profile=profile,
            normal=normal or (),
            pattern=keys,
            first=first,
            regions=regions,
            batch=batch,
        )
    show(result, as_text, as_json)


@evaluate.command("text")
def eval_text(
    directory: Annotated[Path, typer.Argument(help="A folder of clips described frame by frame, with labels.")],
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Frame AUC of the scene graph over per-frame descriptions of clips, beside plain sentence distances."""
    from xad_agent.eval.scene_text import as_text, evaluate_scene_text

    result = evaluate_scene_text(directory, seed)
    show(result, as_text, as_json)


evaluate.command("diff")(diff)
evaluate.command("results")(results)
evaluate.command("detectors")(detectors)
