"""Whom `bedstone strategies` asks, and what is drawn for it.

All completions are artifacts of sampling.answers, in blocks of problems by samples: more of either
leaves what there is as it is, and what is stored is never drawn again. So no more samples are drawn
than are asked for, and a block is cut where earlier ones were: 2 samples and later 16 are blocks of
2, 6 and 8.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain as joined
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bedstone.errors import ConfigError
from bedstone.generation.chain import parse
from bedstone.generation.foresight import Draws, Foreseen, Known
from bedstone.generation.writer import folder_of, loaded, shape_of
from bedstone.progress import Progress
from bedstone.sampling import answers, latency, rewards
from bedstone.sampling.choosing.evidence import Reader
from bedstone.sampling.choosing.pace import Pace
from bedstone.sampling.choosing.ranking import GREEDY, TaskEvidence, numbers
from bedstone.sampling.contest.questions import BLOCK_PROBLEMS, Asked, Questions, questions_of
from bedstone.sampling.endpoints.findings import Findings
from bedstone.sampling.endpoints.openai_api import CHOICES, RemoteDrawing, obstacles
from bedstone.sampling.source import Source
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact
from bedstone.store.engine import Local
from bedstone.store.making import Making
from bedstone.tasks.waits import timed

STAGE = "sampling.answers"
BLOCK_SAMPLES = 8
"""At most, of a problem: no block reaches over a multiple."""


@dataclass(frozen=True, slots=True)
class Block:
    """Some samples of some of a task's problems: a request of sampling.answers."""

    config: Mapping[str, Any]
    inputs: Mapping[str, Artifact]

    def made(self, making: Making) -> Artifact:
        """Drawn now, or before."""
        return making.build(STAGE, self.config, **self.inputs)

    def is_made(self, making: Making) -> bool:
        """Whether it is stored."""
        return making.is_stored(STAGE, self.config, **self.inputs)

    def of(self, first: int, samples: int) -> "Block":
        """The same of other samples."""
        return replace(self, config={**self.config, "first_sample": first, "samples": samples})

    def parts(self, making: Making) -> Iterator["Block"]:
        """Blocks that hold its samples one after another: of stored ones the longest, and new ones.

        The last may hold more, if it is stored.
        """
        first, samples = 0, self.config["samples"]
        while first < samples:
            longest = BLOCK_SAMPLES - first % BLOCK_SAMPLES
            wanted = self.of(first, min(longest, samples - first))
            parts = (self.of(first, size) for size in range(longest, 0, -1))
            part = next((each for each in parts if each.is_made(making)), wanted)
            yield part
            first += part.config["samples"]

    @property
    def completions(self) -> int:
        """That it holds."""
        return int(self.config["problems"] * self.config["samples"])

    def prompts(self, questions: Questions) -> list[str]:
        """That it asks."""
        names = ("first_problem", "problems", "paraphrase")
        return questions.prompts(*(self.config[name] for name in names))


