import pytest

from bedstone.corpus.lexicons.word_lists import folded, read_word_lists
from bedstone.errors import DataError
from bedstone.text.codes import texts_of
from bedstone.text.words import words_of


@pytest.fixture
def lists(tmp_path):
    def made(**files: str):
        for name, text in files.items():
            (tmp_path / name.replace("__", ".")).write_text(text, "utf-8")
        return read_word_lists(tuple(sorted(tmp_path.iterdir())))

    return made


def hits(lists, *texts):
    """Of each text the entries, the longest of those that begin together first."""
    found = lists.hits(words_of(texts_of([folded(text) for text in texts])))
    return [
        [
            lists.entries[entry]
            for of, entry in zip(found.texts, found.entries, strict=True)
            if of == at
        ]
        for at in range(len(texts))
    ]


def test_words_are_matched_as_words(lists):
    found = lists(en="ass\nass hat\nStraße\n")
    assert hits(found, "The ASS's class, ass.", "Assassin", "an ass hat", "an ass", "hat") == [
        ["ass", "ass"],
        [],
        ["ass hat", "ass"],
        ["ass"],
        [],
    ]
    assert hits(found, "STRASSE", "ａｓｓ") == [["strasse"], ["ass"]]


def test_scripts_without_spaces_are_matched_by_their_letters(lists):
    found = lists(ja="アナル\nsm女王\n", th="กู\n")
    assert hits(found, "このアナルは", "アナログ", "SM女王様", "ฉันกูเกิล") == [
        ["アナル"],
        [],
        ["sm女王"],
        ["กู"],
    ]


def test_a_phrase_does_not_run_into_the_next_text(lists):
    assert hits(lists(en="one two\n"), "one", "two", "One\ntwo") == [[], [], ["one two"]]


def test_lists_are_named_by_their_language(lists):
    found = lists(en="a\nb\n", fr="b\n", LICENSE="c\n", pt_BR__txt="d\n", README__md="e\n")
    of = dict(zip(found.entries, found.languages, strict=True))
    assert of == {"a": {"eng"}, "b": {"eng", "fra"}, "d": {"por"}}
    assert found.codes == {"eng", "fra", "por"}


def test_lists_that_are_passed_over_are_told(lists, caplog):
    lists(en="a\n", english="b\n", zz="c\n")
    assert "2 lists" in caplog.text
    assert "english" in caplog.text


def test_a_list_that_is_no_text_is_an_error(tmp_path):
    (tmp_path / "de").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="de: cannot be read"):
        read_word_lists([tmp_path / "de"])


def test_no_list(lists):
    with pytest.raises(DataError, match="none is a list of words that is named by a language"):
        lists(LICENSE="c\n", en=" \n")
