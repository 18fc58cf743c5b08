"""Which evaluation of answers a folder's layout calls for."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from xad_agent.errors import XadError
from xad_agent.eval.batch import Batch


def evaluate_folder(
    directory: Path, batch: Batch, yes_no: bool = False, **asking: Any
) -> tuple[dict[str, Any], Callable[..., str]]:
    """The result, and what makes it text: of MMAD's layout, the laboratory scenes, or pictures or clips with masks.

    Args:
        directory: The folder.
        batch: Which part of it.
        yes_no: Of pictures or clips with masks, whether to ask what is answered by yes or no.
        asking: The fields of `Asking`.

    Raises:
        XadError: As the evaluation says; or yes or no is to be asked where that is not to be had.
    """
    from xad_agent.eval import answers, mmad, mmad_answers, scene_answers, scenes
    from xad_agent.eval import yes_no as closed

    evaluate: Callable[..., dict[str, Any]] = answers.evaluate_answers
    as_text: Callable[[Mapping[str, Any]], str] = answers.as_text
    if (directory / mmad.FILE).is_file():
        evaluate, as_text = mmad_answers.evaluate_mmad, mmad_answers.as_text
    elif (directory / scenes.FILE).is_file():
        evaluate, as_text = scene_answers.evaluate_scenes, scene_answers.as_text
    elif yes_no:
        evaluate, as_text = closed.evaluate_yes_no, closed.as_text
    if yes_no and evaluate is not closed.evaluate_yes_no:
        raise XadError(f"{directory}: --yes-no is for pictures or clips with masks: leave it out", exit_code=2)
    return evaluate(directory, batch, **asking), as_text
