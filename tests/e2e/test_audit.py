"""`bedstone audit`: a planted crawl, every kind of input, published shares, a removed language."""

import base64
import csv
import json
import random
import sysconfig
from html import escape
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bedstone
from bedstone.corpus.web.warc_writer import Page, write
from bedstone.errors import ArtifactError, ConfigError, DataError

DATA = Path(__file__).parents[1] / "data" / "representation"
CRAWL = DATA / "CC-MAIN-2022-40.csv"

# Sentences of our own, in languages of which the crawl hides a dozen pages each.
GURMUKHI = [
    "ਇਹ ਇੱਕ ਪੁਰਾਣਾ ਸਕੂਲ ਹੈ ਅਤੇ ਇਸ ਪਿੰਡ ਦੇ ਸਾਰੇ ਬੱਚੇ ਇੱਥੇ ਪੜ੍ਹਦੇ ਹਨ।",
    "ਅਧਿਆਪਕ ਨਹਿਰ ਦੇ ਕੰਢੇ ਰਹਿੰਦਾ ਹੈ ਅਤੇ ਸ਼ਾਮ ਨੂੰ ਬੱਚਿਆਂ ਨੂੰ ਕਹਾਣੀਆਂ ਸੁਣਾਉਂਦਾ ਹੈ।",
    "ਮੀਂਹ ਤੋਂ ਬਾਅਦ ਖੇਤਾਂ ਵਿੱਚ ਬਹੁਤ ਪਾਣੀ ਸੀ, ਪਰ ਕਿਸੇ ਨੇ ਵੀ ਕੰਮ ਨਹੀਂ ਛੱਡਿਆ।",
    "ਉਸ ਨੇ ਕਿਹਾ ਕਿ ਇਹ ਕਿਤਾਬ ਉਸ ਦੀ ਮਾਂ ਦੀ ਹੈ ਅਤੇ ਉਹ ਇਸ ਨੂੰ ਹਰ ਰੋਜ਼ ਪੜ੍ਹਦੀ ਸੀ।",
    "ਬਜ਼ਾਰ ਵਿੱਚ ਲੋਕ ਸਬਜ਼ੀਆਂ ਖਰੀਦ ਰਹੇ ਸਨ ਅਤੇ ਇੱਕ ਬੁੱਢਾ ਗੀਤ ਗਾ ਰਿਹਾ ਸੀ।",
    "ਜੇ ਤੁਸੀਂ ਸਾਡੇ ਨਾਲ ਆਓਗੇ ਤਾਂ ਅਸੀਂ ਤੁਹਾਨੂੰ ਪੁਰਾਣਾ ਖੂਹ ਵੀ ਦਿਖਾਵਾਂਗੇ।",
]
SHAHMUKHI = [
    "ایہ اک پرانا سکول اے تے ایس پنڈ دے سارے بال ایتھے پڑھدے نیں۔",
    "استاد نہر دے کنڈے رہندا اے تے شام نوں بالاں نوں کہانیاں سناؤندا اے۔",
    "مینہ توں بعد پیلیاں وچ بہت پانی سی، پر کسے نے وی کم نئیں چھڈیا۔",
    "اوہنے آکھیا پئی ایہ کتاب اوہدی ماں دی اے تے اوہ ایس نوں ہر روز پڑھدی سی۔",
    "بزار وچ لوک سبزیاں خرید رہے سن تے اک بڈھا گیت گا رہیا سی۔",
    "جے تسیں ساڈے نال آؤ گے تے اسیں تہانوں پرانا کھوہ وی وکھاواں گے۔",
]
ROMANISED_TELUGU = [
    "idi oka paata badi mariyu ee oori pillalu andaru ikkada chaduvukuntaaru.",
    "upaadhyaayudu kaaluva gattuna untaadu, saayantram pillalaku kathalu cheputaadu.",
    "vaana tarvaata polaallo chaalaa neeru undi, kaani evaroo pani aapaledu.",
    "ee pustakam tana ammadi ani aame cheppindi, aame roju daanini chadivedi.",
    "santalo janam kooragaayalu kontunnaaru, oka musali aayana paata paadutunnaadu.",
    "meeru maatho vaste memu meeku paata baavini kooda choopistaamu.",
]
ENGLISH = [
    "The {a} {n} {v} the {m}, and nobody in the {p} had ever asked {w} it was so {b}.",
    "When the {n} came back from the {p}, it {v} a {b} {m} that had been lost for years.",
    "Most of the people who live near the {p} say that the {a} {m} is older than the {n}.",
    "In the winter a {n} with a {b} coat {v} every {m} that it could find between the houses.",
]
WORDS = {
    "a": ["patient", "curious", "ancient", "careful", "northern", "silver", "quiet", "famous"],
    "b": ["small", "heavy", "golden", "strange", "bright", "narrow", "broken", "useful"],
    "n": ["scholar", "river", "visitor", "gardener", "teacher", "painter", "fisherman", "doctor"],
    "m": ["manuscript", "harbour", "bridge", "garden", "letter", "window", "machine", "journey"],
    "p": ["village", "valley", "market", "station", "library", "forest", "castle", "island"],
    "v": ["described", "repaired", "followed", "remembered", "painted", "measured", "crossed"],
    "w": ["whether", "why", "how"],
}
PLANTED = 12
TOTAL = 20_000


