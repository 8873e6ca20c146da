import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedstone.errors import DataError
from bedstone.posttrain.pairs import STAGE, Cut, PairsConfig, cuts, run
from bedstone.posttrain.prompts import Pair, drawn, read_pairs

CONFIG = PairsConfig(prompt_max_characters=20, completion_max_characters=40)
SENTENCE = "This is a sentence of the page."


@pytest.mark.parametrize(
    ("lines", "headings", "found"),
    [
        (["Title", SENTENCE], [0], [Cut("Title", SENTENCE)]),
        (["Title", "", "Short.", SENTENCE, "Not this one."], [0], [Cut("Title", SENTENCE)]),
        (["Title", "Below", SENTENCE], [0, 1], [Cut("Below", SENTENCE)]),
        (["Title", SENTENCE, "Next", "And this is another sentence."], [0, 2],
         [Cut("Title", SENTENCE), Cut("Next", "And this is another sentence.")]),
        (["Title", f"{SENTENCE} And on and on it goes"], [0], [Cut("Title", SENTENCE)]),
        ([" Title ", f"  {SENTENCE} "], [0], [Cut("Title", SENTENCE)]),
        (["Title", "Ends. But then it only goes on and on"], [0], []),  # what is whole is too short
        (["Title", "It never comes to an end, this line"], [0], []),
        (["A title longer than twenty", SENTENCE], [0], []),
        (["1.2.3", SENTENCE], [0], []),
        (["Заголовок", SENTENCE], [0], []),
        (["Title"], [0], []),
        ([SENTENCE], [], []),
        (["A first one.", "It is short.", SENTENCE, "", "Then? No."], None,
         [Cut("It is short.", SENTENCE)]),
        ([f"{'word ' * 9}end. So it is. {SENTENCE} And? {SENTENCE}"], None,
         [Cut("So it is.", f"{SENTENCE} And?")]),
        ([f"Is it so? {SENTENCE}\tIt", f"is. {SENTENCE}"], None,
         [Cut("Is it so?", f"{SENTENCE} It is.")]),
        ([f"Вот так. {SENTENCE}", "", "Nothing ends here"], None, []),
    ],
)  # fmt: skip
def test_what_is_cut_from_a_document(lines, headings, found):
    assert cuts("\n".join(lines), headings, CONFIG) == found


def test_a_document_gives_its_first_pairs_only():
    lines = [line for number in range(5) for line in (f"Heading {'abcde'[number]}", SENTENCE)]
    config = CONFIG.model_copy(update={"document_max_pairs": 2})
    found = cuts("\n".join(lines), [0, 2, 4, 6, 8], config)
    assert [cut.prompt for cut in found] == ["Heading a", "Heading b"]


@pytest.fixture
def shards(tmp_path, tokenizer):
    """Six documents of one shard: their folders by role."""
    ids = ["a", "b", "c", "d", "e", "f"]
    texts = [f"Title {name}\n{SENTENCE}" for name in ids]
    texts[1] = texts[0]
    tables = {
        "documents": {
            "id": ids,
            "url": [f"http://x/{name}" for name in ids],
            "text": pa.array(texts, pa.large_string()),
            "headings": pa.array([[0]] * 6, pa.list_(pa.int32())),
        },
        "language": {"id": ids, "language": ["eng_Latn"] * 3 + ["und", "mul", "eng_Latn"]},
        "kept": {"id": ids, "keep": [True, True, False, True, True, True]},
        "held_out": {"id": ids, "split": ["train"] * 6},
    }
    for role, table in tables.items():
        (tmp_path / role).mkdir()
        pq.write_table(pa.table(table), tmp_path / role / "table.parquet")
    return {role: type(tokenizer)(tmp_path / role) for role in tables}


