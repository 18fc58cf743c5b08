"""`make demo`: weights and demo pictures, a profile, three questions, overlay and report."""

import sys
import time
from pathlib import Path

from xad_agent import weights
from xad_agent.agent import Agent
from xad_agent.errors import XadError
from xad_agent.profile import Profile

QUESTIONS = [
    ("local", "Where is the defect, and why is it one?"),
    ("local", "Would it pass if that were repaired?"),
    ("nominal", "Is there anything wrong with this one?"),
]
NORMAL_PICTURES = 100


def run(folder: Path) -> None:
    """Ask about simulated textile pictures, and leave overlay, report and profile in a folder.

    Args:
        folder: Where the results go; a profile that is already there is used again.

    Raises:
        XadError: Weights or pictures cannot be had, or the folder cannot be written.
    """
    weights.pull(["llm", "sentences", "backbone", "demo"])
    pictures = weights.path("textile-demo")
    normal = sorted((pictures / "nominal").iterdir())
    profile = _profile(folder / "textile.profile", normal[:NORMAL_PICTURES])
    asked = {"local": sorted((pictures / "local").iterdir())[0], "nominal": normal[-1]}
    chats = {kind: Agent(profile=profile).chat(path) for kind, path in asked.items()}
    for kind, question in QUESTIONS:
        answer = chats[kind].ask(question)
        print(f"\n{asked[kind].name}: {question}\n{answer.text}")
        if question == QUESTIONS[0][1]:
            answer.figure().save(folder / "answer.png")
            answer.to_html(folder / "report.html")
    print(f"\nOverlay: {folder / 'answer.png'}\nReport:  {folder / 'report.html'}")
    print(f"Profile: {folder / 'textile.profile'}")


def _profile(folder: Path, normal: list[Path]) -> Profile:
    if folder.exists():
        return Profile.load(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
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
