"""`xad app`, `xad serve` and `xad mcp`: the agent for the browser and for other programs."""

import os
from pathlib import Path
from typing import Annotated

import typer

from xad_agent.cli_options import (
    KnowledgeFile,
    Llm,
    Model,
    Normal,
    ProfileDir,
    Rules,
    Seconds,
    Thing,
    agent_of,
    models_of,
    specs_of,
)
from xad_agent.defaults import SECONDS, UPLOAD_MB
from xad_agent.errors import XadError
from xad_agent.machine import is_this_machine

TOKEN = "XAD_TOKEN"
Host = Annotated[str, typer.Option(help="Address to listen on; one that is not this machine's own needs XAD_TOKEN.")]


def serve(
    profile: ProfileDir = None,
    normal: Normal = None,
    llm: Llm = "embedded",
    model: Model = None,
    thing: Thing = "",
    rules: Rules = None,
    knowledge: KnowledgeFile = None,
    seconds: Seconds = SECONDS,
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port.")] = 8000,
    upload_mb: Annotated[float, typer.Option(min=0.001, help="The largest file that is taken, MB.")] = UPLOAD_MB,
) -> None:
    """Answer over HTTP: POST /ask with a file and a question; the pages at /docs say more.

    With XAD_TOKEN in the environment, every request must carry it.
    """
    token = _token(host)
    try:
        import uvicorn

        from xad_agent.http_server import make_app
    except ImportError as error:
        raise XadError('xad serve needs FastAPI: pip install "xad-agent[serve]"') from error
    agent = agent_of(profile, normal, llm, models_of(model, thing), seconds, rules, knowledge)
    application = make_app(agent, token, upload_mb)
    uvicorn.run(application, host=host, port=port, log_level="warning")


def mcp(
    profile: ProfileDir = None,
    normal: Normal = None,
    llm: Llm = "embedded",
    model: Model = None,
    thing: Thing = "",
    rules: Rules = None,
    knowledge: KnowledgeFile = None,
    seconds: Seconds = SECONDS,
    root: Annotated[Path, typer.Option(help="Media are read from below this folder only.")] = Path(),
    http: Annotated[int | None, typer.Option(help="Streamable HTTP on this port of this machine, not stdio.")] = None,
) -> None:
    """Offer the tools and `ask` to other agents by the Model Context Protocol."""
    try:
        import mcp.server.mcpserver  # noqa: F401

        from xad_agent.mcp_server import make_server
    except ImportError as error:
        raise XadError('xad mcp needs the protocol\'s SDK: pip install "xad-agent[mcp]"') from error
    agent = agent_of(profile, normal, llm, models_of(model, thing), seconds, rules, knowledge)
    server = make_server(agent, root)
    if http is None:
        server.run("stdio")
    else:
        server.run("streamable-http", host="127.0.0.1", port=http)


def start_app(
    profile: Annotated[
        list[Path] | None, typer.Option("--profile", help="A profile folder made by `xad fit`; repeatable.")
    ] = None,
    llm: Llm = "embedded",
    model: Model = None,
    seconds: Seconds = SECONDS,
    host: Annotated[
        str, typer.Option(help="Address to listen on; one that is not this machine's own needs XAD_LOGIN.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port.")] = 7860,
    upload_mb: Annotated[float, typer.Option(min=0.001, help="The largest file that is taken, MB.")] = UPLOAD_MB,
    folder: Annotated[
        Path | None, typer.Option(help="Keep chats and their files here beyond this run; else they are removed.")
    ] = None,
) -> None:
    """Start the chat app in the browser.

    With XAD_LOGIN=USER:PASSWORD in the environment, whoever opens it must log in.
    """
    from xad_agent.app.launch import launch

    launch(host, port, profile or (), llm, specs_of(model), seconds, upload_mb, folder)


def _token(host: str) -> str | None:
    token = os.environ.get(TOKEN) or None
    if token is None and not is_this_machine(host):
        raise XadError(
            f"{host} can be reached from elsewhere: set {TOKEN} to a secret that requests must carry", exit_code=2
        )
    return token