def english(dice):
    words = {kind: dice.choice(each) for kind, each in WORDS.items()}
    return dice.choice(ENGLISH).format(**words)


def page(kind, number, paragraphs):
    body = "".join(f"<p>{escape(text)}</p>" for text in paragraphs)
    html = f"<html><body><main>{body}</main></body></html>"
    return Page(f"https://{kind}.example.org/{number}", html.encode(), "utf-8")


def programs():
    """Pieces of Python's own library."""
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        text = path.read_text("utf-8", "replace")
        yield from (text[start : start + 1_500] for start in range(0, len(text) - 1_500, 1_500))


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """20,000 pages of English, code and base64, and a dozen in each of three rare languages."""
    dice = random.Random(4)
    code = list(programs())
    pages = [page("code", number, [dice.choice(code)]) for number in range(3_000)]
    for number in range(2_000):
        noise = base64.encodebytes(dice.randbytes(dice.randrange(200, 2_000))).decode()
        pages.append(page("base64", number, [noise]))
    pages += [
        page("english", number, [english(dice) for _ in range(dice.randrange(3, 9))])
        for number in range(TOTAL - 5_000)
    ]
    rare = {"gurmukhi": GURMUKHI, "shahmukhi": SHAHMUKHI, "telugu": ROMANISED_TELUGU}
    for kind, sentences in rare.items():
        pages += [page(kind, number, dice.sample(sentences, 4)) for number in range(PLANTED)]
    dice.shuffle(pages)
    path = tmp_path_factory.mktemp("planted") / "planted.warc.gz"
    write(path, pages, {"software": "a test"})
    return path


@pytest.mark.slow
def test_a_planted_crawl(planted, tmp_path):
    found = bedstone.audit(planted, store=tmp_path)
    rows = {f"{row['language']}_{row['script']}": row for row in found["languages"]}
    unsure = ("possible_noise", "cannot_tell")
    certain = {key for key, row in rows.items() if not any(row[name] for name in unsure)}
    assert {"eng_Latn", "pan_Guru"} <= certain <= {"eng_Latn", "pan_Guru", "pnb_Arab"}
    assert rows["pan_Guru"]["documents"] == PLANTED
    truth = pages_of(tmp_path)
    assert set(truth["shahmukhi"]) <= {"pnb_Arab", "und"}
    assert truth["shahmukhi"].count("pnb_Arab") >= PLANTED - 2
    assert not set(truth["base64"]) - {"und"}
    rightly = {"eng_Latn": "english", "pan_Guru": "gurmukhi", "pnb_Arab": "shahmukhi"}
    for key, row in rows.items():
        right = truth[rightly[key]].count(key) / row["documents"] if key in rightly else 0
        assert row["purity_low"] <= right <= row["purity_high"], key


