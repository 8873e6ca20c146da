"""What it costs to score items of four choices: Bedstone against lm-evaluation-harness.

    python benchmarks/evaluation.py [--shapes 3M] [--items 10000] [--of-passage 1] [--rounds 1]

Both sides hold the same random weights in fp32, as a folder in Hugging Face's layout, and get the
same texts: sentences of this repository's documents as prompts, pieces of other sentences as
choices. The harness is its ``hf`` model with batches of 32 rows; it is given texts and gives
log-likelihoods, with no task around it. Bedstone scores each choice behind nothing too, which the
harness is not asked for. Times are CPU seconds of one thread, encoding included, the sides taking
turns; the median of the rounds, after one that is not counted. The log-likelihoods of the two are
equal, or the run stops.
"""

import argparse
import json
import random
import re
import sys
import tempfile
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from timing import cpu_seconds

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.support.trainers import trainer

from bedstone.counting.shape import ModelConfig
from bedstone.evaluation.likelihoods.continuations import scored
from bedstone.generation.writer import Writer
from bedstone.model import hugging_face
from bedstone.model.transformer import Transformer
from bedstone.tasks.items import Item
from bedstone.text.encoder import END
from bedstone.tokenizer.learning.vocabulary import transformers_config, untrained
from bedstone.tokenizer.train import TrainConfig

SHAPES = {
    "3M": ModelConfig(
        vocab_size=8_192, n_layers=4, d_model=192, n_heads=6, n_kv_heads=3, d_ff=512, seq_len=512
    ),
    "135M": ModelConfig(
        vocab_size=49_152,
        n_layers=30,
        d_model=576,
        n_heads=9,
        n_kv_heads=3,
        d_ff=1_536,
        seq_len=2_048,
    ),
}
"""The last is the shape of SmolLM2-135M."""
BATCH_ROWS = 32
COMPARED_ITEMS = 100
TOLERANCE_NATS = 1e-3
PROMPT_SENTENCES, CHOICE_WORDS = (1, 5), (1, 9)
"""From and to."""
DOCUMENTS = Path(__file__).parents[1] / "docs"


def sentences() -> list[str]:
    text = "\n".join(path.read_text("utf-8") for path in sorted(DOCUMENTS.rglob("*.md")))
    found = [" ".join(each.split()) for each in re.split(r"(?<=[.:])\s+", text)]
    # The harness reads a control token where a text spells one.
    return [each for each in found if 30 < len(each) < 400 and "<|" not in each]


def items(count: int, of_passage: int) -> list[Item]:
    dice, told = random.Random(0), sentences()

    def piece() -> str:
        words = dice.choice(told).split()
        return " ".join(words[: dice.randint(*CHOICE_WORDS)])

    found = []
    for number in range(count):
        if number % of_passage == 0:
            passage = " ".join(dice.choices(told, k=dice.randint(*PROMPT_SENTENCES)))
        choices = tuple(piece() for _ in range(4))
        question = dice.choice(told)
        found.append(
            Item("made", str(number), "eng_Latn", "acc", passage, question, choices=choices)
        )
    return found


def write(folder: Path, shape: ModelConfig) -> None:
    torch.manual_seed(0)
    hugging_face.save(Transformer(shape), lambda name: nullcontext(folder / name), end_token=0)
    made = untrained()
    made.train_from_iterator(sentences(), trainer(TrainConfig(vocab_size=8_192)))
    made.save(str(folder / "tokenizer.json"))
    # The harness puts the token before a text that it knows as a beginning.
    config = transformers_config() | {"bos_token": END}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def by_harness(model: HFLM, given: list[Item]) -> list[float]:
    requests = [
        Instance("loglikelihood", {}, (item.prompt, item.delimiter + choice), number)
        for item in given
        for number, choice in enumerate(item.choices)
    ]
    return [told for told, _ in model.loglikelihood(requests, disable_tqdm=True)]


def by_bedstone(writer: Writer, given: list[Item]) -> list[float]:
    return [row["logprob"] for row in scored(writer, given)]


def measure(name: str, given: list[Item], rounds: int) -> None:
    with tempfile.TemporaryDirectory() as top:
        write(Path(top), SHAPES[name])
        harness = HFLM(
            top, device="cpu", dtype="float32", batch_size=BATCH_ROWS, add_bos_token=True
        )
        writer = Writer.load(Path(top), "fp32")
    sides = {"harness": partial(by_harness, harness), "bedstone": partial(by_bedstone, writer)}
    told = [call(given[:COMPARED_ITEMS]) for call in sides.values()]
    apart = max(abs(one - other) for one, other in zip(*told, strict=True))
    assert apart < TOLERANCE_NATS, f"they are {apart} nats apart"
    cost = cpu_seconds({side: partial(call, given) for side, call in sides.items()}, rounds)
    print(
        f"{name}, {len(given):,} items: harness {cost['harness']:.1f} s, bedstone "
        f"{cost['bedstone']:.1f} s, {cost['harness'] / cost['bedstone']:.2f} times as fast; "
        f"at most {apart:.1e} nats apart"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shapes", default="3M")
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--of-passage", type=int, default=1, help="items that share a passage")
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(1)
    for name in given.shapes.split(","):
        measure(name, items(given.items, given.of_passage), given.rounds)


if __name__ == "__main__":
    main()
