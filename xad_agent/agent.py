"""`Agent`: answers questions about pictures and clips, every claim resting on checked evidence."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel

from xad_agent.answer import Answer
from xad_agent.budget import Budget
from xad_agent.chat import Chat
from xad_agent.knowledge import Knowledge
from xad_agent.llm import load_chat_model
from xad_agent.memory import Memory
from xad_agent.perception.models import Models
from xad_agent.profile import Profile
from xad_agent.rulebook import read_rules
from xad_agent.steps import Step


class Agent:
    """Answers questions about pictures and clips, every claim resting on checked evidence.

    One agent may hold many chats, at the same time too: each has evidence of its own.

    Args:
        profile: What normal looks like; without one a picture or clip is only compared with itself, and the verdict is
            "uncertain".
        llm: A spec for `load_chat_model`, or any LangChain chat model.
        models: The models that need a checkpoint (CLIP, Grounding DINO, SAM, a vision-language model), or their specs
            by role; those that `xad models use` chose by default.
        budget: What one question may take.
        rules: What is allowed or forbidden, in the user's words, or the file of them, see `read_rules`.
        knowledge: What is known of the product, see `read_knowledge`.

    Example:
        >>> agent = Agent(profile=Profile.load("screw.profile"))     # doctest: +SKIP
        >>> agent.ask("Where is the defect?", "part.png").verdict    # doctest: +SKIP
        'anomalous'
    """

    def __init__(
        self,
        profile: Profile | None = None,
        llm: str | BaseChatModel = "embedded",
        models: Models | Mapping[str, str] | None = None,
        budget: Budget | None = None,
        rules: Path | Sequence[str] = (),
        knowledge: Knowledge | None = None,
    ):
        self.rules = read_rules(rules) if isinstance(rules, Path) else (rules,) if isinstance(rules, str) else (*rules,)
        self.knowledge = knowledge
        self.profile = profile
        self.models = models if isinstance(models, Models) else Models(models)
        self.llm = llm if isinstance(llm, str) else type(llm).__name__
        self.model = load_chat_model(llm) if isinstance(llm, str) else llm
        self.budget = budget or Budget()

    def ask(self, question: str, media: Any) -> Answer:
        """Answer one question about one picture or clip.

        Args:
            question: In plain words.
            media: A path, an array (H, W) or (H, W, 3), a PIL image or a `Picture`; or what `is_clip` calls a clip.

        Raises:
            XadError: The question or the media cannot be used, or the profile is of the other kind.
        """
        return self.chat(media).ask(question)

    def stream(self, question: str, media: Any) -> Iterator[Step]:
        """The same step by step; the last step is the answer. Closing it ends the work with its next step."""
        return self.chat(media).stream(question)

    async def aask(self, question: str, media: Any) -> Answer:
        """`ask` for asyncio: the work is done in a thread, and ends with its next step where the task is cancelled."""
        chat = await asyncio.to_thread(self.chat, media)
        return await chat.aask(question)

    async def astream(self, question: str, media: Any) -> AsyncIterator[Step]:
        """`stream` for asyncio."""
        chat = await asyncio.to_thread(self.chat, media)
        async for step in chat.astream(question):
            yield step

    def chat(self, media: Any = None, memory: Memory | str | Path | None = None, name: str = "chat") -> Chat:
        """Start a conversation about a picture or clip, or go on with one.

        Evidence is measured once and kept for follow-up questions.

        Args:
            media: As for `ask`; None where a chat is gone on with: what was last shown there.
            memory: Where chats are kept beyond this process; by default nowhere.
            name: Of the chat, in that memory; one of that name is gone on with.

        Raises:
            XadError: The media or the memory cannot be used, or the chat was held with another profile or other
                models, rules or knowledge.
        """
        kept = memory if isinstance(memory, Memory) else Memory(memory)
        return Chat(self, media, kept, name)
