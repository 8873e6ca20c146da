from math import log

import pytest

from bedstone.corpus.identification import purity
from bedstone.corpus.identification.purity import (
    Confusion,
    Counted,
    Limits,
    confusion_of,
    is_confirmed,
)
from bedstone.errors import DataError

ENGLISH, SWAHILI, RUSSIAN = "eng_Latn", "swa_Latn", "rus_Cyrl"


def confusion(english=20_000, misread=0, confirmed=95, kinds=2):
    return Confusion(
        texts={
            ENGLISH: english,
            SWAHILI: 100,
            RUSSIAN: 1_000,
            "other_Latn": 200,
            "zxx-py": 500,
            "zxx-js": 500,
        },
        labelled={
            (ENGLISH, ENGLISH): english,
            (ENGLISH, SWAHILI): misread,
            (SWAHILI, SWAHILI): 100,
            ("other_Latn", SWAHILI): 50,
            ("other_Latn", ENGLISH): 50,
        },
        confirmed={
            (ENGLISH, SWAHILI): misread,
            (SWAHILI, SWAHILI): confirmed,
            ("other_Latn", SWAHILI): 10,
            ("other_Latn", ENGLISH): 0,
        },
        limits={SWAHILI: Limits(0.9, 0.2, kinds)},
    )


def test_one_page_in_ten_thousand_misread_halves_a_rare_language():
    # The figures: of a million pages, 46 % English, .006 % the language, all of them true,
    # and 46 English ones that are misread.
    corpus = {ENGLISH: Counted(458_786), SWAHILI: Counted(60 + 46)}
    found = purity.purity(SWAHILI, corpus, confusion(english=10_000, misread=1))
    assert found.value == pytest.approx(60 / 106, abs=0.01)
    assert found.low == 0 < found.value < found.high <= 1


def test_a_language_that_is_seldom_told_has_more_documents_than_its_label():
    found = confusion(misread=1_000)
    found.labelled[ENGLISH, ENGLISH] = 10_000  # of 20,000
    corpus = {ENGLISH: Counted(1_000), SWAHILI: Counted(1_000)}
    found = purity.purity(SWAHILI, corpus, found)
    assert found.value == pytest.approx(1 - 100 / 1_000, abs=1e-4)


def test_an_error_that_was_never_seen_still_may_be():
    corpus = {ENGLISH: Counted(20_000), SWAHILI: Counted(100, None)}
    found = purity.purity(SWAHILI, corpus, confusion())
    assert found.value == 1
    assert found.low == pytest.approx(1 - 1 / 300, abs=1e-5)  # a third of one of 20,000 texts
    crowd = purity.purity(SWAHILI, corpus | {ENGLISH: Counted(8_000_000)}, confusion())
    assert crowd.low == 0  # 400 times as many English documents as were tested: 100 wrong ones


def test_documents_that_are_misread_for_a_language_flow_no_further():
    # Of 100 documents called Zulu 90 are English; so 10 of Zulu's, not 100, may be called Swahili.
    found = confusion(misread=0)
    found.texts["zul_Latn"] = 100
    found.labelled |= {("zul_Latn", "zul_Latn"): 50, (ENGLISH, "zul_Latn"): 90}
    found.labelled["zul_Latn", SWAHILI] = 50
    corpus = {ENGLISH: Counted(20_000), "zul_Latn": Counted(100), SWAHILI: Counted(100)}
    swahili = purity.purity(SWAHILI, corpus, found)
    assert swahili.value == pytest.approx(1 - 10 / 100, abs=0.01)
    assert swahili.low == 0  # if all of them were Zulu, so would be all that are called Swahili


def test_a_language_of_which_one_text_was_told_is_not_taken_for_many():
    found = confusion()
    found.texts["zul_Latn"] = 11
    found.labelled |= {("zul_Latn", "zul_Latn"): 1, ("zul_Latn", SWAHILI): 10}
    corpus = {"zul_Latn": Counted(10), SWAHILI: Counted(1_000)}
    assert purity.purity(SWAHILI, corpus, found).value == 1 - 10 * 10 / 2 / 1_000


def test_languages_it_does_not_know_may_be_as_frequent_as_those_it_knows():
    found = confusion()
    found.labelled |= {("zul_Latn", "zul_Latn"): 100, ("xho_Latn", "xho_Latn"): 100}
    found.texts |= {"zul_Latn": 100, "xho_Latn": 100}
    corpus = {ENGLISH: Counted(20_000), SWAHILI: Counted(1_000)}
    beside = {"zul_Latn": Counted(300), "xho_Latn": Counted(500)}
    alone = purity.purity(SWAHILI, corpus, found)
    assert alone.low == pytest.approx(1 - 1 / 3_000, abs=1e-6)
    # 50 texts in unknown languages and one more, each for three documents.
    usual = purity.purity(SWAHILI, corpus | beside, found)
    assert (usual.value, usual.high) == (1, 1)
    assert 1 - 2 * 3 * 51 / 1_000 - 0.02 < usual.low < 1 - 3 * 51 / 1_000


def test_another_script_is_never_misread():
    corpus = {ENGLISH: Counted(10**9), RUSSIAN: Counted(10)}
    assert purity.purity(RUSSIAN, corpus, confusion()).low == 1


def test_code_is_misread_for_languages_in_its_letters_only():
    corpus = {"und": Counted(10**6), SWAHILI: Counted(1_000), RUSSIAN: Counted(1_000)}
    assert purity.purity(SWAHILI, corpus, confusion()).low == 0
    assert purity.purity(RUSSIAN, corpus, confusion()).low == 1


