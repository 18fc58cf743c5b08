"""Chat models that plan and phrase; all of them LangChain chat models."""

from langchain_core.language_models import BaseChatModel

from xad_agent.errors import XadError

SPECS = (
    "use embedded, hf:NAME-or-FOLDER (with ?4bit or ?8bit), gguf:FILE, or PROVIDER:MODEL such as openai:gpt-5, "
    "anthropic:..., ollama:..., or openai:MODEL@URL for any server that speaks OpenAI's protocol"
)


def load_chat_model(spec: str, key: str = "") -> BaseChatModel:
    """The chat model of a spec, deterministic as far as its maker lets it be.

    A model that cannot call tools gets its calls from the embedded planner. What fell back, in one line, is in the
    model's attribute `note` where it has one.

    Args:
        spec: One of
            - "embedded": offline, on the CPU;
            - "hf:FOLDER", "hf:OWNER/NAME": a language or vision-language model of transformers, "?4bit" or "?8bit"
              after it for bitsandbytes' quantisation;
            - "gguf:FILE": by llama.cpp;
            - "PROVIDER:MODEL", "PROVIDER:MODEL@URL": as LangChain's `init_chat_model` takes it. Keys come from the
              environment, or from `key`; a server on this machine needs none.
        key: For the provider, instead of the environment's; it is kept with the model alone.

    Raises:
        XadError: The weights, a package or a key are missing, or the spec is unknown.
    """
    kind, colon, rest = spec.partition(":")
    if spec == "embedded":
        from xad_agent.llm.embedded import EmbeddedChatModel

        return EmbeddedChatModel()
    if not (colon and kind and rest):
        raise XadError(f"unknown chat model {spec!r}: {SPECS}", exit_code=2)
    from xad_agent.llm.planned import with_planner

    if kind == "hf":
        from xad_agent.llm.transformers_model import load_transformers

        return with_planner(load_transformers(rest))
    if kind == "gguf":
        from xad_agent.llm.gguf import load_gguf

        return with_planner(load_gguf(rest))
    from xad_agent.llm.remote import load_remote

    return with_planner(load_remote(spec, key))


def sees(model: BaseChatModel) -> bool:
    """Whether a chat model takes pictures, by its LangChain profile; False where nothing is known of it."""
    return bool((model.profile or {}).get("image_inputs"))
