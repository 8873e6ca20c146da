"""Miniatures of the sets, with the fields that they have; each becomes items as it stands."""

import csv
import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedstone.errors import ConfigError, DataError
from bedstone.evaluation.suite import STAGE, SuiteConfig, drawn
from bedstone.evaluation.suites import records
from bedstone.evaluation.suites.records import MOST_CHARACTERS
from bedstone.evaluation.suites.sets import CONNECTIONS, SIB_TOPICS
from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.lines import MOST_BYTES
from bedstone.tasks.items import Item, items_of
from bedstone.tasks.reading import reading_of


def json_lines(*rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def tabbed(*rows, delimiter="\t"):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return text.getvalue()


@pytest.fixture
def read(tmp_path, store):
    """The artifact of files by name; text, bytes or rows of a table."""

    def made(files, **config):
        top = tmp_path / "given"
        for name, content in files.items():
            path = top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, list):
                pq.write_table(pa.Table.from_pylist(content), path)
            else:
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
        inputs = {"files": adopt([top], store)}
        return build(STAGE, SuiteConfig(**config), inputs, store, Local())

    return made


@pytest.fixture
def items(read):
    return lambda files, **config: list(items_of(read(files, **config)))


BELEBELE = {
    "link": "https://en.wikinews.org/wiki/Flood",
    "question_number": 1,
    "flores_passage": "నది పొంగింది.",
    "question": "ఏమైంది?",
    "mc_answer1": "నది పొంగింది",
    "mc_answer2": "వర్షం ఆగింది",
    "mc_answer3": "గాలి వీచింది",
    "mc_answer4": "ఏమీ కాలేదు",
    "correct_answer_num": "2",
    "dialect": "tel_Telu",
    "ds": "2023-05-03",
}


def test_belebele(items):
    english = BELEBELE | {"dialect": "eng_Latn", "question": "What happened?"}
    found = items({"tel_Telu.jsonl": json_lines(BELEBELE), "eng_Latn.jsonl": json_lines(english)})
    telugu = next(item for item in found if item.language == "tel_Telu")
    assert telugu == Item(
        suite="belebele",
        id="belebele/tel_Telu/https://en.wikinews.org/wiki/Flood#/1",
        language="tel_Telu",
        metric="acc_bytes",
        context="నది పొంగింది.",
        question="ఏమైంది?",
        choices=tuple(BELEBELE[f"mc_answer{number}"] for number in range(1, 5)),
        gold=1,
        parallel_id="https://en.wikinews.org/wiki/Flood#/1",
        passage_id="https://en.wikinews.org/wiki/Flood#",
        domain="wikinews",
    )
    assert {item.parallel_id for item in found} == {telugu.parallel_id}
    assert telugu.prompt == "నది పొంగింది.\nఏమైంది?"


def test_two_passages_of_a_page_are_two_clusters_where_the_split_is_told(items):
    rows = [BELEBELE | {"split": split} for split in ("dev", "devtest")]
    found = items({"tel_Telu.jsonl": json_lines(*rows)})
    assert (
        len({item.passage_id for item in found}) == len({item.parallel_id for item in found}) == 2
    )
    (one, other) = items({"tel_Telu.jsonl": json_lines(BELEBELE, BELEBELE)})
    assert other.parallel_id == f"{one.parallel_id}#2"
    assert one.passage_id == other.passage_id


def mmlu(**fields):
    options = {f"option_{number}": f"option {number}" for number in range(10)}
    return (
        {"question_id": 70, "question": "Which?", **options}
        | {
            "answer": "D",
            "answer_index": 3,
            "category": "law",
            "src": "x",
        }
        | fields
    )


def test_mmlu_prox_drops_options_that_are_missing(items):
    gaps = {"option_0": None, "option_1": "N/A", "option_9": ""}
    names = ("te/test-00000-of-00002.parquet", "te/test-00001-of-00002.parquet")
    found = items(
        {names[0]: [mmlu(), mmlu(question_id=71, **gaps)], names[1]: [mmlu(question_id=72)]}
        | {"te/validation-00000-of-00001.parquet": [mmlu(question_id=1)]}
    )
    assert [item.parallel_id for item in found] == ["70", "71", "72"]
    assert {item.suite for item in found} == {"mmlu-prox"}
    assert {item.language for item in found} == {"tel_Telu"}
    assert [len(item.choices) for item in found] == [10, 7, 10]
    assert [item.choices[item.gold] for item in found] == ["option 3"] * 3
    assert found[0].domain == "law"


