import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.parts import Killed, killed
from tokenizers import Tokenizer

from bedstone.errors import ConfigError, DataError
from bedstone.lots import lot
from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.text.encoder import ASSISTANT, END, SPECIAL_TOKENS, USER, Encoder
from bedstone.tokenizer import train
from bedstone.tokenizer.train import STAGE, ParityConfig, TrainConfig, WindowConfig, budgets


def vocabulary(artifact):
    return json.loads(artifact.file("tokenizer.json").read_text())["model"]["vocab"]


def test_control_tokens_come_first_and_bytes_next(made):
    encoder = Encoder.load(made.tokenizer.path)
    assert encoder.special == {name: number for number, name in enumerate(SPECIAL_TOKENS)}
    assert encoder.vocab_size == 320 == made.tokenizer.manifest.metrics["vocabulary_tokens"]
    singles = sorted(
        number for token, number in vocabulary(made.tokenizer).items() if len(token) == 1
    )
    assert singles == list(range(3, 259))


def test_it_learns_from_kept_text_only(made):
    tokens = vocabulary(made.tokenizer)
    assert not any("zz" in token for token in tokens)
    assert any(token.startswith("Ġp") and len(token) > 2 for token in tokens)
    assert made.tokenizer.manifest.metrics["train_documents"] == 52


def test_neither_what_is_held_out_nor_what_is_near_it_is_learnt_from(made, drawn):
    inputs = {**made.inputs, "held_out": drawn}
    metrics = build(STAGE, TrainConfig(), inputs, made.store, Local()).manifest.metrics
    assert metrics["train_documents"] == 52 - 9


def test_without_decisions_all_documents_are_kept(made):
    inputs = {role: shards for role, shards in made.inputs.items() if role != "kept"}
    artifact = build(STAGE, TrainConfig(), inputs, made.store, Local())
    assert artifact.manifest.metrics["train_documents"] == 53
    assert any("zz" in token for token in vocabulary(artifact))


@pytest.mark.parametrize("task", ["write_sizes", "write_drawn"])
def test_a_killed_build_goes_on_from_its_parts(made, tmp_path, monkeypatch, task):
    killed(monkeypatch, train, task, after=1)
    config = TrainConfig(vocab_size=320)
    with pytest.raises(Killed):
        build(STAGE, config, made.inputs, tmp_path, Local())
    done = killed(monkeypatch, train, task)
    again = build(STAGE, config, made.inputs, tmp_path, Local())
    assert again.content == made.tokenizer.content
    assert len(done) == 1  # of two shards


def test_little_text_gives_fewer_tokens(made):
    artifact = build(STAGE, TrainConfig(vocab_size=60_000), made.inputs, made.store, Local())
    size = artifact.manifest.metrics["vocabulary_tokens"]
    assert 320 < size < 2000
    assert Encoder.load(artifact.path).vocab_size == size


def test_the_largest_language_gives_way(made):
    artifact = build(STAGE, TrainConfig(max_bytes=1500), made.inputs, made.store, Local())
    metrics = artifact.manifest.metrics
    # Norwegian gives all it has; English and Hindi share the rest evenly.
    assert metrics["train_languages"] == 3
    assert 0.45 < metrics["largest_language_share"] < 0.5
    assert 900 < metrics["train_bytes"] < 2100


@pytest.mark.parametrize(
    ("temperature", "expected"),
    [
        (1, (359, 40, 2)),  # as the text is
        (2, (297, 99, 4)),  # roots of 900 and 100: 30 and 10; the smallest gives all it has
        (1e9, (296, 100, 4)),
        (None, (296, 100, 4)),
    ],
)
def test_the_higher_the_temperature_the_more_even_the_languages(temperature, expected):
    config = TrainConfig(max_bytes=400, temperature=temperature)
    sizes = {"big": 900, "middle": 100, "small": 4}
    assert budgets(config, sizes) == dict(zip(sizes, expected, strict=True))


def test_the_temperature_decides_what_is_drawn(made):
    metrics = [
        build(STAGE, config, made.inputs, made.store, Local()).manifest.metrics
        for config in (TrainConfig(max_bytes=1500), TrainConfig(max_bytes=1500, temperature=1))
    ]
    even, own = (each["largest_language_share"] for each in metrics)
    assert even < 0.495 < 0.505 < own


def test_at_any_temperature_all_text_is_taken_that_there_is_room_for(made):
    config = TrainConfig(temperature=2)
    metrics = build(STAGE, config, made.inputs, made.store, Local()).manifest.metrics
    assert metrics["train_documents"] == 52


