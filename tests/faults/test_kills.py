"""Hundreds of kills: whatever is killed, the next run goes on, and the content is the same."""

import pytest
from tests.support.crawls import inputs_besides, sets_of, write_crawl
from tests.support.kills import ROOT, killed_points

pytestmark = pytest.mark.faults
PAGES = 120
WEB = ["held_out.share=0.2", "tokenizer.vocab_size=400"]


@pytest.fixture(scope="module")
def crawls(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crawls")
    for number in range(2):
        write_crawl(folder / f"{number}.warc.gz", number, PAGES)
    return sorted(folder.iterdir())


@pytest.mark.parametrize(("workers", "points"), [(1, 90), (2, 40)])
def test_demo(workers, points, crawl, second_warc, tmp_path, small, figure):
    inputs = {"crawl": [crawl, second_warc]}
    how = {"points": points, "workers": workers, "at_once": 2 // workers, "seed": workers}
    told(figure, "demo", workers, killed_points("demo", tmp_path, inputs, small, **how))


@pytest.mark.parametrize(("workers", "points"), [(1, 40), (2, 30)])
def test_web_with_all_that_is_off(workers, points, crawls, tmp_path, figure):
    inputs = {"crawl": crawls, **inputs_besides(tmp_path)}
    sets = [*sets_of(ROOT / "recipes" / "web.toml"), *WEB]
    how = {"points": points, "workers": workers, "at_once": 2 // workers, "seed": workers}
    made = killed_points("web", tmp_path / "builds", inputs, sets, only="corpus", **how)
    told(figure, "web", workers, made)


def told(figure, recipe, workers, killed):
    steps = [point["resumed_step"] for point in killed]
    assert recipe != "demo" or max(steps) > 1
    figure(
        "kills",
        recipe=recipe,
        workers=workers,
        kills=len(killed),
        of_workers=sum(point["role"] == "worker" for point in killed),
        nodes=len({point["node"] for point in killed}),
        same=sum(point["same"] for point in killed),
        strays=sum(len(point["strays"]) for point in killed),
        went_on_at_once=sum(point["at_once"] for point in killed),
        went_on_from_step=max(steps),
    )
