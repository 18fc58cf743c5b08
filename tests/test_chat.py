"""Conversations: streamed, stopped, gone on with after a restart, several at once."""

import asyncio
import json
import sqlite3
import threading
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from PIL import Image
from pydantic import Field

from tests.normal import NormalProfile, picture, texture, with_square
from tests.scripted import ScriptedChatModel, call, draft
from xad_agent.agent import Agent
from xad_agent.budget import Budget
from xad_agent.errors import XadError
from xad_agent.evidence import Evidence
from xad_agent.memory import Memory

BOX = (60, 20, 76, 40)


def scripted(*script: AIMessage, **settings) -> Agent:
    return Agent(NormalProfile(), llm=ScriptedChatModel(script=list(script)), **settings)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    Image.fromarray(texture(3)).save(good)
    Image.fromarray(with_square(BOX)).save(bad)
    return good, bad


def test_steps_come_as_they_are_done() -> None:
    agent = scripted(call("score"), call("locate"), draft("It is anomalous.", "verdict", "E1"))
    steps = list(agent.stream("Is it normal?", picture(with_square(BOX))))
    assert [step.kind for step in steps] == ["tool", "evidence", "tool", "evidence", "claim", "answer"]
    assert [step.tool for step in steps if step.kind == "tool"] == ["score", "locate"]
    assert steps[-1].answer.text == "It is anomalous [E1]." and steps[4].claim.text == "It is anomalous."
    assert json.loads(json.dumps(steps[1].to_json()))["evidence"]["id"] == "E1"


def test_an_unchecked_sentence_is_never_streamed() -> None:
    agent = scripted(call("score"), draft("A worn tool caused it.", "why", "E1"))
    steps = list(agent.stream("Why?", picture(with_square(BOX))))
    assert "worn" not in json.dumps([step.to_json() for step in steps if step.kind != "answer"])
    assert "worn" not in steps[-1].answer.text


def test_a_tool_is_told_before_it_has_measured() -> None:
    steps = scripted(call("score"), draft("It is normal.", "verdict", "E1")).stream("Is it?", picture(texture(3)))
    assert next(steps).kind == "tool"
    steps.close()


def test_what_is_stopped_is_answered_from_what_there_is() -> None:
    agent = scripted(*[call("measure", region=n) for n in range(1, 9)])
    chat = agent.chat(picture(with_square(BOX)))
    steps = []
    for step in chat.stream("Why?"):
        steps.append(step)
        if step.kind == "evidence":
            chat.stop()
    answer = steps[-1].answer
    assert answer.source == "template" and answer.note == "the chat model was left: it was stopped"
    assert answer.evidence[0].tool == "measure" and len(agent.model.heard) <= 2


def test_a_hanging_tool_is_left_and_the_next_question_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    class Hanging(NormalProfile):
        def examine(self, asked):
            release.wait(20)
            return super().examine(asked)

    profile = Hanging(normals=[texture(0)])
    model = ScriptedChatModel(script=[call("score"), call("score"), draft("It is normal.", "verdict", "E2")])
    chat = Agent(profile, llm=model, budget=Budget(seconds=0.9)).chat(picture(texture(0)))
    answer = chat.ask("Is it normal?")
    assert answer.verdict == "uncertain" and answer.source == "template" and answer.score is None
    assert answer.text == "Measuring broke off before there was anything to go by, so I cannot tell [E1]."
    assert "measuring broke off: it took more than" in answer.note and answer.seconds < 3
    release.set()
    chat.agent.budget = Budget()
    assert chat.ask("Is it normal?").verdict == "normal"


def test_a_chat_survives_a_restart(files: tuple[Path, Path], tmp_path: Path) -> None:
    _, bad = files
    first = scripted(call("score"), draft("It is anomalous.", "verdict", "E1")).chat(bad, tmp_path / "chats.db")
    first.ask("Is it normal?")
    first.memory.close()
    agent = scripted(call("score"), draft("It is anomalous.", "verdict", "E1"))
    second = agent.chat(memory=tmp_path / "chats.db")
    assert [entry.id for entry in second.ledger] == ["E1"] and second.case.picture.name == "bad.png"
    answer = second.ask("Really?")
    assert answer.text == "It is anomalous [E1]." and len(second.ledger) == 1  # nothing is measured again
    heard = [message.text for message in agent.model.heard[-1] if isinstance(message, HumanMessage)]
    assert heard == ["Is it normal?", "Really?"]


def test_other_media_in_one_chat_have_evidence_of_their_own(files: tuple[Path, Path], tmp_path: Path) -> None:
    good, bad = files
    agent = scripted(
        call("score"),
        draft("It is anomalous.", "verdict", "E1"),
        call("score"),
        draft("It is anomalous.", "verdict", "E1"),  # of the one before
    )
    chat = agent.chat(bad, tmp_path / "chats.db")
    chat.ask("Is it normal?")
    answer = chat.ask("And this one?", good)
    assert answer.verdict == "normal" and "verdict is of another picture" in str(answer.dropped)
    media = Memory(tmp_path / "chats.db").load("chat").media
    assert [Path(source).name for _, source in media] == ["bad.png", "good.png"]


