"""Models of transformers, loaded whole or not at all: no weight missing, left over or of another shape, no code run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xad_agent.errors import XadError, reason

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

_STRICT = {"output_loading_info": True, "ignore_mismatched_sizes": True, "weights_only": True}


def load_network(auto: Any, folder: Path, spec: str, what: str, **options: Any) -> "PreTrainedModel":
    """The network in a folder, in evaluation mode.

    Args:
        auto: The `AutoModelFor...` that says what kinds will do.
        folder: What `save_pretrained` or the hub wrote.
        spec: What to call it in an error.
        what: What it should be ("an object detector"), likewise.
        options: Passed on to `from_pretrained`.

    Raises:
        XadError: No such model is in the folder, its weights are damaged or hold code, or they are of another one.
    """
    from transformers import AutoConfig

    told = f"{spec} has no config.json of a model that transformers knows: give another folder"
    if not (folder / "config.json").is_file():  # without one, transformers may guess by the folder's name
        raise XadError(told)
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # transformers raises errors of many types for what is no configuration
        raise XadError(told) from error
    try:
        with _quiet():
            found = auto.from_pretrained(folder, config=config, trust_remote_code=False, **_STRICT, **options)
    except ValueError as error:
        if "Unrecognized configuration class" not in str(error):
            raise _damaged(spec, error) from error
        raise XadError(f"{spec} is a model of the kind {config.model_type}, not {what}: give one") from error
    except Exception as error:  # damaged bytes lead the readers to errors of any type
        raise _damaged(spec, error) from error
    return _whole(spec, *found)


def fill_network(kind: Any, config: Any, state: "dict[str, Tensor]", spec: str) -> "PreTrainedModel":
    """A network of a configuration with given weights, under the names in which transformers publishes them.

    Raises:
        XadError: A weight is missing, left over, or of another shape.
    """
    with _quiet():
        found = kind.from_pretrained(None, config=config, state_dict=state, **_STRICT)
    return _whole(spec, *found)


def load_part(auto: Any, folder: Path, spec: str) -> Any:
    """The processor, image processor or tokenizer in a folder, by its `Auto` class.

    Raises:
        XadError: It is not there, or not readable.
    """
    try:
        return auto.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # transformers raises errors of many types
        part = auto.__name__.removeprefix("Auto").lower()
        raise XadError(f"{spec} lacks a readable {part} ({reason(error)}): fetch the whole folder again") from error


def load_processor(folder: Path, spec: str) -> Any:
    """The processor of pictures and text in a folder.

    Raises:
        XadError: It is not there, is not readable, or lacks one of the two.
    """
    from transformers import AutoProcessor

    processor = load_part(AutoProcessor, folder, spec)
    for part in ("image_processor", "tokenizer"):  # with files missing, transformers gives what there is
        if not hasattr(processor, part):
            raise XadError(f"{spec} lacks a readable {part.replace('_', ' ')}: fetch the whole folder again")
    return processor


def command_marks(tokenizer: Any) -> list[str]:
    """What a tokenizer reads as a command where it stands in a text ("<|im_end|>"), the longest first."""
    marks = {*tokenizer.all_special_tokens, *tokenizer.get_added_vocab()}
    return sorted((mark for mark in marks if mark.strip() and not mark.isalnum()), key=len, reverse=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """What does not fit is said in one line, not in transformers' tables."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def _whole(spec: str, network: "PreTrainedModel", loading: dict[str, Any]) -> "PreTrainedModel":
    wrong = {kind: sorted(map(str, loading[f"{kind}_keys"])) for kind in ("missing", "unexpected", "mismatched")}
    told = [f"{len(names)} weights are {kind}, such as {names[0]}" for kind, names in wrong.items() if names]
    if told or loading.get("error_msgs"):
        raise XadError(f"{spec} is not of the architecture it is said to be: {', '.join(told) or 'it does not load'}")
    return network.eval().requires_grad_(False)


def _damaged(spec: str, error: Exception) -> XadError:
    return XadError(
        f"{spec} is damaged, or holds code, which is never run ({reason(error)}): fetch it again, as .safetensors"
    )