def pages_of(store):
    """Kind of page -> the language key of each."""
    (documents,) = store.glob("corpus.extract-*/documents.parquet")
    (language,) = store.glob("corpus.language-*/language.parquet")
    urls = pq.read_table(documents, columns=["url"])["url"].to_pylist()
    keys = pq.read_table(language, columns=["language"])["language"].to_pylist()
    kinds = [url.removeprefix("https://").partition(".")[0] for url in urls]
    return {
        kind: [key for each, key in zip(kinds, keys, strict=True) if each == kind]
        for kind in set(kinds)
    }


TEXTS = [GURMUKHI[0], SHAHMUKHI[0], english(random.Random(1)), "short"]


@pytest.fixture
def tables(tmp_path):
    lines = [json.dumps({"text": text}) for text in TEXTS]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), "utf-8")
    pq.write_table(pa.table({"text": TEXTS}), tmp_path / "b.parquet")
    (tmp_path / "b.xml").write_text("<p>one</p>")
    return tmp_path / "a.jsonl", tmp_path / "b.parquet"


def keys_of(found):
    return {f"{row['language']}_{row['script']}": row["documents"] for row in found["languages"]}


def test_files_of_texts_and_their_artifact(tables, store):
    once = bedstone.audit(tables[0], store=store)
    assert keys_of(once) == {"pan_Guru": 1, "pnb_Arab": 1, "eng_Latn": 1}
    assert once["unknown_share"] == 0.25
    both = bedstone.audit(tables, store=store)
    assert keys_of(both) == {"pan_Guru": 2, "pnb_Arab": 2, "eng_Latn": 2}
    again = bedstone.audit(once["artifact"], store=store, speakers="published")
    assert again["artifact"] != once["artifact"]
    assert again["documents"] == once["documents"]
    documents = bedstone.show(once["artifact"], store=store)["parents"]["documents"]["request"]
    assert keys_of(bedstone.audit(documents[:12], store=store)) == keys_of(once)


def test_the_languages_that_are_asked_for(tables, store, cli, tmp_path):
    words = ["audit", tables[0], "--store", store, "--language", "pa,swa", "--language", "eng_Latn"]
    status, out, err = cli(*words, "--json")
    found = json.loads(out)
    assert (status, keys_of(found)) == (0, {"pan_Guru": 1, "eng_Latn": 1})
    assert (found["absent"], found["languages_total"]) == (["swa"], 3)
    assert (found["documents"], found["languages"][0]["share"]) == (4, 0.25)
    assert err.startswith(f"audit: reading {tables[0]}\n")
    _, out, _ = cli(*words)
    assert "4 documents in 3 languages" in out
    assert "no document is in swa" in out
    assert "Western Panjabi" not in out
    status, _, err = cli("audit", tables[0], "--language", "panjabi")
    assert status == 2
    assert "did you mean 'pan', Panjabi?" in err
    found = bedstone.audit(shares=CRAWL, language="te")
    assert (list(keys_of(found)), found["languages_total"]) == (["tel_Telu"], 161)