def test_tokens_by_script(made):
    found = json.loads(made.tokenizer.file("scripts.json").read_text())
    assert sum(found.values()) == 320 - len(SPECIAL_TOKENS)
    assert found["Latn"] >= 52
    assert found["Deva"] > 0


def test_without_a_kept_document_there_is_nothing_to_learn(made, tmp_path):
    folder = tmp_path / "kept"
    folder.mkdir()
    for shard in made.kept.files:
        table = pq.read_table(shard)
        none = pa.array([False] * table.num_rows)
        pq.write_table(pa.table({"id": table["id"], "keep": none}), folder / shard.name)
    inputs = {**made.inputs, "kept": adopt([folder], made.store)}
    with pytest.raises(DataError, match="no text was kept"):
        build(STAGE, TrainConfig(), inputs, tmp_path / "store", Local())


def test_the_number_of_workers_changes_nothing(made, tmp_path):
    config = TrainConfig(**made.tokenizer.manifest.config)
    artifact = build(STAGE, config, made.inputs, tmp_path / "store", Local(2))
    assert artifact.content == made.tokenizer.content


def test_transformers_loads_it_with_the_same_ids_and_our_chat_format(made):
    transformers = pytest.importorskip("transformers")
    theirs = transformers.AutoTokenizer.from_pretrained(made.tokenizer.path)
    ours = Encoder.load(made.tokenizer.path)
    text = "The scholar of the northern village: गाँव के 42 विद्यालय!\n\n  Two  gaps"
    assert theirs(text)["input_ids"] == ours.encode(text)
    assert theirs.decode(ours.encode(text)) == text
    assert theirs.eos_token_id == ours.special[END]
    dialogue = [
        {"role": "user", "content": "Who? "},
        {"role": "assistant", "content": "The scholar."},
    ]
    expected = [
        ours.special[USER],
        *ours.encode("Who? "),
        ours.special[ASSISTANT],
        *ours.encode("The scholar."),
        ours.special[END],
    ]
    assert theirs.apply_chat_template(dialogue)["input_ids"] == expected
    asked = theirs.apply_chat_template(dialogue[:1], add_generation_prompt=True)["input_ids"]
    assert asked == expected[: len(asked)]
    assert asked[-1] == ours.special[ASSISTANT]


def test_a_role_that_the_format_lacks_is_an_error(made):
    transformers = pytest.importorskip("transformers")
    theirs = transformers.AutoTokenizer.from_pretrained(made.tokenizer.path)
    with pytest.raises(Exception, match="user and assistant"):
        theirs.apply_chat_template([{"role": "system", "content": "x"}])


def test_the_library_that_trained_it_agrees_on_every_document(made):
    theirs = Tokenizer.from_file(str(made.tokenizer.file("tokenizer.json")))
    ours = Encoder.load(made.tokenizer.path)
    texts = [
        text for shard in made.documents.files for text in pq.read_table(shard)["text"].to_pylist()
    ]
    assert [ours.encode(text) for text in texts] == [theirs.encode(text).ids for text in texts]


UNITS = [f"The others know the river of village {n}." for n in range(40)]
TRANSLATED = {
    "hin_Deva": [f"वह शिक्षक उस गाँव {n} को जानता है।" for n in range(40)],
    "swa_Latn": [f"Wengine wanajua mto wa kijiji {n}." for n in range(40)],
    "nob_Latn": [f"De andre kjenner elven i byen {n}." for n in range(40)],
}
PARITY = ParityConfig(min_bytes=1000, min_units=5)
CHANGES = ("worst_tokens_change_share", "mean_tokens_change_share", "english_tokens_change_share")


def parallel(made, folder, source="help", translated=TRANSLATED):
    rows = [
        (source, language, str(number), text, UNITS[number])
        for language, texts in {**translated, "eng_Latn": UNITS}.items()
        for number, text in enumerate(texts)
    ]
    folder.mkdir()
    names = ("source", "language", "unit", "text", "english")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    pq.write_table(pa.table(columns), folder / "parallel.parquet")
    return {**made.inputs, "parallel": adopt([folder], made.store)}


@pytest.fixture(scope="module")
def steered(made, tmp_path_factory):
    inputs = parallel(made, tmp_path_factory.mktemp("steered") / "parallel")
    config = TrainConfig(vocab_size=320, parity=PARITY.model_copy(update={"global_share": 0.5}))
    return build(STAGE, config, inputs, made.store, Local())


