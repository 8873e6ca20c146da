"""Examples that a classifier learns from, as a user gives them: texts, or what URLs they have."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from bedstone.corpus.identification.identifiers import identifier
from bedstone.corpus.identification.identify import identify
from bedstone.corpus.sources import records
from bedstone.errors import DataError
from bedstone.lots import lot
from bedstone.store import tables
from bedstone.store.artifact import HTML_FILES, TEXT_FILES, Shard

MAX_BYTES = 8 << 20
"""Of a text; longer ones are passed over."""
MIN_BYTES, MIN_SHARE = 40, 0.7
"""With which the language of a given text is found: the defaults of corpus.language."""
UNTOLD = ""
"""The language where none is told."""


class Example(NamedTuple):
    """A text, and what is known of it."""

    id: str
    url: str
    """Of a file, its path below the folder that was given."""
    text: str
    language: str = UNTOLD


class Wanted(NamedTuple):
    """Which documents of the corpus are positive, by their URLs."""

    urls: tuple[str, ...] = ()
    """How they begin."""
    hosts: tuple[str, ...] = ()
    """With all hosts below them."""

    def has(self, url: str) -> bool:
        """Whether the document at ``url`` is."""
        return url.startswith(self.urls) or self._has_host(url)

    def _has_host(self, url: str) -> bool:
        host = f".{host_of(url)}" if self.hosts else ""
        return any(host.endswith(f".{each.lower().strip('.')}") for each in self.hosts)


def host_of(url: str) -> str:
    """The host in lower case; empty where there is none."""
    try:
        return (urlsplit(url).hostname or "").strip(".")
    except ValueError:  # of brackets that are no address
        return ""


def given_examples(given: Shard, text_column: str, most: int, purpose: str) -> list[Example]:
    """The texts of a folder, of tables, or of an artifact of documents; of too many some, by lot.

    Raises:
        DataError: there is no text.
    """
    drawn: list[tuple[float, Example]] = []
    for number, example in enumerate(_given(given, text_column)):
        name = f"{given.content[:16]}-{number}"
        drawn.append((lot(name, purpose), example._replace(id=name)))
        if len(drawn) >= 2 * most:
            drawn = sorted(drawn)[:most]
    if not drawn:
        raise DataError(
            f"{given.location}: no text in it is read",
            hint=f"give files that end in {', '.join((*records.TABLES, '.txt', '.md'))}, or an "
            "artifact of documents; of pages make one by corpus.extract",
        )
    return [example for _, example in sorted(drawn)[:most]]


def in_languages(examples: Sequence[Example]) -> list[Example]:
    """The same, with their languages."""
    texts = [example.text for example in examples]
    found = identify(texts, identifier("pycld2"), MIN_BYTES, MIN_SHARE)
    pairs = zip(examples, found, strict=True)
    return [example._replace(language=it.language) for example, it in pairs]


def _given(given: Shard, text_column: str) -> Iterator[Example]:
    """Every text that has any."""
    for shard in given.shards:
        files = shard.files
        if any(file.name.endswith(".parquet") for file in files):
            files = (tables.table_path(shard),)
        for number, file in enumerate(files):
            name = file.name.lower()
            found: Iterator[records.Record | None] = iter(())
            if name.endswith(records.TABLES):
                fields = records.Fields(text_column, "url", MAX_BYTES)
                found = records.of_table(file, fields, lambda _: True)
            elif name.endswith(TEXT_FILES) and not name.endswith(HTML_FILES):
                below = file.relative_to(given.location).as_posix()
                found = iter([records.of_file(number, file, below, MAX_BYTES)])
            for record in found:
                if record and not record.reason:
                    yield Example("", record.url, record.text)
