"""`make demo`: weights and demo pictures, a profile, three questions, overlay and report."""

import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from xad_agent import weights
from xad_agent.agent import Agent
from xad_agent.answer import Answer
from xad_agent.errors import XadError
from xad_agent.media import Picture, read_picture
from xad_agent.profile import Profile

WHERE_AND_WHY = "Where is the defect, and why is it one?"
NORMAL_PICTURES = 100
FLAW = (60, 130, 124, 194)  # x0 y0 x1 y1 in px of the cloth that is woven the wrong way


def run(folder: Path) -> None:
    """Ask about simulated cloth, and leave the pictures asked about, overlay, report and profile in a folder.

    The package's own defects are specks that the embedded backbone hardly sees, so the flaw is made here: a patch of
    the cloth is turned by a quarter.

    Args:
        folder: Where the results go; a profile that is already there and can be read is used again.

    Raises:
        XadError: Weights or pictures cannot be had, or the folder cannot be written.
    """
    weights.pull(["llm", "sentences", "backbone", "demo"])
    normal = sorted((weights.path("textile-demo") / "nominal").iterdir())
    profile = _profile(folder / "textile.profile", normal[:NORMAL_PICTURES])
    flawed = read_picture(_with_flaw(read_picture(normal[-2])), name="flawed.png")
    Image.fromarray(flawed.pixels).save(folder / flawed.name)
    agent = Agent(profile=profile)
    chat = agent.chat(flawed)
    first = chat.ask(WHERE_AND_WHY)
    _show(flawed.name, first)
    _show(flawed.name, chat.ask("Would it pass if that were repaired?"))
    _show(normal[-1].name, agent.ask("Is there anything wrong with this one?", normal[-1]))
    first.figure().save(folder / "answer.png")
    first.to_html(folder / "report.html")
    print(f"\nOverlay: {folder / 'answer.png'}\nReport:  {folder / 'report.html'}")
    print(f"Profile: {folder / 'textile.profile'}")


def _with_flaw(picture: Picture) -> np.ndarray:
    pixels = picture.pixels.copy()
    x0, y0, x1, y1 = FLAW
    pixels[y0:y1, x0:x1] = np.rot90(pixels[y0:y1, x0:x1])
    return pixels


def _show(name: str, answer: Answer) -> None:
    print(f"\n{name}: {answer.question}\n{answer.text}")


def _profile(folder: Path, normal: list[Path]) -> Profile:
    if folder.exists():
        try:
            return Profile.load(folder)
        except XadError as error:  # of another version, or damaged
            print(f"{error}; doing so.")
    profile = Profile.fit(normal)
    profile.save(folder)
    return profile


if __name__ == "__main__":
    started = time.perf_counter()
    try:
        run(Path(sys.argv[1] if len(sys.argv) > 1 else "demo"))
    except XadError as error:
        sys.exit(f"demo: {error}")
    print(f"Done in {time.perf_counter() - started:.0f} s.", file=sys.stderr)
