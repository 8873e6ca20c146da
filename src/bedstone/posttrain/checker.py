"""The property that post-training is to strengthen: an answer that ends, as a sentence, in time.

It is judged by code from the completion alone, and so exactly, where helpfulness could only be
guessed at. It says nothing of what the sentence says.
"""

from bedstone.text.sentences import ends_as_sentence

MIN_CHARACTERS = 20
"""A word and a full stop is the cheapest way to end as a sentence, and no answer. As short as the
shortest completions of ``posttrain.pairs``."""


def holds(text: str, *, ended: bool) -> bool:
    """Whether the completion ``text`` has the property.

    Args:
        text: decoded, without control tokens.
        ended: whether the model closed it by itself within the length that it was allowed.
    """
    return ended and len(text.strip()) >= MIN_CHARACTERS and ends_as_sentence(text)
