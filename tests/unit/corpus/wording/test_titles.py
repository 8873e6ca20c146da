from bedstone.corpus.wording.titles import MAX_CHARACTERS, Title, title_of, title_statistics


def test_the_first_heading_or_the_first_line():
    assert title_of("a\nb\nc", [1, 2]) == "b"
    assert title_of("a\nb", []) == "a"
    assert title_of("", []) == title_of("a", [7]) == ""
    assert len(title_of("a" * 9_999, [0])) == MAX_CHARACTERS


def test_what_is_counted():
    assert title_statistics("10 Tricks YOU won’t believe?!") == Title(5, 4 / 20, 2, True, True)
    assert title_statistics("The younger of 2") == Title(4, 1 / 12, 0, False, False)
    assert title_statistics("数字") == Title(1, 0, 0, False, False)
    assert title_statistics("") == Title(None, None, None, None, None)
