"""`xad serve`: the agent over HTTP, with FastAPI: what `xad ask --json` prints, as a reply."""

import json
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from xad_agent import __version__
from xad_agent.agent import Agent
from xad_agent.defaults import UPLOAD_MB
from xad_agent.errors import XadError

if TYPE_CHECKING:
    from fastapi import FastAPI

_CHUNK = 1 << 20


def make_app(agent: Agent, token: str | None = None, upload_mb: float = UPLOAD_MB) -> "FastAPI":
    """The application: `POST /ask`, `POST /stream`, `GET /health`, and its own pages at `/docs`.

    Args:
        agent: Who answers.
        token: What a request must carry as `Authorization: Bearer TOKEN`; None for no such check.
        upload_mb: The largest file that is taken, MB.
    """
    from fastapi import Depends, FastAPI, File, Form, HTTPException, Request, UploadFile
    from fastapi.responses import JSONResponse, StreamingResponse

    def allowed(request: Request) -> None:
        given = request.headers.get("authorization", "")
        if token is not None and not secrets.compare_digest(given.encode(), f"Bearer {token}".encode()):
            raise HTTPException(401, "send the header Authorization: Bearer TOKEN")

    app = FastAPI(title="xad-agent", version=__version__, dependencies=[Depends(allowed)])
    media_type = Annotated[UploadFile, File(description="A picture or a video.")]
    question_type = Annotated[str, Form(description="What to know, in plain words.")]

    @app.exception_handler(XadError)
    def told(_: Request, error: XadError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, status_code=422)

    @app.get("/health")
    def health() -> dict[str, str]:
        """Whether it runs, and its version."""
        return {"status": "ok", "version": __version__}

    @app.post("/ask")
    def ask(media: media_type, question: question_type) -> dict[str, Any]:
        """Answer a question about a picture or video: the JSON of `xad ask --json`."""
        with tempfile.TemporaryDirectory(prefix="xad-upload-") as folder:
            return agent.ask(question, _saved(media, Path(folder))).to_json()

    @app.post("/stream")
    def stream(media: media_type, question: question_type) -> StreamingResponse:
        """The same step by step, a JSON object a line; the last one holds the answer."""
        folder = tempfile.TemporaryDirectory(prefix="xad-upload-")
        steps = agent.stream(question, _saved(media, Path(folder.name)))
        return StreamingResponse(_lines(steps, folder), media_type="application/x-ndjson")

    def _saved(media: UploadFile, folder: Path) -> Path:
        """The upload under a name of ours: of the client's only the ending is used, which says how to decode it."""
        path, size = folder / f"media{_ending(media.filename or '')}", 0
        with path.open("wb") as file:
            while chunk := media.file.read(_CHUNK):
                size += len(chunk)
                if size > upload_mb * 1e6:
                    raise HTTPException(413, f"the file is larger than {upload_mb:g} MB: send a smaller one")
                file.write(chunk)
        return path

    return app


def _ending(name: str) -> str:
    ending = Path(name.replace("\\", "/")).suffix.lower()
    return ending if ending[1:].isalnum() and len(ending) <= 6 else ""


def _lines(steps: Iterator[Any], folder: "tempfile.TemporaryDirectory[str]") -> Iterator[str]:
    with folder:
        for step in steps:
            yield json.dumps(step.to_json(), ensure_ascii=False) + "\n"
