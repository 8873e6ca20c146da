import json
import random

import pyarrow as pa
import pytest
from tests.support.stages import shard

from bedstone.corpus.classifier import STAGE
from bedstone.corpus.classifiers.drawing import ClassifierConfig, read_corpus
from bedstone.corpus.classify import STAGE as CLASSIFY
from bedstone.corpus.classify import total
from bedstone.errors import ArtifactError, ConfigError, DataError

BIRDS = "feather nest wing beak flock perch song egg migrate roost"
OTHERS = "wheel brake gear engine road fuel tyre lamp seat door"
COMMON = "the of and to in a is that for it with as on by at from this be"


def text(number, topic=""):
    dice = random.Random(number)
    words = dice.choices(COMMON.split(), k=40) + dice.choices(topic.split() or ["x"], k=12)
    dice.shuffle(words)
    return " ".join(words)


def corpus(count=600, hosts=20, language=lambda number: "eng_Latn"):
    """Every third document is about birds; columns of the documents, and of their languages."""
    numbers = range(count)
    table = {
        "id": [f"d-{number}" for number in numbers],
        "url": [
            f"https://{'birds' if number % 3 == 0 else 'other'}{number % hosts}.example/{number}"
            for number in numbers
        ],
        "text": pa.array(
            [text(number, BIRDS if number % 3 == 0 else OTHERS) for number in numbers],
            pa.large_string(),
        ),
        "headings": pa.array([[]] * count, pa.list_(pa.int32())),
    }
    return table, {"id": table["id"], "language": [language(number) for number in numbers]}


@pytest.fixture
def documents(table_shard):
    return table_shard("documents", corpus()[0])


def given(texts):
    """Documents that are no part of the corpus."""
    return {"url": [f"{number}.txt" for number in range(len(texts))], "text": texts}


@pytest.fixture
def seed(table_shard):
    return table_shard("seed", given([text(10_000 + number, BIRDS) for number in range(80)]))


def evaluation(made):
    return json.loads((made.location / "about" / "evaluation.json").read_text("utf-8"))


BY_HOST = {"hosts": [f"birds{number}.example" for number in range(20)]}


def test_hosts_are_compared_as_browsers_spell_them(table_shard):
    urls = ["https://xn--bcher-kva.example/", "https://www.BÜCHER.example./", "bücher.example", ""]
    documents = table_shard("documents", {"id": list("abcd"), "url": urls})
    config = ClassifierConfig(hosts=(".Bücher.example",))
    assert read_corpus({"documents": documents}, config).kinds.tolist() == [1, 1, 0, 0]


def test_what_urls_say_is_positive_is_learnt_and_scored(documents, run, rows):
    result, made = run(STAGE, BY_HOST, documents=documents)
    assert result.metrics["positive_documents"] == 200
    assert result.metrics["other_documents"] == 400
    assert result.metrics["held_out_auc"] > 0.99
    told = evaluation(made)
    assert told["held_out_by"] == ["near-duplicate", "site"]
    names = {row["ngram"] for row in told["ngrams"]["for"]}
    assert len(names & set(BIRDS.split())) >= 8
    assert {row["ngram"] for row in told["ngrams"]["against"]} & set(OTHERS.split())
    result, scored = run(CLASSIFY, documents=documents, classifier=made)
    found = rows(scored, "classify.parquet")
    assert [row["id"] for row in found] == [f"d-{number}" for number in range(600)]
    assert all((row["score"] > 0.5) == (number % 3 == 0) for number, row in enumerate(found))
    above = [row for row in found if row["percentile"] >= 0.9]
    assert len(above) == pytest.approx(60, abs=15)
    assert total(result.metrics)["abstained_share"] == 0


def test_texts_that_are_given_are_learnt_against_the_corpus(documents, seed, run, rows):
    result, made = run(STAGE, documents=documents, seed=seed)
    assert result.metrics["positive_documents"] == 80
    assert result.metrics["other_documents"] == 160  # birds among them, which nobody has marked
    assert result.metrics["held_out_auc"] > 0.75
    _, scored = run(CLASSIFY, documents=documents, classifier=made)
    found = rows(scored, "classify.parquet")
    birds = [row["percentile"] for number, row in enumerate(found) if number % 3 == 0]
    assert sum(birds) / 200 > 0.75


def test_others_that_are_given_take_the_place_of_the_corpus(documents, table_shard, run):
    others = table_shard("others", given([text(20_000 + n, OTHERS) for n in range(90)]))
    result, _ = run(STAGE, BY_HOST, documents=documents, negatives=others)
    assert result.metrics["other_documents"] == 90


