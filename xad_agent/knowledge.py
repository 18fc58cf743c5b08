"""What a file of the user's says of a product: how a good one looks, and which defects it can have.

The layout is that of MMAD's domain knowledge (Jiang et al. 2024): a JSON object of products, each with "good" and its
kinds of defect, each with a description; or one more object around groups of such products.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from xad_agent.errors import XadError, reason
from xad_agent.evidence import Evidence, Ledger, Quantity
from xad_agent.language import sentences
from xad_agent.prompts import vocabulary
from xad_agent.quoting import quotable, read_text
from xad_agent.wording import listed

GOOD = "good"
MAX_KINDS = 100
NEAR = 0.42  # "Is that a known defect?", which is about none in particular, stays under it
_LONGEST_NAME, _LONGEST_TEXT, _LONGEST_SENTENCE = 40, 4000, 300
_HEADING = re.compile(r"<[^<>]*>|\bDescription:")


class Passage(BaseModel):
    """One sentence on one kind of part: "good", or a defect."""

    model_config = ConfigDict(frozen=True)

    kind: str
    text: str


class Knowledge(BaseModel):
    """What is known of one product.

    Attributes:
        thing: The product.
        passages: In the order of the file, made fit to be quoted.
    """

    model_config = ConfigDict(frozen=True)

    thing: str
    passages: tuple[Passage, ...]

    @property
    def defects(self) -> list[str]:
        """The kinds of defect, in the order of the file."""
        return [kind for kind in dict.fromkeys(passage.kind for passage in self.passages) if kind != GOOD]

    def nearest(self, question: str) -> Passage | None:
        """The passage nearest in meaning to a question by the mean cosine to it and to its kind; None: none is near."""
        from xad_agent.llm.sentences import embed, embed_kept

        called = vocabulary("knowledge")["called"]
        texts = [f"{passage.kind}: {passage.text}" for passage in self.passages]
        kinds = [called.get(passage.kind, passage.kind) for passage in self.passages]
        known = embed_kept([*texts, *kinds])
        (asked,) = embed([question])
        similar = (known[: len(texts)] + known[len(texts) :]) @ asked / 2
        best = int(similar.argmax())
        return self.passages[best] if similar[best] >= NEAR else None


def read_knowledge(file: str | Path, thing: str = "") -> Knowledge:
    """What a file says of a product.

    Args:
        file: JSON, see above.
        thing: The product, or GROUP/PRODUCT where groups share a name; may be left out where there is one only.

    Raises:
        XadError: The file cannot be read or has another layout, or does not know the product.
    """
    path = Path(file)
    try:
        given = json.loads(read_text(path, "knowledge"))
    except (ValueError, RecursionError) as error:
        raise XadError(f"{path} is no JSON ({reason(error)}): give products with descriptions", exit_code=2) from error
    products = dict(_products(given))
    if not products:
        raise XadError(
            f'{path} describes no product: give {{"screw": {{"good": "...", "scratch": "..."}}}}', exit_code=2
        )
    wanted = _plain(thing)
    found = [name for name in products if wanted in ("", name, name.rpartition("/")[2])]
    if len(found) != 1:
        known = ", ".join(quotable(name, _LONGEST_NAME) for name in (found or list(products))[:10])
        problem = f"is named {len(found)} times" if found and wanted else "is not among them"
        what = f"{thing!r} {problem}" if wanted else f"it describes {len(products)} products"
        raise XadError(f"{path}: {what}; choose one by --thing: {known}", exit_code=2)
    passages = tuple(_passages(products[found[0]]))[: 4 * MAX_KINDS]
    return Knowledge(thing=quotable(found[0].rpartition("/")[2], _LONGEST_NAME), passages=passages)


def _products(given: Any, group: str = "") -> Iterator[tuple[str, Mapping[str, str]]]:
    """Every product, as "product" or "group/product"."""
    for name, entry in given.items() if isinstance(given, Mapping) else ():
        path = f"{group}/{_plain(name)}".strip("/")
        if isinstance(entry, Mapping) and entry and all(isinstance(text, str) for text in entry.values()):
            yield path, entry
        elif not group:
            yield from _products(entry, path)


def _passages(product: Mapping[str, str]) -> Iterator[Passage]:
    for kind, text in list(product.items())[:MAX_KINDS]:
        plain = " ".join(_HEADING.sub(" ", text[:_LONGEST_TEXT]).split())
        for sentence in sentences(plain):
            said = quotable(sentence.rstrip("."), _LONGEST_SENTENCE)
            yield Passage(kind=quotable(_plain(kind), _LONGEST_NAME), text=said)


def _plain(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").split())


def add_knowledge(ledger: Ledger, knowledge: Knowledge) -> Evidence:
    """Keep it as evidence of kind "knowledge", so that it can be cited."""
    said = vocabulary("knowledge")["said"]
    return ledger.add(
        tool="knowledge",
        kind="knowledge",
        arguments=knowledge.model_dump(mode="json"),
        statement=said["kept"].format(thing=knowledge.thing, kinds=listed_kinds(knowledge)),
        quantities=(Quantity(name="kinds", value=len(knowledge.defects)),),
    )


def listed_kinds(knowledge: Knowledge) -> str:
    """The kinds of defect, quoted; those after the tenth are left out."""
    kinds = [f'"{kind}"' for kind in knowledge.defects[:10]]
    return listed(kinds) if kinds else "none"


def knowledge_of(ledger: Ledger) -> Knowledge | None:
    """What was kept."""
    kept = next((entry for entry in ledger if entry.tool == "knowledge"), None)
    return Knowledge.model_validate(kept.arguments) if kept else None
