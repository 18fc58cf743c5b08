"""Chat models that plan and phrase; all of them LangChain chat models."""

from langchain_core.language_models import BaseChatModel

from xad_agent.errors import XadError


def load_chat_model(spec: str) -> BaseChatModel:
    """The chat model of a spec.

    Args:
        spec: "embedded" (offline, on the CPU), or "PROVIDER:MODEL" as LangChain's `init_chat_model` takes it
            ("openai:gpt-5", "anthropic:...", "ollama:..."); keys come from the environment.

    Raises:
        XadError: The weights, the provider's package or its key are missing, or the spec is unknown.
    """
    if spec == "embedded":
        from xad_agent.llm.embedded import EmbeddedChatModel

        return EmbeddedChatModel()
    if ":" not in spec:
        raise XadError(
            f"unknown chat model {spec!r}: use embedded, or PROVIDER:MODEL such as openai:gpt-5", exit_code=2
        )
    from langchain.chat_models import init_chat_model

    try:
        return init_chat_model(spec, temperature=0)
    except ImportError as error:
        raise XadError(f"chat model {spec}: {error}") from error
    except Exception as error:  # every provider has its own type of error for a missing key or model
        raise XadError(f"chat model {spec} cannot be used: {error}") from error


def sees(model: BaseChatModel) -> bool:
    """Whether a chat model takes pictures, as LangChain knows of it."""
    return bool((model.profile or {}).get("image_inputs"))
