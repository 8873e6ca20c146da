"""What is left out of pages as no content of theirs: how much for each reason, and examples."""

from collections import Counter, defaultdict
from operator import itemgetter

import pyarrow as pa

from bedstone.corpus.web.html import LeftOut
from bedstone.lots import lot

EXAMPLES = 20
"""Of each reason, drawn by lot among the pages."""
SCHEMA = pa.schema(
    [
        ("reason", pa.string()),
        ("url", pa.string()),
        ("bytes", pa.int64()),
        ("example", pa.string()),
    ]
)


class LeftOutOfPages:
    """Of many pages."""

    def __init__(self) -> None:
        self.bytes = Counter[str]()
        """By reason, of text."""
        self._drawn = defaultdict[str, list[tuple[float, str, LeftOut]]](list)

    def add(self, name: str, url: str, left_out: dict[str, LeftOut]) -> None:
        """Count what is left out of a page."""
        for reason, what in left_out.items():
            self.bytes[reason] += what.bytes
            drawn = self._drawn[reason]
            drawn.append((lot(name, reason), url, what))
            if len(drawn) == 2 * EXAMPLES:
                drawn.sort(key=itemgetter(0))
                del drawn[EXAMPLES:]

    def examples(self) -> pa.Table:
        """A table of them."""
        rows = [
            {"reason": reason, "url": url, "bytes": what.bytes, "example": what.example}
            for reason, drawn in sorted(self._drawn.items())
            for _, url, what in sorted(drawn, key=itemgetter(0))[:EXAMPLES]
        ]
        return pa.Table.from_pylist(rows, SCHEMA)