@pytest.mark.parametrize("wrong", [{"answer": "C"}, {"option_3": None}, {"answer_index": 12}])
def test_mmlu_prox_whose_answer_is_no_option(items, wrong):
    with pytest.raises(DataError, match="row 1: 'answer' and 'answer_index' name no option"):
        items({"te/test.parquet": [mmlu(**wrong)]})


def test_global_mmlu_is_told_apart_by_what_it_takes_to_know(items):
    rows = [
        {"sample_id": f"law/test/{number}", "subject": "law", "subject_category": "Humanities"}
        | {"question": "Which?", "answer": answer, "cultural_sensitivity_label": label}
        | {f"option_{letter}": letter * 3 for letter in "abcd"}
        for number, (answer, label) in enumerate(
            (("A", "CS"), ("d", "CA"), ("B", "-"), ("C", None))
        )
    ]
    found = items({"te/test-00000-of-00001.parquet": rows, "te/dev-00000-of-00001.parquet": rows})
    assert [item.domain for item in found] == ["sensitive", "agnostic", "Humanities", "Humanities"]
    assert [item.choices[item.gold] for item in found] == ["aaa", "ddd", "bbb", "ccc"]
    assert found[1].parallel_id == "law/test/1"
    assert {item.suite for item in found} == {"global-mmlu"}


def test_mgsm_has_no_names_of_columns_and_answers_in_all_digits(items):
    questions = 'రవి దగ్గర "5" ఉన్నాయి.\t2,125\n"రవి అడిగాడు.\t౧౮\n', "রবির কাছে কত?\t-3\nকত?\t18.0\n"
    found = items(
        {f"mgsm_{code}.tsv": text for code, text in zip(("te", "bn"), questions, strict=True)}
    )
    told = {(it.language, it.parallel_id): (it.question, it.answers) for it in found}
    assert told["tel_Telu", "1"] == ('రవి దగ్గర "5" ఉన్నాయి.', ("2125",))
    assert told["tel_Telu", "2"] == ('"రవి అడిగాడు.', ("18",))
    assert told["ben_Beng", "1"][1] == ("-3",)
    assert {(it.suite, it.metric, it.choices) for it in found} == {("mgsm", "exact_match", ())}
    by_id = {item.id: item for item in found}
    # The harness's patterns find neither: they look for English words, and for ASCII's digits.
    assert reading_of(by_id["mgsm/tel_Telu/1"], "సమాధానం ౨,౧౨౫").right == 1
    assert reading_of(by_id["mgsm/ben_Beng/2"], "উত্তর হল ১৮।").right == 1
    assert not reading_of(by_id["mgsm/ben_Beng/2"], "..").is_read


def test_mgsm_with_names_of_columns(items):
    rows = ("question", "answer", "answer_number"), ("Wie viel?", "", "1.5")
    (german,) = items({"de/test.tsv": tabbed(*rows)})
    assert german.answers == ("1,5",)
    assert reading_of(german, "Antwort: 1,5").right == 1


XCOPA = {
    "premise": "ชายคนนั้นเปิดก๊อกน้ำ",
    "choice1": "โถส้วมเต็มไปด้วยน้ำ",
    "choice2": "น้ำไหลออกจากหัวก๊อก",
    "question": "effect",
    "label": 1,
    "idx": 7,
    "changed": False,
}


def test_xcopa_keeps_every_character_of_premise_and_choice(items):
    english = XCOPA | {
        "premise": "The man turned on the tap.",
        "choice1": "The toilet filled.",
        "choice2": "Water flowed.",
        "question": "cause",
    }
    found = items({"th/test.th.jsonl": json_lines(XCOPA), "en/test.en.jsonl": json_lines(english)})
    told = {item.language: item for item in found}
    thai, latin = told["tha_Thai"], told["eng_Latn"]
    assert thai.prompt == f"{XCOPA['premise']}{CONNECTIONS['tha'][1]}"
    assert (thai.delimiter, thai.choices) == ("", (XCOPA["choice1"], XCOPA["choice2"]))
    assert latin.prompt == "The man turned on the tap. Because"
    assert (latin.delimiter, latin.choices) == (" ", ("The toilet filled.", "Water flowed."))
    assert (thai.gold, thai.parallel_id, thai.domain) == (1, latin.parallel_id, "effect")


