"""The recipes that come with the product: each parses, and its nodes can be asked for."""

import json
import random
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bedstone.corpus.web.warc_writer import Page, write
from bedstone.errors import BedstoneError
from bedstone.store import tables
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.recipe import built, load, preview, run
from bedstone.store.stages import find

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))
WEB, MULTILINGUAL, OF_SWAHILI, OF_TASKS, OF_STRUCTURE = (
    next(path for path in RECIPES if path.stem == name)
    for name in ("web", "multilingual", "swahili", "tasks", "structure")
)
SMALL = ["thresholds.min_documents=20"]
TEMPLATES = [
    'kept.rules=["gopher-quality:datatrove"]',
    "kept.without=[]",
    "kept.ranges={}",
    'kept.languages=["spa_Latn", "hin_Deva"]',
]
"""The rules on repetition would drop the crawl's sentences, which are of one pattern."""
ENGLISH = """\
The old harbour lies where the river meets the sea, and the boats go out with the tide.
A teacher from the village keeps a list of their names for the children.
When it rains she reads to them until their parents have come back from the fields.
Nobody has ever asked her whether all of the stories that she tells are true.
In the winter the nets hang between the houses and smell of tar.
My brother bought a small shop near the market two years ago.
He sells rice, sugar, soap and whatever else the neighbours need to have at home.
Most of the people pay at the end of the month, with a little more if they can.
Last spring the council repaired the bridge that the flood had carried away.
Since then the bus stops twice a day, and many visitors have found their way here.
We would like to be able to learn more about the birds of the valley.
That is why some of us meet with a biologist every other week.
She says that rare animals are often found close to where people live.
The doctor sees patients in the morning and writes letters to the ministry at night.
Clean water matters more to the health of a town than any medicine that is sold.
Farmers have begun to plant trees along the road to keep the soil from drying out.""".splitlines()
SWAHILI = """\
Bandari ya zamani iko mahali ambapo mto unaingia baharini, na mashua huondoka asubuhi na mapema.
Mwalimu wa kijiji huandika majina ya wavuvi wote katika daftari lake kubwa.
Mvua inaponyesha, watoto hukaa darasani na kusikiliza hadithi za wazee wao.
Hakuna mtu aliyewahi kumuuliza kama hadithi hizo zote ni za kweli.
Wakati wa baridi nyavu huning'inizwa kati ya nyumba na barabara hunuka samaki.
Kaka yangu alinunua duka dogo karibu na soko miaka miwili iliyopita.
Anauza mchele, sukari, sabuni na vitu vingine ambavyo majirani wanahitaji nyumbani.
Watu wengi hulipa mwisho wa mwezi, baada ya kupata mshahara wao.
Mwaka jana serikali ilijenga upya daraja lililobomolewa na mafuriko makubwa.
Tangu wakati huo basi linapita mara mbili kwa siku, na wageni wengi wametutembelea.
Tungependa kujifunza zaidi kuhusu ndege wanaoishi katika bonde hili.
Ndiyo sababu baadhi yetu tunakutana na mtaalamu wa wanyama kila wiki.
Yeye anasema kwamba wanyama adimu mara nyingi hupatikana karibu na makazi ya binadamu.
Daktari huwaona wagonjwa asubuhi na usiku huandika barua kwa wizara ya afya.
Maji safi ni muhimu kwa afya ya mji kuliko dawa yoyote inayouzwa dukani.
Wakulima wameanza kupanda miti kando ya barabara ili udongo usikauke.""".splitlines()


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_can_be_previewed(path, crawl, tmp_path):
    recipe = load(path)
    given = {name: [crawl] for name in recipe.inputs}
    states = preview(recipe, built(recipe, given, tmp_path))
    assert list(states) == [node.name for node in recipe.nodes]
    assert "would build" in states.values()


@pytest.mark.parametrize(
    "path",
    [path for path in RECIPES if path not in (OF_TASKS, OF_STRUCTURE)],
    ids=lambda path: path.stem,
)
def test_every_recipe_of_pages_holds_the_yardstick_out(path):
    nodes = load(path).nodes
    (yardstick,) = (node for node in nodes if node.stage.name == "corpus.yardstick")
    assert yardstick.config.urls == ("https://www.unicode.org/udhr/",)
    told = ("corpus.held_out", "corpus.filter", "corpus.dedup")
    deciding = [node for node in nodes if node.stage.name in told]
    assert {node.stage.name for node in deciding} == set(told)
    for node in deciding:
        is_later = "before" in node.inputs
        assert is_later or node.inputs["yardstick"] == yardstick.name, node.name


def test_the_web_recipe_keeps_english_only(crawl, tmp_path):
    made = run(load(WEB), {"crawl": [crawl]}, tmp_path, Local())
    audit = json.loads(made["audit"].file("audit.json").read_text("utf-8"))
    assert [row["language"] for row in audit["languages"]] == ["eng"]
    first = made["gopher_and_c4"].manifest.metrics
    second = made["fineweb"].manifest.metrics
    assert 0 < second["kept_documents"] <= first["kept_documents"] < first["input_documents"]


