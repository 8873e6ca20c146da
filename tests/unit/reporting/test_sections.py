"""What sections say where the numbers are thin."""

import json
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedstone.reporting import charts
from bedstone.reporting.axes import Axis
from bedstone.reporting.charts import Dot
from bedstone.reporting.sections.behaviour import _bits_change
from bedstone.reporting.sections.classifiers import classifiers
from bedstone.reporting.sections.languages import _by_language as _of_all_scripts
from bedstone.reporting.sections.languages import (
    _left,
    _represented,
    _share_table,
    _value_tables,
)
from bedstone.reporting.sections.model import _with_interval, experts, held_out, size, training
from bedstone.reporting.sections.prevalence import prevalence
from bedstone.reporting.sections.rules import _by_language, _effects, _figure, excerpt, rules
from bedstone.reporting.sections.tokens import NAMED_SHARE, _most_changed
from bedstone.reporting.wording import SPACE, percent


@pytest.fixture
def measured(tmp_path, tokenizer):
    """An artifact of evaluation.bits with these documents: id -> bits, bytes."""

    def made(name, documents, group=None):
        rows = [
            {"id": each, "language": "eng_Latn", "group": group, "bits": bits, "bytes": size}
            for each, (bits, size) in documents.items()
        ]
        (tmp_path / name).mkdir()
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / name / "documents.parquet")
        return type(tokenizer)(tmp_path / name)

    return made


def test_the_change_of_bits_is_of_the_documents_of_both(measured):
    early = {str(n): (20.0 + n, 10) for n in range(20)}
    late = {str(n): (21.0 + n + n % 3, 10) for n in reversed(range(20))}
    base = measured("base", early | {"longer": (900.0, 90), "base": (5.0, 1)})
    made = measured("made", late | {"longer": (10.0, 9), "made": (50.0, 1)})
    ((_, before, after, change),) = _bits_change(base, made)
    assert (before, after) == ("2.950", "3.145")
    # Paired: each document takes a tenth to three tenths more, whatever it takes.
    value, low, _, high = change.replace("(", "").replace(")", "").split()
    assert value == "+0.195"
    assert 0.15 < float(low) < 0.195 < float(high) < 0.24


def test_a_change_of_few_documents_has_no_interval(measured):
    few = {str(n): (20.0, 10) for n in range(7)}
    ((*_, change),) = _bits_change(measured("base", few), measured("made", few))
    assert change == "+0.000 (too few documents)"
    none, other = measured("none", {"x": (1.0, 1)}), measured("other", {"y": (1.0, 1)})
    assert _bits_change(none, other) == []


def test_the_change_of_bits_is_of_what_is_not_dropped(measured):
    few = {str(n): (20.0, 10) for n in range(7)}
    left, right = measured("left", few, "dropped"), measured("right", few, "dropped")
    assert _bits_change(left, right) == []
    assert _bits_change(measured("one", few, "kept"), measured("two", few, "kept"))


def test_a_language_of_few_documents_has_no_interval():
    row = {"bits": 2.0, "bits_low": None, "bits_high": None}
    assert _with_interval(row, "bits") == "2.00 (too few documents)"
    assert _with_interval(row | {"bits_low": 1.9, "bits_high": 2.25}, "bits") == "2.00 (1.90–2.25)"


def test_a_dot_without_interval_has_no_rule():
    def rules(*rows):
        return charts.dots(rows, Axis("bits"), "").wide.count('stroke-opacity="0.6"')

    known, not_known = Dot("a", "made", 2.0, 1.0, 3.0), Dot("b", "made", 2.5)
    assert rules(known, known._replace(label="b")) == 2
    assert rules(known, not_known) == 1


def test_the_effects_of_several_shards_are_one(tmp_path):
    def shard(name, rows):
        path = tmp_path / name
        pq.write_table(pa.Table.from_pylist(rows), path)
        return SimpleNamespace(about=lambda _: path)

    row = {"rule": "any", "documents": 2, "failed": 1, "failed_alone": 1}
    english, hindi = (
        row | {"language": language, "examples": [language]} for language in ("eng", "hin")
    )
    shards = (shard("a", [english]), shard("b", [english, hindi]))
    filtered = SimpleNamespace(shards=shards, manifest=SimpleNamespace(shards=()))
    merged = _effects(filtered)
    assert merged == [
        english | {"documents": 4, "failed": 2, "failed_alone": 2, "examples": ["eng", "eng"]},
        hindi,
    ]
    only_english = english | {"rule": "word_count"}
    table = _by_language([*merged, only_english])
    assert table.rows[1][-1] == "–"  # no Hindi document was judged by it


