"""The agent's tools for clips, one short file each: functions of a `ClipCase` that measure and return evidence."""

from collections.abc import Callable

from xad_agent.evidence import Evidence
from xad_agent.tools.clips.compare import compare
from xad_agent.tools.clips.find import find
from xad_agent.tools.clips.heat import heat
from xad_agent.tools.clips.locate import locate
from xad_agent.tools.clips.look_for import look_for
from xad_agent.tools.clips.measure import measure
from xad_agent.tools.clips.moment import moment
from xad_agent.tools.clips.name import name
from xad_agent.tools.clips.nearby import nearby
from xad_agent.tools.clips.normal import normal
from xad_agent.tools.clips.relate import relate
from xad_agent.tools.clips.repair import repair
from xad_agent.tools.clips.score import score
from xad_agent.tools.clips.timeline import timeline
from xad_agent.tools.clips.track import track

TOOLS: dict[str, Callable[..., Evidence]] = {
    tool.__name__: tool
    for tool in (
        score,
        timeline,
        moment,
        look_for,
        find,
        locate,
        name,
        measure,
        heat,
        relate,
        nearby,
        track,
        normal,
        compare,
        repair,
    )
}
