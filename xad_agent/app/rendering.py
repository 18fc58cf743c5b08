"""HTML of the app's own, from its templates: everything that is not ours is escaped in it."""

from functools import cache
from importlib.resources import files
from typing import Any

from xad_agent.report import histogram, range_plot


def render(template: str, **values: Any) -> str:
    """HTML of a template of this folder, without empty lines: Markdown would end an HTML block there.

    Args:
        template: Its name without ".html.j2".
        values: What it shows; escaped, whatever it is.
    """
    text = _environment().get_template(f"{template}.html.j2").render(**values)
    return "\n".join(line for line in text.splitlines() if line.strip())


@cache
def _environment() -> Any:
    from jinja2 import Environment, FunctionLoader

    def source(name: str) -> str:
        return (files("xad_agent.app") / name).read_text(encoding="utf-8")

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, loader=FunctionLoader(source))
    environment.globals |= {"range_plot": range_plot, "histogram": histogram}
    environment.filters["line"] = lambda text: " ".join(str(text).split())
    return environment
