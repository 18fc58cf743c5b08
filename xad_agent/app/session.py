"""`Session`: one person's conversation in the app: what is shown, how it is judged, what was asked and answered."""

import hashlib
import json
import shutil
import threading
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xad_agent.agent import Agent
from xad_agent.app.exchange import RECORD, Exchange
from xad_agent.app.heap import give_back
from xad_agent.app.normal import Normal
from xad_agent.app.scanning import Scanning
from xad_agent.app.shelf import SharedShelf
from xad_agent.budget import Budget
from xad_agent.case import Case
from xad_agent.chat import Chat, clean_question
from xad_agent.clip_case import ClipCase
from xad_agent.defaults import SECONDS
from xad_agent.demo import WHAT_AND_WHEN, WHERE_AND_WHY
from xad_agent.errors import XadError, named, reason
from xad_agent.llm import load_chat_model
from xad_agent.media import is_clip, read_picture
from xad_agent.memory import Memory
from xad_agent.perception.models import Models
from xad_agent.profile import Profile

NOTHING_SHOWN = "there is no picture or clip yet: drop one in, or take one of the examples"
_MEDIA, _EXCHANGES, _MEMORY, _BATCH = "media", "exchanges", "chats.sqlite", "batch"


@dataclass
class Settings:
    """How a session judges and answers.

    Attributes:
        llm: A spec for `load_chat_model`.
        key: For that model's provider, as it was typed in the page; it is never written anywhere.
        models: Checkpoints by role, beside those that `xad models use` chose.
        thing: What is looked at, in a word or two; "" where it is not known.
        profiles: What normal looks like, by kind of media: "picture", "clip".
    """

    llm: str = "embedded"
    key: str = field(default="", repr=False)
    models: dict[str, str] = field(default_factory=dict)
    thing: str = ""
    profiles: dict[str, Profile] = field(default_factory=dict)


