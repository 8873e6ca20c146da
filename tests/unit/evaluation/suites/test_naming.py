"""Languages, splits and sets that names of files tell."""

import pytest

from bedstone.evaluation.suites.naming import key_of, named, to_test_on


@pytest.mark.parametrize(
    ("name", "language", "split", "suite"),
    [
        ("tel_Telu.jsonl", "tel_Telu", None, None),
        ("test.sw.jsonl", "swa_Latn", "test", None),
        ("annotated/tel_Telu/dev.tsv", "tel_Telu", "dev", "annotated"),
        ("devtest/swh_Latn.devtest", "swa_Latn", "devtest", None),
        ("mgsm_te.tsv", "tel_Telu", None, "mgsm"),
        ("te/test-00000-of-00001.parquet", "tel_Telu", "test", None),
        ("data/sw/val.sw.jsonl.gz", "swa_Latn", "val", None),
        ("fin/data.tsv", "fin_Latn", None, None),
        ("ary_arab.jsonl", "ary_Arab", None, None),
        ("pt-PT.jsonl", "por_Latn", None, None),
        ("zho_Hant/quiz.csv", "zho_Hant", None, "quiz"),
        ("belebele_tel_Telu.jsonl", "tel_Telu", None, "belebele"),
        ("my_quiz.jsonl", None, None, "my-quiz"),
        ("my_quiz_en.jsonl", "eng_Latn", None, "my-quiz"),
        ("dev.jsonl", None, "dev", None),
        ("all.jsonl", None, None, None),
    ],
)
def test_what_names_tell(name, language, split, suite):
    assert named(name) == (language, split, suite)


def test_one_language_has_one_key():
    assert {key_of(code) for code in ("te", "tel", "tel_Telu", "TEL_telu".lower())} == {"tel_Telu"}
    assert {key_of(code) for code in ("sw", "swh_Latn", "swa")} == {"swa_Latn"}
    assert [key_of(code) for code in ("kor_Hang", "jpn_Jpan", "zh")] == [
        *("kor_Kore", "jpn_Jpan", "zho_Hans")
    ]
    assert key_of("acm_Arab") == "acm_Arab"  # told apart from Arabic
    assert [key_of(code) for code in ("prs_Arab", "pes_Arab")] == ["prs_Arab", "fas_Arab"]
    assert [key_of(code) for code in ("", "xx", "qqq_Latn", "Telugu")] == [None] * 4


def test_what_is_to_learn_from_is_left_out_beside_a_test():
    assert to_test_on(["te/train.tsv", "te/dev.tsv", "te/test.tsv"]) == ["te/test.tsv"]
    assert to_test_on(["te/train.tsv", "te/dev.tsv"]) == ["te/train.tsv", "te/dev.tsv"]
    parts = ["dev-00000-of-00001.parquet", "test-00000-of-00002.parquet"]
    assert to_test_on(parts) == parts[1:]
    flores = ["dev/te.dev", "devtest/te.devtest", "sib/te/test.tsv"]
    assert to_test_on(flores) == flores[1:]
    assert to_test_on([flores[0], flores[2]]) == [flores[0], flores[2]]