def test_merges_are_steered_and_measured_beside_plain_ones(made, steered):
    metrics = steered.manifest.metrics
    assert metrics["vocabulary_tokens"] == 320
    # Swahili has no text to learn from, Norwegian too little to steer.
    assert metrics["steering_languages"] == 2
    assert metrics["measured_languages"] == 3
    written = json.loads(steered.file("parity.json").read_text())
    chose = {row["language"]: row["merges"] for row in written["parity"]["languages"]}
    assert chose["hin_Deva"] > chose["eng_Latn"] > chose["nob_Latn"] == 0
    assert sum(chose.values()) == 31  # of 61
    assert written["parity"]["worst_tokens"] < written["plain"]["worst_tokens"]
    for name in CHANGES:
        key = name.removesuffix("_change_share")
        change = written["parity"][key] / written["plain"][key] - 1
        assert metrics[name] == pytest.approx(change)
    for name in ("plain", "parity"):
        assert metrics[f"gini_{name}"] == written[name]["gini"]
    plain = vocabulary(made.tokenizer)
    first = list(dict.fromkeys(sorted(plain, key=plain.get)))[: 259 + 30]
    ours = vocabulary(steered)
    assert sorted(ours, key=ours.get)[: 259 + 30] == first


def test_languages_are_measured_on_the_other_half(made, steered):
    encoder = Encoder.load(steered.path)
    written = json.loads(steered.file("parity.json").read_text())["parity"]
    chosen = [number for number in range(40) if lot(str(number), "parity") >= 0.5]
    english = sum(len(encoder.encode(UNITS[number])) for number in chosen)
    for row in written["languages"]:
        texts = {**TRANSLATED, "eng_Latn": UNITS}[row["language"]]
        tokens = sum(len(encoder.encode(texts[number])) for number in chosen)
        assert row["tokens"] == tokens
        assert row["content_bytes"] == sum(len(UNITS[number]) for number in chosen)
        assert row["premium"] == pytest.approx(tokens / english)


def test_both_libraries_give_a_steered_vocabulary_the_same_ids(steered):
    theirs = Tokenizer.from_file(str(steered.file("tokenizer.json")))
    ours = Encoder.load(steered.path)
    assert ours.special == {name: number for number, name in enumerate(SPECIAL_TOKENS)}
    for text in [*UNITS, *TRANSLATED["hin_Deva"], *TRANSLATED["swa_Latn"]]:
        assert ours.encode(text) == theirs.encode(text).ids


def test_a_window_keeps_one_language_from_choosing_all(made, tmp_path):
    window = WindowConfig(merges=10, alpha=1.2)
    parity = PARITY.model_copy(update={"global_share": 0.5, "window": window})
    config = TrainConfig(vocab_size=320, parity=parity)
    artifact = build(STAGE, config, parallel(made, tmp_path / "p"), made.store, Local())
    written = json.loads(artifact.file("parity.json").read_text())
    chose = {row["language"]: row["merges"] for row in written["parity"]["languages"]}
    assert chose["eng_Latn"] > 5


def test_parity_and_parallel_text_come_together(made, tmp_path):
    with pytest.raises(ConfigError, match="come together") as absent:
        build(STAGE, TrainConfig(parity=PARITY), made.inputs, made.store, Local())
    assert "corpus.parallel" in str(absent.value.hint)
    with pytest.raises(ConfigError, match="come together"):
        build(STAGE, TrainConfig(), parallel(made, tmp_path / "p"), made.store, Local())


def test_the_yardstick_is_refused(made, tmp_path):
    inputs = parallel(made, tmp_path / "p", source="udhr")
    with pytest.raises(DataError, match="'udhr' cannot steer"):
        build(STAGE, TrainConfig(parity=PARITY), inputs, made.store, Local())


def test_without_a_language_that_has_enough_nothing_steers(made, tmp_path):
    inputs = parallel(made, tmp_path / "p")
    for change in ({"min_bytes": 10**6}, {"min_units": 100}):
        config = TrainConfig(parity=PARITY.model_copy(update=change))
        with pytest.raises(DataError, match="no language has"):
            build(STAGE, config, inputs, made.store, Local())


def test_without_a_language_beside_english_nothing_is_measured(made, tmp_path):
    inputs = parallel(made, tmp_path / "p", translated={"swa_Latn": TRANSLATED["swa_Latn"]})
    with pytest.raises(DataError, match="to measure on"):
        build(STAGE, TrainConfig(parity=PARITY), inputs, made.store, Local())
