"""The sentence model against transformers' own implementation."""

import pytest

from xad_agent.llm.sentences import embed


@pytest.mark.data
def test_embeddings_are_those_of_the_published_model():
    """Against transformers' tokenizer and model used directly, one sentence at a time."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    from xad_agent import weights

    folder = weights.path("minilm-l6")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder)
    sentences = ["Where is it?", "A much longer sentence, so that the batch has padding in it."]
    for sentence, ours in zip(sentences, embed(sentences), strict=True):
        with torch.no_grad():
            hidden = model(**tokenizer(sentence, return_tensors="pt")).last_hidden_state[0].mean(0)
        theirs = torch.nn.functional.normalize(hidden, dim=0).numpy()
        assert abs(theirs - ours).max() < 1e-5
