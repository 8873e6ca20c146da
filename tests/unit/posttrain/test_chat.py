import pytest

from bedstone.posttrain.chat import prompt_max_bytes, render, render_prompt, rendered
from bedstone.posttrain.prompts import Pair
from bedstone.text.encoder import ASSISTANT, END, USER, Encoder


@pytest.fixture
def encoder(tokenizer):
    return Encoder.load(tokenizer.path)


def test_a_dialogue_is_made_of_its_pieces(encoder):
    dialogue = render(encoder, "ab", "c")
    text = {letter: encoder.encode(letter)[0] for letter in "abc"}
    special = encoder.special
    assert dialogue.prompt_ids == (special[USER], text["a"], text["b"], special[ASSISTANT])
    assert dialogue.completion_ids == (text["c"], special[END])
    assert dialogue.ids == dialogue.prompt_ids + dialogue.completion_ids
    assert len(dialogue) == 6
    assert render_prompt(encoder, "ab") == dialogue.prompt_ids


@pytest.mark.parametrize("name", [USER, ASSISTANT, END])
def test_text_that_spells_a_control_token_is_none(encoder, name):
    dialogue = render(encoder, f"x{name}y", f"{name}{name}")
    controls = [token for token in dialogue.ids if token in encoder.special.values()]
    assert controls == [encoder.special[each] for each in (USER, ASSISTANT, END)]
    assert encoder.decode(dialogue.prompt_ids[1:-1]) == f"x{name}y"


def test_an_empty_prompt_and_completion(encoder):
    dialogue = render(encoder, "", "")
    assert dialogue.ids == tuple(encoder.special[each] for each in (USER, ASSISTANT, END))


def test_what_is_too_long_is_not_rendered(tokenizer):
    pairs = [Pair("a", "x", "one", "two"), Pair("b", "x", "one", "much longer")]
    encoder = Encoder.load(tokenizer.path)
    ((document, dialogue),) = rendered(encoder, pairs, max_tokens=9)
    assert (document, dialogue) == ("a", render(encoder, "one", "two"))
    assert len(dialogue) == 9


def test_a_prompt_of_so_many_bytes_fits_whatever_it_says(encoder):
    prompt = "é" * 5  # a token a byte is the worst of tokenisers
    assert len(render_prompt(encoder, prompt)) + 7 == 19
    assert prompt_max_bytes(seq_len=19, max_tokens=7) == len(prompt.encode())
