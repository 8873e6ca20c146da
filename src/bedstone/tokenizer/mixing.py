"""How much of each language: weights and budgets."""

from collections.abc import Mapping

FILE = "mix.json"
"""Where ``tokenizer.mix`` writes the weights."""


def even_budgets(sizes: Mapping[str, int], budget: int) -> dict[str, int]:
    """``budget`` shared out as evenly as the sizes allow; none gets more than it has.

    In ascending size each gets the lesser of what it has and an even share of what is left.
    Source: UniMax (Chung et al. 2023, arXiv:2304.09151) with one pass.
    """
    budgets = {}
    for position, (name, size) in enumerate(sorted(sizes.items(), key=lambda item: item[::-1])):
        budgets[name] = min(size, budget // (len(sizes) - position))
        budget -= budgets[name]
    return budgets


def temperature_weights(
    sizes: Mapping[str, int], temperature: float, max_repetition: float
) -> dict[str, float]:
    """The share of training that each language gets; they add up to 1.

    Proportional to size^(1/temperature): 1 gives each what it has, infinity gives all the same.
    A weight over the language's share of the size is its repetition: how often its text is seen
    while the whole is seen once. A language that would be repeated more than ``max_repetition``
    times gets that much, and the others share the rest.

    Args:
        sizes: each more than 0.
        temperature: at least 1.
        max_repetition: at least 1.

    Source: mT5 (Xue et al. 2021, arXiv:2010.11934), section 3.1, whose alpha is 1/temperature.
    Differs: the limit.
    """
    total = sum(sizes.values())
    limits = {name: max_repetition * size / total for name, size in sizes.items()}
    demands = {name: size ** (1 / temperature) for name, size in sizes.items()}
    weights: dict[str, float] = {}
    # The smaller a language, the more it would be repeated: once one is below its limit, all are.
    for name in sorted(sizes, key=lambda name: (sizes[name], name)):
        rest = 1 - sum(weights.values())
        waiting = sum(demand for other, demand in demands.items() if other not in weights)
        weights[name] = min(limits[name], rest * demands[name] / waiting)
    return {name: weights[name] for name in sizes}
