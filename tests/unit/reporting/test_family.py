"""Who belongs to a report, on stages of one file each."""

import pytest

from bedstone.config import Config
from bedstone.reporting.family import family
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.stage import Result, Stage


class Setting(Config):
    value: int = 1


def write(config, job):
    with job.part("x") as path:
        path.write_text(f"{config.value} {[parent.content for parent in job.inputs.values()]}")
    return Result({})


@pytest.fixture
def make(store):
    def of(stage, value=1, **parents):
        made_by = Stage(stage, version=1, config=Setting, inputs=tuple(parents), run=write)
        return build(made_by, Setting(value=value), parents, store, Local())

    return of


def names(subject):
    return {artifact.path.name for artifact in family(subject).members}


def test_ancestors_and_what_was_measured_on_them_belong(make):
    text = make("a.text")
    tokens = make("b.tokens", text=text)
    audit = make("corpus.audit", text=text)
    deeper = make("evaluation.chart", audit=audit, tokens=tokens)
    model = make("d.model", tokens=tokens)
    assert names(model) == {it.path.name for it in (text, tokens, audit, deeper, model)}
    assert family(model).subject.path == family(model).members[0].path == model.path


def test_another_setting_of_what_is_in_the_line_does_not(make):
    text = make("a.text")
    mine, other = make("b.kept", 1, text=text), make("b.kept", 2, text=text)
    model = make("d.model", kept=mine)
    make("d.model", kept=other)
    assert names(model) == {it.path.name for it in (text, mine, model)}


def test_what_was_made_of_the_subject_does_not(make):
    text = make("a.text")
    kept = make("b.kept", text=text)
    audit = make("corpus.audit", kept=kept)
    model = make("d.model", kept=kept)
    make("evaluation.bits", model=model)
    assert names(kept) == {it.path.name for it in (text, kept, audit)}


def test_what_another_source_gave_does_not(make):
    text = make("a.text")
    make("a.text", 2)
    both = make("evaluation.joined", text=text, other=make("a.text", 3))
    assert names(text) == {text.path.name}
    assert both.path.name not in names(text)


def test_of_two_measurements_the_newer_comes(make):
    text = make("a.text")
    make("corpus.audit", 2, text=text)
    newer = make("corpus.audit", 1, text=text)
    assert names(text) == {text.path.name, newer.path.name}


def test_a_prediction_belongs_whose_law_other_runs_told(make):
    plan = make("scaling.plan")
    law = make("scaling.ladder", bits=make("evaluation.bits", model=make("a.model")))
    make("scaling.predict", 1, plan=plan)
    prediction = make("scaling.predict", 2, plan=plan, ladder=law)
    make("evaluation.other", plan=plan, ladder=law)
    assert names(plan) == {plan.path.name, prediction.path.name}


def test_parts_of_a_comparison_are_not_members_beside_it(make):
    model = make("a.model")
    make("sampling.latency", model=model)
    first = make("sampling.answers", 1, model=model)
    make("sampling.answers", 2, model=model)
    whole = make("sampling.compare", model=model)
    assert names(model) == {model.path.name, whole.path.name}
    judged = make("b.judged", answers=first)
    assert names(judged) >= {first.path.name, judged.path.name, whole.path.name}


def test_the_shards_of_a_mapped_stage_are_not_members_beside_it(make, store):
    text = make("a.text")
    mapped = Stage(
        "evaluation.mapped",
        version=1,
        config=Setting,
        inputs=("text",),
        run=write,
        sharded=("text",),
    )
    whole = build(mapped, Setting(), {"text": text}, store, Local())
    assert names(text) == {text.path.name, whole.path.name}


def test_members_are_found_by_their_stage(make):
    text, other = make("a.text"), make("b.text")
    bits = make("evaluation.bits", text=text)
    more = make("evaluation.bits", text=other, more=text)
    about = family(make("d.all", text=text, other=other))
    found = [it.path for it in about.all("evaluation.bits")]
    assert sorted(found) == sorted((bits.path, more.path))
    assert about.find("evaluation.bits").path == found[0]
    assert about.find("evaluation.nothing") is None
    assert about.parent(bits, "text").path == text.path
    assert about.parent(bits, "more") is None
