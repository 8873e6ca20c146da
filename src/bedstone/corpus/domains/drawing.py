"""Which documents are drawn to be labelled: so many of each stratum, and of each language.

A stratum is where a classifier puts documents: above a score, below it, or untold, where it
abstains. Within one all have equal chances, so what its labels say holds of all of it.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bedstone.lots import lot

ABOVE, BELOW, UNTOLD = STRATA = ("above", "below", "untold")
LEAST = 10
"""Labels of documents that the classifier says nothing of, if there are as many."""
PURPOSE = "corpus.draw"


def strata_of(scores: pa.ChunkedArray, threshold: float) -> pa.ChunkedArray:
    """The stratum of each score; null is one of its own."""
    is_above = pc.greater_equal(scores, threshold)
    return pc.fill_null(pc.if_else(is_above, ABOVE, BELOW), UNTOLD)


def allotted(documents: Mapping[str, int], labels: int, above_share: float) -> dict[str, int]:
    """How many are drawn of each stratum; what one has not is drawn of the others.

    Args:
        documents: of each stratum.
        labels: in all, one of each stratum at least; of fewer documents all are drawn.
        above_share: of the labels, those above the threshold. What is left is shared out by the
            number of documents below it and untold.
    """
    above, below, untold = (documents.get(name, 0) for name in STRATA)
    of_above = min(max(round(labels * above_share), 1), labels - 2, above)
    others = min(labels - of_above, below + untold)
    of_untold = min(max(round(others * untold / max(below + untold, 1)), LEAST), others - 1)
    of_untold = max(min(of_untold, untold), others - below, 0)
    return {
        ABOVE: min(labels - others, above),
        BELOW: others - of_untold,
        UNTOLD: of_untold,
    }


def evenly_drawn(languages: list[str], ids: list[str], number: int, seed: int) -> NDArray[np.int64]:
    """The places of ``number`` of the ids, of each language about its share of them.

    In the order of languages, and by lot within one, every so-manieth from a random first one on:
    each document has the same chance, and no language much more or less than its part.

    Source: systematic sampling, Cochran 1977, "Sampling techniques", section 8.1.
    """
    if not number:
        return np.empty(0, np.int64)
    lots = np.array([lot(name, f"{PURPOSE} {seed}") for name in ids])
    order = np.lexsort((lots, np.array(languages)))
    first = lot("\0".join((ids[order[0]], languages[order[0]])), f"{PURPOSE} {seed} first")
    places = ((np.arange(number) + first) * len(ids) / number).astype(np.int64)
    drawn: NDArray[np.int64] = order[np.minimum(places, len(ids) - 1)]
    return drawn
