"""What of a page is content: learn it, and compare it with what others take out.

    make content PAGES=FOLDER             # ours and others on the pages in FOLDER
    .venv-content/bin/python benchmarks/content.py FOLDER --fit

FOLDER has ``pages.warc.gz`` and ``gold.json``: of each page, strings that must and that must not
be in its text. Pages are divided by a hash of their address: two thirds are learnt from, the last
third decides nothing. A block is learnt as content as far as the strings say so; where they say
nothing, as far as readability and trafilatura take it out, each weighed by how well it does on the
strings of that page. What comes of it are the tables of corpus/content/judge.py.

Shares of strings are given with white space joined. CPU time is that of one thread, of all pages in
turns, the least of some rounds.
"""

import argparse
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import trafilatura
from numpy.typing import NDArray
from readability import Document
from resiliparse.extract.html2text import extract_plain_text
from sklearn.ensemble import HistGradientBoostingClassifier

from bedstone.corpus.content.blocks import Page
from bedstone.corpus.content.judge import FIRST_LOOK, SECOND_LOOK, surroundings
from bedstone.corpus.content.traits import Traits, traits_of
from bedstone.corpus.web import charsets, html, warc
from bedstone.corpus.web.pages import Page as Found
from bedstone.corpus.web.warc import Ledger

Floats = NDArray[np.float64]

THIRDS, ASIDE = 3, 2
"""The pages are so many parts; the last is learnt from by nothing."""
MAX_RECORD_BYTES = 64 << 20
ROUNDS = 5
TABLES = Path("src/bedstone/corpus/content")

TRUSTED = {0: 1.0, 1: 0.5}
"""Of a peer on a page, by how many of its strings it has wrong; of more, ``DOUBTED``."""
DOUBTED = 0.15
STRING_WEIGHT, PAGE_WEIGHT = 2.4, 30.0
"""Of a block that a string tells of; of all other blocks of a page together."""
SHORT = 4
"""Characters: so short a block is looked for with the one before it."""

LESS = (
    "link_share", "link_share[-1]", "link_share[+1]", "link_share[-2]", "link_share[+2]",
    *(f"around{level}_link_share" for level in range(4)), "part_link_share", "is_repeated",
    "is_hidden", "alike", "signs", "in_nav", "in_footer", "in_aside", "in_form", "near_form",
    "near_byline", "any_concealed",
    *(
        f"{where}_{sign}"
        for where in ("near", "any")
        for sign in (
            "comments", "related", "share", "tags", "cookie", "navigation", "footer", "sidebar",
            "advertisement", "account", "caption",
        )
    ),
)  # fmt: skip
MORE = (
    "is_ended", "is_in_main", "any_content", "part_prose_share",
    *(f"around{level}_prose_share" for level in range(3)),
)  # fmt: skip
"""Traits with more of which a block is never more, and never less, likely to be content."""
COMMON = {"max_leaf_nodes": 12, "min_samples_leaf": 30, "l2_regularization": 5.0}
LOOKS = (
    {"max_iter": 120, "learning_rate": 0.06, **COMMON},
    {"max_iter": 200, "learning_rate": 0.05, **COMMON},
)
"""Of the two forests; chosen, with the chance from which on a block is kept, by leaving thirds of
the pages learnt from out in turns."""


@dataclass(frozen=True)
class Sample:
    """A page with what is known of it."""

    url: str
    html: str
    has: list[str]
    lacks: list[str]
    page: Page
    traits: Traits
    peers: dict[str, str]


def part(url: str, of: str = "") -> int:
    """Which third a page is in; with ``of`` others are drawn."""
    return int(hashlib.sha256(f"{of}{url}".encode()).hexdigest(), 16) % THIRDS


