"""Which examples may not be parted: what is measured must not have been learnt from a likeness.

Examples go together that are near-duplicates, and that have one page name, for a page's
translations have: ``fr/net-wireless.html`` and ``net-wireless.html.de``. Where the positives are
of many sites, all examples of a site go together instead of those of a name.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import parse_qsl, urlsplit

import numpy as np

from bedstone.corpus.classifiers.logistic import Bools
from bedstone.corpus.duplicates.clusters import joined
from bedstone.corpus.duplicates.signatures import signed
from bedstone.languages import by_code
from bedstone.text.codes import Indices, batches

FOLDS = 5
MOST_OF_SITE = 0.5
"""Of the positives: with more of one site, sites cannot be held out."""
BANDS, ROWS, SHINGLE_WORDS, SEED = 10, 5, 5, 1
"""Of the signature: texts of a Jaccard similarity of .63 are found with a chance of two thirds."""
NO_NAMES = frozenset({"", "index", "default", "home", "main"})
LANGUAGE_ENDING = re.compile(r"[-_]([a-z]{2})(?:[-_][a-z]{2,4})?$")
"""Of three letters nearly every word is a code."""


def clusters(texts: Sequence[str]) -> Indices:
    """Numbers that near-duplicates have in common, of one text at least."""
    made = [signed(batch, BANDS * ROWS, SEED, SHINGLE_WORDS) for batch in batches(texts)]
    least, exact, is_signed = (
        np.concatenate([getattr(batch, name) for batch in made])
        for name in ("least", "exact", "is_signed")
    )
    bands = [least[:, first : first + ROWS] for first in range(0, BANDS * ROWS, ROWS)]
    everyone = np.ones(len(texts), np.bool_)
    return joined([(exact, everyone), *((band, is_signed) for band in bands)], len(texts))


def page_name(url: str) -> str:
    """What a page and its translations have in common of their URLs or paths; empty for none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    folders = [part for part in parts.path.lower().split("/") if part and not _is_language(part)]
    queries = [f"{key}={it}" for key, it in sorted(parse_qsl(parts.query)) if not _is_language(it)]
    stem = folders.pop().partition(".")[0] if folders else ""
    ending = LANGUAGE_ENDING.search(stem)
    if ending and _is_language(ending[1]):
        stem = stem[: ending.start()]
    if stem in NO_NAMES or queries:
        named = [*folders, *([] if stem in NO_NAMES else [stem]), *queries]
        return "/".join(named) or (url[:1] and "/")
    return stem


def sites_can_be_held_out(sites: Sequence[str]) -> bool:
    """Whether positives of these sites, empty where none is told, are of enough."""
    names, counts = np.unique([site for site in sites if site], return_counts=True)
    return len(names) >= 2 * FOLDS and counts.max() <= MOST_OF_SITE * len(sites)


def groups_of(names: Sequence[str], cluster: Indices) -> Indices:
    """Numbers that examples have in common that may not be parted.

    Args:
        names: of their sites or pages; what has none is by itself.
        cluster: of near-duplicates.
    """
    own = [name or f"\0{number}" for number, name in enumerate(names)]
    of = (cluster, np.unique(own, return_inverse=True)[1])
    everyone = np.ones(len(names), np.bool_)
    keys = [(each.astype(np.uint64)[:, np.newaxis], everyone) for each in of]
    return joined(keys, len(names))


def folds_of(groups: Indices, is_positive: Bools) -> Indices:
    """Which fold each example is in: groups are whole, and folds about equal.

    The largest group goes first, into the fold with fewest positives, or of those without a
    positive, fewest others.
    """
    names, of = np.unique(groups, return_inverse=True)
    positives = np.bincount(of, is_positive)
    sizes, fold_of = np.bincount(of), np.empty(len(names), np.int64)
    held = np.zeros((2, FOLDS))
    for group in np.lexsort((names, -sizes, -positives)):
        is_other = int(positives[group] == 0)
        fold_of[group] = fold = np.lexsort((held[1], held[is_other]))[0]
        held[:, fold] += positives[group], sizes[group] - positives[group]
    return fold_of[of]


@lru_cache(1 << 12)
def _is_language(part: str) -> bool:
    return bool(
        re.fullmatch(r"[a-z]{2,3}([-_@][a-z]{2,8})*", part) and by_code(part[:3].strip("-_@"))
    )
