"""The report's page, of small artifacts with the stages' names, files and columns; in a browser."""

import json
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedstone.config import Config
from bedstone.reporting.report import write_report
from bedstone.store.artifact import Artifact
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.stage import Result, Source, Stage

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\u2028'\"&amp;"
FIGURES = 14
LANGUAGES = ("eng_Latn", "hin_Deva", "tel_Telu", "srp_Latn", "srp_Cyrl")
NAMES = ("English", "Hindi", "Telugu", "Serbian", "Serbian")


class Setting(Config):
    value: str = EVIL
    rules: tuple[str, ...] = ("gopher-quality:datatrove",)
    languages: tuple[str, ...] = ()
    parity: dict[str, str] = {"form": "hybrid"}
    seq_len: int = 64
    order_seed: int = 0


def rated(name, value):
    return {name: value, f"{name}_low": value - 0.1, f"{name}_high": value + 0.1, f"{name}_n": 40}


def strategies(shift):
    rows = [
        {
            "strategy": name,
            "family": "greedy" if name == "greedy" else "temperature",
            "chain": "greedy" if name == "greedy" else "temperature=1",
            "samples": samples,
            "selector": selector,
            "stop": "all",
            "development_accuracy": rate,
            **rated("accuracy_share", rate + shift),
            **rated("gain_share", rate - 0.3),
            "p_value": 0.01,
            "adjusted_p": 0.02,
            **dict.fromkeys(("tokens_unshared", "usd", "seconds", "seconds_p50"), 1.0),
            "seconds_p95": 1.0,
            "tokens": tokens,
        }
        for name, selector, samples, rate, tokens in (
            ("greedy", "first", 1, 0.3, 20.0),
            ("temperature=1", "first", 1, 0.2, 30.0),
            ("temperature=1, mbr of 4", "mbr", 4, 0.6, 84.0),
            ("temperature=1, checked of 4", "checked", 4, 0.85, 84.0),
        )
    ]
    recommendation = {
        "strategy": rows[2]["strategy"],
        "sentence": f"temperature=1, mbr of 4: {EVIL}",
        "alike": [],
        "cheapest": "greedy",
    }
    told = {"task": "whole sentences", "problems": 40, "strategies": rows, "measures": {}}
    return {"strategies.json": told | {"recommendation": recommendation}}


def held_out(bits):
    return {
        "languages.parquet": [
            {
                "language": language,
                "documents": 20,
                "bytes": 1000,
                "tokens": 300,
                **rated("bits_per_byte", bits + 0.1 * number),
                "parallel_bits": 5000.0 * (1 + number) if number < 3 else None,
                "parallel_bits_ratio": 1.0 + number if number < 3 else None,
            }
            for number, language in enumerate(LANGUAGES)
        ],
        "documents.parquet": [
            {
                "id": str(number),
                "language": "eng_Latn",
                "group": "kept",
                "bits": bits * 50,
                "bytes": 50,
            }
            for number in range(20)
        ],
    }


AUDIT = {
    "documents": 90,
    "bytes": 9000,
    "unknown_share": 0.1,
    "speakers_source": EVIL,
    "removed": [],
    "languages": [
        {
            "language": language[:3],
            "script": f"{language[4:]} {EVIL}",
            "name": name,
            "documents": 10 * (number + 1),
            "share": 0.1 * (number + 1),
            "speakers": 10**8,
            "speakers_share": 0.1,
            "world_to_corpus_ratio": 1.0,
            "category": "H",
            "purity": 0.9,
            "purity_low": 0.8,
            "purity_high": 1.0,
            "purity_kinds": 1 + number,
            "possible_noise": number == 4,
            "cannot_tell": number == 1,
            "erased_share": None if number else 0.125,
        }
        for number, (language, name) in enumerate(zip(LANGUAGES, NAMES, strict=True))
    ],
}
NUMBERS = ("n_layers", "d_model", "n_heads", "n_kv_heads", "d_ff", "vocab_size", "seq_len")
PLAN = {
    **dict.fromkeys((*NUMBERS, "batch_tokens", "n_steps"), 64),
    "parameters_total": 860_000,
    "train_tokens": 17_200_000,
    "flop": 6 * 860_000 * 17_200_000,
    "laws": [
        {
            "law": law,
            "parameters": parameters,
            "train_tokens": 1.5e13 / parameters,
            "loss_nats": loss,
            "in_range": False,
        }
        for law, parameters, loss in (("epoch", 500_000, 9.1), ("twenty", 860_000, None))
    ],
    "limit": "time",
    "speed_source": "given",
    "sentences": ["4 layers", f"time is the limit {EVIL}"],
}