def test_a_damaged_table_of_texts_is_named(store, tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": [f"text {number}" for number in range(999)]}), path)
    whole = path.read_bytes()
    damaged = (
        whole[: len(whole) // 2],
        whole[:4] + bytes(200) + whole[204:],
        whole[:-300] + bytes(200) + whole[-100:],
        b"",
    )
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(DataError, match=rf"{path}\b.*\w"):
            bedstone.audit(path, store=store)
    half = pa.array([b"\xff", b"a"]).view(pa.string())
    pq.write_table(pa.table({"text": half}), path)
    with pytest.raises(DataError, match=rf"{path}\b"):
        bedstone.audit(path, store=store)


def test_other_identifiers(tables, store):
    found = bedstone.audit(tables[0], store=store, identifier="py3langid", second="pycld2")
    assert found["identifier"] == "py3langid"
    assert {row["erased_share"] for row in found["languages"]} <= {0, 1}


def test_tokens_are_counted_by_language(tables, store, tmp_path):
    documents = bedstone.audit(tables[0], store=store)["artifact"]
    parents = bedstone.show(documents, store=store)["parents"]
    inputs = {role: parents[role]["request"] for role in ("documents", "language")}
    held_out = store / "held_out"
    held_out.mkdir()
    (table,) = store.glob("corpus.language-*/language.parquet")
    ids = pq.read_table(table, columns=["id"])
    ids = ids.append_column("split", pa.array(["train"] * 4))
    pq.write_table(ids, held_out / "held_out.parquet")
    tokenizer = bedstone.build(
        "tokenizer.train",
        sets=["vocab_size=300"],
        inputs=inputs | {"held_out": held_out},
        store=store,
    )["artifact"]
    found = bedstone.audit(tables[0], store=store, tokenizer=tokenizer)
    tokens = {row["language"]: row["tokens"] for row in found["languages"]}
    assert all(number > 0 for number in tokens.values())
    assert found["tokens"] > sum(tokens.values())  # the text of no known language has some too


def test_a_rank_file_counts_tokens_too(tables, store, tmp_path):
    ranks = [f"{base64.b64encode(bytes([byte])).decode()} {byte}" for byte in range(256)]
    path = tmp_path / "bytes.tiktoken"
    path.write_text("\n".join(ranks))
    found = bedstone.audit(tables[0], store=store, tokenizer=path)
    assert found["tokens"] == found["bytes"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, ConfigError, "either a corpus or published shares"),
        ({"inputs": "a.jsonl", "shares": CRAWL}, ConfigError, "either a corpus or published"),
        ({"inputs": "none.jsonl"}, ArtifactError, "does not exist"),
        ({"inputs": CRAWL}, ConfigError, "is no corpus"),
        ({"inputs": "b.xml"}, DataError, "b.xml is of no kind that texts are read from"),
        ({"inputs": "a.jsonl", "text_column": "body"}, DataError, "no column 'body'; .* are text"),
        ({"shares": CRAWL, "speakers": "mine"}, ConfigError, "there are cldr, published"),
        ({"inputs": "a.jsonl", "identifier": "cld3"}, ConfigError, "did you mean 'pycld2'"),
    ],
)
def test_what_cannot_be_audited(tables, store, monkeypatch, arguments, error, message):
    monkeypatch.chdir(tables[0].parent)
    with pytest.raises(error, match=message):
        bedstone.audit(**arguments, store=store)


def test_an_artifact_of_another_kind(tables, store):
    made = bedstone.audit(tables[0], store=store)["artifact"]
    report = bedstone.show(made, store=store)["parents"]["language"]["request"]
    with pytest.raises(ArtifactError, match=r"made by corpus\.language, which is no corpus"):
        bedstone.audit(report[:12], store=store)
    with pytest.raises(ConfigError, match="is an artifact, given with 1 other"):
        bedstone.audit([made, tables[0]], store=store)


def test_published_ratios_come_out_within_rounding():
    found = bedstone.audit(shares=CRAWL, speakers="published")
    rows = {row["language"]: row for row in found["languages"]}
    assert found["documents"] == 3_176_763_048
    assert "Lai et al." in found["speakers_source"]
    assert found["unknown_share"] == pytest.approx(0.025673, abs=1e-6)
    with (DATA / "published.csv").open() as file:
        published = list(csv.DictReader(file))
    assert len(published) == 9
    for row in published:
        ours = rows[row["language"]]
        assert round(100 * ours["share"], 4) == float(row["crawl_percent"])
        assert ours["speakers"] == 1e6 * float(row["speakers_million"])
        assert round(100 * ours["speakers_share"], 2) == pytest.approx(float(row["world_percent"]))
        rounding = 0.00005 / float(row["crawl_percent"]) + 0.005 / float(row["ratio"])
        assert ours["world_to_corpus_ratio"] == pytest.approx(float(row["ratio"]), rel=rounding)
    named = [row["language"] for row in found["languages"]][:8]
    assert named == ["pan", "swa", "urd", "kan", "tel", "guj", "mar", "ben"]
    assert [rows[code]["category"] for code in ("eng", "ben", "pan")] == ["H", "L", "X"]


