"""Models as artifacts, small, of a tokeniser that has learnt words of several scripts."""

import json
from functools import cache

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from tests.support.trainers import trainer

from bedstone.config import Config
from bedstone.counting.shape import ModelConfig
from bedstone.evaluation.bits import SCHEMA
from bedstone.model import hugging_face
from bedstone.model.transformer import Transformer
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.stage import Result, Stage
from bedstone.text.encoder import SPECIAL_TOKENS, Encoder
from bedstone.tokenizer.learning.vocabulary import transformers_config, untrained
from bedstone.tokenizer.train import TrainConfig
from bedstone.training.threads import using_threads

TEXTS = (
    "All human beings are born free and equal in dignity and rights, said 30 articles in 1948.",
    "Todos los seres humanos nacen libres e iguales en dignidad y derechos (1948).",
    "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
    "Все люди рождаются свободными и равными в своем достоинстве и правах.",
    "همهٔ افراد بشر آزاد به دنیا می‌آیند و حیثیت و حقوق‌شان با هم برابر است.",
    "人人生而自由,在尊严和权利上一律平等。",
    "పూర్వజన్మ లేదు. అందరూ స్వతంత్రులుగా పుట్టారు.",
    "def free(x):\n    return  x and  all(x and a for a in x) + 12",
)
HEAD = 12
"""Of a text, so many characters are what is asked."""
METRICS = {"loss_nats": 2.125, "train_tokens": 12_345, "parameters_total": 0}
BITS = {
    "held_out_bits_per_byte": 1.75,
    "held_out_bits_per_byte_low": 1.5,
    "held_out_bits_per_byte_high": 2.0,
    "held_out_documents": 77,
    "languages": 1,
}


class Seeds(Config):
    """Some decisions."""

    init_seed: int = 41
    order_seed: int = 42
    note: str = "plain"


def tokenizer_files(vocab_size=420):
    """What a tokeniser that is trained on the texts says in its two files."""
    made = untrained()
    made.train_from_iterator(TEXTS * 3, trainer(TrainConfig(vocab_size=vocab_size)))
    return {"tokenizer.json": json.loads(made.to_str())} | {
        "tokenizer_config.json": transformers_config()
    }


def learn(model, encoder, steps):
    """Teach how each text goes on, as a text and as an answer, until it is known by heart."""
    end, user, assistant = (encoder.special[name] for name in SPECIAL_TOKENS)
    sequences = []
    for text in TEXTS:
        head, tail = encoder.encode(text[:HEAD]), encoder.encode(text[HEAD:])
        sequences += [[end, *head, *tail, end], [user, *head, assistant, *tail, end]]
    length = max(map(len, sequences))
    tokens = torch.tensor([each + [end] * (length - len(each)) for each in sequences])
    told = torch.tensor([[1.0] * len(each) + [0.0] * (length - len(each)) for each in sequences])
    weights = told[:, 1:] / told.sum()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(steps):
        optimizer.zero_grad()
        model.loss(tokens[:, :-1], tokens[:, 1:], weights).backward()
        optimizer.step()


@cache
def files_and_model(steps, shape):
    """A tokeniser's files, and a model whose every part matters, after so many steps."""
    files = tokenizer_files()
    encoder = Encoder.of(files["tokenizer.json"])
    sizes = {"n_layers": 2, "d_model": 32, "n_heads": 4, "n_kv_heads": 2, "d_ff": 48}
    sizes |= {"vocab_size": encoder.vocab_size, "seq_len": 128, **json.loads(shape)}
    torch.manual_seed(0)
    model = Transformer(ModelConfig(**sizes))
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.3)
    with using_threads(1):
        learn(model, encoder, steps)
    return files, model


def write_model(config, job, steps=0, shape="{}"):
    """A model's folder; ``shape`` is JSON of what is another than usual."""
    files, model = files_and_model(steps, shape)
    hugging_face.save(model, job.part, end_token=0)
    for name, values in files.items():
        with job.part(name) as path:
            path.write_text(json.dumps(values), "utf-8")
    curve = {"train_tokens": [6_000, 12_345], "loss_nats": [3.0, 2.125]}
    with job.part("loss.parquet") as path:
        pq.write_table(pa.table(curve), path)
    return Result(METRICS)


def write_bits(config, job):
    """One language's."""
    row = dict.fromkeys(SCHEMA.names, 1.0) | {"language": "tel_Telu", "bits_per_byte": 1.75}
    with job.part("languages.parquet") as path:
        pq.write_table(pa.Table.from_pylist([row], SCHEMA), path)
    return Result(BITS)


def made(store, stage, run=write_model, note="plain", **parents):
    """What a stage of that name would have made."""
    made_by = Stage(stage, version=1, config=Seeds, inputs=tuple(parents), run=run)
    return build(made_by, Seeds(note=note), parents, store, Local())
