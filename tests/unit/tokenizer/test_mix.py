import json
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError
from tests.support.parts import Killed, killed

from bedstone.errors import ConfigError, DataError
from bedstone.pretrain.loader import Phase, read_phases, read_streams
from bedstone.progress import Progress
from bedstone.store import tables
from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.request import ask
from bedstone.text.encoder import FILE, Encoder
from bedstone.tokenizer import mix
from bedstone.tokenizer.mix import STAGE, MixConfig
from bedstone.tokenizer.mixing import usage

WITHOUT = ("nob_Latn", "und")
"""Leaves English and Hindi."""


def mixed(made, *roles, progress=None, held_out=None, **config):
    inputs = {role: getattr(made, role) for role in ("tokens", "held_out", *roles)}
    if held_out is not None:
        inputs["held_out"] = held_out
    return build(STAGE, MixConfig(**config), inputs, made.store, Local(), progress)


def whole(artifact, name="mix.json"):
    return json.loads(artifact.file(name).read_text())


def rows(artifact):
    return pq.read_table(artifact.file("documents.parquet")).to_pylist()


def languages(artifact):
    return whole(artifact)["languages"]


def test_documents_are_split_as_they_were_drawn(made, drawn):
    artifact = mixed(made, held_out=drawn)
    found = {row["id"]: row["split"] for row in rows(artifact)}
    assert len(found) == 53
    held_out = {"e00", "e01", "e02", "h00", "h01", "h02"}
    assert {name for name, split in found.items() if split == "held_out"} == held_out
    assert {name for name, split in found.items() if split == "left_out"} == {"e03", "e04", "h03"}
    assert artifact.manifest.metrics["held_out_languages"] == 2
    assert artifact.manifest.metrics["train_documents"] == 53 - 6 - 3


def test_what_is_held_out_is_of_the_same_documents(made, drawn, tmp_path):
    (tmp_path / "held_out").mkdir()
    for path in drawn.files:
        table = pq.read_table(path)
        pq.write_table(table.slice(1), tmp_path / "held_out" / path.name)
    other = adopt([tmp_path / "held_out"], tmp_path / "store")
    with pytest.raises(DataError, match="about other documents"):
        mixed(made, held_out=other)


def test_every_document_is_found_again_in_the_arrays(made, drawn):
    shards = made.tokens.shards
    tokens = {row["id"]: row["tokens"] for shard in shards for row in documents(shard)}
    for row in rows(mixed(made, held_out=drawn)):
        offsets = np.load(shards[row["shard"]].file(f"{row['language']}.offsets.npy"))
        assert offsets[row["index"] + 1] - offsets[row["index"]] == tokens[row["id"]]


def documents(shard):
    return pq.read_table(shard.file("documents.parquet")).to_pylist()


def test_counts_are_those_of_the_documents(made, drawn):
    artifact = mixed(made, held_out=drawn)
    sizes = {row["id"]: row for shard in made.tokens.shards for row in documents(shard)}
    for name, values in languages(artifact).items():
        for split in ("train", "held_out"):
            ids = [
                row["id"]
                for row in rows(artifact)
                if (row["language"], row["split"]) == (name, split)
            ]
            assert values[f"{split}_documents"] == len(ids)
            assert values[f"{split}_tokens"] == sum(sizes[each]["tokens"] for each in ids)
            assert values[f"{split}_bytes"] == sum(sizes[each]["bytes"] for each in ids)
    mix = whole(artifact)
    assert mix["train_tokens"] == artifact.manifest.metrics["train_tokens"]
    assert mix["train_tokens"] == sum(v["train_tokens"] for v in mix["languages"].values())


def test_weights_follow_the_temperature_up_to_the_limit(made):
    found = languages(mixed(made, weights={"temperature": 5}, max_repetition=2.0))
    assert sum(values["weight"] for values in found.values()) == pytest.approx(1)
    assert found["und"]["repetition"] == pytest.approx(2)  # an empty document: its end alone
    plain = languages(mixed(made, weights={"temperature": 1}))
    assert [values["repetition"] for values in plain.values()] == pytest.approx([1] * 4)
    largest = max(plain, key=lambda name: plain[name]["weight"])
    assert found[largest]["weight"] < plain[largest]["weight"]


def test_languages_are_left_out(made):
    artifact = mixed(made, without=["eng_Latn", "und"])
    assert list(languages(artifact)) == ["hin_Deva", "nob_Latn"]
    assert {row["language"] for row in rows(artifact)} == {"hin_Deva", "nob_Latn"}


