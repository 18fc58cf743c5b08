"""Chat models behind a network interface, by LangChain's `init_chat_model`: bounded, retried, and silent about keys."""

import os
import re
from collections.abc import Callable, Sequence
from threading import Event
from typing import Any
from urllib.parse import urlsplit

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from xad_agent.background import TurnEnded, result_within
from xad_agent.errors import ModelError, XadError
from xad_agent.llm.local import REPLY_TOKENS
from xad_agent.machine import is_this_machine

REQUEST_SECONDS = 60.0
ATTEMPTS = 3
_LONGEST_WAIT = 20.0  # s, of what a server may ask for before the next attempt
_KEYS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}
_OURS = ("openai", "anthropic", "ollama")  # those with an extra of ours
_BACK_OFF = wait_random_exponential(multiplier=0.5, max=8)
_NO_TOOLS = re.compile(r"\btools?\b.*\b(support|requires?|enable)|\bsupport.*\btools?\b", re.IGNORECASE | re.DOTALL)
_SECRET = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD)$")


class RemoteChatModel(BaseChatModel):
    """A provider's chat model; what goes wrong is one `ModelError` line.

    Too many requests (429) and a server's own failures (5xx) are tried again with back-off, as the server asks for
    where it does; what takes too long is not, since the time is gone. A model whose server takes no tools, which only
    its reply tells, is planned for.

    Attributes:
        spec: As it was asked for.
        inner: LangChain's model.
        note: That it is planned for; "" as long as it is not.
        key: As it was given, so that no error repeats it; "" where it came from the environment.
    """

    spec: str
    inner: BaseChatModel
    note: str = ""
    key: str = Field(default="", repr=False, exclude=True)

    @property
    def _llm_type(self) -> str:
        return self.inner._llm_type

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: str | None = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Tell the model which tools there are.

        Raises:
            NotImplementedError: The provider has no tool calls.
        """
        told = [convert_to_openai_tool(tool) for tool in tools]
        self.inner.bind_tools(told)
        return self.bind(tools=told, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        tools = kwargs.get("tools")
        if tools and self.note:
            return self._planned(messages, tools)
        model = self.inner.bind_tools(tools) if tools else self.inner
        try:
            attempts = Retrying(
                stop=stop_after_attempt(ATTEMPTS), wait=_wait, retry=retry_if_exception(_passes), reraise=True
            )
            message = attempts(lambda: _within(REQUEST_SECONDS, lambda: model.invoke(messages, stop=stop)))
        except Exception as error:  # every provider has its own types
            told = "" if tools and _takes_no_tools(error) else _told(self.spec, error, self.key)
        else:
            return ChatResult(generations=[ChatGeneration(message=message)])
        if not told:
            return self._planned(messages, tools)
        raise ModelError(told)  # outside, so that it does not carry the provider's error, which may hold the key

    def _planned(self, messages: list[BaseMessage], tools: Sequence[Any] | None) -> ChatResult:
        from xad_agent.llm.planned import PLANNED, PlannedChatModel

        self.note = PLANNED
        return PlannedChatModel(inner=self, profile=self.profile)._generate(messages, tools=tools)


def load_remote(spec: str, key: str = "") -> RemoteChatModel:
    """The chat model of "PROVIDER:MODEL" or "PROVIDER:MODEL@URL".

    Args:
        spec: What to load.
        key: The provider's, where it is not to come from the environment.

    Raises:
        XadError: The provider is unknown, its package or its key is missing, or the spec holds a secret.
    """
    from langchain.chat_models import init_chat_model

    provider, _, rest = spec.partition(":")
    match = re.fullmatch(r"(?P<model>\S+?)(@(?P<url>https?://\S+))?", rest)
    url = match["url"] if match else None
    if not match or (url and not _is_plain(url)):
        raise XadError(
            f"{provider}:... cannot be read: give PROVIDER:MODEL, or PROVIDER:MODEL@URL with no key or password in it",
            exit_code=2,
        )
    settings = {**_bounds(provider), **({"api_key": key} if key else _key(spec, provider, url))}
    if url:
        settings["base_url"] = url
    try:
        inner = init_chat_model(match["model"], model_provider=provider, **settings)
    except ImportError as error:
        wanted = f'"xad-agent[{provider}]"' if provider in _OURS else _package(error)
        raise XadError(f"{spec} needs a package: pip install {wanted}") from error
    except Exception as error:  # every provider has its own type of error for a missing key or model
        from xad_agent.llm import SPECS

        unknown = isinstance(error, ValueError) and "provider" in str(error).lower()
        told = f"unknown chat model {spec!r}: {SPECS}" if unknown else _told(spec, error, key)
    else:
        return RemoteChatModel(spec=spec, inner=inner, profile=inner.profile, key=key)
    raise XadError(told, exit_code=2)


def _bounds(provider: str) -> dict[str, Any]:
    """Temperature, reply length and time, under the provider's names; retries are ours."""
    if provider == "ollama":
        return {"temperature": 0, "num_predict": REPLY_TOKENS, "client_kwargs": {"timeout": REQUEST_SECONDS}}
    return {"temperature": 0, "max_tokens": REPLY_TOKENS, "timeout": REQUEST_SECONDS, "max_retries": 0}