@dataclass(frozen=True, slots=True)
class Contest:
    """A source, what it is asked, and how."""

    source: Source
    asked: Asked
    making: Making
    families: Mapping[str, str]
    questions: Sequence[Questions]
    reward: Artifact | None
    """An aligned model that judges the answers."""

    def draws(self, questions: Questions) -> dict[tuple[str, int], list[Block]]:
        """All blocks of a task, by chain and wording: the first of all chains, others of greedy."""
        wordings = range(min(self.asked.paraphrases, questions.wordings))
        wanted = [(GREEDY, number) for number in wordings]
        wanted += [(chain, 0) for chain in self.families]
        return {each: self._blocks(questions, *each) for each in wanted}

    def _blocks(self, questions: Questions, chain: str, wording: int) -> list[Block]:
        asked, task, there = self.asked, questions.task, len(questions.problems)
        shared = {
            "task": "" if questions.file else task.name,
            "chain": chain,
            "samples": 1 if chain == GREEDY else asked.samples,
            "paraphrase": wording,
            "max_tokens": asked.max_tokens,
            "chat": not asked.plain,
            "constrained": asked.constrain and task.schema is not None,
            **asked.how,
            "threads": 1,  # workers share the blocks, and change no request
            "ends": self.source.ends,
            "seed": asked.seed,
        }
        inputs = dict(self.source.inputs)
        if questions.file is not None:
            inputs["questions"] = questions.file
        blocks: list[Block] = []
        for first in range(0, there, BLOCK_PROBLEMS):
            count = min(BLOCK_PROBLEMS, there - first)
            whole = Block(shared | {"first_problem": first, "problems": count}, inputs)
            blocks += whole.parts(self.making)
        return blocks

    def blocks(self) -> Iterator[tuple[Questions, Block]]:
        """All that is drawn."""
        for questions in self.questions:
            for blocks in self.draws(questions).values():
                yield from ((questions, block) for block in blocks)

    def missing(self) -> list[tuple[Questions, Block]]:
        """What is not stored yet."""
        return [each for each in self.blocks() if not each[1].is_made(self.making)]

    def prompt_ids(self, blocks: Sequence[tuple[Questions, Block]]) -> list[list[list[int]]]:
        """The tokens of each block's prompts to a model of this machine.

        Raises:
            ConfigError: one is too long for the model.
        """
        if not blocks:
            return []
        writer = loaded(folder_of(self.source.inputs["model"]), **self.asked.how)
        prompts = [block.prompts(questions) for questions, block in blocks]
        different = list(dict.fromkeys(joined.from_iterable(prompts)))
        ids = writer.prompt_ids(different, chat=not self.asked.plain)
        ids_of = dict(zip(different, ids, strict=True))
        longest = max(different, key=lambda prompt: len(ids_of[prompt]))
        place = next(place for place, each in enumerate(prompts) if longest in each)
        problem = blocks[place][0].problem_of(longest)
        writer.refuse_longer([ids_of[longest]], self.asked.max_tokens, f"{problem.id}: ")
        return [[ids_of[prompt] for prompt in each] for each in prompts]

    def evidence(self, questions: Questions, drawn: Callable[[int], None]) -> TaskEvidence:
        """What the answers to a task say; what is missing is drawn.

        Args:
            questions: of the task.
            drawn: called with a number of completions that are there.
        """
        problems = questions.problems[: questions.count]
        reader = Reader(questions.task, problems, self.paces())
        found, draws = {}, self.draws(questions)
        blocks = list(joined.from_iterable(draws.values()))
        missing = [block for block in blocks if not block.is_made(self.making)]
        stored = sum(block.completions for block in blocks)
        drawn(stored - sum(block.completions for block in missing))
        for completions in self.making.engine.map(partial(_drawn, self.making.store), missing):
            drawn(completions)
        for (chain, wording), blocks in draws.items():
            samples = 1 if chain == GREEDY else self.asked.samples
            table = pa.concat_tables(map(self._rows, blocks))
            found[chain, wording] = reader.read(table, samples)
        return TaskEvidence(
            questions.task.name,
            [problem.id for problem in problems],
            {chain: each for (chain, wording), each in found.items() if wording == 0},
            tuple(each for (chain, _), each in found.items() if chain == GREEDY),
        )

    def _rows(self, block: Block) -> pa.Table:
        """The answers of a block, with their rewards if there is a model that gives them."""
        made = block.made(self.making)
        made.verify()  # what is judged here may have been drawn long ago
        if self.reward is None or block.config["chain"] == GREEDY:
            return timed(made)
        config = {"chat": not self.asked.plain, **self.asked.how}
        judged = self.making.build(rewards.STAGE.name, config, answers=made, model=self.reward)
        column = pq.read_table(judged.file(rewards.FILE))["reward"]
        return timed(made).append_column("reward", column)

    def paces(self) -> dict[int, Pace] | None:
        """How long a model of this machine takes for so many samples of one prompt, each measured.

        Of an endpoint nothing: its answers tell how long they took.
        """
        if self.source.path is None:
            return None
        paces = {1: self.pace(1)}
        for samples in numbers(self.asked.samples):
            *_, fewer = paces.values()
            paces[samples] = self.pace(samples).no_faster_than(fewer)
        return paces

    def pace(self, samples: int) -> Pace:
        """Of a model of this machine; measured now, or before."""
        config = {"samples": samples, **self.asked.how}
        made = self.making.build("sampling.latency", config, model=self.source.inputs["model"])
        return Pace.read(made)


def _drawn(store: Path, block: Block) -> int:
    """Draw a block, in whatever process; how many completions it holds."""
    block.made(Making(store, Local(), Progress()))
    return block.completions