def test_nothing_left_to_train_on(made):
    names = ["eng_Latn", "hin_Deva", "nob_Latn", "und"]
    with pytest.raises(DataError, match="no document to train on"):
        mixed(made, without=names)


@pytest.mark.parametrize("name", ["eng", "english", "eng_latn", ""])
def test_a_language_left_out_is_named_with_its_script(name):
    with pytest.raises(ValidationError):
        MixConfig(without=(name,))


def test_each_way_of_weighing_is_another_request(made):
    ways = [
        {"temperature": 2},
        {"unimax": "bytes"},
        {"unimax": "tokens"},
        {"shares": {"eng_Latn": 0.5, "hin_Deva": 0.5}},
        {"speakers_ratio": 1},
        {"speakers_ratio": 2},
    ]
    configs = [MixConfig(), *(MixConfig(weights=each) for each in ways)]
    inputs = {"tokens": made.tokens, "held_out": made.held_out}
    digests = {ask(STAGE, config, inputs).digest for config in configs}
    assert len(digests) == len(configs)
    assert ask(STAGE, MixConfig(weights={"temperature": 10 / 3}), inputs).digest in (digests)


def test_unimax_is_even_in_the_unit_that_is_given(made):
    for unit in ("bytes", "tokens"):
        found = languages(mixed(made, weights={"unimax": unit}, without=WITHOUT))
        got = [
            each["weight"] * each[f"train_{unit}"] / each["train_tokens"] for each in found.values()
        ]
        assert got[0] == pytest.approx(got[1])


def test_shares_are_the_weights_and_who_has_none_is_left_out(made):
    shares = {"hin_Deva": 0.7, "eng_Latn": 0.3}
    artifact = mixed(made, weights={"shares": shares})
    assert {name: each["weight"] for name, each in languages(artifact).items()} == pytest.approx(
        shares
    )
    assert {row["language"] for row in rows(artifact)} == set(shares)


def test_shares_of_a_language_that_is_not_there(made):
    with pytest.raises(ConfigError, match="tel_Telu has no document") as caught:
        mixed(made, weights={"shares": {"eng_Latn": 0.5, "tel_Telu": 0.5}})
    assert "eng_Latn" in caught.value.hint
    with pytest.raises(ConfigError, match="nob_Latn"):
        mixed(made, weights={"shares": {"eng_Latn": 0.5, "nob_Latn": 0.5}}, without=["nob_Latn"])


def test_a_ratio_of_one_is_fair_to_the_speakers(made):
    artifact = mixed(made, weights={"speakers_ratio": 1}, without=WITHOUT)
    audit = whole(artifact, "audit.json")
    for row in audit["languages"]:
        assert row["speakers_ratio_after"] == pytest.approx(1)
        assert row["share_after"] == pytest.approx(row["speakers_share"])
    assert artifact.manifest.metrics["speakers_ratio_max_after"] == pytest.approx(1)
    assert artifact.manifest.metrics["speakers_ratio_max_before"] > 1


def test_speakers_who_are_not_counted_are_asked_for_in_vain(made):
    with pytest.raises(ConfigError, match="the speakers of und are not known") as caught:
        mixed(made, weights={"speakers_ratio": 1})
    assert "without" in caught.value.hint


def test_the_audit_is_of_tokens_before_and_after(made):
    artifact = mixed(made)
    audit, found = whole(artifact, "audit.json"), languages(artifact)
    assert "CLDR" in audit["speakers_source"]
    assert audit["share_of"] == "tokens"
    total = sum(each["train_tokens"] for each in found.values())
    for row in audit["languages"]:
        each = found[row["language"]]
        assert row["share_before"] == each["train_tokens"] / total
        assert row["share_after"] == each["weight"]
    assert audit["languages"][-1]["language"] == "und"
    assert audit["languages"][-1]["speakers"] is None


def test_the_source_of_the_speakers_is_named(made):
    found = whole(mixed(made, speakers="published"), "audit.json")
    assert "Lai et al." in found["speakers_source"]
    assert {row["language"] for row in found["languages"] if row["speakers"]} == {"eng_Latn"}


def test_passes_are_those_of_the_budget(made):
    text = whole(mixed(made, without=WITHOUT))["train_tokens"]
    mix = whole(mixed(made, without=WITHOUT, budget_tokens=3 * text, weights={"temperature": 1}))
    assert mix["budget_tokens"] == 3 * text
    for each in mix["languages"].values():
        assert each["repetition"] == pytest.approx(1)
        assert each["passes"] == pytest.approx(3)
        assert each["next_pass_worth"] == pytest.approx(0.82, abs=0.005)
        assert each["train_tokens"] < each["effective_tokens"] < 3 * each["train_tokens"]
    assert mix["effective_tokens"] == pytest.approx(
        sum(each["effective_tokens"] for each in mix["languages"].values())
    )