def test_a_chat_is_gone_on_with_on_the_same_terms_only(files: tuple[Path, Path], tmp_path: Path) -> None:
    good, bad = files
    memory = Memory(tmp_path / "chats.db")
    scripted(AIMessage("x")).chat(bad, memory)
    with pytest.raises(XadError, match="held with another profile or other models"):
        Agent(None, llm=ScriptedChatModel(script=[])).chat(bad, memory)
    with pytest.raises(XadError, match=r"there is no chat 'other', of those kept \('chat'\)"):
        scripted(AIMessage("x")).chat(memory=memory, name="other")
    bad.write_bytes(good.read_bytes())
    with pytest.raises(XadError, match=r"bad\.png has changed since the chat 'chat' showed it"):
        scripted(AIMessage("x")).chat(memory=memory)
    scripted(AIMessage("x")).chat(texture(1), memory, "array")
    with pytest.raises(XadError, match="came from no file: show it again"):
        scripted(AIMessage("x")).chat(memory=memory, name="array")


def test_a_chat_goes_on_after_its_model_broke_off(files: tuple[Path, Path]) -> None:
    chat = scripted(call("score"), RuntimeError("gone"), draft("It is anomalous.", "verdict", "E1")).chat(files[1])
    assert chat.ask("Is it normal?").source == "template"
    answer = chat.ask("Really?")
    assert answer.source == "model" and answer.text == "It is anomalous [E1]."


def test_an_answer_is_given_though_it_cannot_be_kept(files, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xad_agent.memory._BUSY_SECONDS", 0.1)
    chat = scripted(call("score"), draft("It is anomalous.", "verdict", "E1")).chat(files[1], tmp_path / "chats.db")
    other = sqlite3.connect(tmp_path / "chats.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    answer = chat.ask("Is it anomalous?")
    other.execute("ROLLBACK")
    assert answer.verdict == "anomalous" and answer.claims
    assert "this turn is not kept: " in answer.note and "another program writes there" in answer.note


class Repeating(ScriptedChatModel):
    """Measures the score, and says what the tool says."""

    def _generate(self, messages, *args, **kwargs):
        last = messages[-1]
        if not isinstance(last, ToolMessage):
            said = call("score")
        else:
            cited, statement = last.text.split(": ", 1)
            said = draft(statement, "verdict", cited)
        return ChatResult(generations=[ChatGeneration(message=said)])


def test_two_chats_at_once_share_no_evidence() -> None:
    agent = Agent(NormalProfile(), llm=Repeating(script=[]))
    chats = [agent.chat(picture(with_square(BOX))), agent.chat(picture(texture(3)))]
    answers: dict[int, list] = {0: [], 1: []}

    def talk(number: int) -> None:
        for question in ("Is it normal?", "Where is it, and why?"):
            answers[number].append(chats[number].ask(question))

    threads = [threading.Thread(target=talk, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {answer.source for answer in (*answers[0], *answers[1])} == {"model"}
    assert {answer.verdict for answer in answers[0]} == {"anomalous"}
    assert {answer.verdict for answer in answers[1]} == {"normal"}
    for chat in chats:
        assert {entry.media for entry in chat.ledger} == {chat.case.media}


def test_asyncio_asks_and_streams() -> None:
    agent = scripted(call("score"), draft("It is normal.", "verdict", "E1"))

    async def talk() -> tuple:
        answer = await agent.aask("Is it normal?", picture(texture(3)))
        kinds = [step.kind async for step in agent.astream("Is it normal?", picture(texture(3)))]
        return answer, kinds

    answer, kinds = asyncio.run(talk())
    assert answer.text == "It is normal [E1]." and kinds[-1] == "answer"


def test_a_task_that_is_cancelled_ends_the_work() -> None:
    entered, release = threading.Event(), threading.Event()

    class Waiting(ScriptedChatModel):
        def _generate(self, *args, **kwargs):
            entered.set()
            release.wait(10)
            return super()._generate(*args, **kwargs)

    chat = Agent(NormalProfile(), llm=Waiting(script=[call("score")])).chat(picture(texture(3)))

    async def talk() -> None:
        task = asyncio.create_task(chat.aask("Is it normal?"))
        await asyncio.to_thread(entered.wait, 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(talk())
    assert chat._stopped.is_set()
    release.set()


def test_a_model_that_sees_is_shown_each_picture_once() -> None:
    class Seeing(ScriptedChatModel):
        profile: dict = Field(default={"image_inputs": True})

    model = Seeing(script=[call("score"), draft("It is normal.", "verdict", "E1"), call("score"), AIMessage("x")])
    chat = Agent(NormalProfile(), llm=model).chat(picture(texture(3)))
    chat.ask("Is it normal?")
    chat.ask("Really?")
    for heard in model.heard:
        blocks = [block for message in heard if isinstance(message.content, list) for block in message.content]
        assert [block["type"] for block in blocks].count("image") == 1
    kept = chat.memory.saver.get_tuple({"configurable": {"thread_id": f"chat {chat._thread}"}})
    assert "base64" not in str(kept)


def test_the_answer_records_its_prompts() -> None:
    answer = scripted(call("score"), draft("It is normal.", "verdict", "E1")).ask("Is it?", picture(texture(3)))
    assert answer.prompts["system"] >= 1 and answer.prompts["tools"] >= 1 and "closed_question" not in answer.prompts


def test_evidence_in_a_checkpoint_is_no_code(tmp_path: Path, files: tuple[Path, Path]) -> None:
    """What a checkpoint gives back of a tool is data: the ledger, not it, is what claims are checked against."""
    scripted(call("score"), draft("It is anomalous.", "verdict", "E1")).chat(files[1], tmp_path / "c.db").ask("Is it?")
    saved = Memory(tmp_path / "c.db").saver.get_tuple({"configurable": {"thread_id": "chat 0"}})
    artifacts = [
        message.artifact for message in saved.checkpoint["channel_values"]["messages"] if message.type == "tool"
    ]
    assert artifacts and all(isinstance(artifact, dict | Evidence) for artifact in artifacts)
