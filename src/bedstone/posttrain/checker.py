"""The property that post-training is to strengthen: a completion ends by itself, as a sentence.

It is judged by code from the completion alone, and so exactly, where helpfulness could only be
guessed at. It says nothing of what the sentence says.
"""

from bedstone.posttrain.sentences import ends_as_sentence


def holds(text: str, *, ended: bool) -> bool:
    """Whether the completion ``text`` has the property.

    Args:
        text: decoded, without control tokens.
        ended: whether the model closed it by itself within the length that it was allowed.
    """
    return ended and ends_as_sentence(text)