def test_codes_of_published_shares_are_read_by_the_table(tmp_path):
    path = tmp_path / "shares.csv"
    rows = ["crawl,primary_language,pages", "c,<unknown>,5", "c,nor,3", "c,jp,2", "c,zho,2"]
    path.write_text("\n".join([*rows, "c,pan,1", "c,sux,1"]))
    found = keys_of(bedstone.audit(shares=path))
    assert found == {"nob_Latn": 3, "jpn_Jpan": 2, "zho_": 2, "pan_Guru": 1, "sux_": 1}


def test_the_trend_over_crawls_and_our_own_table_as_one(cli, tables, store, tmp_path):
    own = tmp_path / "own.csv"
    bedstone.audit(tables[0], store=store, csv=own)
    later = tmp_path / "later.csv"
    later.write_text("crawl,primary_language,pages,pct_pages\nL,eng_Latn,90,90\nL,pan,10,10\n")
    status, out, _ = cli("audit", "--shares", own, "--shares", later, "--json")
    found = json.loads(out)
    assert (status, found["crawl"], found["crawls"]) == (0, "L", ["own", "L"])
    by_language = {row["language"]: row["share_by_crawl"] for row in found["languages"]}
    assert by_language == {"eng": {"own": 0.25, "L": 0.9}, "pan": {"own": 0.25, "L": 0.1}}
    assert cli("audit", "--shares", own, "--shares", later)[1].count("own 25.0000 %") == 2


def test_an_audit_s_own_table_gives_it_back(store, tmp_path):
    (tmp_path / "a.jsonl").write_text(
        "\n".join(
            json.dumps({"text": text})
            for text in (
                *TEXTS,
                " ".join([*GURMUKHI, *(english(random.Random(n)) for n in range(8))]),
            )
        ),
        "utf-8",
    )
    own = tmp_path / "=1+1.csv"
    once = bedstone.audit(tmp_path / "a.jsonl", store=store, csv=own)
    assert once["mixed_share"] > 0
    with own.open(encoding="utf-8") as file:
        assert {row["crawl"] for row in csv.DictReader(file)} == {"'=1+1"}
    back = bedstone.audit(shares=own)
    assert back["crawl"] == "=1+1"
    for key in ("documents", "unknown_share", "mixed_share"):
        assert back[key] == once[key]
    assert keys_of(back) == keys_of(once)


HEAD = "crawl,primary_language,pages,pct_pages"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "has no column crawl, primary_language, pages"),
        (f"{HEAD}\nc,eng,many,\n", r"shares\.csv:2: 'many' is no number of pages"),
        (f"{HEAD}\nc,fra,1,\nc,eng,-1,\n", ":3: '-1' is no number of pages"),
        (f"{HEAD}\nc,eng,{'9' * 5000},\n", ":2: '9{30}' is no number of pages"),
        (f"{HEAD}\nc,eng,n/a,\n", ":2: 'n/a' is no number of pages"),
        (f"{HEAD}\nc,eng,1,n/a\n", ":2: 'n/a' is no percentage"),
        (f"{HEAD}\nc,eng,1,nan\n", ":2: 'nan' is no percentage"),
        (f"{HEAD}\nc,eng,1,1e400\n", ":2: '1e400' is no percentage"),
        (f"{HEAD}\nc,eng,1\nc,fra\n", ":3: the row has no pages"),
        (f"{HEAD}\n,eng,1,\n", ":2: the row has no crawl"),
        (f"{HEAD}\nc,eng,1,,5\n", ":2: the row has more cells than the table has columns"),
        (f"{HEAD}\nc,eng,1,\nd,eng,1,\nc,eng,1,\n", r":4: eng of c is also in .*shares\.csv:2"),
        (f"{HEAD}\nd,eng,1,\nc,eng,0,\nc,fra,0,\n", ":3: c has 0 pages in all"),
        (f"{HEAD}\nc,eng,1,\nc,{'a' * 200_000},1,\n", "cannot read .* after line 2: field larger"),
        (f"{HEAD}\nc,eng,46,46\n", r":2: the shares of c add up to 46\.0 %"),
        (f"{HEAD}\n", "has no row"),
    ],
)
def test_tables_of_shares_that_cannot_be_read(tmp_path, text, message):
    path = tmp_path / "shares.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        bedstone.audit(shares=path)