def _key(spec: str, provider: str, url: str | None) -> dict[str, str]:
    """What to log in with beyond what LangChain takes from the environment by itself."""
    variable = _KEYS.get(provider)
    if variable is None or os.environ.get(variable):
        return {}
    if url and is_this_machine(urlsplit(url).hostname or ""):
        return {"api_key": "none"}
    raise XadError(f"{spec} needs a key: set {variable} in the environment, or type it in the app", exit_code=2)


def _is_plain(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.hostname) and "@" not in parts.netloc and not parts.query and not parts.fragment


def _package(error: ImportError) -> str:
    found = re.search(r"pip install ([\w.-]+)", str(error))
    return found[1].rstrip(".") if found else "the provider's LangChain package"


def _within(seconds: float, call: Callable[[], Any]) -> Any:
    """What `call` returns; TimeoutError after that time in all, which a client's own limit, of each read, is not."""
    try:
        return result_within(seconds, call, Event())
    except TurnEnded as error:
        raise TimeoutError from error


def _status(error: BaseException) -> int:
    """The HTTP status that a provider's error tells, 0 where it tells none."""
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else 0


def _passes(error: BaseException) -> bool:
    """Whether the same request may well succeed a moment later."""
    return _status(error) == 429 or (_status(error) >= 500 and not _takes_no_tools(error))


def _takes_no_tools(error: BaseException) -> bool:
    """Whether a server says that this model, or the server as it was started, cannot be told of tools."""
    return _status(error) in (400, 422, 500, 501) and bool(_NO_TOOLS.search(str(error)))


def _wait(state: RetryCallState) -> float:
    """Seconds until the next attempt: what the server asks for or, longer, the back-off."""
    error = state.outcome.exception() if state.outcome else None
    headers = getattr(getattr(error, "response", None), "headers", {})
    asked = str(headers.get("retry-after", ""))
    return max(_BACK_OFF(state), min(_LONGEST_WAIT, float(asked) if asked.isdigit() else 0.0))


def _told(spec: str, error: BaseException, key: str = "") -> str:
    """One line on what went wrong and what to do, without anything secret."""
    status, kind = _status(error), type(error).__name__
    if status in (401, 403):
        variable = _KEYS.get(spec.partition(":")[0], "the provider's key")
        where = "the key that you gave" if key else f"{variable} in the environment"
        return f"{spec} refused the key ({status}): check {where}"
    if status == 404:
        return f"{spec} is not there (404): check the model's name and the address"
    if _passes(error):
        reason = "is asked too often" if status == 429 else "fails"
        return f"{spec} {reason} ({status}, {ATTEMPTS} times): try again later"
    if "Timeout" in kind:
        return f"{spec} gave no reply within {REQUEST_SECONDS:g} s: try again, or choose a quicker one"
    if "Connect" in kind:
        return f"{spec} cannot be reached: check that its server runs, and the network"
    return f"{spec} gave no usable reply ({kind}: {_without_secrets(str(error), key)})"


def _without_secrets(text: str, key: str) -> str:
    """A text on one line, cut, without the key and what the environment holds as a key or password."""
    for value in (key, *(value for name, value in os.environ.items() if _SECRET.search(name))):
        if len(value) >= 6:
            text = text.replace(value, "***")
    return " ".join(text.split())[:200]