def contest(
    model: str, path: Path | None, name: str | None, asked: Asked, making: Making
) -> tuple[Contest, dict[str, list[str]]]:
    """Who is asked what, and the chains that an endpoint cannot apply with the reasons.

    Args:
        model: the endpoint's URL, if there is no ``path``.
        path: of a model on this machine.
        name: of the model at the endpoint.
        asked: what is compared.
        making: where answers are stored.

    Raises:
        ConfigError: an option cannot be used, a prompt is too long for the model, or the endpoint
            cannot even draw greedily; or the reward's model is none of this one's.
    """
    asked.refuse_unusable(is_url=path is None, name=name)
    families = asked.families
    seq_len = None if path is None else shape_of(path).seq_len
    questions = questions_of(asked, making.store, seq_len)
    reward = None if asked.reward is None else adopt([asked.reward], making.store)
    for each in questions:
        if each.count < asked.problems:
            making.progress.named(each.task.name).say(f"has {each.count} problems to ask, no more")
    quiet = replace(making, progress=Progress())  # hundreds of blocks: they are counted, not told
    if path is not None:
        source = Source.of_path(path, making.store)
        if reward is not None:
            _refuse_stranger(reward, source.inputs["model"], asked)
        held = Contest(source, asked, quiet, families, questions, reward)
        held.prompt_ids(held.missing())  # too long a prompt is refused before anything is drawn
        return held, {}
    assert name is not None
    source = Source.of_url(model, name, making, chat=not asked.plain)
    assert source.probed is not None
    findings = Findings.read(source.probed)
    hindered = _hindered(findings, (GREEDY, *families), asked)
    if GREEDY in hindered:
        raise ConfigError(f"{model} cannot be compared: {'; '.join(hindered[GREEDY])}")
    # What hinders one chain of a family hinders all: a chain's values make no difference to it.
    usable = {chain: family for chain, family in families.items() if chain not in hindered}
    if not usable:
        told = "; ".join(f"{chain}: {', '.join(each)}" for chain, each in hindered.items())
        raise ConfigError(f"{model} can apply none of the chains: {told}")
    together = CHOICES if findings.honours("n") else 1
    prices = asked.prices._replace(samples_of_request=together)
    asked = replace(asked, prices=prices)
    return Contest(source, asked, quiet, usable, questions, reward), hindered


def foreseen(asked: Asked, known: Known) -> Foreseen:
    """What a model of this machine draws of the problems that it is given."""
    shared = {"max_tokens": asked.max_tokens, "seed": asked.seed}
    whole = answers.AnswersConfig(problems=asked.problems, **shared)
    problems = answers.foresee(whole, known).rows
    draws = [
        Draws(latency.ROUNDS + 1, 1, 1, samples, latency.SHORT_PROMPT, latency.NEW_TOKENS + 2)
        for samples in (1, *numbers(asked.samples))
    ]
    for chain in (GREEDY, *asked.families):
        samples = 1 if chain == GREEDY else asked.samples
        size = {"problems": BLOCK_PROBLEMS, "samples": min(samples, BLOCK_SAMPLES)}
        block = answers.foresee(answers.AnswersConfig(chain=chain, **size, **shared), known)
        blocks = problems / block.rows * samples / size["samples"]
        draws += [
            replace(each, batches=each.batches * blocks, at_once=math.ceil(blocks))
            for each in block.draws
        ]
    return Foreseen(tuple(draws))


def _refuse_stranger(judge: Artifact, model: Artifact, asked: Asked) -> None:
    """Raises ConfigError where one model was not aligned from the other."""
    aligned, own = (loaded(folder_of(each), **asked.how) for each in (judge, model))
    if aligned.texts.token_bytes != own.texts.token_bytes:
        raise ConfigError(
            f"--reward {asked.reward} has another tokeniser than the model",
            hint="take the model that was aligned from the one that answers",
        )
    judging, judged = aligned.model.state_dict(), own.model.state_dict()
    if all(name in judged and part.equal(judged[name]) for name, part in judging.items()):
        raise ConfigError(
            f"--reward {asked.reward} is the model itself: it finds all answers equal"
        )


def _hindered(findings: Findings, chains: Sequence[str], asked: Asked) -> dict[str, list[str]]:
    hindered = {}
    for chain in chains:
        samples = 1 if chain == GREEDY else BLOCK_SAMPLES
        wanted = RemoteDrawing(parse(chain), samples, asked.max_tokens, asked.seed)
        if reasons := obstacles(wanted, findings):
            hindered[chain] = reasons
    return hindered
