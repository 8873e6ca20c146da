"""What an endpoint does with what it is asked.

Only behaviour counts: an error that does not come proves nothing.

Texts are compared by the characters with which both begin alike, as a share of the longer. Two
texts of temperature 0 have a share near 1; one of them and one of temperature 1.5 a share near 0,
and the bar between equal and different lies midway. So it holds too where greedy texts drift
apart late, as they do on servers that batch. Two different draws of an honest server pass the bar
by chance if they agree on half of a text of ``TOKENS`` tokens: with 1 nat a token that is
exp(-24), and chat models, surer of how they begin, have the room that the bar measures.

Counts are held against log-probabilities by Chernoff's bound (Hoeffding 1963, theorem 1): a verdict
against a server that draws by its own numbers is false in less than ``FALSE_VERDICT`` of probes.

What is found of penalties is that they have an effect, not that they count what ours count.
``logit_bias`` is not asked: its tokens are those of a tokeniser that an endpoint does not show.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, combinations, takewhile
from statistics import fmean
from typing import Any

from bedstone.errors import DataError
from bedstone.sampling.endpoints.client import Endpoint, Refused
from bedstone.sampling.endpoints.findings import Finding, Findings, Verdict, Whose
from bedstone.sampling.endpoints.openai_api import CHOICES, WITHOUT_EFFECT, Choice, Reply, Token

PROMPT = "Write a list of one hundred unusual words, picked at random, separated by commas:\n"
TOKENS = 48
"""Of a text that is compared."""
FEW_TOKENS = 12
HOT = 1.5
HOTTEST = 2.0
"""The API takes no more."""
COOL = 0.5
"""What it lists for the first place is compared with that of temperature 1."""
STOP_CHARACTERS = 6
DRAWS = 4
"""Texts that should all differ."""
CLEAR_SHARE = 0.4
"""By how much the shares of equal and of different texts lie apart where a temperature acts."""
LISTED = {True: 20, False: 5}
"""Log-probabilities of one place: what OpenAI gives at most, of chats and of texts."""
TOLERANCE_NATS = 0.1
"""Between two answers: rounding depends on what a server computes together."""
TOLERANCE_SHARE = 0.1
ROUNDING = 1e-3
TINY = 1e-9
UNLIKELY_NATS = -10.0
"""Where a server's own rounding may hide as much."""
FALSE_VERDICT = 1e-4
NUCLEUS = 0.5
STRICTEST = {"top_p": 0.001, "top_k": 1, "min_p": 1.0}
"""Values that leave the likeliest token alone."""
PENALTIES = {"repetition_penalty": 1.8, "frequency_penalty": 2.0, "presence_penalty": 2.0}
"""Values that change a greedy list; of the last this is not sure."""
NO_GREEDY = "no text is known to be greedy"

Said = tuple[Verdict, str]


def probe(endpoint: Endpoint) -> Findings:
    """What the endpoint does, by some thirty requests of up to ``TOKENS`` tokens.

    The features: ``seed``; ``redraw`` (requests with different seeds give different texts);
    ``n``; ``temperature``; ``max_tokens``; ``stop``; ``top_p``, ``top_k``, ``min_p``; the three
    penalties; ``logprobs``; ``untruncated`` (unlikely tokens come as often as they should where
    nothing cuts them off); ``order`` (the temperature acts before top_p);
    of texts ``echo`` (how likely a given text's tokens are is told).

    Raises:
        BedstoneError: the endpoint cannot be asked at all.
    """
    return _Probe(endpoint).findings()


