"""Vision-language models of transformers, asked closed questions: what they answer is never free text."""

from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any

from xad_agent.errors import XadError, clean, reason
from xad_agent.media.picture import Picture
from xad_agent.media.scaling import shrink, thicken
from xad_agent.perception.checkpoints import find_checkpoint
from xad_agent.perception.device import placement
from xad_agent.perception.pretrained import command_marks, load_network, load_processor
from xad_agent.perception.renames import dtype_option, takes
from xad_agent.prompts import prompt

if TYPE_CHECKING:
    from torch import Tensor

SIDE = 768  # px, at most, of a picture that a model is shown


class Vlm:
    """A model that is shown pictures and asked one closed question at a time.

    Attributes:
        name: Its spec.
    """

    def __init__(self, name: str, network: Any, processor: Any):
        self.name = name
        self._network, self._processor = network, processor
        self._marks = command_marks(processor.tokenizer)
        self._lock = Lock()

    def ask(self, pictures: Sequence[Picture], question: str, options: Sequence[str]) -> dict[str, float]:
        """How likely each option is as the answer, by the likelihood of its tokens after the question; they sum to 1.

        Args:
            pictures: Shown before the question in this order, at most `SIDE` px long each.
            question: One question. What the model would read as a command in it or in an option is left out.
            options: The answers there are, at least two; none may begin with another. Likelihoods are of whole answers,
                so a longer one has a harder time.

        Raises:
            XadError: Fewer than two options, an empty or doubled one, one that begins with another, or a model whose
                chat template takes no pictures.
        """
        import torch

        asked = self._prompt(len(pictures), question, [self._data(option) for option in options])
        with self._lock, torch.inference_mode():
            answers = self._answers(asked, options)
            inputs = self._inputs(asked, pictures)
            passes: dict[tuple[int, ...], Tensor] = {}  # options of one token share a pass
            logs = [self._log_likelihood(inputs, answer, passes) for answer in answers]
        shares = torch.tensor(logs, dtype=torch.float64).softmax(0)
        return dict(zip(options, shares.tolist(), strict=True))

    def _data(self, text: str) -> str:
        """Text on one line, without what the tokenizer reads as commands."""
        for mark in self._marks:
            text = text.replace(mark, " ")
        return " ".join(text.split())

    def _prompt(self, pictures: int, question: str, options: list[str]) -> str:
        text = prompt("closed_question", question=self._data(question), options=", ".join(options))
        content = [{"type": "image"}] * pictures + [{"type": "text", "text": text}]
        try:
            asked = self._processor.apply_chat_template(
                [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
            )
        except Exception as error:  # templates are programs of the model's makers
            raise XadError(
                f"{self.name} cannot be asked ({reason(error)}): give a model with a chat template"
            ) from error
        return str(asked)

    def _inputs(self, asked: str, pictures: Sequence[Picture]) -> "dict[str, Tensor]":
        from PIL import Image

        images = [Image.fromarray(thicken(shrink(picture, SIDE).pixels)) for picture in pictures]
        given: dict[str, Any] = {"images": images} if images else {}
        first = self._processor.tokenizer.bos_token
        if first and asked.startswith(first):  # the template wrote it already
            given["add_special_tokens"] = False
        try:
            inputs = self._processor(text=[asked], return_tensors="pt", **given)
        except Exception as error:  # processors raise errors of many types
            raise XadError(f"{self.name} cannot be shown {len(images)} pictures ({reason(error)})") from error
        dtype = self._network.dtype
        return {
            name: tensor.to(self._network.device, dtype if tensor.is_floating_point() else None)
            for name, tensor in inputs.items()
        }

    def _answers(self, asked: str, options: Sequence[str]) -> list[tuple[int, ...]]:
        """The tokens of each option, as they are after the prompt."""
        if len(options) < 2 or len(set(options)) < len(options) or not all(map(self._data, options)):
            raise XadError("a closed question needs two different answers or more, none of them empty", exit_code=2)
        space = "" if asked[-1:].isspace() else " "
        before = self._tokens(asked)
        answers = []
        for option in options:
            whole = self._tokens(asked + space + self._data(option))
            if whole[: len(before)] != before:
                raise XadError(f"{self.name} joins {clean(option)!r} with what is before it: name the answer otherwise")
            answers.append(tuple(whole[len(before) :]))
        for one in answers:
            if sum(other[: len(one)] == one for other in answers) > 1:
                told = clean(options[answers.index(one)])
                raise XadError(f"another answer begins with {told!r}, so the two cannot be compared", exit_code=2)
        return answers

    def _tokens(self, text: str) -> list[int]:
        return list(self._processor.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _log_likelihood(
        self, inputs: "dict[str, Tensor]", answer: tuple[int, ...], passes: "dict[tuple[int, ...], Tensor]"
    ) -> float:
        import torch

        start = answer[:-1]
        if start not in passes:
            given = {name: _longer(name, tensor, inputs["input_ids"], start) for name, tensor in inputs.items()}
            kept = takes(self._network.forward, logits_to_keep=len(answer), use_cache=False)
            passes[start] = self._network(**given, **kept).logits[0, -len(answer) :].float().log_softmax(-1)
        logs = passes[start]
        return float(logs[torch.arange(len(answer)), torch.tensor(answer)].sum())


def load_vlm(spec: str) -> Vlm:
    """The vision-language model that a spec names: a folder or hub's name of `AutoModelForImageTextToText`.

    It is spread over the devices there are by accelerate's rules (`device_map="auto"`), in the dtype of `placement`.

    Raises:
        XadError: There is none, or it is damaged or another kind of model.
    """
    from transformers import AutoModelForImageTextToText

    checkpoint = find_checkpoint(spec)
    if checkpoint.architecture:
        raise XadError(f"{spec}: a vision-language model is a folder or a hub's name, not a file alone", exit_code=2)
    options = {"device_map": "auto", **dtype_option(placement()[1])}
    kind = "a vision-language model"
    network = load_network(AutoModelForImageTextToText, checkpoint.path, spec, kind, **options)
    return Vlm(spec, network, load_processor(checkpoint.path, spec))


def _longer(name: str, tensor: "Tensor", ids: "Tensor", more: tuple[int, ...]) -> "Tensor":
    """An input with the tokens of an answer appended: they are text, and all of them count."""
    import torch

    if tensor.shape != ids.shape:  # pictures
        return tensor
    values = more if name == "input_ids" else [int(name == "attention_mask")] * len(more)
    return torch.cat([tensor, tensor.new_tensor([values]).view(1, -1)], dim=1)
