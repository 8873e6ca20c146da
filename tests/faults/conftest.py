"""The crawl and the settings that whole runs are tried on."""

from tests.e2e.conftest import crawl as crawl
from tests.e2e.conftest import second_warc as second_warc
from tests.e2e.conftest import small as small
