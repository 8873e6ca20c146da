"""Crawls of any size that nobody fetched: pages of words of many languages, from a seed alone.

A page is drawn paragraph by paragraph from a pool of its language, between a menu and a footer.
Some are copies of an earlier one and some nearly so. A file's number gives the same bytes always.
"""

import json
import random
import tomllib
import uuid
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

from bedstone.corpus.web.warc_writer import DATE, Page, write

LANGUAGES = {
    "eng_Latn": 40,
    "deu_Latn": 12,
    "spa_Latn": 12,
    "fra_Latn": 10,
    "rus_Cyrl": 10,
    "por_Latn": 6,
    "hin_Deva": 5,
    "swa_Latn": 3,
    "ben_Beng": 2,
}
"""How many of a hundred pages are in each."""
COMMON = {
    "eng_Latn": "the of and to in is was that for it with as his on be at by had not are but from",
    "deu_Latn": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als",
    "spa_Latn": "de la que el en y a los se del las un por con no una su para es al lo como más",
    "fra_Latn": "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne",
    "rus_Cyrl": "и в не на я что он с как это по но они мы этот из у который то за свой весь год",
}
"""Before a language's own list, where that has few of the words that every text has."""
LETTERS = {"Cyrl": "абвгдежзиклмнопрстуфхцчшы", "Deva": "कखगघचजटडतथदधनपबभमयरलवशसह"}
HOSTS = 500
POOL = 400
"""Paragraphs of a language."""
COPY, NEARLY = 0.03, 0.03
"""Shares of the pages."""


WITHOUT = ("scaling", "pretrain", "evaluation", "posttrain", "sampling")
"""Parts whose stages are no part of a corpus."""
LENIENT = {
    "web": [
        "gopher_and_c4.limits.votes.votes.missing=keep",
        "gopher_and_c4.limits.permissions.allowed.low=0",
        "gopher_and_c4.limits.similar.percentile.low=0",
        "gopher_and_c4.limits.tested.contaminated_by.high=1000",
        "gopher_and_c4.limits.sites.listed.high=10",
        "gopher_and_c4.limits.words.hits_per_million_words.high=1000000",
    ],
    "domain": ["curated.limits.domain.score.low=0"],
}


def write_crawl(path: Path, file: int, pages: int) -> None:
    """A WARC of so many pages."""
    write(path, pages_of(file, pages), {"software": "a test"})


def write_plain(path: Path, file: int, size_bytes: int) -> None:
    """A WARC without compression, of pages that are mostly scripts, as pages of the web are."""
    dice, blob = random.Random(f"plain {file}"), random.Random(file).randbytes(1 << 20).hex()
    with path.open("wb") as stream:
        while stream.tell() < size_bytes:
            start, length = dice.randrange(1 << 20), dice.randrange(1 << 17)
            script = f"<script>{blob[start : start + length]}</script></head>".encode()
            html = html_of(dice).replace(b"</head>", script, 1)
            stream.write(plain_record(f"https://example.org/{file}/{stream.tell()}", html))


def plain_record(url: str, html: bytes) -> bytes:
    """The answer of a server, as a record."""
    http = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(html)}\r\n\r\n"
    block = http.encode() + html
    fields = {
        "WARC-Type": "response",
        "WARC-Target-URI": url,
        "WARC-Date": DATE,
        "WARC-Record-ID": f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, url)}>",
        "Content-Type": "application/http; msgtype=response",
        "Content-Length": str(len(block)),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"WARC/1.1\r\n{lines}\r\n".encode() + block + b"\r\n\r\n"


def write_rows(path: Path, file: int, rows: int, languages: Sequence[str] = ()) -> None:
    """JSON lines of ``url`` and ``text``, a paragraph each, in the ``languages`` in turns."""
    dice, names = random.Random(f"rows {file}"), languages or list(LANGUAGES)
    with path.open("w", encoding="utf-8") as lines:
        for number in range(rows):
            text = f"{number} {file} {dice.choice(pool_of(names[number % len(names)]))}"
            url = f"https://site{dice.randrange(HOSTS)}.example.org/{file}/{number}.html"
            lines.write(json.dumps({"url": url, "text": text}) + "\n")


def pages_of(file: int, pages: int) -> Iterator[Page]:
    """The pages of one file, one at a time."""
    dice, earlier = random.Random(f"pages {file}"), b""
    for number in range(pages):
        url = f"https://site{dice.randrange(HOSTS)}.example.org/{file}/{number}.html"
        kind = dice.random()
        if not earlier or kind >= COPY + NEARLY:
            earlier = html_of(dice)
        elif kind >= COPY:
            earlier = earlier.replace(b"<p>", f"<p>{number} ".encode(), 1)
        yield Page(url, earlier, "utf-8")


