"""`Exchange`: one question in the app and what came of it, followed while it is worked on and kept in a folder."""

import json
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xad_agent.answer import Answer, Claim
from xad_agent.evidence import Evidence
from xad_agent.report import write_whole
from xad_agent.steps import Step

if TYPE_CHECKING:
    from xad_agent.case import Case
    from xad_agent.clip_case import ClipCase

RECORD = "exchange.json"
ANSWER_PICTURE, REPORT, ANSWER, NEAREST = "answer.png", "report.html", "answer.json", "nearest.png"


class Exchange:
    """One question and what came of it.

    A turn writes it from a thread of its own, and pages read it; what they read is whole at any time.

    Args:
        number: Its place in the conversation, counted from 0.
        question: In the user's words.
        shown: The picture or clip it is about, a file or folder in the session's own.
        folder: Where it is kept: the record, the answer's exports, the pictures of its evidence.
        new: Whether `shown` came with this question.

    Attributes:
        steps: What was done for it, in order: tools called, evidence measured.
        claims: The sentences of the answer that were checked so far.
        answer: The whole, without its media; None until it is there.
        error: Why there is none; "" where there is no error.
        nearest: What the nearest normal example is called; "" where there is none.
        exported: Set once the exports are written.
        seconds: How long it took.
    """

    def __init__(self, number: int, question: str, shown: Path, folder: Path, new: bool = False):
        self.number, self.question, self.shown, self.folder, self.new = number, question, shown, folder, new
        self.steps: list[Step] = []
        self.claims: list[Claim] = []
        self.answer: Answer | None = None
        self.error = self.nearest = ""
        self.seconds = 0.0
        self.exported = threading.Event()
        self._started = time.perf_counter()

    @property
    def over(self) -> bool:
        """Whether it is answered, or failed."""
        return self.answer is not None or bool(self.error)

    @property
    def state(self) -> tuple[int, int, bool]:
        """Changes whenever there is something new to show."""
        return len(self.steps), len(self.claims), self.over

    def add(self, step: Step) -> None:
        """Take what a turn tells next; the last step is the answer, whose pictures are then still to be exported."""
        if step.kind == "claim" and step.claim:
            self.claims.append(step.claim)
        elif step.answer:
            self.seconds = step.answer.seconds
            self.answer = Answer.model_validate(step.answer.to_json())
        else:
            self.steps.append(step)

    def fail(self, error: str) -> None:
        """It ends without an answer."""
        self.seconds = round(time.perf_counter() - self._started, 3)
        self.error = error

    def figure(self, entry: Evidence) -> Path | None:
        """The picture that shows an evidence; None where there is none."""
        path = self.folder / f"{entry.id}.png"
        return path if path.is_file() else None

    def find(self, evidence: str) -> Evidence | None:
        """What the answer rests on, by its id."""
        return next((e for e in self.answer.evidence if e.id == evidence), None) if self.answer else None

    def has(self, entry: Evidence) -> bool:
        """Whether the answer rests on this evidence; another chat's may have the same id."""
        found = self.find(entry.id)
        return found is not None and (found.media, found.statement) == (entry.media, entry.statement)

    def export(self, answer: Answer, case: "Case | ClipCase") -> None:
        """Write all pictures, the report and the JSON, so that it can be looked at without measuring anything again.

        Args:
            answer: With its media.
            case: What it is about.

        Raises:
            OSError: The folder cannot be written.
        """
        from PIL import Image

        from xad_agent.media.drawing import PNG_LEVEL

        self.folder.mkdir(parents=True, exist_ok=True)
        for entry in answer.evidence:
            if entry.figure is not None:
                Image.fromarray(entry.figure).save(self.folder / f"{entry.id}.png", compress_level=PNG_LEVEL)
        if (nearest := case.nearest_normal) is not None:
            self.nearest = nearest.name
            Image.fromarray(nearest.pixels).save(self.folder / NEAREST, compress_level=PNG_LEVEL)
        answer.figure().save(self.folder / ANSWER_PICTURE, compress_level=PNG_LEVEL)
        answer.to_html(self.folder / REPORT)
        write_whole(json.dumps(answer.to_json(), ensure_ascii=False, indent=1), self.folder / ANSWER)

    def keep(self) -> None:
        """Write the record; OSError where it cannot be written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        record = {
            "question": self.question,
            "shown": f"{self.shown.parent.name}/{self.shown.name}",
            "new": self.new,
            "error": self.error,
            "nearest": self.nearest,
            "seconds": self.seconds,
            "steps": [step.to_json() for step in self.steps if step.kind == "tool"],
            "answer": self.answer.to_json() if self.answer else None,
        }
        write_whole(json.dumps(record, ensure_ascii=False), self.folder / RECORD)

    @classmethod
    def kept(cls, number: int, folder: Path, media: Path) -> "Exchange":
        """An exchange as it was kept; ValueError, KeyError or OSError where its record cannot be read.

        Args:
            number: Its place in the conversation.
            folder: Where it was kept.
            media: Where the session's media lie.
        """
        record: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        shown = media / Path(record["shown"])
        exchange = cls(number, record["question"], shown, folder, record["new"])
        exchange.steps = [Step.model_validate(step) for step in record["steps"]]
        exchange.error, exchange.nearest, exchange.seconds = record["error"], record["nearest"], record["seconds"]
        if not record["answer"] and not record["error"]:
            exchange.error = "the app ended before this was answered: ask again"
        if record["answer"]:
            exchange.answer = Answer.model_validate(record["answer"])
            exchange.claims = list(exchange.answer.claims)
        exchange.exported.set()
        return exchange
