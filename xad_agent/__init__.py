"""An explainable visual-anomaly agent: where and why a picture is anomalous, every claim resting on evidence."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xad_agent.agent import Agent
    from xad_agent.answer import Answer, Claim
    from xad_agent.budget import Budget
    from xad_agent.chat import Chat
    from xad_agent.errors import XadError
    from xad_agent.evidence import Evidence, Ledger, Quantity, Region
    from xad_agent.memory import Memory
    from xad_agent.profile import Profile
    from xad_agent.steps import Step

__version__ = "0.1.0"

_HOMES = {
    "Agent": "agent",
    "Answer": "answer",
    "Budget": "budget",
    "Chat": "chat",
    "Claim": "answer",
    "Evidence": "evidence",
    "Ledger": "evidence",
    "Memory": "memory",
    "Profile": "profile",
    "Quantity": "evidence",
    "Region": "evidence",
    "Step": "steps",
    "XadError": "errors",
}
__all__ = [
    "Agent",
    "Answer",
    "Budget",
    "Chat",
    "Claim",
    "Evidence",
    "Ledger",
    "Memory",
    "Profile",
    "Quantity",
    "Region",
    "Step",
    "XadError",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for, when it is asked for: `import xad_agent` stays quick and loads no torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