def test_a_smaller_budget_leaves_a_small_language_more_room(made):
    weights = {"shares": {"hin_Deva": 0.9, "nob_Latn": 0.1}}
    half = languages(mixed(made, weights=weights, budget_tokens=400, max_repetition=3))
    full = languages(mixed(made, weights=weights, max_repetition=3))
    for found in (half, full):
        assert max(each["passes"] for each in found.values()) <= 3 * (1 + 1e-9)
    assert half["nob_Latn"]["weight"] > full["nob_Latn"]["weight"]


def test_a_budget_beyond_the_passes_is_refused(made):
    with pytest.raises(DataError, match="4 passes over the text") as caught:
        mixed(made, budget_tokens=10**6)
    assert "budget_tokens" in caught.value.hint


def test_a_schedule_changes_the_weights(made):
    late = {"from_share": 0.75, "weights": {"shares": {"hin_Deva": 0.8, "eng_Latn": 0.2}}}
    artifact = mixed(made, weights={"temperature": 1}, schedule=[late], without=WITHOUT)
    mix = whole(artifact)
    first, last = read_phases(artifact)
    assert (first.from_share, last.from_share) == (0, 0.75)
    assert last.weights == pytest.approx({"hin_Deva": 0.8, "eng_Latn": 0.2})
    for name, each in mix["languages"].items():
        average = 0.75 * first.weights[name] + 0.25 * last.weights[name]
        assert each["weight"] == pytest.approx(average)
        assert each["repetition"] == pytest.approx(
            each["weight"] * mix["train_tokens"] / each["train_tokens"]
        )


def test_without_a_schedule_the_weights_hold_for_the_run(made):
    artifact = mixed(made)
    assert "schedule" not in whole(artifact)
    weights = {name: each["weight"] for name, each in languages(artifact).items()}
    assert read_phases(artifact) == [Phase(0.0, weights)]


def test_a_schedule_keeps_to_the_passes_and_serves_its_end_first(made):
    late = {"from_share": 0.9, "weights": {"shares": {"nob_Latn": 0.05, "eng_Latn": 0.95}}}
    artifact = mixed(
        made, weights={"unimax": "tokens"}, schedule=[late], without=["und"], max_repetition=1.5
    )
    found = languages(artifact)
    first, last = read_phases(artifact)
    assert found["nob_Latn"]["passes"] == pytest.approx(1.5)
    assert last.weights["nob_Latn"] == pytest.approx(0.05)
    assert 0 < first.weights["nob_Latn"] < 0.05
    assert last.weights["hin_Deva"] == 0


def test_a_phase_that_asks_for_more_than_there_is(made):
    late = {"from_share": 0.5, "weights": {"shares": {"nob_Latn": 1.0}}}
    with pytest.raises(DataError, match=r"from 0\.5 of the run on"):
        mixed(made, schedule=[late])


def test_tokens_that_no_held_out_text_uses_are_counted(made, drawn):
    artifact = mixed(made, "tokenizer", held_out=drawn)
    encoder = Encoder.load(made.tokenizer.file(FILE).parent)
    held = {row["id"]: row["language"] for row in rows(artifact) if row["split"] == "held_out"}
    texts = {
        row["id"]: row["text"]
        for shard in made.documents.shards
        for row in pq.read_table(tables.table_path(shard)).to_pylist()
    }
    used = {}
    for name, language in held.items():
        used.setdefault(language, set()).update(encoder.encode(texts[name]))
    mix = whole(artifact)
    for name, each in mix["languages"].items():
        assert each["held_out_distinct_tokens"] == len(used.get(name, ()))
    everything = set().union(*used.values())
    assert mix["held_out_distinct_tokens"] == len(everything)
    assert mix["vocabulary_tokens"] == encoder.vocab_size - 3
    assert mix["vocabulary_unseen_tokens"] == encoder.vocab_size - 3 - len(everything)
    metrics = artifact.manifest.metrics
    assert metrics["vocabulary_unseen_share"] == mix["vocabulary_unseen_share"]


def test_without_the_tokeniser_its_vocabulary_is_not_known(made):
    mix = whole(mixed(made))
    assert "held_out_distinct_tokens" in mix
    assert not [name for name in mix if name.startswith("vocabulary")]


def test_compression_is_of_held_out_text_without_the_closing_tokens(made, drawn):
    found = languages(mixed(made, held_out=drawn))
    each = found["hin_Deva"]
    tokens = each["held_out_tokens"] - each["held_out_documents"]
    assert each["held_out_bytes_per_token"] == each["held_out_bytes"] / tokens
    assert found["nob_Latn"]["held_out_bytes_per_token"] is None