@dataclass
class _Probe:
    """The features one after another; later ones compare with the texts of earlier ones."""

    endpoint: Endpoint
    features: dict[str, Finding] = field(default_factory=dict)
    seed_refused: Refused | None = None
    heat: dict[str, Any] = field(default_factory=lambda: {"temperature": HOT})
    cold: list[Choice] = field(default_factory=list)
    hot: list[str] = field(default_factory=list)
    bar_share: float = 0.5
    """Texts that are alike by more are taken as equal."""
    logprobs_of: Whose | None = None
    drawn: list[Token] = field(default_factory=list)
    """At temperature 1, with what the endpoint listed in their places."""
    requests: int = 0
    tokens: int = 0
    """Spent since the last finding."""

    def findings(self) -> Findings:
        """All of them."""
        try:
            self.ask(seed=0, max_tokens=1)
        except Refused as error:
            self.seed_refused = error
            self.ask(max_tokens=1)  # what fails here is no feature
        checks: dict[str, Callable[[], Said]] = {
            "temperature": self.temperature,
            "redraw": self.redraw,
            "seed": self.seed,
            "n": self.choices,
            "max_tokens": self.max_tokens,
            "stop": self.stop,
            **{name: partial(self.strictest, name) for name in STRICTEST},
            **{name: partial(self.penalty, name) for name in PENALTIES},
            "logprobs": self.logprobs,
            "untruncated": self.untruncated,
            "order": self.order,
        }
        if not self.endpoint.chat:  # a chat repeats nothing
            checks["echo"] = self.echo
        for name, check in checks.items():
            try:
                verdict, seen = check()
            except Refused as error:
                verdict, seen = "refused", str(error)
            self.features[name] = Finding(verdict, seen, self.requests, self.tokens)
            self.requests = self.tokens = 0
        return Findings(self.features, self.logprobs_of)

    def ask(self, seed: int | None = None, listed: int | None = None, **sent: Any) -> Reply:
        """One request, counted."""
        if seed is not None and self.seed_refused is None:
            sent["seed"] = seed
        reply = self.endpoint.ask(PROMPT, {"max_tokens": TOKENS, **sent}, listed)
        self.requests += 1
        self.tokens += reply.prompt_tokens + reply.completion_tokens
        return reply

    def text(self, seed: int, **sent: Any) -> str:
        """One request's text."""
        return self.ask(seed, **sent).choices[0].text

    def honours(self, name: str) -> bool:
        """Whether it was found honoured."""
        return self.features[name].verdict == "honoured"

    def temperature(self) -> Said:
        """Texts of 0 agree with each other, whatever the seed, and not with hot ones."""
        try:
            self.hot = [self.text(seed, **self.heat) for seed in range(DRAWS)]
        except Refused:
            self.heat = {}
            self.hot = [self.text(seed) for seed in range(DRAWS)]
            raise
        self.cold = [self.ask(seed, temperature=0).choices[0] for seed in range(2)]
        equal = _share(*(choice.text for choice in self.cold))
        different = fmean(_share(choice.text, hot) for choice in self.cold for hot in self.hot)
        seen = f"texts of 0 begin alike for {equal:.0%}, of 0 and {HOT:g} for {different:.0%}"
        if equal - different < CLEAR_SHARE:
            return "ignored", seen
        self.bar_share = (equal + different) / 2
        return "honoured", seen

    def redraw(self) -> Said:
        """Hot texts of different seeds differ."""
        alike = max(_share(*pair) for pair in combinations(self.hot, 2))
        seen = f"{DRAWS} texts of different seeds begin alike for {alike:.0%} at most"
        return ("honoured" if alike < self.bar_share else "ignored"), seen

    def seed(self) -> Said:
        """A hot text comes again with its seed, and not with others."""
        if self.seed_refused is not None:
            raise self.seed_refused
        again = _share(self.hot[0], self.text(0, **self.heat))
        if again < self.bar_share:
            return "ignored", f"two texts of one seed begin alike for {again:.0%}"
        if not self.honours("redraw"):
            return "ignored", "the text is the same whatever the seed"
        return "honoured", f"a seed's text came again, alike for {again:.0%}; others' did not"

    def choices(self) -> Said:
        """As many texts as asked come, they differ, and their tokens are counted."""
        reply = self.ask(DRAWS, n=CHOICES, **self.heat)
        texts = [choice.text for choice in reply.choices]
        if len(texts) != CHOICES:
            return "ignored", f"{len(texts)} of {CHOICES} texts came"
        alike = max(_share(*pair) for pair in combinations(texts, 2))
        seen = f"{CHOICES} texts of one request begin alike for {alike:.0%} at most"
        if alike >= self.bar_share:
            return ("ignored" if self.honours("redraw") else "cannot tell"), seen
        if reply.completion_tokens <= TOKENS:  # llama.cpp counts the tokens of one
            return "cannot tell", f"{seen}, but only {reply.completion_tokens} tokens are counted"
        return "honoured", seen

    def max_tokens(self) -> Said:
        """A text of fewer tokens is shorter, by its characters too."""
        reply = self.ask(0, max_tokens=FEW_TOKENS, **self.heat)
        characters, most = len(reply.choices[0].text), max(map(len, self.hot))
        seen = (
            f"of at most {FEW_TOKENS} tokens came {reply.completion_tokens}, "
            f"{characters} characters; of at most {TOKENS} up to {most}"
        )
        if reply.completion_tokens > FEW_TOKENS:
            return "ignored", seen
        return ("honoured" if characters <= most / 2 else "cannot tell"), seen

    def stop(self) -> Said:
        """A text is cut off before a string from its middle."""
        whole = self.cold[0].text if self.honours("temperature") else ""
        if not whole:
            return "cannot tell", NO_GREEDY
        string = whole[len(whole) // 2 :][:STOP_CHARACTERS]
        choice = self.ask(0, temperature=0, stop=[string]).choices[0]
        if string in choice.text:
            return "ignored", f"{string!r} stands in the text"
        expected = whole[: whole.index(string)]
        seen = f"the text ends {choice.text[-STOP_CHARACTERS:]!r}, before {string!r}"
        alike = _share(choice.text.strip(), expected.strip())
        if alike >= self.bar_share and choice.finish_reason == "stop":
            return "honoured", seen
        return "cannot tell", f"it is not the same text that came without: {seen}"

    def strictest(self, name: str) -> Said:
        """A hot text is a greedy one where only the likeliest token is left."""
        if not self.honours("temperature"):
            return "cannot tell", NO_GREEDY
        alike = _share(self.cold[0].text, self.text(1, temperature=HOT, **{name: STRICTEST[name]}))
        seen = f"a hot text with {name} {STRICTEST[name]:g} is alike the greedy one for {alike:.0%}"
        return ("honoured" if alike >= self.bar_share else "ignored"), seen

    def penalty(self, name: str) -> Said:
        """A greedy list, which repeats its commas, becomes another."""
        if not self.honours("temperature"):
            return "cannot tell", NO_GREEDY
        alike = _share(self.cold[0].text, self.text(0, temperature=0, **{name: PENALTIES[name]}))
        seen = f"with {name} {PENALTIES[name]:g} the greedy text stays alike for {alike:.0%}"
        if alike < self.bar_share:
            return "honoured", seen
        return ("cannot tell" if name == "presence_penalty" else "ignored"), seen

    def logprobs(self) -> Said:
        """They are there, agree with each other, and with how often tokens are drawn."""
        if not self.honours("temperature"):
            return ("cannot tell", NO_GREEDY) if self.listed(0) else ("ignored", "none come")
        cold = [self.listed(0, temperature=0) for _ in range(2)]
        draws = [self.listed(seed, temperature=1) for seed in range(DRAWS)]
        drawn = list(chain(*draws))
        if not (all(cold) and drawn):
            return "ignored", "none come"
        if not all(token.listed for token in chain(*cold, drawn)):
            return "cannot tell", "no other tokens are listed beside those of the text"
        fault = _fault([*chain(*cold), *drawn]) or _greedy_fault(*cold) or _misfit(drawn)
        if fault is not None:
            return "ignored", f"they are not the model's: {fault}"
        self.drawn = drawn
        self.logprobs_of = _whose(self.listed(0, temperature=COOL), draws)
        whose = "whose they are cannot be told"
        if self.logprobs_of is not None:
            whose = f"they are the {self.logprobs_of}'s"
        fit = f"the likeliest of {len(drawn)} tokens were drawn as often as they say"
        return "honoured", f"{fit}; {whose}"

    def listed(self, seed: int, **sent: Any) -> tuple[Token, ...]:
        """The tokens of a text that nothing is cut off from, as far as the endpoint lets us."""
        neutral = {name: WITHOUT_EFFECT[name] for name in STRICTEST if self.honours(name)}
        listed = LISTED[self.endpoint.chat]
        return self.ask(seed, listed, **{**neutral, **sent}).choices[0].tokens or ()

    def echo(self) -> Said:
        """A greedy text that is given is as likely as when it was drawn."""
        if self.logprobs_of != "model":
            return "cannot tell", "without log-probabilities of the model"
        drawn = self.listed(0, temperature=0)
        text = "".join(token.text for token in drawn)
        try:
            before, whole = map(self.endpoint.echo, (PROMPT, PROMPT + text))
        except DataError as error:
            return "ignored", f"none come: {error}"
        self.requests += 2
        self.tokens += len(before) + len(whole) + 2
        if not "".join(token.text for token in whole).endswith(PROMPT + text):
            return "ignored", "the tokens that come are not the text's"
        told = [token.logprob for token in whole[len(before) :] if token.logprob is not None]
        if len(told) != len(drawn):
            return "cannot tell", f"{len(drawn)} tokens were drawn, {len(told)} come of them"
        pairs = zip(drawn, told, strict=True)
        apart = fmean(abs(one.logprob - other) for one, other in pairs)
        seen = f"a text's tokens are {apart:.2f} nats from what they were when it was drawn"
        return ("honoured" if apart <= TOLERANCE_NATS else "ignored"), seen

    def untruncated(self) -> Said:
        """At temperature 1 tokens beyond those listed are drawn as often as is left for them."""
        if not self.drawn:
            return "cannot tell", "without log-probabilities that can be trusted"
        depth = min(LISTED[self.endpoint.chat], *(len(token.listed) for token in self.drawn))
        beyond = sum(token.logprob < token.listed[depth - 1][1] for token in self.drawn)
        expected = sum(max(1 - _mass(token.listed[:depth]), 0) for token in self.drawn)
        seen = (
            f"of {len(self.drawn)} drawn tokens {beyond} were none of the {depth} likeliest, "
            f"{expected:.1f} should be"
        )
        count = len(self.drawn)
        if beyond < expected and _chance(beyond, expected, count) < FALSE_VERDICT:
            return "ignored", seen
        return ("honoured" if _chance(0, expected, count) < FALSE_VERDICT else "cannot tell"), seen

    def order(self) -> Said:
        """At a high temperature tokens outside the model's nucleus are drawn if it acts first."""
        if not self.honours("top_p") or self.logprobs_of != "model":
            return "cannot tell", "without log-probabilities of the model"
        sent = {"temperature": HOTTEST, "top_p": NUCLEUS}
        drawn = [token for seed in range(DRAWS) for token in self.listed(seed, **sent)]
        depth = LISTED[self.endpoint.chat]
        outside = sum(map(_is_outside, drawn))
        expected = sum(_least_outside(token.listed[:depth]) for token in drawn)
        seen = (
            f"{outside} of {len(drawn)} tokens lie outside the model's nucleus of {NUCLEUS:g}, "
            f"{expected:.1f} or more should"
        )
        if outside:
            return "honoured", seen
        surely = drawn and _chance(0, expected, len(drawn)) < FALSE_VERDICT
        return ("ignored" if surely else "cannot tell"), seen


def _share(one: str, other: str) -> float:
    # Of the longer text, how much both begin with.
    longest = max(len(one), len(other))
    same = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return len(list(same)) / longest if longest else 1.0


def _mass(listed: Iterable[tuple[str, float]]) -> float:
    return sum(math.exp(min(logprob, 0)) for _, logprob in listed)  # a liar's may be any number


def _fault(tokens: Sequence[Token]) -> str | None:
    logprobs = [token.logprob for token in tokens]
    if max(logprobs) > ROUNDING or any(token.listed[0][1] > ROUNDING for token in tokens):
        return "one is above 0"
    if min(logprobs) == max(logprobs):
        return f"all are {logprobs[0]:g}"
    heaviest = max(_mass(token.listed) for token in tokens)
    if heaviest > 1 + ROUNDING:
        return f"the probabilities of one place add up to {heaviest:.3f}"
    return None


def _greedy_fault(one: Sequence[Token], other: Sequence[Token]) -> str | None:
    # Of two greedy texts, up to where they part.
    short = max(token.listed[0][1] - token.logprob for token in (*one, *other))
    if short > TOLERANCE_NATS:
        return f"a greedy token stands {short:.2f} nats below another"
    pairs = list(zip(one, other, strict=False))
    same = list(takewhile(lambda pair: pair[0].text == pair[1].text, pairs))
    apart = fmean(abs(first.logprob - second.logprob) for first, second in same) if same else 0
    if apart > TOLERANCE_NATS:
        return f"those of one greedy text differ by {apart:.2f} nats from call to call"
    return None


def _misfit(drawn: Sequence[Token]) -> str | None:
    # How often the likeliest token is drawn.
    seen = sum(token.logprob >= token.listed[0][1] for token in drawn)
    expected = sum(math.exp(token.listed[0][1]) for token in drawn)
    if _chance(seen, expected, len(drawn)) >= FALSE_VERDICT:
        return None
    return f"the likeliest of {len(drawn)} tokens was drawn {seen} times, they say {expected:.1f}"


def _chance(seen: int, expected: float, count: int) -> float:
    # Chernoff's bound of so many of a count or further from what is expected: by the divergence
    # of two Bernoulli distributions, which holds for trials of unequal probabilities too.
    share, mean = seen / count, min(max(expected / count, TINY), 1 - TINY)
    divergence_nats = share * math.log(share / mean) if share > 0 else 0.0
    divergence_nats += (1 - share) * math.log((1 - share) / (1 - mean)) if share < 1 else 0.0
    return math.exp(-count * divergence_nats)


def _whose(cool: Sequence[Token], draws: Sequence[Sequence[Token]]) -> Whose | None:
    # The first place at two temperatures: the model's gaps stay, the chain's shrink with the heat.
    for one, other in (
        (dict(cool[0].listed), dict(draw[0].listed)) for draw in draws if draw and cool
    ):
        first, *rest = [text for text in one if text in other] or [""]
        gap = sum(one[first] - one[text] for text in rest)
        other_gap = sum(other[first] - other[text] for text in rest)
        if min(gap, other_gap) < TOLERANCE_NATS:
            continue
        ratio = gap / other_gap
        if abs(ratio - 1) < TOLERANCE_SHARE:
            return "model"
        if abs(ratio * COOL - 1) < TOLERANCE_SHARE:
            return "chain"
    return None


def _is_outside(token: Token) -> bool:
    likelier = [(text, logprob) for text, logprob in token.listed if logprob > token.logprob]
    return _mass(likelier) > NUCLEUS + ROUNDING


def _least_outside(listed: Sequence[tuple[str, float]]) -> float:
    # A lower bound of that one's probability if the temperature acts first: what is drawn from then
    # weighs NUCLEUS of all or more. Tokens that are not listed weigh least if they are as few as
    # can be, each as likely as the last one listed or likelier.
    logprobs = [min(logprob, 0) for _, logprob in listed]
    before = [math.fsum(map(math.exp, logprobs[:place])) for place in range(len(listed) + 1)]
    if before[-1] <= NUCLEUS:
        return 0.0
    hot = [math.exp(logprob / HOTTEST) for logprob in logprobs]
    inside = sum(weight for weight, mass in zip(hot, before, strict=False) if mass <= NUCLEUS)
    last = max(logprobs[-1], UNLIKELY_NATS)
    rest = max(1 - before[-1], 0) * math.exp(last / HOTTEST - last)
    return max(1 - inside / (NUCLEUS * (sum(hot) + rest)), 0.0)