@pytest.mark.parametrize("path", [WEB, OF_SWAHILI], ids=lambda path: path.stem)
def test_own_text_goes_where_a_crawl_goes(path, crawl, own_texts, tmp_path):
    kept = []
    for name, given, sets in [
        ("warc", crawl, ()),
        ("table", own_texts, ["documents.text_column=content"]),
        ("files", files_of(own_texts, tmp_path / "texts"), ()),
    ]:
        until = "audit" if path == WEB else "kept"
        made = run(load(path, sets, until), {"crawl": [given]}, tmp_path / name, Local())
        texts = (tables.read(shard, ["id", "text"]) for shard in made["documents"].shards)
        rows = [row for table in texts for row in table.to_pylist()]
        keep = {
            row["id"]
            for shard in made["kept"].shards
            for row in tables.read(shard, ["id", "keep"]).to_pylist()
            if row["keep"]
        }
        kept.append(sorted(row["text"] for row in rows if row["id"] in keep))
    assert kept[0]
    assert kept[1] == kept[0]
    # Files have no URL by which the yardstick would be found.
    assert set(kept[2]) >= set(kept[0])


def files_of(table, folder):
    """A file for each row."""
    folder.mkdir()
    for number, line in enumerate(table.read_text().splitlines()):
        (folder / f"{number}.txt").write_text(json.loads(line)["content"], "utf-8")
    return folder


def test_a_reference_may_be_own_text_too(own_texts, tmp_path):
    sets = [*SMALL, "reference_documents.text_column=content"]
    recipe = load(MULTILINGUAL, sets, until="thresholds")
    made = run(recipe, {"reference": [own_texts]}, tmp_path, Local())
    thresholds = json.loads(made["thresholds"].file("thresholds.json").read_text("utf-8"))
    assert set(thresholds) == {"spa_Latn", "hin_Deva"}


@pytest.fixture(scope="module")
def multilingual(crawl, second_warc, tmp_path_factory):
    """Its nodes' artifacts, where the languages kept are some that the crawl has."""
    sets = [*SMALL, *TEMPLATES]
    given = {"crawl": [crawl], "reference": [crawl, second_warc]}
    return run(load(MULTILINGUAL, sets), given, tmp_path_factory.mktemp("store"), Local())


def test_each_language_has_limits_of_its_own(multilingual):
    thresholds = json.loads(multilingual["thresholds"].file("thresholds.json").read_text("utf-8"))
    assert set(thresholds) == {"spa_Latn", "hin_Deva"}
    config = multilingual["kept"].manifest.config
    for language, entry in thresholds.items():
        ranges = config["ranges_by_language"][language]
        assert set(ranges) == {"mean_word_length", "alphabetic_word_share", "stop_word_count"}
        assert ranges["mean_word_length"] == entry["ranges"]["mean_word_length"]
        stop_words = multilingual["statistics"].manifest.config["stop_words"]
        assert stop_words[language] == entry["stop_words"]


def test_only_the_languages_asked_for_are_kept(multilingual):
    audit = json.loads(multilingual["audit"].file("audit.json").read_text("utf-8"))
    assert sorted(row["language"] for row in audit["languages"]) == ["hin", "spa"]


def test_neither_workers_nor_the_order_of_files_change_a_byte(
    crawl, second_warc, tmp_path, multilingual
):
    recipe = load(MULTILINGUAL, SMALL, until="thresholds")
    given = {"reference": [second_warc, crawl]}
    made = run(recipe, given, tmp_path / "other", Local(workers=2))
    assert made["thresholds"].content == multilingual["thresholds"].content


def prose(name, sentences):
    """A page of four paragraphs at most, of three sentences each."""
    parts = [" ".join(sentences[first : first + 3]) for first in range(0, len(sentences), 3)]
    body = "".join(f"<p>{part}</p>" for part in parts)
    html = f"<!doctype html><html><body><main>{body}</main></body></html>"
    return Page(f"https://example.org/{name}", html.encode(), "utf-8")


@pytest.fixture(scope="module")
def swahili(tmp_path_factory):
    """Two files of a crawl, with a copy in the second of a page in the first, and a reference."""
    folder = tmp_path_factory.mktemp("swahili")
    good = prose("good/0", SWAHILI[:8])
    first = [good, prose("spoilt/repeated", SWAHILI[:3] * 4), prose("spoilt/english", ENGLISH[:8])]
    second = [prose("good/1", SWAHILI[8:]), Page("https://example.org/good/0b", good.html, "utf-8")]
    dice = random.Random(0)
    reference = [
        prose(f"{number}/{len(sentences[0])}", dice.sample(sentences, 12))
        for number in range(50)
        for sentences in (ENGLISH, SWAHILI)
    ]
    made = {"first": first, "second": second, "reference": reference}
    for name, pages in made.items():
        write(folder / f"{name}.warc.gz", pages, {"software": "a test"})
    return [folder / f"{name}.warc.gz" for name in made]