def spaced(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def bare(text: str) -> str:
    """Without white space and the signs of items, by which extractors differ."""
    return re.sub(r"[\s•\u00ad]+|(?<!\S)-(?!\S)", "", text)


def readability(page: str) -> str:
    return str(extract_plain_text(Document(page).summary(), main_content=False))


def precise(page: str) -> str:
    return trafilatura.extract(page, include_comments=False, favor_precision=True) or ""


EXTRACTORS: dict[str, Callable[[str], str]] = {
    "bedstone": lambda page: html.text_of(page, main_content=True).text,
    "resiliparse": lambda page: str(extract_plain_text(page, main_content=True)),
    "trafilatura": lambda page: trafilatura.extract(page, include_comments=False) or "",
    "trafilatura, precise": precise,
    "readability-lxml": readability,
}
PEERS = {"trafilatura": 1.0, "trafilatura, precise": 1.3, "readability-lxml": 0.5}
"""Those learnt from, and how much each counts."""


def samples(folder: Path) -> list[Sample]:
    gold = {url.strip(): it for url, it in json.loads((folder / "gold.json").read_text()).items()}
    found = []
    for each in warc.read(folder / "pages.warc.gz", MAX_RECORD_BYTES, Ledger()):
        if isinstance(each, Found):
            text = charsets.decode(each.body, each.charset).text
            page = html.page(text)
            peers = {name: EXTRACTORS[name](text) for name in PEERS}
            has, lacks = gold[each.url.strip()]["with"], gold[each.url.strip()]["without"]
            found.append(Sample(each.url, text, has, lacks, page, traits_of(page), peers))
    return found


def wrong(text: str, sample: Sample) -> tuple[int, int]:
    """How many strings are not in the text and should be, and the reverse."""
    text = spaced(text)
    lost = sum(spaced(each) not in text for each in sample.has)
    return lost, sum(spaced(each) in text for each in sample.lacks)


# Learning


def texts_of(page: Page) -> list[str]:
    text, blocks = page.text.tobytes(), page.blocks
    bounds = zip(blocks.starts, blocks.ends, strict=True)
    return [bare(text[start:end].decode()) for start, end in bounds]


def labelled(sample: Sample) -> tuple[Floats, Floats]:
    """Of each block how far it is content, 0 to 1, and how much that counts."""
    texts = texts_of(sample.page)
    errors = {name: sum(wrong(text, sample)) for name, text in sample.peers.items()}
    trust = {name: PEERS[name] * TRUSTED.get(it, DOUBTED) for name, it in errors.items()}
    peers = {name: bare(text) for name, text in sample.peers.items()}
    content = np.zeros(len(texts))
    for block, text in enumerate(texts):
        sought = text if len(text) >= SHORT or not block else texts[block - 1] + text
        content[block] = sum(trust[it] for it in peers if sought in peers[it]) / sum(trust.values())
    sizes = np.diff([*sample.page.blocks.starts, len(sample.page.text)])
    weights = np.minimum(1 + np.sqrt(sizes) / 5, 8)
    weights *= PAGE_WEIGHT * min(1, sum(trust.values()) / 2) / max(weights.sum(), 1)
    for strings, value in ((sample.has, 1.0), (sample.lacks, 0.0)):
        for blocks in places(texts, strings, content if value else None):
            content[blocks] = value
            weights[blocks] = np.maximum(weights[blocks], STRING_WEIGHT)
    return content, weights


def places(texts: list[str], strings: list[str], content: Floats | None) -> Iterable[slice]:
    """The blocks that hold each of the strings; with ``content`` only the likeliest place."""
    joined, ends = "".join(texts), np.cumsum([len(text) for text in texts])
    for string in map(bare, strings):
        found = [it.start() for it in re.finditer(re.escape(string), joined)] if string else []
        blocks = [
            slice(
                int(np.searchsorted(ends, start, "right")),
                int(np.searchsorted(ends, start + len(string) - 1, "right")) + 1,
            )
            for start in found
        ]
        if content is not None and blocks:
            blocks = [max(blocks, key=lambda each: content[each].mean())]
        yield from blocks


def forest(data: list[tuple[Traits, Floats, Floats]], names: tuple[str, ...], look: int) -> Any:
    """Trees grown on blocks' traits, how far each is content, and how much that counts."""
    traits = np.concatenate([each[0] for each in data])
    content, weights = (np.concatenate([each[of] for each in data]) for of in (1, 2))
    signs = {**dict.fromkeys(LESS, -1), **dict.fromkeys(MORE, 1)}
    chances = [name for name in names if "chance" in name or "_held" in name]
    signs |= dict.fromkeys(chances, 1)
    model = HistGradientBoostingClassifier(
        max_features=0.3,
        random_state=0,
        monotonic_cst=[signs.get(name, 0) for name in names],
        **LOOKS[look],
    )
    counts = np.concatenate([weights * content, weights * (1 - content)])
    labels = np.repeat([1, 0], len(content))
    used = counts > 0
    return model.fit(np.concatenate([traits, traits])[used], labels[used], counts[used])


def chances(model: Any, traits: Traits) -> Floats:
    return model.predict_proba(traits)[:, 1] if len(traits) else np.zeros(0)


def learnt(pages: list[Sample]) -> tuple[Any, Any]:
    """The two forests; the second learns from looks at pages that these did not learn from."""
    labels = {page.url: labelled(page) for page in pages}
    first_looks: dict[str, Floats] = {}
    for fold in range(THIRDS):
        others = [page for page in pages if part(page.url, "fold") != fold]
        model = forest([(it.traits, *labels[it.url]) for it in others], FIRST_LOOK, 0)
        for page in pages:
            if part(page.url, "fold") == fold:
                first_looks[page.url] = chances(model, page.traits)
    first = forest([(it.traits, *labels[it.url]) for it in pages], FIRST_LOOK, 0)
    wide = [
        (surroundings(it.page, it.traits, first_looks[it.url]), *labels[it.url]) for it in pages
    ]
    return first, forest(wide, SECOND_LOOK, 1)


def write(model: Any, names: tuple[str, ...], path: Path) -> None:
    """Write the trees as a table, the two nodes below one beside each other."""
    rows = ["\t".join(("depth", "trait", "limit", "below", "value"))]
    constant = float(model._baseline_prediction.item())
    for (tree,) in model._predictors:
        at, order, depths = len(rows) - 1, [0], {0: 0}
        cells: list[tuple[str, ...]] = []
        for number in order:  # which grows
            node = tree.nodes[number]
            if node["is_leaf"]:
                cells.append(("", "", "", f"{node['value'] + constant:.6g}"))
                continue
            below = str(at + len(order))
            name, limit = names[node["feature_idx"]], f"{node['num_threshold']:.9g}"
            cells.append((name, limit, below, ""))
            order += [int(node["left"]), int(node["right"])]
            depths |= dict.fromkeys(order[-2:], depths[number] + 1)
        deepest = [str(max(depths.values())), *[""] * (len(cells) - 1)]
        rows += ["\t".join((depth, *cell)) for depth, cell in zip(deepest, cells, strict=True)]
        constant = 0.0  # the first tree's leaves have it
    path.write_text("".join(f"{row}\n" for row in rows))


# Comparing


def compare(pages: list[Sample]) -> None:
    texts = {name: {it.url: take(it.html) for it in pages} for name, take in EXTRACTORS.items()}
    seconds: dict[str, list[float]] = {name: [] for name in EXTRACTORS}
    for _ in range(ROUNDS):
        for name in ("bedstone", "resiliparse"):
            seconds[name].append(timed(EXTRACTORS[name], pages))
    for name in set(EXTRACTORS) - {"bedstone", "resiliparse"}:
        seconds[name].append(timed(EXTRACTORS[name], pages))
    learnt_from = [it for it in pages if part(it.url) != ASIDE]
    aside = [it for it in pages if part(it.url) == ASIDE]
    least = min(seconds["resiliparse"])
    print("| strings: precision, recall | all | learnt from | aside | CPU time |")
    print("|---|---|---|---|---|")
    for name, of_page in texts.items():
        cells = [shares(of_page, those) for those in (pages, learnt_from, aside)]
        ratio = min(seconds[name]) / least
        print(f"| {name} | {' | '.join(cells)} | {ratio:.2f} |")


def timed(take: Callable[[str], str], pages: list[Sample]) -> float:
    begun = time.thread_time()
    for page in pages:
        take(page.html)
    return time.thread_time() - begun


def shares(texts: dict[str, str], pages: list[Sample]) -> str:
    lost, false = np.sum([wrong(texts[it.url], it) for it in pages], axis=0)
    held = sum(len(it.has) for it in pages) - lost
    return f"{held / (held + false):.3f}, {held / (held + lost):.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fit", action="store_true", help="write the tables anew")
    options = parser.parse_args()
    pages = samples(options.folder)
    if options.fit:
        first, second = learnt([it for it in pages if part(it.url) != ASIDE])
        write(first, FIRST_LOOK, TABLES / "first.tsv")
        write(second, SECOND_LOOK, TABLES / "second.tsv")
    compare(pages)


if __name__ == "__main__":
    main()