class Session:
    """One person's conversation.

    Questions are worked on one at a time, in threads of the app's; whoever looks at the page meanwhile follows the
    last exchange.

    Args:
        key: What its link names it by; whoever knows it can read it.
        folder: Its own: media, exchanges, and the chats' memory; one that was kept there before is gone on with.
        pool: Where questions are worked on.
        batches: Where many files are judged, so that no question waits for them.
        settings: What it starts with.
        shared: The profiles of everybody.
        seconds: That a question may take.

    Attributes:
        exchanges: What was asked, in order.
        shown: What is asked about; None before anything is.
        settings: How it judges and answers.
        normal: The profiles it can choose from; what is chosen stands in `settings.profiles`.
        batch: The files that are judged beside the conversation.
    """

    def __init__(
        self,
        key: str,
        folder: Path,
        pool: Executor,
        batches: Executor,
        settings: Settings,
        shared: SharedShelf,
        seconds: float = SECONDS,
    ):
        self.key, self.folder, self.settings, self._seconds = key, folder, settings, seconds
        (folder / _MEDIA).mkdir(parents=True, exist_ok=True)
        self.normal = Normal(folder, settings, shared)
        self._pool, self._lock, self._working = pool, threading.RLock(), threading.Lock()
        self._memory = Memory(folder / _MEMORY)
        self._agent: Agent | None = None
        self._agent_for: tuple[Any, ...] = ()  # the settings it was made for
        self._chat: Chat | None = None
        self._chat_shows: Path | None = None
        self._answers: Chat | None = None  # the chat that works on a question
        self._stopped = threading.Event()
        self.batch = Scanning((folder / _BATCH).absolute(), batches)
        self.exchanges = self._kept()
        self.shown: Path | None = self.exchanges[-1].shown if self.exchanges else None

    @property
    def busy(self) -> bool:
        """Whether a question is worked on."""
        return bool(self.exchanges) and not self.exchanges[-1].over

    @property
    def working(self) -> bool:
        """Whether anything is under way: a question, a profile in the making, a batch."""
        return self.busy or self.normal.busy or self.batch.running

    @property
    def state(self) -> tuple[Any, ...]:
        """Changes whenever there is something new to show."""
        return len(self.exchanges), *(exchange.state for exchange in self.exchanges[-1:])

    @property
    def kind(self) -> str:
        """ "picture" or "clip", as what is shown; "" before anything is."""
        return "" if self.shown is None else _kind(self.shown)

    @property
    def profile(self) -> Profile | None:
        """What normal looks like for what is shown."""
        return self.settings.profiles.get(self.kind)

    def show(self, file: str | Path) -> Path:
        """Turn to another picture or clip; it is copied, since an upload is not ours to keep."""
        kept = self.folder / _MEDIA / f"{len(self.media):04d}" / Path(file).name
        kept.parent.mkdir()
        shutil.copyfile(file, kept)
        self.turn_to(kept)
        return kept

    @property
    def media(self) -> list[Path]:
        """What was shown so far, in order."""
        return sorted((self.folder / _MEDIA).glob("*/*"))

    def turn_to(self, shown: Path) -> None:
        """Turn to what was shown before."""
        with self._lock:
            self.shown = shown

    def ask(self, question: str, files: Sequence[str | Path] = ()) -> list[Exchange]:
        """Begin to answer; of several files, the question is asked about each in turn.

        Args:
            question: May be empty where a file comes with it: then where and why it is anomalous is asked.
            files: Pictures and clips that it is about; else what is shown.

        Returns:
            What to follow, one exchange for each file.

        Raises:
            XadError: Nothing is shown, the question cannot be used, or another is worked on.
        """
        with self._lock:
            if self.busy:
                raise XadError("the last question is still worked on: wait for its answer, or stop it")
            if question.strip() or not files:
                question = clean_question(question)
            begun = []
            for shown in self._to_ask_about(files):
                asked = question or (WHAT_AND_WHEN if _kind(shown) == "clip" else WHERE_AND_WHY)
                number = len(self.exchanges)
                exchange = Exchange(number, asked, shown, self.folder / _EXCHANGES / f"{number:04d}", bool(files))
                exchange.keep()
                self.exchanges.append(exchange)
                begun.append(exchange)
            self._stopped.clear()
        self._pool.submit(self._work, begun)
        return begun

    def _to_ask_about(self, files: Sequence[str | Path]) -> list[Path]:
        if files:
            return [self.show(file) for file in files]
        if self.shown is None:
            raise XadError(NOTHING_SHOWN)
        return [self.shown]

    def use(self, llm: str, key: str, models: dict[str, str], thing: str) -> None:
        """Answer and look with other models from the next question on; see `Settings`."""
        with self._lock:
            self.settings.llm, self.settings.key, self.settings.models, self.settings.thing = llm, key, models, thing

    def stop(self) -> None:
        """End what is worked on: it is answered from the evidence that is there; what waits is not begun."""
        self._stopped.set()
        if answers := self._answers:
            answers.stop()

    def case(self) -> Case | ClipCase | None:
        """What is shown, with all that is measured of it once; None before anything is.

        Raises:
            XadError: It cannot be read, or judged.
        """
        return None if self.shown is None else self.chat().case

    def chat(self) -> Chat:
        """The conversation about what is shown, as it is judged now.

        What is measured with one profile does not hold with another, so each way of judging has a chat of its own,
        which is gone on with when it is turned back to.

        Raises:
            XadError: See `case`.
        """
        with self._lock:
            shown = self.shown
            assert shown is not None
            agent, name = self._agent_now(), self._chat_name()
            try:
                chat = self._chat
                if chat is None or (chat.agent, chat.name) != (agent, name):
                    before, chat = chat, agent.chat(shown, self._memory, name)
                    chat.case.take_over(before and before.case)
                elif self._chat_shows != shown:
                    chat.show(shown)
                else:
                    return chat
                self._give_figures(chat)
            except XadError as error:
                raise XadError(named(str(error), [shown])) from error
            self._chat, self._chat_shows = chat, shown
            return chat

    def rest(self) -> None:
        """Let go of what is measured, where that is quick to be measured again: pictures', not clips'."""
        if self.kind == "picture" and not self.busy:
            self._chat = None

    def close(self) -> None:
        """Let go of what is in memory; the folder stays."""
        self.stop()
        self.batch.stop()
        with self._working:
            self._chat = self._agent = None
            self._memory.close()

    def _agent_now(self) -> Agent:
        chosen = self.settings
        wanted = (chosen.llm, chosen.key, tuple(chosen.models.items()), chosen.thing, self.profile)
        if self._agent is None or self._agent_for != wanted:
            model = load_chat_model(chosen.llm, chosen.key)
            models = Models(chosen.models, chosen.thing)
            self._agent = Agent(self.profile, model, models, Budget(seconds=self._seconds))
            self._agent.llm = chosen.llm
            self._agent_for = wanted
        return self._agent

    def _chat_name(self) -> str:
        agent = self._agent_now()
        way = [agent.profile.fingerprint if agent.profile else "", agent.models.specs, agent.models.thing]
        return f"{self.kind} {hashlib.sha256(json.dumps(way).encode()).hexdigest()[:12]}"

    def _give_figures(self, chat: Chat) -> None:
        """A chat is kept without the figures of its evidence, of what is shown now too; the exchanges have them."""
        for entry in chat.ledger:
            if entry.figure is None and entry.media == chat.case.media:
                shown = (exchange.figure(entry) for exchange in self.exchanges if exchange.has(entry))
                if figure := next(filter(None, shown), None):
                    chat.ledger.give_figure(entry.id, read_picture(figure).pixels)

    def _work(self, exchanges: Sequence[Exchange]) -> None:
        with self._working:
            for exchange in exchanges:
                self._work_on(exchange)

    def _work_on(self, exchange: Exchange) -> None:
        try:
            self._unless_stopped()
            self.turn_to(exchange.shown)
            chat = self._answers = self.chat()
            self._unless_stopped()  # reading it takes a while, in which there is no turn to stop yet
            for step in chat.stream(exchange.question):
                exchange.add(step)
                if step.answer:
                    exchange.export(step.answer, chat.case)
        except XadError as error:
            exchange.fail(str(error))
        except Exception as error:  # a defect of ours ends this answer, not the page
            exchange.fail(f"unexpected {type(error).__name__} ({reason(error)}): please report it")
        finally:
            self._answers = None
            exchange.keep()
            exchange.exported.set()
            give_back()

    def _unless_stopped(self) -> None:
        if self._stopped.is_set():
            raise XadError("it was stopped before this was looked at: ask about it again")

    def _kept(self) -> list[Exchange]:
        """Those that came to their end; one that the app's end cut off has no record."""
        records = sorted((self.folder / _EXCHANGES).glob(f"*/{RECORD}"))
        return [Exchange.kept(number, record.parent, self.folder / _MEDIA) for number, record in enumerate(records)]


def _kind(shown: Path) -> str:
    return "clip" if is_clip(shown) else "picture"
