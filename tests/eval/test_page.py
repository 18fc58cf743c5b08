"""Pages and their plots: whole, self-contained, and of what they were given."""

import re
import xml.dom.minidom

import numpy as np
import pytest

from xad_agent.eval import plots
from xad_agent.eval.page import Example, Page, Plot, Table, write_pages

SVGS = {
    "histogram": lambda: plots.score_histogram({"good": [0.1, 0.2], "cut & <dent>": [0.8]}, 0.5),
    "empty histogram": lambda: plots.score_histogram({"good": [], "bad": []}),
    "curves": lambda: plots.curves({"map": ([0, 1], [0, 1]), "random": ([0, 1], [0.5, 0.5])}, "x", "y"),
    "bars": lambda: plots.bars({"cut": (0.5, 0.4, 0.6), "dent": (0.2, None, None)}, "recall"),
    "marked bars": lambda: plots.bars({"cut": (0.5, 0.4, 0.6), "dent": (0.2, None, None)}, "AP", {"cut": 0.1}),
    "timeline": lambda: plots.timeline(np.arange(4), np.array([False, True, True, False]), 2.0, 10),
}


@pytest.mark.parametrize("name", SVGS)
def test_a_plot_is_whole_deterministic_and_fetches_nothing(name):
    svg = SVGS[name]()
    xml.dom.minidom.parseString(svg)
    assert svg == SVGS[name]()
    assert not re.search(r'(href|src)="(?!#)', svg)


def test_the_limit_and_groups_are_named():
    svg = SVGS["histogram"]()
    assert "limit 0.5" in svg and "good (2)" in svg and "cut &amp; &lt;dent&gt; (1)" in svg


def test_a_group_keeps_its_colour_where_another_is_empty():
    svg = plots.score_histogram({"good": [], "defective": [0.2, 0.4]})
    assert plots.BAD in svg and plots.GOOD not in svg


def test_a_page_holds_what_it_was_given(tmp_path):
    picture = np.full((700, 500, 4), 90, np.uint8)
    page = Page(
        "Pictures of nut",
        "table\n(share: of all (both kinds))\n(x) y",
        {"seed": 3, "versions": {"python": "3"}, "score": 9},
        plots=(Plot("Scores", SVGS["curves"]()),),
        tables=(Table("Types", ("type", "n"), (("cut", "2"),)),),
        examples=(Example("worst: cut/0.png", (("the picture", picture),), "Missed.\n<i>"),),
    )
    write_pages([page], tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text("utf-8")
    for part in (
        "<h1>Pictures of nut</h1>",
        "worst: cut/0.png",
        "&lt;i&gt;",
        "<li>share: of all (both kinds)</li>",
        "table\n(x) y</pre>",
        'alt="the picture"',
        ">cut</th><td>2<",
    ):
        assert part in text
    assert "python 3" in text and ">score<" not in text, "only what the result depends on is listed"
    assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", text).replace("http-equiv", "")