def test_of_kinds_of_code_that_nobody_counted_the_worst_is_reckoned_with():
    found = confusion()
    found.labelled["zxx-py", SWAHILI] = 25
    corpus = {"und": Counted(1_000), SWAHILI: Counted(1_000)}
    pure = purity.purity(SWAHILI, corpus, found)
    assert pure.value == 1 - 0.025
    assert pure.low < 1 - 0.05 < 1 == pure.high


@pytest.mark.parametrize(
    ("confirmed", "low", "value"), [(9_500, 0.932, 1), (0, 0, 0), (5_250, 0.394, 0.553)]
)
def test_documents_without_the_languages_words_are_none_of_it(confirmed, low, value):
    # 95 % of the right ones are confirmed, in another kind of text maybe all, and 20 % of those in
    # unknown languages that look alike.
    found = purity.purity(SWAHILI, {SWAHILI: Counted(10_000, confirmed)}, confusion())
    assert found.value == pytest.approx(value, abs=0.01)
    assert found.low == pytest.approx(low, abs=0.01)
    assert found.low <= found.value <= found.high
    unlike = confusion()
    unlike.confirmed["other_Latn", SWAHILI] = 0
    better = purity.purity(SWAHILI, {SWAHILI: Counted(10_000, confirmed)}, unlike)
    assert found.low <= better.low <= better.value == found.value


def test_a_rate_of_errors_is_not_that_of_another_kind_of_text():
    corpus = {ENGLISH: Counted(20_000), SWAHILI: Counted(10_000)}
    found = purity.purity(SWAHILI, corpus, confusion(english=2_000_000, misread=100_000))
    assert found.value == pytest.approx(0.9)
    # Around 1,000 wrong ones: the quantile of .025 of a gamma distribution of shape 1, of .975 of
    # one of shape 4.
    assert found.high == pytest.approx(1 - 0.1 * -log(0.975), abs=0.01)
    assert found.low == pytest.approx(1 - 0.1 * 17.53 / 8, abs=0.01)


def test_news_that_have_few_of_the_words_of_messages_may_all_be_right():
    corpus = {SWAHILI: Counted(1_000, 300)}
    assert purity.purity(SWAHILI, corpus, confusion()).high == 1
    few = purity.purity(SWAHILI, {SWAHILI: Counted(1_000, 100)}, confusion())
    assert few.high == pytest.approx(0.12 / 0.25, abs=0.01)
    assert few.low < 0.1


def test_where_one_kind_of_text_was_learnt_from_missing_words_prove_nothing():
    corpus = {SWAHILI: Counted(1_000, 10)}
    one, two = (purity.purity(SWAHILI, corpus, confusion(kinds=kinds)) for kinds in (1, 2))
    assert one.high == 1 > two.high
    assert (one.low, one.value) == (two.low, two.value)


def test_languages_that_look_alike_are_not_seen_by_their_words():
    corpus = {SWAHILI: Counted(10_000, 9_000)}
    alike, unlike = confusion(), confusion()
    alike.confirmed["other_Latn", SWAHILI], unlike.confirmed["other_Latn", SWAHILI] = 45, 0
    assert purity.purity(SWAHILI, corpus, alike) == purity.purity(SWAHILI, corpus, unlike)


def test_what_was_never_tested_is_not_known():
    never = purity.purity("zul_Latn", {"zul_Latn": Counted(500, 500)}, confusion())
    assert (never.low, never.high) == (0, 1)


@pytest.mark.parametrize(
    ("value", "low", "documents", "noise", "unsure"),
    [
        (0.09, 0.0, 5_000, True, False),
        (0.1, 0.0, 5_000, False, True),
        (1.0, 0.2, 4, False, True),
        (1.0, 0.2, 5, False, False),
        (0.05, 0.01, 100, False, False),
    ],
)
def test_noise_is_where_not_one_document_is_certain_and_few_are_expected(
    value, low, documents, noise, unsure
):
    found = purity.Estimate(value, low, 1.0, documents)
    assert (purity.is_possible_noise(found), purity.cannot_tell(found)) == (noise, unsure)


def test_confirmed_by_score_and_by_words_where_they_are_known():
    limits = Limits(0.9, 0.2, 1)
    cases = [(0.9, 0.2), (0.89, 0.9), (1.0, 0.1), (1.0, None), (1.0, float("nan"))]
    assert [is_confirmed(*case, limits) for case in cases] == [True, False, False, True, True]


@pytest.mark.parametrize("name", ["pycld2", "py3langid"])
def test_the_packages_table(name):
    found = confusion_of(name)
    assert found is not None
    assert found.texts[ENGLISH] > 30_000
    assert len(found.limits) > 60
    for limits in found.limits.values():
        assert 0.3 <= limits.score <= 0.9  # as FineWeb2 has it
        assert 0 <= limits.own_words <= 1
        assert 0 <= limits.kinds <= 4
    for pair, count in found.labelled.items():
        assert found.confirmed[pair] <= count <= found.texts[pair[0]]


def test_no_table_of_an_identifier_and_no_table_at_all(tmp_path):
    assert confusion_of("fasttext") is None
    path = tmp_path / "own.tsv"
    head = "\t".join(purity.COLUMNS)
    path.write_text(f"{head}\nfasttext\teng_Latn\t10\teng_Latn\t9\t8\t0.5\t0.1\t1\n")
    own = confusion_of("fasttext", path)
    assert own is not None
    assert own.limits == {ENGLISH: Limits(0.5, 0.1, 1)}
    wrong = tmp_path / "wrong.tsv"
    wrong.write_text("identifier\tlanguage\nfasttext\teng_Latn\n")
    with pytest.raises(DataError, match="no table of confusions"):
        confusion_of("fasttext", wrong)
