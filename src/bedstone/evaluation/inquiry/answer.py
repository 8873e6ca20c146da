"""What `bedstone evaluate` answers: of each suite, language, domain and detour."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

Share = float | Literal["unknown"] | None
"""Unknown where nobody could look for the items in the training text."""
Arm = Literal["direct", "in", "in_out", "self", "gold_in"]
"""To ask as it is; translated; and translated back; by the model itself; what people translated."""


class Measure(TypedDict):
    """A measured value, and how sure it is."""

    value: float | None
    low: float | None
    """95 %; null of too few items, or of equal ones."""
    high: float | None
    n: int | None
    """Items that are independent: passages, where items share one."""
    p: NotRequired[float | None]
    """Of no difference, where it is one."""
    p_adjusted: NotRequired[float | None]
    """Holm's, over the languages."""
    gains: NotRequired[int]
    """Items that are right here alone."""
    losses: NotRequired[int]
    detectable: NotRequired[float | None]
    """The least difference that so many items would tell in 80 of 100 tests."""


class Scored(TypedDict):
    """How good the model is, by the suite's metric."""

    score: float
    low: float | None
    high: float | None
    n: int
    """Items that are independent."""
    gap_to_english: Measure | None
    """Paired, on the same items."""
    bits_over_english: Measure | None
    """Of texts: bits for the same content."""


class EvaluatedLanguage(Scored):
    """How good the model is in a language, and what may go with it."""

    language: str
    name: str
    items: int
    rank: tuple[int, int] | None
    """The best and the worst that it may have, as far as languages are told apart."""
    chance: float | None
    longest_choice: float | None
    answer_only: float | None
    """Of the choice that is likeliest without the question."""
    exceeds_baselines: bool | None
    """Whether the score is surely above each of these three; null where there are none, or too few
    items."""
    seen_share: Share
    """Of the items that can be told, those that stand in the training text."""
    seen_answer_share: Share
    too_short_share: Share
    """Of all items, those that are too short to tell."""
    accuracy_clean: Measure | Literal["unknown"] | None
    """The score on items that do not stand there."""
    train_share: float | None
    """Of the tokens that the model was trained on; null where its mix is not known."""
    speakers_share: float | None
    """Of the world's people."""
    tokens: float
    """Of an item, read and drawn."""
    tokens_over_english: float | None
    """For the same content, by the model's own tokeniser; of an endpoint's answers with what its
    template puts around each, which brings it nearer to 1."""
    usd_per_1000_items: float | None
    """Null where no price is given."""
    seconds_per_item: float | None
    """That an endpoint took, where that is stored; of a model of this machine, at its pace."""
    measures: dict[str, Measure]
    """All that is measured: each way to take a choice, the score over each baseline, agreement,
    calibration, abstaining, the language of answers."""


class EvaluatedDomain(Scored):
    """The same of a domain."""

    domain: str
    language: str | None
    """Null: all."""


class WorstLanguage(TypedDict):
    """The worst language, beside the worst of as many that are equal."""

    language: str
    value: float
    pooled: float
    """The mean over all languages."""
    expected: float
    """Of the worst of equal ones."""
    low: float
    """Below it lies the worst of equal ones in 5 of 100 tests."""


class Detector(TypedDict):
    """How well what stands in the training text is found there."""

    planted: int
    """Copies of items."""
    found: int
    absent: int
    """Stretches that stand there once, as long as the items' questions."""
    false_alarms: int
    """Those found elsewhere."""


class EvaluatedSuite(TypedDict):
    """What a test says of the model."""

    name: str
    metric: str
    judged_from: Literal["scores", "answers"]
    """Whether choices are taken by their likelihood, or by the letter that is answered."""
    languages: list[EvaluatedLanguage]
    """The best first, of texts by bits over English; by name where nothing compares them."""
    domains: list[EvaluatedDomain]
    worst: WorstLanguage | None
    told_apart: list[dict[Literal["better", "worse"], str]] | None
    """Languages that differ beyond chance, Holm over all pairs."""
    correlations: dict[str, Measure]
    """Of the score, or of texts the bits over English, with ``train_share``, ``speakers_share`` and
    ``tokens_over_english``, of eight languages or more: Spearman's, no cause."""
    against: dict[str, Measure] | None
    """By how much it is above the other model in each language, on the same items."""
    detector: Detector | None
    """Null where nobody could look for the items in the training text."""
    warnings: list[str]


class AskedArm(TypedDict):
    """What came of asking one way."""

    score: float
    low: float | None
    high: float | None
    right_per_million_tokens: float | None
    waiting_seconds: float | None
    """Of an item."""


class DetourLanguage(TypedDict):
    """What the ways are worth in a language; items that failed on one are left out of all."""

    language: str
    items: int
    left_out: dict[str, int]
    """Arm -> items that failed."""
    arms: dict[Arm, AskedArm | None]
    language_gap: Measure | None
    """What people translated, less the direct way."""
    translation_loss: Measure | None
    """What people translated, less what the translator did."""
    detour_gain: Measure | None
    """What the translator did, less the direct way."""
    return_loss: Measure | None
    """Before the answer is translated back, less after."""
    round_gain: Measure | None
    """There and back, less the direct way."""
    self_gain: Measure | None
    """What the model itself translated, less the direct way."""
    calls: dict[Arm, float | None]
    """Of an item."""
    tokens: dict[Arm, float | None]
    recommendation: Literal["detour", "direct", "cannot tell"]


class DetourSuite(TypedDict):
    """A suite's languages."""

    name: str
    metric: str
    languages: list[DetourLanguage]


class Survived(Measure):
    """A share of what a text has that its translation has too."""

    by_people: float | None
    """The same of what people translated."""


class Detour(TypedDict):
    """What it is worth to translate, to answer, and to translate back."""

    pivot: str
    translator: str
    suites: list[DetourSuite]
    survival: dict[str, dict[str, Survived | float | None]]
    """Language -> numbers, names, addresses, negations, the language itself; and chrF++."""
    not_translated: dict[str, str]
    """Language -> why."""


class DetourCost(TypedDict):
    """What a detour would ask besides, as far as it is not stored."""

    items: int
    """Translated ones that the model is asked."""
    calls: dict[Literal["translator", "self"], int]
    """Of the translator, and of the model as one; not those that translate answers back."""
    prompt_tokens_at_most: int
    """Of calls to translate, as the next ones; a token a byte."""
    completion_tokens_at_most: int
    seconds_about: float | None
    """Of the model as translator, at the pace measured here; null for an endpoint."""
    usd_at_most: float
