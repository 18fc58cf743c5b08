"""An explainable visual-anomaly agent: where and why a picture is anomalous, every claim resting on evidence."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xad_agent.agent import Agent, Chat
    from xad_agent.answer import Answer, Claim
    from xad_agent.errors import XadError
    from xad_agent.evidence import Evidence, Ledger, Quantity, Region
    from xad_agent.profile import Profile

__version__ = "0.1.0"

_HOMES = {
    "Agent": "agent",
    "Chat": "agent",
    "Answer": "answer",
    "Claim": "answer",
    "Evidence": "evidence",
    "Ledger": "evidence",
    "Profile": "profile",
    "Quantity": "evidence",
    "Region": "evidence",
    "XadError": "errors",
}
__all__ = ["Agent", "Answer", "Chat", "Claim", "Evidence", "Ledger", "Profile", "Quantity", "Region", "XadError"]


def __getattr__(name: str) -> Any:
    """Import what is asked for, when it is asked for: `import xad_agent` stays quick and loads no torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