def test_of_a_filter_without_rules_there_is_nothing_to_tell():
    manifest = SimpleNamespace(stage="corpus.filter", request="f", parents={}, metrics={})
    filtered = SimpleNamespace(manifest=manifest)
    family = SimpleNamespace(all=lambda stage: [filtered] if stage == manifest.stage else [])
    assert rules(family) is None


def test_of_a_size_that_was_given_nothing_is_the_limit(tmp_path):
    plan = {"limit": "given", "speed_source": None, "sentences": ["the size was given"]}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    metrics = {"parameters_total": 250_000, "train_tokens": 2_000_000}
    planned = SimpleNamespace(
        file=tmp_path.joinpath, manifest=SimpleNamespace(stage="scaling.plan", metrics=metrics)
    )
    told = size(SimpleNamespace(find={"scaling.plan": planned}.get))
    assert told.answer.endswith("tokens: as asked")
    assert told.method == "The size is a setting."


def test_the_figure_of_the_rules_names_a_rule_of_quality():
    metrics = {
        f"{counted}.{rule}_documents": number
        for rule, number in (("yardstick", 9), ("word_count", 5))
        for counted in ("failed", "failed_alone")
    }
    made = _figure(SimpleNamespace(manifest=SimpleNamespace(metrics=metrics)))
    assert made.title.endswith("word_count most")


def represented(name, documents, share, certain=True):
    here = SimpleNamespace(value=share)
    many = {"documents": documents, "share": here, "certain": certain}
    return many | {"name": name, "speakers_share": 0.1}


def test_the_heading_names_languages_of_enough_documents_that_are_no_noise():
    enough = [represented("A", 8, 0.05), represented("B", 90, 0.3)]
    few = [represented("C", 7, 0.01), represented("D", 99, 0.9, certain=False)]
    assert _represented([*few, *enough]) == (
        "B has 3 times its share of the world's speakers, A 0.5 times"
    )
    assert _represented([*few, enough[0]]).startswith("Too few languages")


@pytest.mark.parametrize("unsure", ["possible_noise", "cannot_tell"])
def test_a_language_is_certain_if_one_of_its_scripts_is(unsure):
    row = {"language": "pan", "documents": 5, "speakers_share": 0.1}
    row |= dict.fromkeys(("possible_noise", "cannot_tell"), False)
    several = [[row | {unsure: True}], [row | {unsure: True}, row], [row, row | {unsure: True}]]
    found = [_of_all_scripts({"documents": 10, "languages": each})[0] for each in several]
    assert [(it["certain"], it["documents"]) for it in found] == [
        (False, 5),
        (True, 10),
        (True, 10),
    ]


def test_one_document_is_left():
    assert _left({"documents": 1, "input_documents": 9}) == "1 of its 9 documents is left"
    assert _left({"documents": 0, "input_documents": 9}) == "0 of its 9 documents are left"


def test_what_is_not_known_of_speakers_is_not_called_none():
    row = dict.fromkeys(("speakers", "speakers_share", "world_to_corpus_ratio", "purity"))
    row |= {"name": "A", "script": "Latn", "documents": 3, "share": 0.5, "category": "H"}
    row |= dict.fromkeys(("erased_share", "possible_noise", "cannot_tell"))
    cases = [row, row | {"possible_noise": True}, row | {"cannot_tell": True}]
    known, noise, unsure = _share_table(cases).rows
    assert known[4:7] == ("–", "–", "–")
    assert [cells[-1] for cells in (known, noise, unsure)] == ["", "yes", "cannot tell"]


def mixed(language, before, after, passes=0.5):
    return {
        "language": language,
        "share_before": before,
        "share_after": after,
        "passes": passes,
    }


def changed(rows, languages):
    names = {row["language"]: row["language"] for row in rows}
    return _most_changed(rows, languages, names, "read").replace(SPACE, " ")


def test_the_heading_of_the_mix_names_a_language_of_enough_text():
    small = mixed("a", NAMED_SHARE / 2, 20 * NAMED_SHARE)
    large, larger = mixed("b", 0.2, 0.4, passes=1.5), mixed("c", 0.4, 0.3)
    unknown = mixed("und", 0.3, 0.01)
    told = changed([small, unknown, larger, large], languages=4)
    assert told == "b is 20 % of the text and 40 % of the tokens read: its text 1.5 times"
    # Among very many languages an even share is enough.
    told = changed([small, larger, large], languages=1_000)
    assert told == "a is 0.5 % of the text and 20 % of the tokens read: 50 % of its text"


def test_where_no_language_drawn_has_enough_text_the_largest_is_named():
    rows = [mixed("a", 0.001, 0.004), mixed("b", 0.002, 0.002)]
    assert changed(rows, languages=2).startswith("b is 0.2 % of the text")


