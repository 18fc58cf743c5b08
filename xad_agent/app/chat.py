"""The chat page: a picture and a question in, a checked answer with its overlay out."""

import os
from typing import Any

from xad_agent.errors import XadError


def launch(port: int = 7860) -> None:
    """Serve the page on this machine only, until it is stopped.

    Args:
        port: TCP port on the loopback address.

    Raises:
        XadError: Gradio is not installed, or the port is taken.
    """
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    try:
        import gradio
    except ImportError as error:
        raise XadError('the app needs Gradio: pip install "xad-agent[app]"') from error
    try:
        build(gradio).launch(server_name="127.0.0.1", server_port=port, share=False)
    except OSError as error:
        raise XadError(f"port {port} cannot be used: choose another with --port") from error


def build(gradio: Any) -> Any:
    """The page as Gradio Blocks: normal pictures make the profile, then picture and question go to the agent."""
    with gradio.Blocks(title="xad-agent", analytics_enabled=False) as page:
        gradio.Markdown("# Where and why is it anomalous?")
        agent = gradio.State(None)
        conversation = gradio.State(None)
        with gradio.Row():
            with gradio.Column():
                normal = gradio.File(label="Normal pictures (optional)", file_count="multiple", file_types=["image"])
                learned = gradio.Markdown("No normal example yet: a picture is compared with itself only.")
                picture = gradio.Image(label="Picture to ask about", type="pil")
            with gradio.Column():
                chat = gradio.Chatbot(label="Conversation")
                question = gradio.Textbox(label="Question", placeholder="Where is the defect, and why is it one?")
                overlay = gradio.Image(label="Overlay beside what is normal", interactive=False)
        normal.change(_learn, normal, [agent, conversation, learned])
        picture.change(lambda: None, None, conversation)
        question.submit(_ask, [question, picture, agent, conversation, chat],
                        [question, agent, conversation, chat, overlay])  # fmt: skip
    return page


def _learn(files: list[str] | None) -> tuple[Any, None, str]:
    from xad_agent.agent import Agent
    from xad_agent.profile import Profile

    if not files:
        return None, None, "No normal example: a picture is compared with itself only."
    try:
        profile = Profile.fit(list(files), progress=False)
    except XadError as error:
        return None, None, str(error)
    return Agent(profile=profile), None, profile.summary()


def _ask(question: str, picture: Any, agent: Any, conversation: Any, history: list[dict[str, str]]) -> tuple[Any, ...]:
    from xad_agent.agent import Agent

    said = [*history, {"role": "user", "content": question}]
    try:
        if picture is None:
            raise XadError("there is no picture yet: drop one in first")
        agent = agent or Agent()
        conversation = conversation or agent.chat(picture)
        answer = conversation.ask(question)
    except XadError as error:
        return question, agent, conversation, [*said, {"role": "assistant", "content": str(error)}], None
    return "", agent, conversation, [*said, {"role": "assistant", "content": answer.text}], answer.figure()
