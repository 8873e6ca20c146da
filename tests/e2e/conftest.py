"""A crawl that the tests make: pages of four languages, near-duplicates, menus, rubbish."""

import json
import random
from pathlib import Path

import pytest

from bedstone.corpus.web.html import text_of
from bedstone.corpus.web.warc_writer import Page, write

WORDS = {
    "en": (
        ["patient", "curious", "ancient", "careful", "northern", "silver", "quiet", "famous"],
        ["scholar", "river", "manuscript", "visitor", "garden", "harbour", "teacher", "village"],
        ["discussed", "described", "repaired", "followed", "remembered", "painted", "measured"],
        "The {a} {n} {v} the {n2} that the {a2} {n3} of the {n4} {v2} with the others.",
    ),
    "es": (
        ["antiguo", "famoso", "tranquilo", "curioso", "pequeño", "hermoso", "lejano", "sabio"],
        ["maestro", "jardín", "puerto", "pueblo", "camino", "barco", "castillo", "bosque"],
        ["encontró", "describió", "recordaba", "siguió", "pintaba", "conocía", "buscaba"],
        "El {n} {a} {v} también el {n2} que el {n3} {a2} de este {n4} {v2} cuando era joven.",
    ),
    "nb": (
        ["gammel", "stille", "liten", "nysgjerrig", "berømt", "vakker", "trygg", "modig"],
        ["lærer", "hage", "elv", "skole", "gutt", "fjord", "besøkende", "båt"],
        ["beskrev", "husket", "fulgte", "malte", "kjente", "fant", "reparerte"],
        "En {a} {n} {v} ikke den {n2} som en {a2} {n3} fra denne {n4} også {v2} etter hvert.",
    ),
    "hi": (
        ["पुराना", "शांत", "छोटा", "प्रसिद्ध", "सुंदर", "बड़ा", "नया", "अच्छा"],
        ["शिक्षक", "बगीचा", "गाँव", "विद्यालय", "लड़का", "घर", "मेहमान", "जहाज़"],
        ["देखता", "समझता", "बनाता", "जानता", "ढूँढता", "लिखता", "पढ़ता"],
        "यह {a} {n} उस {n2} को {v} है और वह {a2} {n3} इस {n4} के बारे में {v2} था।",
    ),
}
PAGES = {"en": 60, "es": 30, "nb": 6, "hi": 30}
YARDSTICK = "https://www.unicode.org/udhr/"


def sentence(language: str, dice: random.Random) -> str:
    adjectives, nouns, verbs, pattern = WORDS[language]
    a, a2 = dice.sample(adjectives, 2)
    n, n2, n3, n4 = dice.sample(nouns, 4)
    v, v2 = dice.sample(verbs, 2)
    return pattern.format(a=a, a2=a2, n=n, n2=n2, n3=n3, n4=n4, v=v, v2=v2)


def page(url: str, language: str, seed: str, sections: int = 3) -> Page:
    dice = random.Random(seed)
    body = "".join(
        f"<h2>{sentence(language, dice).split('.')[0][:40]}</h2>"
        f"<p>{' '.join(sentence(language, dice) for _ in range(4))}</p>"
        for _ in range(sections)
    )
    html = (
        f"<!doctype html><html lang={language}><head><title>{seed}</title></head><body><nav>"
        f"<a href=/>home</a></nav><main><h1>{sentence(language, dice)[:30]}</h1>{body}</main>"
        "</body></html>"
    )
    return Page(url, html.encode(), "utf-8")


def pages(first: int, share: float = 1.0) -> list[Page]:
    """The pages of one WARC; ``first`` tells one WARC's from another's."""
    made = [
        page(
            f"https://example.org/{language}/{first + number}",
            language,
            f"{language}{first + number}",
        )
        for language, count in PAGES.items()
        for number in range(round(count * share))
    ]
    english = made[0]
    copy = Page("https://mirror.example.org/0", english.html, "utf-8")
    near = Page("https://mirror.example.org/1", english.html.replace(b"The", b"That", 1), "utf-8")
    menu = Page("https://example.org/menu", b"<body>" + b"<li>buy now #</li>" * 40, "utf-8")
    rubbish = Page("https://example.org/rubbish", bytes(range(256)) * 8)
    empty = Page("https://example.org/empty", b"<html><title>nothing</title></html>", "utf-8")
    evil = page("https://example.org/evil", "en", "evil")
    script = b"<p>&lt;script&gt;alert(1)&lt;/script&gt; "
    evil = Page(evil.url, evil.html.replace(b"<p>", script, 1), "utf-8")
    parallel = [page(f"{YARDSTICK}{each}.html", each, f"udhr{each}", 6) for each in PAGES]
    return [*made, copy, near, menu, rubbish, empty, evil, *parallel]


@pytest.fixture(scope="session", name="sentence")
def sentence_fixture():
    return sentence


@pytest.fixture(scope="session")
def crawl(tmp_path_factory) -> Path:
    """One WARC."""
    path = tmp_path_factory.mktemp("crawl") / "crawl.warc.gz"
    write(path, pages(0), {"software": "a test"})
    return path


@pytest.fixture(scope="session")
def second_warc(tmp_path_factory) -> Path:
    """Another WARC, of other pages."""
    path = tmp_path_factory.mktemp("more") / "more.warc.gz"
    write(path, [*pages(1000, share=0.3)][:-4], {"software": "a test"})
    return path


@pytest.fixture(scope="session")
def own_texts(tmp_path_factory) -> Path:
    """The text of the first WARC's pages, as somebody may have it who took it out before."""
    path = tmp_path_factory.mktemp("own") / "texts.jsonl"
    texts = [
        (it.url, text_of(it.html.decode("utf-8", "replace"), main_content=True).text)
        for it in pages(0)
    ]
    rows = [{"title": url[-9:], "content": text, "url": url} for url, text in texts if text]
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    return path


@pytest.fixture(scope="session")
def small() -> list[str]:
    """What makes the demo recipe small enough for a test, and its outcome repeatable."""
    return [
        "tokenizer.vocab_size=400",
        "held_out.share=0.2",
        "plan.minutes=0.01",
        "plan.speed=1e10",
        "plan.threads=1",
        'plan.number_format="fp32"',
        "plan.seq_len=128",
        "sft.train_tokens=60000",
        "sft.learning_rate=5e-3",
        "texts.max_bytes=2048",
        "fine_tuning.prompts=12",
        "fine_tuning.max_tokens=32",
        "answers.problems=60",
        "answers.max_tokens=16",
        "answers.samples=8",
        "preferences.held_out_share=0.3",
        "aligned.epochs=1",
        "alignment.prompts=12",
        "alignment.max_tokens=32",
        "strategies_before.problems=20",
        "strategies_before.max_tokens=32",
        'strategies.chains=["temperature=1"]',
        "strategies.problems=20",
        "questions.items=20",
        "strategies.max_tokens=32",
    ]