def test_a_language_that_was_not_read_is_what_changed_most():
    told = changed([mixed("a", 0.9, 1.0), mixed("b", 0.1, 0.0, 0.0)], languages=2)
    assert told == "b is 10 % of the text and 0 % of the tokens read: 0 % of its text"


@pytest.fixture
def family_of(tmp_path, tokenizer):
    """A family of these artifacts: name -> stage, metrics, file, its rows, roles of parents."""

    def made(**nodes):
        found = {}
        for name, (stage, metrics, file, rows, parents) in nodes.items():
            (tmp_path / name).mkdir()
            if rows:
                pq.write_table(pa.Table.from_pylist(rows), tmp_path / name / file)
            found[name] = type(tokenizer)(tmp_path / name)
            found[name].manifest = SimpleNamespace(stage=stage, metrics=metrics, roles=parents)
        members = list(found.values())
        return SimpleNamespace(
            all=lambda stage: (it for it in members if it.manifest.stage == stage),
            find=lambda stage: next((it for it in members if it.manifest.stage == stage), None),
            parent=lambda it, role: found.get(it.manifest.roles.get(role)),
        )

    return made


def bits_of(model, bits, ratio):
    row = {"bits_per_byte": bits, "bits_per_byte_low": None, "bits_per_byte_high": None}
    rows = [
        row | {"language": language, "parallel_bits": 9.0, "parallel_bits_ratio": times}
        for language, times in (("eng_Latn", ratio and 1.0), ("tel_Telu", ratio))
    ]
    total = {"held_out_bits_per_byte": bits}
    return "evaluation.bits", total, "languages.parquet", rows, {"model": model}


def test_how_good_it_is_is_said_of_the_last_model(family_of):
    base, aligned = ("pretrain.train", {}, "", [], {}), ("posttrain.prefer", {}, "", [], {})
    about = family_of(
        base=base,
        aligned=aligned,
        late=bits_of("aligned", 2.5, 3.0),
        early=bits_of("base", 2.0, 2.0),
    )
    section = held_out(about)
    assert section.answer == "Telugu takes 3.0 times the bits of English for the same content"
    assert section.figures[1].title.endswith("aligned (DPO)")


def test_languages_are_compared_under_the_last_model_that_read_parallel_text(family_of):
    about = family_of(
        base=("pretrain.train", {}, "", [], {}),
        aligned=("posttrain.prefer", {}, "", [], {}),
        late=bits_of("aligned", 2.5, None),
        early=bits_of("base", 2.0, 2.0),
    )
    section = held_out(about)
    assert section.answer == "Telugu takes 2.0 times the bits of English for the same content"
    assert section.figures[1].title.endswith("base model")


def test_bits_a_byte_of_two_languages_are_not_compared(family_of):
    about = family_of(base=("pretrain.train", {}, "", [], {}), bits=bits_of("base", 2.0, None))
    told = "2.00 bits a byte on held-out documents of 2 languages"
    assert held_out(about).answer == told


def test_the_busiest_expert_is_that_of_the_last_steps(family_of):
    shares = {(0, 0): (0.9, 0.1), (0, 2): (0.5, 0.5), (95, 0): (0.4, 0.6), (95, 2): (0.3, 0.7)}
    rows = [
        {"from_step": step, "layer": layer, "expert": number, "tokens": 9, "share": share}
        for (step, layer), both in shares.items()
        for number, share in enumerate(both)
    ]
    metrics = {"expert_dropped_tokens": 0}
    about = family_of(base=("pretrain.train", metrics, "experts.parquet", rows, {}))
    section = experts(about)
    assert section.answer == "The busiest of 2 experts gets 1.40 times the mean"
    (figure,) = section.figures
    assert figure.table.rows == (("0", "1.80", "1.20", "0.80"), ("2", "1.00", "1.40", "0.60"))
    assert "0 tokens were dropped" in section.method
    assert experts(family_of(dense=("pretrain.train", {}, "", [], {}))) is None


def test_a_loss_that_rose_did_not_fall(family_of):
    steps = [{"train_tokens": 8 * it, "loss_nats": 2.0 + it} for it in range(1, 5)]
    about = family_of(base=("pretrain.train", {}, "loss.parquet", steps, {}))
    assert training(about).answer.startswith("The loss rose from 3.00 to 6.00 nats")


def test_an_excerpt_turns_nothing_behind_it():
    assert excerpt("\u202bשלום\x9b\n\tb\u2067c") == "שלום bc"


def test_shares_of_a_column_s_values_have_a_column_for_each_step():
    steps = {"all": (0.9, 0.1), "kept": (0.5, 0.5)}
    values = [
        {"step": step, "value": value, "share": share}
        for step, shares in steps.items()
        for value, share in zip(("no", "yes"), shares, strict=True)
    ]
    (table,) = _value_tables({"by": "domain.score", "values": values})
    assert table.head == ("value", "all", "kept")
    assert [row[0] for row in table.rows] == ["no", "yes"]
    assert [row[1:] for row in table.rows] == [
        (percent(0.9), percent(0.5)),
        (percent(0.1), percent(0.5)),
    ]
    assert _value_tables({}) == ()