def shipped(files, reference, store, workers=1):
    """The recipe as it is."""
    given = {"crawl": files, "reference": [reference]}
    return run(load(MULTILINGUAL), given, store, Local(workers))


def decided(made):
    """What the filter says of each document, by id, and the documents' URLs."""
    rows = {
        row["id"]: (row["keep"], about["failed"])
        for shard in made["kept"].shards
        for row, about in zip(
            tables.read(shard, ["id", "keep"]).to_pylist(),
            pq.read_table(shard.about("failed.parquet")).to_pylist(),
            strict=True,
        )
    }
    urls = {
        row["id"]: row["url"].removeprefix("https://example.org/")
        for shard in made["documents"].shards
        for row in tables.read(shard, ["id", "url"]).to_pylist()
    }
    return rows, urls


def test_the_multilingual_recipe_keeps_prose_and_drops_what_is_spoilt(swahili, tmp_path):
    *files, reference = swahili
    one = shipped(files, reference, tmp_path / "one")
    assert set(one["kept"].manifest.config["ranges_by_language"]) == {"swa_Latn"}
    rows, urls = decided(one)
    kept = {urls[name].removesuffix("b") for name, (keep, _) in rows.items() if keep}
    assert kept == {"good/0", "good/1"}
    assert sum(keep for keep, _ in rows.values()) == 2  # and one of the copies
    failed = {urls[name]: reasons for name, (_, reasons) in rows.items()}
    assert failed["good/0"] == failed["good/1"] == []
    assert "duplicate_5_gram_character_share" in failed["spoilt/repeated"]
    assert "repeated_line_character_share" in failed["spoilt/repeated"]
    assert failed["spoilt/english"] == ["language"]

    two = shipped(files, reference, tmp_path / "two", workers=2)
    other = shipped(files[::-1], reference, tmp_path / "other")
    for name in ("kept", "audit"):
        assert two[name].content == one[name].content
    assert decided(other) == (rows, urls)
    audit = [made["audit"].file("audit.json").read_bytes() for made in (one, other)]
    assert audit[0] == audit[1]


@pytest.mark.slow
def test_the_swahili_recipe_on_mediawiki_and_gnome(tmp_path):
    stage = find("corpus.crawl")
    config = stage.config(packages=("gnome-user-docs", "mediawiki", "udhr"))
    try:
        crawl = build(stage, config, {}, tmp_path, Local())
    except BedstoneError as error:
        pytest.skip(f"needs the network: {error}")
    if crawl.manifest.metrics["missing_packages"]:
        pytest.skip("needs the network: packages are missing")
    made = run(load(OF_SWAHILI), {"crawl": [crawl.path]}, tmp_path, Local())

    everybody, kept = (
        json.loads(made[name].file("audit.json").read_text("utf-8"))["languages"]
        for name in ("audit_all", "audit")
    )
    assert len(everybody) > 100
    assert {row["language"] for row in kept} == {"eng", "swa"}
    swahili = next(row for row in kept if row["language"] == "swa")
    assert not swahili["possible_noise"]
    assert not swahili["cannot_tell"]

    steered = made["tokenizer"].manifest.metrics
    assert steered["measured_languages"] == 2
    assert steered["worst_tokens_change_share"] < -0.1
    assert steered["english_tokens_change_share"] < 0.05

    balanced = json.loads(made["mix"].file("audit.json").read_text("utf-8"))["languages"]
    before, after = (
        {row["language"]: row[f"speakers_ratio_{when}"] for row in balanced}
        for when in ("before", "after")
    )
    assert before["swa_Latn"] > 1.5 > 1.01 > after["swa_Latn"]
    languages = json.loads(made["mix"].file("mix.json").read_text("utf-8"))["languages"]
    assert 1 < languages["swa_Latn"]["passes"] <= 4
    premiums = tables.read(made["cost"], ["language", "premium"]).to_pylist()
    assert {"eng_Latn", "swa_Latn", "tel_Telu"} <= {row["language"] for row in premiums}


@pytest.mark.torch
@pytest.mark.slow
def test_the_tasks_recipe_makes_a_model_of_nothing_given(tmp_path):
    sets = [
        "problems.problems=100",
        "tokenizer.vocab_size=300",
        "base.n_layers=1",
        "base.train_tokens=2048",
        "solver.train_tokens=2048",
        "change.prompts=4",
    ]
    made = run(load(OF_TASKS, sets), {}, tmp_path, Local())
    names = ("solver", "problems", "change")
    solver, problems, change = (made[name].manifest.metrics for name in names)
    assert solver["too_long_pairs"] == 0
    assert solver["train_pairs"] == problems["train_pairs"]
    assert change["held_out_loss_after_nats"] < change["held_out_loss_before_nats"]
    read = [tables.read(made["problems"].shards[0], ["id", "split"]).to_pylist()]
    read.append(tables.read(made["mix"], ["id", "split"]).to_pylist())
    trained_on, mixed = ({row["id"] for row in each if row["split"] == "train"} for each in read)
    assert trained_on == mixed