@dataclass(frozen=True)
class Said(Progress):
    """Keeps what it is told."""

    lines: list[str] = field(default_factory=list)

    def named(self, label):
        return self

    def say(self, text):
        self.lines.append(text)


def test_the_user_sees_what_the_passes_are_worth(made):
    said = Said()
    mixed(made, progress=said, weights={"temperature": 4})
    starts = ("language ", "und ", "nob_Latn ", "eng_Latn ", "hin_Deva ")
    table = [line for line in said.lines if line.startswith(starts)]
    assert len(table) == 5
    assert len({len(line) for line in table}) == 1
    passes = [float(line.split()[3]) for line in table[1:]]
    assert passes == sorted(passes, reverse=True)
    assert any("CLDR" in line for line in said.lines)
    assert all(len(f"tokenizer.mix: {line}") <= 100 for line in said.lines[:-1])


def test_the_user_is_told_who_could_not_get_what_was_asked(made):
    said, content = Said(), {"shares": {"eng_Latn": 0.5, "nob_Latn": 0.5}}
    found = languages(mixed(made, progress=said, weights=content))
    assert found["nob_Latn"]["weight"] < 0.5
    assert "nob_Latn: held to 4 passes; the others got the rest" in said.lines
    satisfied = Said()
    mixed(made, progress=satisfied, weights={"temperature": 1})
    assert not [line for line in satisfied.lines if "held to" in line]


@pytest.mark.parametrize(
    "weights",
    [
        {},
        {"temperature": 2, "unimax": "bytes"},
        {"temperature": 0.5},
        {"unimax": "characters"},
        {"shares": {}},
        {"shares": {"eng_Latn": 0.5, "hin_Deva": 0.4}},
        {"shares": {"eng_Latn": 1.0, "hin_Deva": 0}},
        {"shares": {"english": 1.0}},
        {"speakers_ratio": 0.9},
    ],
)
def test_weights_are_of_one_kind_and_make_sense(weights):
    with pytest.raises(ValidationError):
        MixConfig(weights=weights)


def test_shares_that_were_rounded_are_taken():
    thirds = {"eng_Latn": 0.333, "hin_Deva": 0.333, "nob_Latn": 0.333}
    assert MixConfig(weights={"shares": thirds}).weights.shares == thirds


@pytest.mark.parametrize("starts", [(0.5, 0.5), (0.8, 0.2), (0.0,), (1.0,)])
def test_a_schedule_goes_forward_within_the_run(starts):
    schedule = [{"from_share": start, "weights": {"temperature": 1}} for start in starts]
    with pytest.raises(ValidationError):
        MixConfig(schedule=schedule)


@pytest.fixture
def domains(made, tmp_path):
    """A score of each document, of the dropped ones too: above a half of every third."""
    tables = []
    for shard in made.documents.shards:
        ids = pq.read_table(shard.files[0])["id"].to_pylist()
        scores = [None if i == "n00" else 0.9 if int(i[1:]) % 3 == 0 else 0.1
                  for i in (name if name[1:].isdigit() else "x1" for name in ids)]  # fmt: skip
        tables.append(pa.table({"id": ids, "score": scores}))
    (tmp_path / "domains").mkdir()
    for number, table in enumerate(tables):
        pq.write_table(table, tmp_path / "domains" / f"{number:05}.parquet")
    return adopt([tmp_path / "domains"], made.store)


def by_domain(made, domains, **config):
    inputs = {role: getattr(made, role) for role in ("tokens", "held_out")}
    inputs["columns.domain"] = domains
    settings = {"by": "domain.score", "by_limits": [0.5], "without": ["und"], **config}
    return build(STAGE, MixConfig(**settings), inputs, made.store, Local())


def test_documents_of_a_language_are_weighed_apart_by_a_column(made, domains):
    shares = {"eng_Latn/yes": 0.5, "eng_Latn/no": 0.25, "hin_Deva/no": 0.25}
    artifact = by_domain(made, domains, weights={"shares": shares}, budget_tokens=400)
    found = languages(artifact)
    assert {name: row["weight"] for name, row in found.items()} == pytest.approx(shares)
    assert (found["eng_Latn/yes"]["train_documents"], found["eng_Latn/no"]["train_documents"]) == (
        11,
        20,
    )
    groups = {row["id"]: row["group"] for row in rows(artifact)}
    assert groups["e03"] == groups["e99"] == "eng_Latn/yes"
    assert groups["h01"] == "hin_Deva/no"
    assert "h03" not in groups
    together = mixed(made, without=["und"])
    plain = languages(together)["eng_Latn"]
    assert plain["train_tokens"] == sum(
        languages(by_domain(made, domains))[f"eng_Latn/{value}"]["train_tokens"]
        for value in ("yes", "no")
    )
    assert "group" not in rows(together)[0]


