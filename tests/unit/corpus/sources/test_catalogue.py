from typing import get_args

import pytest
from tests.support.packages import ARCHIVES

from bedstone.corpus.sources import parallel_texts
from bedstone.corpus.sources.catalogue import NAMES, SOURCES


def files_of(name):
    """What the fixture's package has of the files that are wanted."""
    (archive,) = (files for file, files in ARCHIVES.items() if file.startswith(name))
    wanted = SOURCES[name].files
    plain = {path.removeprefix("./"): text.encode() for path, text in archive.items()}
    return {path: content for path, content in plain.items() if wanted.fullmatch(path)}


def test_the_names_of_configs_are_the_sources():
    assert set(SOURCES) == set(NAMES)
    assert all(source.package.name == name for name, source in SOURCES.items())
    parallel = {name for name, source in SOURCES.items() if source.versions}
    assert parallel == set(get_args(parallel_texts.Name))


@pytest.mark.parametrize("name", NAMES)
def test_the_urls_of_a_sources_pages_begin_as_it_says(name):
    made = list(SOURCES[name].pages(files_of(name)))
    assert made
    assert all(page.url.startswith(SOURCES[name].urls) for page in made)