PREDICTION = {
    "law": "epoch",
    "source": EVIL,
    "loss_nats": 2.5,
    "loss_interval": [2.25, 2.75],
    "in_range": False,
    "warnings": ["outside the runs that the law was fitted on"],
}


def curve(end):
    steps = [{"train_tokens": 100 * i, "loss_nats": end + 6 / (1 + i)} for i in range(400)]
    return {"loss.parquet": steps}


COST = [
    {
        "text": "udhr",
        "language": it,
        "tokens": 9,
        "bytes": 9,
        "characters": 9,
        "premium": 1.0 + 0.6 * number,
        "premium_low": 0.9 + 0.3 * number,
        "premium_high": 1.0 + 0.6 * number,
    }
    for number, it in enumerate(LANGUAGES)
]
COST_TEXTS = [{"text": text} for text in ("udhr", "udhr", f"news {EVIL}")]
TOKENIZER = {
    "scripts.json": {"Latn": 30, "Telu": 10},
    "parity.json": {
        name: {
            "worst_tokens": 500.0 * rate,
            "mean_tokens": 300.0 * rate,
            "english_tokens": 250.0 / rate,
            "gini": 0.2 * rate,
            "languages": [
                {
                    "language": it,
                    "tokens": int(rate * 100 * (number + 1)),
                    "content_bytes": 1_000,
                    "premium": 1.0,
                    "merges": number,
                }
                for number, it in enumerate(LANGUAGES)
            ],
        }
        for name, rate in (("plain", 1.0), ("parity", 0.8))
    },
}
MIX = {
    "mix.json": {
        "budget_tokens": 12_345,
        "vocabulary_unseen_share": 0.25,
        "languages": {
            it: {
                "weight": (1 + number) / 15,
                "train_tokens": 50_000,
                "held_out_bytes_per_token": None if number else 3.5,
            }
            for number, it in enumerate(LANGUAGES)
        },
    },
    "audit.json": {
        "speakers_source": EVIL,
        "languages": [
            {
                "language": it,
                "share_before": 0.2,
                "world_to_corpus_ratio_before": None if number == 4 else 2.0,
            }
            for number, it in enumerate(LANGUAGES)
        ],
    },
}
ALIGNED = {
    **rated("property_before_share", 0.5),
    **rated("property_after_share", 0.8),
    **rated("property_change_share", 0.3),
    **rated("kl_nats", 1.2),
    **rated("held_out_loss_change_nats", 0.05),
    "held_out_loss_before_nats": 3.1,
    "held_out_loss_after_nats": 3.15,
    "same_script_before_share": 0.9,
    "same_script_after_share": 0.8,
    "answer_before_mean_tokens": 31.0,
    "answer_after_mean_tokens": 22.0,
}
FINE_TUNED = {
    **ALIGNED,
    **rated("property_before_share", 0.1),
    **rated("property_after_share", 0.5),
    **rated("property_change_share", 0.4),
}
FILTERED = {
    "kept_documents": 100,
    "failed.word_count_documents": 40,
    "failed_alone.word_count_documents": 30,
    "failed.yardstick_documents": 10,
    "failed_alone.yardstick_documents": 8,
}
EFFECTS = [
    {
        "language": "eng_Latn",
        "rule": rule,
        "documents": 140,
        "failed": failed,
        "failed_alone": alone,
        "examples": examples,
    }
    for rule, failed, alone, examples in (
        ("any", 50, 38, []),
        ("word_count", 40, 30, ["d1", "d2"]),
        ("hash_per_word", 0, 0, []),
        ("yardstick", 10, 8, ["d3"]),
    )
]
DOCUMENTS = [{"id": f"d{it}", "url": f"https://{it}.example", "text": EVIL * 90} for it in range(4)]
EXTRACTED = {
    "documents": 150,
    "rejected.no_text_records": 5,
    "skipped_pages": 7,
    "files_without_documents": 2,
    "text_bytes": 600,
    "left_out.share_bytes": 100,
    "left_out.links_bytes": 300,
}
LEFT_OUT = [
    {"reason": reason, "url": EVIL, "bytes": 9, "example": f"{EVIL} {reason}"}
    for reason in ("share", "links", "links")
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Artifacts of the whole way, by the recipe's names."""
    store = tmp_path_factory.mktemp("store")
    found = {}

    def make(node, stage, files, metrics=None, **parents):
        def run(config, job):
            for name, content in files.items():
                with job.part(name) as path:
                    if name.endswith(".json"):
                        path.write_text(json.dumps(content))
                    else:
                        pq.write_table(pa.Table.from_pylist(content), path)
            sources = (Source(name=f"{node} {EVIL}", version="1", sha256="ab" * 32, location=EVIL),)
            return Result(metrics or {}, sources=() if parents else sources)

        made_by = Stage(stage, version=1, config=Setting, inputs=tuple(parents), run=run)
        inputs = {role: found[parent] for role, parent in parents.items()}
        found[node] = build(made_by, Setting(), inputs, store, Local())

    text = {"documents": "documents", "language": "language", "kept": "kept"}
    text_and_tokenizer = {**text, "tokenizer": "tokenizer"}
    make("crawl", "corpus.crawl", {})
    texts = {
        "documents.parquet": DOCUMENTS,
        "rejected/records.parquet": [{"reason": "no_text"}],
        "about/left_out.parquet": LEFT_OUT,
    }
    make("documents", "corpus.extract", texts, EXTRACTED, crawl="crawl")
    make("statistics", "corpus.statistics", {}, documents="documents")
    make("language", "corpus.language", {}, documents="documents")
    make("yardstick", "corpus.yardstick", {}, documents="documents", language="language")
    judged = {"about/effects.parquet": EFFECTS}
    behind = {"statistics": "statistics", "language": "language", "yardstick": "yardstick"}
    make("filtered", "corpus.filter", judged, FILTERED, **behind)
    deduplicated = {"kept_documents": 90, "yardstick_documents": 10}
    make("kept", "corpus.dedup", {}, deduplicated, before="filtered", yardstick="yardstick")
    make("held_out", "corpus.held_out", {}, documents="documents")
    make("audit", "corpus.audit", {"audit.json": AUDIT}, **text)
    make("tokenizer", "tokenizer.train", TOKENIZER, **text)
    cost = {"languages.parquet": COST, "texts/languages.parquet": COST_TEXTS}
    make("cost", "tokenizer.cost", cost, tokenizer="tokenizer", yardstick="yardstick")
    encoded = {"encoded_tokens": 12_345, "bytes_per_token": 2.9, "encoded_documents": 90}
    make("tokens", "tokenizer.encode", {}, encoded, **text_and_tokenizer)
    make("mix", "tokenizer.mix", MIX, tokens="tokens", held_out="held_out")
    totals = {name: PLAN[name] for name in ("parameters_total", "train_tokens")}
    make("plan", "scaling.plan", {"plan.json": PLAN}, totals, mix="mix", tokenizer="tokenizer")
    make("prediction", "scaling.predict", {"prediction.json": PREDICTION}, plan="plan")
    trained = totals | {"train_tokens": 711_680, "loss_nats": 2.0}
    make("base", "pretrain.train", curve(2), trained, tokens="tokens", mix="mix", plan="plan")
    make("pairs", "posttrain.pairs", {}, **text)
    make("tasks", "posttrain.tasks", {})
    make("sft", "posttrain.sft", curve(1.9), model="base", pairs="pairs", tasks="tasks")
    make("answers", "sampling.answers", {}, model="sft", questions="pairs")
    make("preferences", "posttrain.judge", {}, answers="answers", pairs="pairs")
    make("aligned", "posttrain.prefer", {}, model="sft", preferences="preferences")
    asked = {"held_out.parquet": [{"prompt": EVIL, "before": EVIL, "after": "న"}]}
    for before, after, metrics in (("base", "sft", FINE_TUNED), ("sft", "aligned", ALIGNED)):
        of = {"before": before, "after": after, "pairs": "pairs"}
        make(f"{after}_change", "evaluation.change", asked, metrics, **of)
    for model, bits, shift in (("base", 2.0, 0), ("sft", 2.1, 0), ("aligned", 2.2, 0.1)):
        total = {"held_out_bits_per_byte": bits}
        of = {"model": model, **text, "held_out": "held_out", "yardstick": "yardstick"}
        make(f"{model}_bits", "evaluation.bits", held_out(bits), total, **of)
        if model != "base":
            tried = strategies(shift)
            make(f"{model}_drawn", "sampling.compare", tried, model=model, questions="pairs")
    return found


@pytest.fixture(scope="module")
def report(made, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("report") / "below" / "report.html"
    write_report(made["aligned"], path)
    return path


@pytest.fixture
def page_of(made, tmp_path):
    """The page about a node, in the store of all of them."""

    def written(node):
        write_report(made[node], tmp_path / "report.html")
        return Page(read(tmp_path / "report.html"))

    return written


def read(path) -> str:
    """The page, with plain spaces between numbers and units."""
    return path.read_text("utf-8").replace("\u00a0", " ")


class Page(HTMLParser):
    """What a page is made of: tags, ids, links, what would load or run, charts in words."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.links, self.loading = [], [], [], []
        self.described, self.answers = [], []
        self._answer, self._title, self.title = False, False, ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append(tag)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if tag == "a" else []
        self.loading += [name for name in given if name == "src" or name.startswith("on")]
        self.described += [given["aria-label"]] if given.get("role") == "img" else []
        self._title = tag == "title" and "body" not in self.tags  # a chart's marks have titles too
        if tag == "h2":
            self._answer = True
            self.answers.append("")

    def handle_endtag(self, tag):
        self._answer = self._answer and tag != "h2"
        self._title = self._title and tag != "title"

    def handle_data(self, data):
        self.title += data if self._title else ""
        if self._answer:
            self.answers[-1] += data


@pytest.fixture(scope="module")
def page(report):
    return Page(read(report))


MODEL = "language model of 860 k parameters, trained on 712 k tokens from 90 documents"


@pytest.mark.parametrize(
    ("node", "title"),
    [
        ("crawl", "corpus.crawl"),
        ("documents", "corpus.extract of 155 documents"),
        ("filtered", "corpus.filter of 150 documents"),
        ("kept", "corpus.dedup of 100 documents"),
        ("audit", "corpus.audit of 90 documents"),
        ("mix", "tokenizer.mix of 90 documents"),
        ("base", f"A {MODEL}"),
        ("aligned", f"An aligned {MODEL}"),
        ("base_bits", f"evaluation.bits of a {MODEL}"),
    ],
)
def test_the_title_says_what_was_made_and_which_artifact_it_is(page_of, made, node, title):
    assert page_of(node).title == f"{title} · {made[node].path.name}"


def test_a_page_tells_nothing_of_what_was_made_of_its_subject_later(page_of):
    assert page_of("language").answers[0] == "150 of 155 documents have text"
    assert page_of("filtered").answers[0] == "100 of 155 documents were kept"
    tokenizer = page_of("tokenizer")
    assert "tokens" in tokenizer.ids  # measured on it
    later = {"mix", "size", "laws", "training", "held-out", "alignment", "strategies"}
    assert not later & set(tokenizer.ids)


def test_without_a_run_the_mix_says_what_is_to_be_read(page_of, report):
    run = "English is 20 % of the text and 6.7 % of the tokens read: 95 % of its text"
    assert run in read(report)
    before = "English is 20 % of the text and 6.7 % of the tokens to be read: "
    assert f"{before}1.6 % of its text" in page_of("mix").answers
    planned = page_of("plan").answers
    assert f"{before}its text 23 times" in planned
    assert "860 k parameters on 17.2 M tokens: time is the limit" in planned


def test_each_heading_states_an_answer(page):
    cost = [answer for answer in page.answers if " cores, " in answer]
    assert len(cost) == 1  # says how long it took
    assert [answer for answer in page.answers if answer not in cost] == [
        "90 of 155 documents were kept: 12.3 k tokens",
        "word_count drops 40 documents, 30 of them alone",
        "Serbian has 10 times its share of the world's speakers, English 1 times",
        "Serbian (Cyrl) pays 3.4 times what English pays",
        "The dearest language pays 20 % less than with a plain vocabulary, English 25 % more",
        "English is 20 % of the text and 6.7 % of the tokens read: 95 % of its text",
        "860 k parameters on 712 k tokens, where the plan asked for 860 k parameters on 17.2 M "
        "tokens",
        "For the same compute they ask for 500 k to 860 k parameters; the plan has 860 k",
        "The loss fell from 8.00 to 2.02 nats a token in 39.9 k tokens",
        "No law knows runs like this one: beyond those that it was fitted on it comes to 2.50 nats "
        "a token, 2.00 came, of a run of another size",
        "Telugu takes 3.0 times the bits of English for the same content",
        "Fine-tuning helped: 10 % of the answers ended as a sentence before, 50 % after",
        "Alignment helped: 50 % of the answers ended as a sentence before, 80 % after",
        "temperature=1, mbr of 4: 70 % of the answers end as a sentence, in time, for 84 tokens a "
        "prompt; greedy, 40 % for 20",
        f"Time is the limit {EVIL}",
        "29 artifacts, each with its decisions",
    ]


def test_what_goes_with_an_answer_is_told(report):
    text = read(report)
    assert "Documents without text, by reason: 5 no_text." in text
    assert "7 more documents of the crawl were left unread." in text
    assert "2 files gave no document." in text
    assert ">12 %<" in text  # lost to the second identifier
    assert text.count(" %*<") == 1  # of the five, one was learnt from one kind of text
    assert "Serbian (Cyrl) pays 2.1 to 3.4 times, by which text is asked." in text
    assert "1 of 5 may be nothing but misread documents" in text
    assert "The run read 712 k tokens of a text of 250 k; they are worth " in text
    assert "25 % of the tokens in the vocabulary occur in no held-out text." in text
    assert ">The vocabulary by script</caption>" in text
    assert "The change is +30 points, between +20 and +40 with 95 % confidence" in text
    assert "The change is +40 points, between +30 and +50 with 95 % confidence" in text
    assert "Without it, best of 4 of the model before reaches 85 %, at 84 tokens a prompt" in text
    assert "The model: aligned (DPO). Right are answers that end as a sentence, in time." in text
    assert "<dd>1.2 (1.1 to 1.3, n = 40)</dd>" in text  # a metric with its interval


def test_the_yardstick_is_left_out_once(report):
    assert read(report).count('<th scope="row" dir="auto">not the yardstick</th>') == 1


def test_where_the_pages_come_from_is_not_where_anything_else_does(report):
    text = read(report)
    assert text.count('<th scope="row" dir="auto">crawl &lt;') == 1
    assert '<th scope="row" dir="auto">tasks' not in text


def test_what_a_rule_drops_is_told_by_language_with_examples(report):
    text = read(report)
    assert "29 % · 21 %<" in text  # of English, word_count: failed, failed alone
    assert "hash_per_word · " not in text
    assert text.count("https://1.example)") == text.count("https://2.example)") == 1
    assert "https://3.example" not in text  # the yardstick's documents are not judged


def test_what_is_left_out_of_pages_is_told_by_reason_with_an_example(report):
    text = read(report)
    assert "60 % of their text is kept" in text
    assert text.index(">links<") < text.index("30 %<") < text.index(">share<") < text.index("10 %<")


def test_strategies_that_a_cheaper_one_beats_are_not_named_in_the_chart(report):
    text = read(report)
    assert ">greedy</text>" in text
    assert ">mbr of 4</text>" in text
    assert ">temperature=1</text>" not in text


def test_crawled_text_is_text(page):
    assert not {"script", "img", "iframe", "object"} & set(page.tags)
    assert page.loading == []


def test_the_page_is_small_and_each_link_leads_somewhere(page, report):
    assert report.stat().st_size < 2e6
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)


def test_the_decisions_of_every_artifact_are_in_the_tree(page, made):
    assert {artifact.manifest.request[:12] for artifact in made.values()} <= set(page.ids)


def test_a_chart_is_told_in_words_and_its_table_can_be_opened(page):
    assert page.tags.count("figure") == FIGURES
    assert page.tags.count("svg") == 2 * FIGURES
    assert len(page.described) == 2 * FIGURES
    assert page.tags.count("caption") == page.tags.count("table") >= FIGURES


def test_what_the_store_does_not_have_leaves_its_section_out(made, tmp_path):
    store = tmp_path / "store"
    for node in ("crawl", "documents", "statistics", "language", "yardstick", "filtered"):
        shutil.copytree(made[node].path, store / made[node].path.name)
    write_report(Artifact(store / made["filtered"].path.name), tmp_path / "report.html")
    page = Page(read(tmp_path / "report.html"))
    assert page.title.startswith("corpus.filter of 150 documents")
    assert page.answers[0] == "100 of 155 documents were kept"
    assert {"documents", "levers", "decisions"} <= set(page.ids)
    absent = {"languages", "tokens", "size", "training", "held-out", "alignment", "strategies"}
    assert not absent & set(page.ids)


def test_a_report_of_a_crawl_alone_is_its_decisions(made, tmp_path):
    store = tmp_path / "store"
    shutil.copytree(made["crawl"].path, store / made["crawl"].path.name)
    write_report(Artifact(store / made["crawl"].path.name), tmp_path / "report.html")
    page = Page(read(tmp_path / "report.html"))
    assert page.answers[-1] == "1 artifact, with its decisions"
    assert [name for name in page.ids if not name.endswith("-answer")][:2] == ["cost", "decisions"]


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """Load a page in a browser; its elements in the end, and what its console says."""
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("no chromium is installed: make browser does it")
    alone = f"--user-data-dir={tmp_path_factory.mktemp('browser')}"
    # Nothing answers at this proxy: the browser's own errands end there too.
    words = ["--headless", "--no-sandbox", "--disable-gpu", "--proxy-server=127.0.0.1:9", alone]

    def show(path) -> tuple[str, list[str]]:
        command = [browser, *words, "--enable-logging=stderr", "--dump-dom", path.as_uri()]
        told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return told.stdout, [line for line in told.stderr.splitlines() if "CONSOLE" in line]

    return show


@pytest.mark.slow
def test_a_browser_shows_it_and_has_nothing_to_complain_of(report, shown):
    elements, complaints = shown(report)
    assert complaints == []
    assert elements.count("<svg") == 2 * FIGURES


MEASURE = """<script>
const all = selector => [...document.querySelectorAll(selector)];
const outside = all("body *:not(.scroll *)").filter(
  it => it.getBoundingClientRect().right > innerWidth);
const going = all(".scroll").filter(it => it.scrollWidth > it.clientWidth);
const unseen = going.filter(
  it => !/local.*scroll/.test(getComputedStyle(it).backgroundAttachment));
parent.postMessage([innerWidth, outside.length, going.length > 0, unseen.length], "*");
</script>"""
FRAME = """<!doctype html><iframe src="narrow.html" width="360" height="900"></iframe>
<script>addEventListener("message", it => document.body.append(`measured ${it.data}`))</script>"""


@pytest.mark.slow
def test_on_a_narrow_page_tables_scroll_and_show_it_and_nothing_sticks_out(report, shown, tmp_path):
    text = report.read_text("utf-8").replace("<details>", "<details open>")
    text = text.replace("http-equiv", "data-off").replace("</body>", f"{MEASURE}</body>")
    (tmp_path / "narrow.html").write_text(text, "utf-8")
    (tmp_path / "frame.html").write_text(FRAME, "utf-8")
    elements, _ = shown(tmp_path / "frame.html")
    assert "measured 360,0,true,0" in elements


@pytest.mark.slow
@pytest.mark.parametrize("added", ["<script>1</script>", "<img src='https://example.org/x.png'>"])
def test_a_browser_would_refuse_to_run_or_fetch_anything(report, shown, tmp_path, added):
    other = tmp_path / "other.html"
    other.write_text(report.read_text("utf-8").replace("<main>", f"<main>{added}"), "utf-8")
    _, complaints = shown(other)
    assert any("Content Security Policy" in line for line in complaints)