def test_classifiers_say_how_sure_by_what_and_of_what_nothing(tmp_path):
    told = {
        "method": "logistic",
        "positive_documents": 700,
        "passed_over_positives": {"und": 30, "srp_Cyrl": 4},
        "other_documents": 1_400,
        "groups": 90,
        "held_out_by": ["near-duplicate", "page name"],
        "held_out_auc": 0.9,
        "held_out_auc_low": 0.85,
        "held_out_auc_high": 0.95,
        "without_site_ngrams_auc": 0.7,
        "known_languages": ["eng_Latn"],
        "ngrams": {"for": [NGRAM], "against": []},
        "languages": [PART | {"name": "eng_Latn"}],
        "sites": [PART | {"name": "a.example\u202e"}],
    }
    (tmp_path / "evaluation.json").write_text(json.dumps(told))
    made = SimpleNamespace(
        about=lambda name: tmp_path / name,
        manifest=SimpleNamespace(stage="corpus.classifier", config={"min_language_positives": 5}),
    )
    metrics = {"abstained.deu_Latn_documents": 30.0, "abstained_share": 0.25}
    scored = SimpleNamespace(manifest=SimpleNamespace(stage="corpus.classify", metrics=metrics))
    members = [made, scored]
    family = SimpleNamespace(all=lambda name: (it for it in members if it.manifest.stage == name))
    section = classifiers(family)
    assert "A classifier of 700 of 734 examples" in section.answer
    assert "an AUC of 0.900 (0.850 to 0.950)" in section.answer
    assert "from 700 of 734 examples: 34 are in languages with fewer than 5" in section.text[0]
    assert "(und 30, srp_Cyrl 4)" in section.text[0]
    assert "much of what it knows is a site's" in section.text[0]
    (figure,), (ngrams, sites, abstained) = section.figures, section.tables
    assert figure.table.rows[0][1:] == ("500", "900", "0.80", "–", "–")
    assert ngrams.rows == (("wi-fi", "for", "yes", f"30{SPACE}%", f"2{SPACE}%"),)
    assert sites.rows[0][0] == "a.example\\u202e"
    assert abstained.rows == (("German", "30"),)
    assert f"25{SPACE}%" in abstained.caption
    assert classifiers(SimpleNamespace(all=lambda name: iter(()))) is None


NGRAM = {
    "ngram": "wi-fi",
    "weight": 9.0,
    "positives_share": 0.3,
    "others_share": 0.02,
    "of_one_site": True,
}
PART = {
    "positives": 500,
    "others": 900,
    "score_positives": 0.8,
    "score_others": None,
    "auc": None,
}


def test_how_much_of_a_domain_there_is_or_that_nobody_can_tell(tmp_path):
    shares = {"share": 0.048, "low": 0.034, "high": 0.28}
    none = dict.fromkeys(shares)
    german = {"language": "deu_Latn", "documents": 600, "labels": 60, **shares}
    told = {
        "documents": 900,
        "drawn": 100,
        "labels": 70,
        "unfilled": 30,
        **shares,
        "method": "labels drawn in strata",
        "strata": [{"stratum": "above", "documents": 300, "labels": 40, "yes": 30}],
        "languages": [{**german, "language": "eng_Latn", "documents": 9, **none}, german],
    }
    made = SimpleNamespace(file=lambda name: tmp_path / name)
    family = SimpleNamespace(find=lambda name: made)
    (tmp_path / "prevalence.json").write_text(json.dumps(told))
    section, share = prevalence(family), f"4.8{SPACE}% (3.4{SPACE}% to 28{SPACE}%)"
    assert section.answer == f"Of 900 documents {share} are of the domain"
    strata, languages = section.tables
    assert strata.rows == (("above", "300", "40", "30"),)
    assert languages.rows == (
        ("German", "600", "60", share),
        ("English", "9", "60", "cannot tell"),
    )
    (tmp_path / "prevalence.json").write_text(json.dumps({**told, **none, "labels": 0}))
    assert prevalence(family).answer.endswith("there is: nothing is labelled")
    strata = [
        *told["strata"],
        {"stratum": "below", "documents": 600, "drawn": 9, "labels": 0, "yes": 0},
    ]
    (tmp_path / "prevalence.json").write_text(json.dumps({**told, **none, "strata": strata}))
    assert prevalence(family).answer.endswith("nothing of the documents below is labelled")
    assert prevalence(SimpleNamespace(find=lambda name: None)) is None