def html_of(dice: random.Random) -> bytes:
    """A page in one of the languages."""
    language = dice.choices(list(LANGUAGES), list(LANGUAGES.values()))[0]
    texts = [dice.choice(pool_of(language)) for _ in range(dice.choice((3, 5, 8, 12, 30)))]
    own = f"{' '.join(dice.choices(words_of(language), k=12))} {dice.randrange(10**9)}."
    links = "".join(f'<li><a href="/{each}">{each}</a></li>' for each in dice.sample(range(99), 20))
    return (
        f"<!doctype html><html><head><title>{own[:40]}</title></head><body><nav><ul>{links}</ul>"
        f"</nav><main><h1>{own[:30]}</h1>{''.join(f'<p>{each}</p>' for each in [own, *texts])}"
        "</main><footer>All rights reserved. Contact. Imprint.</footer></body></html>"
    ).encode()


@cache
def pool_of(language: str) -> list[str]:
    """Paragraphs of sentences of its words, the first of which come most often."""
    dice, words = random.Random(f"pool {language}"), words_of(language)
    weights = [(rank + 3) ** -1.3 for rank in range(len(words))]
    return [
        " ".join(
            f"{' '.join(dice.choices(words, weights, k=dice.randint(6, 20))).capitalize()}."
            for _ in range(dice.randint(2, 8))
        )
        for _ in range(POOL)
    ]


@cache
def words_of(language: str) -> list[str]:
    """The language's frequent words, and as many thousands that are made of its letters."""
    table = files("bedstone.corpus.identification").joinpath("frequent_words.tsv")
    rows = (line.split("\t") for line in table.read_text("utf-8").splitlines())
    own = next((words for name, _, words in rows if name == language), "")
    dice, letters = random.Random(f"words {language}"), LETTERS.get(language[-4:])
    known = [*COMMON.get(language, "").split(), *own.split()]
    parts = [word[:3] for word in known if len(word) > 3] or list(letters or "abcdefghilmnoprstu")
    made = ["".join(dice.choices(parts, k=dice.randint(1, 3))) for _ in range(4_000)]
    return list(dict.fromkeys([*known, *made]))


def inputs_besides(folder: Path) -> dict[str, list[Path]]:
    """What the recipes take besides the crawl, of one size whatever the crawl's."""
    for name in ("blocked", "robots", "word_lists"):
        (folder / name).mkdir(exist_ok=True)
    votes = (f"https://site{host}.example.org/0/{host}.html,5" for host in range(HOSTS))
    (folder / "links.csv").write_text("url,votes\n" + "\n".join(votes) + "\n")
    hosts = [f"site{host}.example.org" for host in range(HOSTS)]
    (folder / "blocked" / "list.txt").write_text("\n".join(hosts[:50]) + "\n")
    for host in hosts:
        rules = f"User-agent: GPTBot\nDisallow: {'/' if host.endswith('7.example.org') else ''}\n"
        (folder / "robots" / f"{host}.txt").write_text(rules)
    (folder / "word_lists" / "eng_Latn.txt").write_text("that\nwith\nthe\n")
    # Of a kind that can be told: each has words that are rare elsewhere.
    dice, rare = random.Random("seed"), words_of("eng_Latn")[-60:]
    texts = [f"{' '.join(dice.choices(rare, k=25))}. {it}" for it in pool_of("eng_Latn")]
    seed = (json.dumps({"url": "", "text": text}) for text in texts)
    (folder / "seed.jsonl").write_text("\n".join(seed) + "\n")
    write_rows(folder / "good.jsonl", 1_001, 6_000)
    questions = [
        {
            "id": f"{name} {number}",
            "question": pool_of(name)[number][:300],
            "answer": "It is so indeed.",
        }
        for name in LANGUAGES
        for number in range(20)
    ]
    (folder / "items.jsonl").write_text("\n".join(map(json.dumps, questions)) + "\n")
    return {
        "links": [folder / "links.csv"],
        **{name: [folder / name] for name in ("blocked", "robots", "word_lists")},
        "seed": [folder / "seed.jsonl"],
        "good_texts": [folder / "good.jsonl"],
        "reference": [folder / "good.jsonl"],
        "items": [folder / "items.jsonl"],
    }


def sets_of(path: Path) -> list[str]:
    """What switches every node on that is off, and lets enough pass for a tokeniser."""
    nodes = tomllib.loads(path.read_text())
    off = [name for name, it in nodes.items() if it.get("off") and not is_of_models(it["stage"])]
    return [f"{name}=on" for name in off] + LENIENT.get(path.stem, [])


def is_of_models(stage: str) -> bool:
    return stage.startswith(WITHOUT)
