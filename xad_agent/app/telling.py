"""Errors that a user can mend, told in the page and not as a defect of the app."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import gradio as gr

from xad_agent.errors import XadError


def telling(handler: Callable[..., Any]) -> Callable[..., Any]:
    """A handler of an event whose `XadError` stands in the page until it is closed."""

    @wraps(handler)
    def told(*args: Any, **kwargs: Any) -> Any:
        try:
            return handler(*args, **kwargs)
        except XadError as error:
            raise gr.Error(str(error), duration=None, print_exception=False) from error
        except gr.Error:
            raise
        except Exception as error:  # a defect of ours: what it was goes to the terminal
            raise gr.Error(f"unexpected {type(error).__name__}: please report what the terminal shows") from error

    return told