@pytest.mark.parametrize("code", ["et", "ht", "id", "it", "qu", "sw", "ta", "th", "tr", "vi", "zh"])
def test_xcopa_in_each_of_its_languages(items, code):
    (item,) = items({f"data/{code}/test.{code}.jsonl": json_lines(XCOPA)})
    assert item.question.startswith(XCOPA["premise"])
    assert item.language.startswith(tuple(CONNECTIONS))


def test_flores_is_a_sentence_a_line(items):
    found = items(
        {
            "devtest/swh_Latn.devtest": "Moja.\n\nTatu.\n",
            "devtest/zho_Hans.devtest": "一。\n二。\n三。\n",
            "dev/zho_Hans.dev": "零。\n",
        }
    )
    told = {(it.language, it.parallel_id): (it.choices, it.metric, it.delimiter) for it in found}
    assert told == {
        ("swa_Latn", "1"): (("Moja.",), "bits", ""),
        ("swa_Latn", "3"): (("Tatu.",), "bits", ""),
        **{
            ("zho_Hans", str(at)): ((f"{sign}。",), "bits", "")
            for at, sign in enumerate("一二三", start=1)
        },
    }
    assert {item.suite for item in found} == {"flores"}


def test_sib_200_asks_for_the_topic(items):
    header = ("index_id", "category", "text")
    files = {
        f"annotated/tel_Telu/{split}.tsv": tabbed(header, (number, "travel", f'"{split}" రైలు'))
        for number, split in enumerate(("train", "dev", "test"))
    }
    (item,) = items(files)
    assert (item.suite, item.id) == ("sib-200", "sib-200/tel_Telu/2")
    assert (item.question, item.choices) == ('"test" రైలు', SIB_TOPICS)
    assert item.choices[item.gold] == "travel"
    with pytest.raises(DataError, match=r"test\.tsv:2: 'category' is none of entertainment"):
        items({"annotated/tel_Telu/test.tsv": tabbed(header, (1, "cooking", "x"))})


def test_multiblimp_is_two_whole_sentences_in_no_fixed_order(items):
    rows = [("x", "sen", "wrong_sen", "phenomenon")]
    rows += [("", f"vaaka {number} on", f"vaaka {number} ovat", "SV-#") for number in range(40)]
    found = items({"fin/data.tsv": tabbed(*rows)})
    assert {(it.metric, it.delimiter, it.prompt, it.parallel_id) for it in found} == {
        ("acc", "", "", None)
    }
    assert all(item.choices[item.gold].endswith("on") for item in found)
    assert 10 < sum(item.gold for item in found) < 30
    assert found[0].domain == "SV-#"


OWN = [
    {"id": 1, "language": "te", "question": "?", "choices": ["ఒకటి", "రెండు"], "gold": 1},
    {"id": 2, "language": "tel_Telu", "question": "?", "choices": ["a", "b"], "answer": "B"},
    {
        "id": 3,
        "language": "te",
        "context": "c",
        "question": "?",
        "choices": ["x", "y"],
        "answer": "x",
    }
    | {"passage_id": "p", "domain": "d", "parallel_id": "3x"},
    {"id": 4, "language": "te", "question": "?", "answers": ["42", 43]},
    {"id": 5, "language": "te", "question": "?", "answers": []},
    {"id": 6, "language": "de", "question": "?", "answer": 1.125},
    {"id": 7, "language": "te", "text": " పాఠం\u0000 ", "choices": None},
]