def test_kept_documents_of_one_known_language_give_pairs(job, shards):
    made = job(**shards)
    result = run(PairsConfig(), made)
    assert pq.read_table(made.folder / "pairs.parquet").to_pylist() == [
        {
            "id": name,
            "language": "eng_Latn",
            "url": f"http://x/{name}",
            "prompt": f"Title {name}",
            "completion": SENTENCE,
            "split": "train",
        }
        for name in "af"
    ]
    assert result.metrics == {
        "input_documents": 6,
        "used_documents": 3,
        "duplicate_pairs": 1,
        "train_pairs": 2,
        "held_out_pairs": 0,
    }
    assert STAGE.total(result.metrics)["pairs_per_document"] == 2 / 3


@pytest.mark.parametrize(("first", "pairs"), [([], 2), ([0], 0)])
def test_sentences_are_cut_where_no_document_of_the_shard_has_a_heading(
    job, shards, tmp_path, first, pairs
):
    ids = ["a", "b", "c", "d", "e", "f"]
    table = {
        "id": ids,
        "url": ids,
        "text": [f"Title {name} is short. {SENTENCE}" for name in ids[:1] + ids[:5]],
        "headings": pa.array([first, *[[]] * 5], pa.list_(pa.int32())),
    }
    pq.write_table(pa.table(table), tmp_path / "documents" / "table.parquet")
    made = job(**shards)
    assert run(PairsConfig(), made).metrics["train_pairs"] == pairs
    found = pq.read_table(made.folder / "pairs.parquet")
    assert set(found["completion"].to_pylist()) == ({SENTENCE} if pairs else set())


def test_columns_of_other_documents_are_refused(job, shards, tmp_path):
    pq.write_table(pa.table({"id": ["x"], "keep": [True]}), tmp_path / "kept" / "table.parquet")
    with pytest.raises(DataError, match="other documents"):
        run(PairsConfig(), job(**shards))


def test_a_pair_is_in_its_documents_split_and_what_is_near_one_held_out_gives_none(
    job, shards, tmp_path
):
    splits = ["held_out", "train", "train", "train", "train", "near"]
    table = pa.table({"id": ["a", "b", "c", "d", "e", "f"], "split": splits})
    pq.write_table(table, tmp_path / "held_out" / "table.parquet")
    del shards["kept"]  # without it, all are
    made = job(**shards)
    metrics = run(PairsConfig(), made).metrics
    found = pq.read_table(made.folder / "pairs.parquet").to_pylist()
    assert {row["id"]: row["split"] for row in found} == {"a": "held_out", "c": "train"}
    assert (metrics["used_documents"], metrics["held_out_pairs"]) == (3, 1)


def pairs_of(tmp_path, tokenizer, rows):
    folders = []
    for number, row in enumerate(rows):
        folder = tmp_path / f"pairs{number}"
        folder.mkdir()
        names = ("id", "prompt", "completion", "split")
        table = {name: [value] for name, value in zip(names, row, strict=True)}
        pq.write_table(pa.table(table | {"language": ["x"]}), folder / "pairs.parquet")
        folders.append(type(tokenizer)(folder))
    return type(tokenizer)(tmp_path, tuple(folders))


def test_held_out_pairs_that_are_trained_on_too_are_left_out(tmp_path, tokenizer):
    rows = [
        ("a", "P", "C", "train"),
        ("b", "P", "other", "held_out"),
        ("c", "other", "C", "held_out"),
        ("d", "Q", "D", "held_out"),
    ]
    train, held_out = read_pairs(pairs_of(tmp_path, tokenizer, rows))
    assert [pair.id for pair in train] == ["a"]
    assert [pair.id for pair in held_out] == ["d"]


def test_drawn_prompts_differ_and_fewer_are_the_first_of_more():
    pairs = [Pair(str(n), "x", f"prompt {n // 2}", str(n)) for n in range(20)]
    ten = drawn(pairs, 100, seed=0)
    assert sorted(pair.prompt for pair in ten) == sorted(f"prompt {n}" for n in range(10))
    assert all(int(pair.id) % 2 == 0 for pair in ten)
    assert drawn(reversed(pairs[::2]), 4, seed=0) == ten[:4]
    assert drawn(pairs, 100, seed=1) != ten
