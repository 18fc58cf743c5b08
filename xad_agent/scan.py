"""`xad scan`, and the app's batches: many files judged one by one; a JSON line and a drawing for each, resumable."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xad_agent.case import Case
from xad_agent.chat import case_of
from xad_agent.clip_case import ClipCase
from xad_agent.clip_profile import ClipProfile
from xad_agent.errors import XadError, reason
from xad_agent.evidence import Ledger
from xad_agent.media import find_clips, find_pictures
from xad_agent.profile import Profile
from xad_agent.tools import tools_for

RESULTS = "results.jsonl"
_NAME = 40  # characters of a file's name, so that its drawing's is none too long
_REASONS = ("timeline", "locate", "name", "measure")


def scan(sources: list[str], profile: Profile, output: Path, progress: bool = True) -> Iterator[dict[str, Any]]:
    """Judge every picture or clip, and write what came out as soon as it did.

    What `output` already holds of a file, judged by the same profile, is not done again. A file that fails gives a
    line with `error`, and is tried again next time.

    Args:
        sources: Files, folders and globs, of the profile's kind of media.
        profile: What normal looks like.
        output: A folder: `results.jsonl`, and a drawing of each anomalous file.
        progress: Whether to show a bar on stderr.

    Yields:
        The lines of this run: `media verdict score threshold p_value regions events reason figure sha256 profile`, or
        `media error`.

    Raises:
        XadError: Nothing is there to scan, or the folder cannot be written.
    """
    from tqdm import tqdm

    entries = _entries(sources, profile)
    try:
        output.mkdir(parents=True, exist_ok=True)
        done = _done(output, profile)
        with (output / RESULTS).open("a", encoding="utf-8", errors="backslashreplace") as file:
            if file.tell() and not (output / RESULTS).read_bytes().endswith(b"\n"):
                file.write("\n")  # the last run was killed in the middle of a line
            for entry in tqdm([e for e in entries if str(e) not in done], desc="scan", disable=not progress):
                line = _judged(entry, profile, output)
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
                file.flush()
                yield line
    except OSError as error:
        raise XadError(f"cannot write to {output} ({error.strerror or error}): choose another folder") from error


def _entries(sources: list[str], profile: Profile) -> list[Path]:
    """The files or folders of frames to scan; a list of single frames stands for no clip that has a name."""
    if not isinstance(profile, ClipProfile):
        return find_pictures(sources)
    return [clip for clip in find_clips(sources) if isinstance(clip, Path)]


def results(output: Path) -> dict[str, dict[str, Any]]:
    """The last line of each file in a folder that `scan` wrote, by `media`; a line that was cut off does not count."""
    last: dict[str, dict[str, Any]] = {}
    path = output / RESULTS
    for text in path.read_text(encoding="utf-8", errors="replace").split("\n") if path.exists() else ():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        last[str(line["media"])] = line
    return last


def _done(output: Path, profile: Profile) -> set[str]:
    return {media for media, line in results(output).items() if line.get("profile") == profile.fingerprint}


def _judged(entry: Path, profile: Profile, output: Path) -> dict[str, Any]:
    try:
        return _line(entry, profile, output)
    except XadError as error:
        why = str(error)
    except OSError:  # the drawing cannot be written, nor could the next
        raise
    except Exception as error:  # a defect of ours ends this file, not those after it
        why = f"{entry}: unexpected {type(error).__name__} ({reason(error)}): please report it"
    return {"media": str(entry), "error": why}


def _line(entry: Path, profile: Profile, output: Path) -> dict[str, Any]:
    case = case_of(entry, profile, Ledger())
    tools = tools_for(case)
    verdict = tools["score"](case)
    regions, events = case.regions, case.events
    reasons = [tools[name](case).statement for name in _REASONS if name in tools and regions]
    if verdict.verdict == "uncertain":
        reasons.insert(0, tools.get("refute", tools["score"])(case).statement)
    return {
        "media": str(entry),
        "verdict": verdict.verdict,
        "score": verdict.quantity("score").value,
        "threshold": verdict.quantity("threshold").value,
        "p_value": verdict.quantity("score").p_value,
        "regions": [region.model_dump(mode="json", exclude={"rle"}) for region in regions],
        "events": [event.model_dump(mode="json", exclude={"region"}) for event in events],
        "reason": " ".join(reasons),
        "figure": _drawn(case, entry, output) if regions else None,
        "sha256": case.media,
        "profile": profile.fingerprint,
    }


def _drawn(case: Case | ClipCase, entry: Path, output: Path) -> str:
    """Write the drawing of an anomalous file, and its name; the hash keeps files of one name in many folders apart."""
    from PIL import Image

    from xad_agent.media.drawing import PNG_LEVEL

    name = f"{entry.stem[:_NAME]}-{case.media[:8]}.png"
    shown = tools_for(case)["locate"](case).figure
    if shown is not None:
        Image.fromarray(shown).save(output / name, compress_level=PNG_LEVEL)
    return name