@pytest.mark.parametrize("form", ["jsonl", "jsonl.gz", "tsv", "csv", "csv.gz", "parquet"])
def test_fields_of_our_own_in_every_form(items, form):
    names = sorted({name for row in OWN for name in row})
    rows = [{name: row.get(name) for name in names} for row in OWN]
    if form == "parquet":
        content = [
            row
            | {"answer": None if row["answer"] is None else str(row["answer"]).replace(".", ",")}
            | {"answers": None if row["answers"] is None else [str(it) for it in row["answers"]]}
            for row in rows
        ]
    elif form.startswith("jsonl"):
        content = json_lines(*OWN).encode()
    else:
        cells = [
            [
                ""
                if v is None
                else json.dumps(v)
                if isinstance(v, list)
                else str(v).replace("1.125", "1,125")
                for v in row.values()
            ]
            for row in rows
        ]
        content = tabbed(names, *cells, delimiter="," if "csv" in form else "\t").encode()
    if form.endswith("gz"):
        content = gzip.compress(content)
    found = {item.id.rpartition("/")[2]: item for item in items({f"quiz.{form}": content})}
    assert {item.suite for item in found.values()} == {"quiz"}
    assert [found[str(number)].gold for number in (1, 2, 3)] == [1, 1, 0]
    assert (found["3"].prompt, found["3"].passage_id, found["3"].domain) == ("c\n?", "p", "d")
    assert (found["3"].parallel_id, found["2"].parallel_id) == ("3x", "2")
    assert found["4"].answers == ("42", "43")
    assert (found["5"].answers, found["5"].choices) == ((), ())
    assert (found["6"].answers, found["6"].language) == (("1,125",), "deu_Latn")
    assert reading_of(found["6"], "1,125").right == 1
    assert (found["7"].choices, found["7"].metric) == (("పాఠం\u0000",), "bits")


def test_ids_and_domains_tell_a_terminal_nothing(items):
    (item,) = items({"quiz.jsonl": json_lines(question(id="a\x1b[31m", domain="b\u202e"))})
    assert (item.id, item.domain) == ("quiz/eng_Latn/a\\x1b[31m", "b\\u202e")
    assert item.question == "?"


def test_ends_of_lines_in_a_cell_of_csv(items):
    text = 'id,language,question,answer\n1,eng,"one\n\n""two""",x\n2,eng,three,y\n'
    assert [item.question for item in items({"q.csv": text})] == ['one\n\n"two"', "three"]


def question(**fields):
    return {"id": 1, "language": "eng", "question": "?", "answer": "x"} | fields


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("{", "no JSON"),
        ("[" * 50_000, "no JSON"),
        ([1], "no table of names and values"),
        ({"id": 1, "title": "x\u202e"}, r"of no known set: id, title"),
        (question(question=["a"]), "'question' is no text"),
        (question(question={"a": [{}]}), "'question' is no text"),
        (question(question="  "), "'question' is empty"),
        (question(question="\ud800"), "'question' has half a character"),
        (
            question(question="x" * (MOST_CHARACTERS + 1)),
            "131,073 characters; 131,072 are the most",
        ),
        (question(answer=True), "'answer' is no text"),
        (question(answer=float("nan")), "'answer' is no text"),
        (question(answer=1e300), "'answer' is no text"),
        (question(answer=None), "there is no 'answer'"),
        (question(choices=["a", "b"], answer="c"), "is not the text or the letter of one choice"),
        (question(choices=["a", "a"], answer="a"), "is not the text or the letter of one choice"),
        (question(choices=["a", "b"], gold=2), "the right choice is none of them"),
        (question(choices=["a", "b"], gold=-1), "'gold' is no whole number"),
        (question(choices=["a", "b"], gold=0.5), "'gold' is no whole number"),
        (question(choices=["a", ["b"]], gold=0), "'choices' is no text"),
        (question(choices=[], gold=0), "'choices' has not several entries"),
        (question(choices="a, b", gold=0), "'choices' is no list"),
        (question(choices=["a"] * 10_000, gold=0), "'choices' has 10,000 entries; 26 are the most"),
        (question(id="x" * 1001), "its id has more than 1,000 characters"),
        (question(language="xyzzy"), "there is no language 'xyzzy'"),
        (question(language=["eng"]), "there is no language"),
        (question(id=0), r"the id 'quiz/eng_Latn/0' is that of .*quiz.jsonl:1"),
        ("x" * (MOST_BYTES + 1), "more than 1,048,576 bytes in a line"),
        (b"\xff", "no UTF-8"),
    ],
)
def test_what_is_no_item_is_told_with_its_line(items, row, told):
    line = row if isinstance(row, bytes | str) else json.dumps(row)
    line = line if isinstance(line, bytes) else line.encode()
    first = b"" if b"title" in line else json.dumps(question(id=0)).encode()
    with pytest.raises(DataError, match=rf"quiz\.jsonl:3: .*{told}") as caught:
        items({"quiz.jsonl": first + b"\n\n" + line + b"\n"})
    assert "\u202e" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("te.tsv", "question\tanswer\nx\n", r"te\.tsv:2: 1 cells where the first line has 2"),
        ("te.csv", 'question,answer\n"x,y\n', r"te\.csv:2: no row of CSV"),
        ("te.csv", "question,question\nx,y\n", r"te\.csv:1: these are no names of columns"),
        ("te.csv", "", "holds no item"),
        ("te.parquet", b"PAR1", "no Parquet"),
        ("te.jsonl.gz", b"\x1f\x8b\x08\x00" + b"x" * 40, "cannot be read to its end"),
        ("README.md", "# x", "holds no item"),
        (
            "quiz.jsonl",
            json_lines({"question": "?", "answer": "x"}),
            "neither a field nor the name",
        ),
    ],
)
def test_files_that_cannot_be_read(items, name, content, told):
    with pytest.raises(DataError, match=told):
        items({name: content})