def test_a_table_of_shares_that_is_given_twice(tmp_path):
    path = tmp_path / "shares.csv"
    path.write_text(f"{HEAD}\nc,eng,1,\n")
    with pytest.raises(DataError, match=r":2: eng of c is also in .*:2$"):
        bedstone.audit(shares=[path, path])


def test_text_and_chart(cli, tmp_path):
    chart = tmp_path / "shares.svg"
    status, out, _ = cli("audit", "--shares", CRAWL, "--speakers", "published", "--chart", chart)
    lines = out.splitlines()
    assert status == 0
    assert max(map(len, lines)) <= 100
    assert lines[0] == "CC-MAIN-2022-40: 3,176,763,048 documents in 161 languages"
    assert "Lai et al." in lines[1]
    first = next(line for line in lines if line.startswith("Panjabi Guru"))
    assert first.split()[2:8] == ["192,483", "0.0061", "113.0", "1.41", "233.12", "X"]
    drawn = chart.read_text("utf-8")
    assert drawn.startswith("<svg")
    assert "English" in drawn
    assert "var(" not in drawn


RECIPE = """
[inputs]
texts = "JSONL"

[documents]
stage = "corpus.extract"
inputs = { crawl = "texts" }

[language]
stage = "corpus.language"
inputs = { documents = "documents" }

[statistics]  # without the languages: all is judged by English stop words
stage = "corpus.statistics"
inputs = { documents = "documents" }

[kept]
stage = "corpus.filter"
inputs = { statistics = "statistics", language = "language" }
config.rules = ["gopher-quality:datatrove"]

[audit]
stage = "corpus.audit"
inputs = { documents = "documents", language = "language", kept = "kept" }
"""


def test_a_filter_that_silently_removes_a_language_is_told_by_the_report(tmp_path, store, cli):
    dice = random.Random(2)
    texts = [" ".join(english(dice) for _ in range(12)) for _ in range(40)]
    texts += [" ".join(dice.choice(GURMUKHI) for _ in range(12)) for _ in range(20)]
    path = tmp_path / "texts.jsonl"
    path.write_text("\n".join(json.dumps({"text": text}) for text in texts))
    (tmp_path / "recipe.toml").write_text(RECIPE)

    def made(*sets):
        nodes = bedstone.run(tmp_path / "recipe.toml", {"texts": path}, store=store, sets=sets)[
            "nodes"
        ]
        bedstone.report(nodes["audit"], out=tmp_path / "report.html", store=store)
        return nodes["audit"], (tmp_path / "report.html").read_text("utf-8")

    audit, page = made()
    (lost,) = bedstone.audit(audit, store=store)["removed"]
    assert (lost["name"], lost["input_documents"], lost["documents"]) == ("Panjabi", 20, 0)
    assert "Panjabi was lost on the way: 0 of its 20 documents are left" in page
    assert "warning: 0 of 20 documents in Panjabi are kept" in cli("audit", audit)[1]
    # Who asks for English alone has removed the others knowingly.
    _, page = made('kept.languages=["eng_Latn"]')
    assert "was lost on the way" not in page