def test_a_column_says_what_is_positive_and_null_is_no_example(documents, table_shard, run):
    marks = [None if number % 2 else number % 3 == 0 for number in range(600)]
    labels = table_shard("labels", {"id": [f"d-{number}" for number in range(600)], "mark": marks})
    result, _ = run(STAGE, {"column": "mark"}, documents=documents, labels=labels)
    assert result.metrics["positive_documents"] == 100
    assert result.metrics["other_documents"] == 200
    with pytest.raises(DataError, match="mrak"):
        run(STAGE, {"column": "mrak"}, documents=documents, labels=labels)
    with pytest.raises(DataError, match="id is string, and no number"):
        run(STAGE, {"column": "id"}, documents=documents, labels=labels)


def test_random_labels_are_refused_with_the_auc(documents, table_shard, run):
    dice = random.Random(0)
    marks = [dice.random() < 0.4 for _ in range(600)]
    labels = table_shard("labels", {"id": [f"d-{number}" for number in range(600)], "mark": marks})
    with pytest.raises(DataError, match=r"AUC of 0\.[45]\d\d \(95 %: 0\.\d+ to 0\.\d+; chance"):
        run(STAGE, {"column": "mark"}, documents=documents, labels=labels)


def test_what_is_learnt_of_one_page_alone_is_not_counted(table_shard, run):
    """Words that all translations of a page have in common tell nothing of other pages."""
    columns, _ = corpus(hosts=1)
    is_marked = [number // 6 % 2 == 0 for number in range(600)]
    columns["text"] = [f"{text(number)} {f'page{number // 6} ' * 9}" for number in range(600)]
    columns["url"] = [f"https://a.example/{n % 6}/p{n // 6}.html" for n in range(600)]
    labels = {"id": columns["id"], "mark": is_marked}
    documents, marks = table_shard("documents", columns), table_shard("labels", labels)
    with pytest.raises(DataError, match="has learnt nothing"):
        run(STAGE, {"column": "mark"}, documents=documents, labels=marks)


def test_pages_of_one_name_are_too_few_to_hold_a_part_out(table_shard, run):
    columns, _ = corpus()
    columns["url"] = [f"https://a{n % 3}.example/p{n % 3}.html" for n in range(600)]
    with pytest.raises(DataError, match="1 group of likenesses, fewer than 5"):
        run(STAGE, {"hosts": ["a0.example"]}, documents=table_shard("documents", columns))


def test_a_copy_of_a_positive_is_no_other(documents, table_shard, run):
    seed = table_shard("seed", given([text(number, BIRDS) for number in range(0, 300, 3)]))
    result, _ = run(STAGE, {"others_per_positive": 6}, documents=documents, seed=seed)
    assert result.metrics["other_documents"] == 500


def test_of_a_language_without_positives_nothing_is_said(table_shard, run, rows):
    columns, languages = corpus(language=lambda n: ("deu_Latn", "eng_Latn")[n < 300])
    documents, language = table_shard("documents", columns), table_shard("language", languages)
    marks = [number % 3 == 0 and number < 300 for number in range(600)]
    labels = table_shard("labels", {"id": columns["id"], "mark": marks})
    given = {"documents": documents, "language": language}
    result, made = run(STAGE, {"column": "mark"}, **given, labels=labels)
    assert result.metrics["other_documents"] == 200  # none of them German
    assert evaluation(made)["known_languages"] == ["eng_Latn"]
    result, scored = run(CLASSIFY, **given, classifier=made)
    found = rows(scored, "classify.parquet")
    assert [row["score"] is None for row in found] == [n >= 300 for n in range(600)]
    assert [row["percentile"] is None for row in found] == [n >= 300 for n in range(600)]
    assert result.metrics["abstained.deu_Latn_documents"] == 300
    assert total(result.metrics)["abstained_share"] == 0.5
    with pytest.raises(ConfigError, match="it needs the language"):
        run(CLASSIFY, documents=documents, classifier=made)


def test_a_few_positives_are_refused(documents, run):
    with pytest.raises(DataError, match="10 positive examples, fewer than 50"):
        run(STAGE, {"hosts": ["birds0.example"]}, documents=documents)
    with pytest.raises(DataError, match="0 positive examples"):
        run(STAGE, {"urls": ["https://nowhere.example/"]}, documents=documents)


def test_texts_in_no_or_several_languages_are_none_that_is_known(table_shard, run, rows):
    columns, languages = corpus(language=lambda n: ("eng_Latn", "und", "mul")[n // 3 % 3])
    given = {
        "documents": table_shard("documents", columns),
        "language": table_shard("language", languages),
    }
    result, made = run(STAGE, BY_HOST, **given)
    told = evaluation(made)
    assert told["known_languages"] == ["eng_Latn"]
    assert told["passed_over_positives"] == {"und": 67, "mul": 66}
    assert result.metrics["positive_documents"] == 67
    assert result.metrics["passed_over_positive_documents"] == 133
    _, scored = run(CLASSIFY, **given, classifier=made)
    found = rows(scored, "classify.parquet")
    assert [row["score"] is None for row in found] == [n // 3 % 3 > 0 for n in range(600)]


def test_too_few_tells_which_do_not_count(table_shard, run):
    names = ["und"] * 90 + [f"{letter}aa_Latn" for letter in "bcdefg"] + ["eng_Latn"] * 104
    columns, languages = corpus(language=lambda n: names[n // 3])
    given = {
        "documents": table_shard("documents", columns),
        "language": table_shard("language", languages),
    }
    message = (
        r"^40 positive examples, fewer than 50; positives are 40 of 133 examples: 93 are in "
        r"languages with fewer than 5, or in no one language that was found "
        r"\(und 90, baa_Latn 1, caa_Latn 1, daa_Latn 1\)$"
    )
    labels = {
        "id": columns["id"],
        "mark": [n % 3 == 0 and (n < 279 or n >= 480) for n in range(600)],
    }
    with pytest.raises(DataError, match=message):
        run(STAGE, {"column": "mark"}, **given, labels=table_shard("labels", labels))


def test_same_seed_same_bytes(documents, run):
    made = [
        run(STAGE, {**BY_HOST, "random_seed": seed}, documents=documents)[1] for seed in (1, 1, 2)
    ]
    weights = [each.file("weights.npy").read_bytes() for each in made]
    assert weights[0] == weights[1] != weights[2]
    assert evaluation(made[0]) == evaluation(made[1])


def test_dsir_draws_in_proportion_to_weights(documents, run, rows):
    config = {**BY_HOST, "method": "dsir", "effective_share": 0.2}
    _, made = run(STAGE, config, documents=documents)
    told = evaluation(made)["draw"]
    assert told["effective_documents"] == pytest.approx(120, rel=0.01)
    assert told["drawn_documents"] == 120
    assert 0.3 < told["overlap_with_best_share"] < 0.95
    _, scored = run(CLASSIFY, documents=documents, classifier=made)
    found = rows(scored, "classify.parquet")
    drawn = [number for number, row in enumerate(found) if row["draw"] >= 0.8]
    assert len(drawn) == pytest.approx(120, abs=2)  # the sample is the corpus
    assert sum(number % 3 == 0 for number in drawn) > 80


@pytest.mark.parametrize(
    ("config", "roles", "message"),
    [
        ({}, (), "said by nothing"),
        ({"urls": ["https://a.example/"]}, ("seed",), "said by the input seed and urls or hosts"),
        ({**BY_HOST, "column": "mark"}, (), "need each other"),
    ],
)
def test_positives_are_said_once(config, roles, message, documents, seed, run):
    given = {"seed": seed}
    with pytest.raises(ConfigError, match=message):
        run(STAGE, config, documents=documents, **{role: given[role] for role in roles})


def test_a_seed_without_texts(documents, table_shard, tmp_path, run):
    nothing = table_shard("nothing", pa.table({"url": ["a"], "text": ["a"]}).slice(0, 0))
    with pytest.raises(DataError, match="has no document"):
        run(STAGE, documents=documents, seed=nothing)
    (tmp_path / "texts").mkdir()
    with pytest.raises(DataError, match=r"the input seed: .* 0 tables where one was") as caught:
        run(STAGE, documents=documents, seed=shard(tmp_path / "texts"))
    assert "corpus.extract" in caught.value.hint


def test_an_altered_classifier(documents, run):
    _, made = run(STAGE, BY_HOST, documents=documents)
    made.file("weights.npy").write_bytes(b"none")
    with pytest.raises(ArtifactError, match="no classifier"):
        run(CLASSIFY, documents=documents, classifier=made)


def test_a_shard_without_documents_is_scored(table_shard, run, rows):
    columns, languages = corpus()
    given = {
        "documents": table_shard("documents", columns),
        "language": table_shard("language", languages),
    }
    _, made = run(STAGE, BY_HOST, **given)
    for name, table in (("documents", columns), ("language", languages)):
        given[name] = table_shard(f"no_{name}", pa.table(table).slice(0, 0))
    result, scored = run(CLASSIFY, **given, classifier=made)
    assert rows(scored, "classify.parquet") == []
    assert total(result.metrics)["abstained_share"] == 0