def test_a_file_that_unpacks_without_end(items, monkeypatch):
    monkeypatch.setattr(records, "MOST_BYTES", 1 << 16)
    bomb = gzip.compress(json_lines({"language": "eng", "text": "x" * 900}).encode() * 100)
    with pytest.raises(DataError, match=r":\d+: more than 65,536 bytes"):
        items({"quiz.jsonl.gz": bomb})


def test_a_table_whose_values_stand_for_thousands(items, monkeypatch):
    monkeypatch.setattr(records, "BATCH_BYTES", 1 << 16)
    rows = [{"language": "eng", "question": "x" * 5000, "answer": "y"}] * 100
    with pytest.raises(DataError, match="row 1: more than 65,536 bytes in 100 rows"):
        items({"quiz.parquet": rows})


def test_languages_are_chosen_and_named(items, read):
    files = {
        f"quiz.{code}.jsonl": json_lines({"id": 1, "text": code}) for code in ("te", "sw", "en")
    }
    found = items(files, languages=("tel", "swh_Latn"))
    assert [item.language for item in found] == ["swa_Latn", "tel_Telu"]
    with pytest.raises(ConfigError, match="no item is in fra_Latn"):
        read(files, languages=("fr",))
    with pytest.raises(ConfigError, match="there is no language 'klingonish'"):
        read(files, languages=("klingonish",))


def test_a_metric_is_for_what_it_fits(items, read):
    files = {"quiz.jsonl": json_lines(*OWN)}
    found = items(files, metric="chrf")
    assert {it.metric for it in found} == {"acc_bytes", "chrf", "bits"}
    assert {it.metric for it in found if not it.choices} == {"chrf"}
    with pytest.raises(ConfigError, match="no item can be judged by bits"):
        read({"quiz.jsonl": json_lines(*OWN[:6])}, metric="bits")


def test_what_is_skipped_is_counted(read):
    text = json_lines({"text": "x"})
    names = ("README.md", "te/test.jsonl", "te/train.jsonl", "te/script.py")
    metrics = read(dict.fromkeys(names, text)).manifest.metrics
    assert metrics == {"items": 1, "languages": 1, "suites": 1, "skipped_files": 3}


def plain_item(language, content, wording=0):
    name = f"s/{language}/{content}/{wording}"
    return Item("s", name, language, "acc", choices=("a", "b"), gold=0, parallel_id=content)


def test_the_same_contents_are_drawn_in_each_language():
    given = [
        plain_item("tel_Telu", str(number), wording) for number in range(50) for wording in (0, 1)
    ]
    given += [plain_item("eng_Latn", str(number)) for number in range(0, 50, 2)]
    taken = {}
    for most in (5, 10, 30):
        found = drawn(given, most, 0)
        taken[most] = {
            language: [it.parallel_id for it in found if it.language == language]
            for language in ("tel_Telu", "eng_Latn")
        }
        assert len(taken[most]["tel_Telu"]) == 2 * most  # both wordings
    for most in (5, 10):
        assert set(taken[most]["eng_Latn"]) == set(taken[most]["tel_Telu"])
        assert len(taken[most]["eng_Latn"]) == most
    assert set(taken[5]["eng_Latn"]) < set(taken[10]["eng_Latn"])
    assert len(taken[30]["eng_Latn"]) == 25
    assert set(taken[30]["eng_Latn"]) < set(taken[30]["tel_Telu"])
    other = {it.parallel_id for it in drawn(given, 5, 1)}
    assert other != set(taken[5]["tel_Telu"])