def test_the_loader_reads_the_groups(made, domains):
    artifact = by_domain(made, domains)
    groups = {row["id"]: row["group"] for row in rows(artifact)}
    streams = read_streams(made.tokens, artifact)
    assert set(streams) == set(languages(artifact)) == set(groups.values())
    assert "nob_Latn/untold" in streams
    whole_language = read_streams(made.tokens, mixed(made, without=["und"]))["eng_Latn"]
    apart = [streams[f"eng_Latn/{value}"] for value in ("yes", "no")]
    assert sorted(whole_language.hashes) == sorted(np.concatenate([it.hashes for it in apart]))
    assert whole_language.sizes.sum() == sum(it.sizes.sum() for it in apart)
    first = apart[0]
    place = int(np.searchsorted(whole_language.hashes, first.hashes[0]))
    size = int(first.sizes[0])
    assert first.read(0, 0, size).tolist() == whole_language.read(place, 0, size).tolist()


def test_speakers_of_a_language_are_parted_among_its_groups(made, domains):
    audit = whole(by_domain(made, domains, without=["und", "nob_Latn"]), "audit.json")["languages"]
    plain = whole(mixed(made, without=["und", "nob_Latn"]), "audit.json")["languages"]
    speakers = {row["language"]: row["speakers"] for row in plain}
    english = [row["speakers"] for row in audit if row["language"].startswith("eng")]
    assert len(english) == 2
    assert sum(english) == pytest.approx(speakers["eng_Latn"], abs=1)


def test_a_group_is_left_out(made, domains):
    artifact = by_domain(made, domains, without=["und", "nob_Latn", "eng_Latn/no", "hin_Deva/no"])
    assert list(languages(artifact)) == ["eng_Latn/yes", "hin_Deva/yes"]


def test_a_column_to_mix_by_that_cannot_be_used(made, domains):
    with pytest.raises(ConfigError, match="its values need limits"):
        by_domain(made, domains, by_limits=())
    with pytest.raises(ConfigError, match=r"columns\.a is missing"):
        by_domain(made, domains, by="a.b")
    with pytest.raises(ValidationError, match="by_limits: without a column"):
        MixConfig(by_limits=(0.5,))
    with pytest.raises(ConfigError, match="eng_Latn/maybe has no document"):
        by_domain(made, domains, weights={"shares": {"eng_Latn/maybe": 1}})


def test_a_column_of_too_many_values(made, domains, monkeypatch):
    monkeypatch.setattr(mix, "MOST_GROUPS", 2)
    with pytest.raises(DataError, match=r"by domain\.score there are more than 2 groups"):
        by_domain(made, domains, max_repetition=3)


def test_documents_are_listed_as_if_at_once(job, tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "ROW_GROUP_ROWS", 7)
    ids = [f"id{number}" for number in range(31)]
    whole = pa.table({"id": ids, "shard": range(31), "group": ["a", "b", "c"] * 10 + ["a"]})
    paths = [tmp_path / f"part{number}" for number in range(4)]
    for path, (low, high) in zip(paths, [(0, 2), (2, 2), (2, 25), (25, 31)], strict=True):
        pq.write_table(whole.slice(low, high - low), path)
    for groups in (["a", "c"], ["a", "b", "c"], ["d"]):
        made = job("".join(groups))
        mix._write_list(made, ["id", "shard"], groups, paths)
        listed = whole.filter(pc.is_in(whole["group"], pa.array(groups))).select(["id", "shard"])
        tables.write(made, "at_once.parquet", listed)
        one, other = (made.folder / f"{name}.parquet" for name in ("documents", "at_once"))
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("task", ["_write_documents", "write_used"])
def test_a_killed_build_goes_on_from_its_parts(made, drawn, tmp_path, monkeypatch, task):
    module = mix if task.startswith("_") else usage
    inputs = {"tokens": made.tokens, "held_out": drawn}
    whole = build(STAGE, MixConfig(), inputs, tmp_path / "whole", Local())
    killed(monkeypatch, module, task, after=1)
    with pytest.raises(Killed):
        build(STAGE, MixConfig(), inputs, tmp_path / "store", Local())
    done = killed(monkeypatch, module, task)
    again = build(STAGE, MixConfig(), inputs, tmp_path / "store", Local())
    assert again.content == whole.content
    assert len(done) == 1  # of two shards
