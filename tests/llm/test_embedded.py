"""How the embedded model connects statements; its language model is replaced."""

import pytest

from xad_agent.evidence import Ledger
from xad_agent.llm import embedded
from xad_agent.llm.embedded import connect


@pytest.mark.parametrize(("tools", "led"), [(("score", "measure"), True), (("track", "measure"), False)])
def test_leads_refer_to_the_verdict(monkeypatch: pytest.MonkeyPatch, tools: tuple[str, ...], led: bool) -> None:
    monkeypatch.setattr(embedded, "_complete", lambda text, options: options.split(" | ")[-1].strip('"'))
    ledger = Ledger()
    evidence = [ledger.add(tool=tool, statement=f"It is what {tool} says.") for tool in tools]
    texts = [claim["text"] for claim in connect(evidence, plain=False)]
    assert texts[1] == ("The reason: it is what measure says." if led else "It is what measure says.")
    assert [claim["text"] for claim in connect(evidence, plain=True)] == [entry.statement for entry in evidence]
