"""What answers and what looks, as a person chooses it."""

from pathlib import Path

import pytest

from tests.app.conftest import Open, ask

pytestmark = [pytest.mark.data, pytest.mark.browser]
KEY = "sk-of-nobody"


def test_another_model_is_chosen_with_a_key_and_left_again(app: str, open_page: Open, screws: Path) -> None:
    page = open_page(app)
    page.get_by_role("tab", name="Models", exact=True).click()
    model, told = page.locator("#xad-llm input"), page.locator("#xad-models-told")
    assert model.input_value() == "embedded"
    page.get_by_text("What is here").click()
    page.get_by_role("region", name="Models that are known").get_by_text("xad models pull clip-l14-336").wait_for()

    model.fill("no-such-provider:x")
    page.get_by_role("button", name="Use these models").click()
    page.get_by_text("no-such-provider").last.wait_for()
    model.fill("openai:gpt-5")
    page.get_by_label("Key of its provider").fill(KEY)
    page.get_by_role("button", name="Use these models").click()
    told.get_by_text("openai:gpt-5").wait_for()
    assert page.get_by_label("Key of its provider").input_value() == ""
    page.reload()
    page.get_by_role("tab", name="Models", exact=True).click()
    page.wait_for_function("document.querySelector('#xad-llm input').value === 'openai:gpt-5'")
    assert KEY not in page.content()

    other = open_page(app)
    other.get_by_role("tab", name="Models", exact=True).click()
    other.wait_for_function("document.querySelector('#xad-llm input').value === 'embedded'")

    model.fill("embedded")
    page.get_by_role("button", name="Use these models").click()
    told.get_by_text("embedded answers").wait_for()
    page.get_by_role("tab", name="Ask", exact=True).click()
    ask(page, "Is it normal?", screws / "test" / "good" / "000.jpg")
    assert "embedded ·" in page.locator("#xad-conversation").inner_text()
