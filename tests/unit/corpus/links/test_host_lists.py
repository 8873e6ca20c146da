import pytest

from bedstone.corpus.links.addresses import strict_key
from bedstone.corpus.links.host_lists import LINE_BYTES, read_lists
from bedstone.errors import DataError


@pytest.fixture
def lists(tmp_path):
    """The lists of a folder's files."""

    def made(**files: str):
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        paths = sorted(path for path in tmp_path.rglob("*") if path.is_file())
        return read_lists(tuple(paths), tmp_path)

    return made


def on(lists, *urls):
    return lists.on([strict_key(url) for url in urls])


def test_folders_and_files(lists):
    found = lists(
        adult__domains="sex.example\n192.0.2.1\n",
        adult__urls="a.example/~x\nhttp://b.example/y/?id=1\n",
        adult__expressions="(sex|porn)",
        sources="# of 2025-01\n*.lies.example # dated\n\nhttps://www.c.example/z\n",
    )
    assert [(it.name, it.entries, it.broken) for it in found.lists] == [
        ("adult", 4, 0),
        ("sources", 2, 0),
    ]
    assert (
        on(found, "http://sex.example/", "http://www.a.sex.example/q", "http://192.0.2.1/")
        == [["adult"]] * 3
    )
    assert on(found, "http://essex.example/", "http://sex.example.org/", "http://x.192.0.2.1.org/")[
        :2
    ] == [[], []]
    assert on(found, "http://a.example/~x", "http://www.a.example/~x/y/z?q") == [["adult"]] * 2
    assert (
        on(found, "http://a.example/", "http://a.example/~xy", "http://q.a.example/~x") == [[]] * 3
    )
    assert on(found, "http://b.example/y?id=1", "http://b.example/y?id=2") == [["adult"], []]
    assert on(found, "http://c.example/z", "http://lies.example/") == [["sources"]] * 2
    assert on(found, "page.html") == [None]


def test_of_a_long_line_the_rest_is_no_entry(lists):
    found = lists(a="x.example # " + "y" * LINE_BYTES + "\n# " + "z.example " * 5_000 + "\n")
    assert [(it.entries, it.broken) for it in found.lists] == [(1, 0)]


def test_of_one_list_that_is_given_alone(lists):
    assert [it.name for it in lists(domains="x.example", urls="y.example/z").lists] == ["domains"]


def test_of_two_lists_both_are_told(lists):
    found = lists(a="x.example\nx.example\n", b="example.org\nx.example\n")
    assert on(found, "http://x.example/") == [["a", "b"]]


def test_broken_lines_are_counted_and_a_file_of_hosts_is_read(lists):
    found = lists(hosts="0.0.0.0 ads.example\ncom\ntwo words\n[x\n")
    (only,) = found.lists
    assert (only.entries, only.broken, only.example) == (1, 3, "com")
    assert on(found, "http://ads.example/", "http://a.com/") == [["hosts"], []]


def test_a_list_that_names_nothing(lists):
    with pytest.raises(
        DataError, match=r"hosts: no line names a host or a URL; the first is 'com'"
    ):
        lists(hosts="com\n")


def test_many_entries_take_little_room(lists):
    found = lists(many="".join(f"host-{number}.example\n" for number in range(20_000)))
    room = sum(part.nbytes for part in found.entries)
    assert room <= 32 * 20_000
    assert on(found, "http://a.host-19999.example/", "http://host-20000.example/") == [["many"], []]
