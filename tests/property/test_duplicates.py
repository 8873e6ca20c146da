from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.signed import columns_of, write_input

from bedstone.corpus import dedup
from bedstone.corpus.duplicates import search
from bedstone.corpus.duplicates.clusters import string_hashes
from bedstone.corpus.duplicates.signatures import signed
from bedstone.progress import Progress
from bedstone.store import work
from bedstone.store.engine import Local
from bedstone.store.stage import Job
from bedstone.text.codes import texts_of
from bedstone.text.composition import composed

TEXT = st.text(st.characters(), max_size=60)


@dataclass(frozen=True)
class Document:
    id: str
    text: int
    row: tuple[int, ...]
    characters: int
    language: str
    keep: bool
    spoils: bool

    @property
    def rank(self):
        return int(string_hashes(pa.chunked_array([[self.id]]))[0])

    @property
    def passes(self):
        return self.keep and not self.spoils


def alike(one, other):
    return sum(a == b for a, b in zip(one.row, other.row, strict=True)) / len(one.row)


def slow_decisions(documents, by_language, width, similarity):
    """Obvious: the same rule, a pair at a time; by id what is written of a document."""
    parts = [{each} for each in documents]

    def part_of(document):
        return next(part for part in parts if document in part)

    def unite(one, other):
        left, right = part_of(one), part_of(other)
        if left is not right:
            parts.remove(right)
            left |= right

    def groups(some, key):
        found = {}
        for each in some:
            found.setdefault((by_language and each.language, key(each)), []).append(each)
        return [sorted(group, key=lambda it: it.rank) for group in found.values()]

    equal = groups([it for it in documents if it.passes or it.spoils], lambda it: it.text)
    for first, *others in equal:
        for other in others:
            unite(first, other)
    for start in range(0, 4, width):
        firsts = [group[0] for group in equal]
        for centre, *others in groups(firsts, lambda it, low=start: it.row[low : low + width]):
            for other in others:
                if alike(centre, other) >= similarity:
                    unite(centre, other)
    decisions = {}
    for part in parts:
        best = min(part, key=lambda it: (not it.passes, -it.characters, it.rank))
        is_spoilt = any(each.spoils for each in part)
        least = min(1.0 if it.text == best.text else alike(best, it) for it in part)
        for each in part:
            decisions[each.id] = {
                "id": each.id,
                "keep": each.passes and each == best and not is_spoilt,
                "duplicate": each != best,
                "cluster": best.id if len(part) > 1 else None,
                "cluster_size": len(part) if each.passes or each.spoils else None,
                "similarity": least if len(part) > 1 else None,
                "kind": None if each == best else ["near", "exact"][each.text == best.text],
            }
    return decisions


def decided(folder, documents, cuts, width, config):
    """What the stage writes, by id."""
    ids = [each.id for each in documents]
    roles = {
        "signatures": columns_of(
            [each.row for each in documents],
            [each.text for each in documents],
            width,
            ids,
            [each.characters for each in documents],
        ),
        "before": {"id": ids, "keep": [each.keep for each in documents]},
        "language": {"id": ids, "language": [each.language for each in documents]},
    }
    inputs = {role: write_input(folder / role, table, cuts) for role, table in roles.items()}
    spoils = pa.array([each.id for each in documents if each.spoils], pa.string())
    inputs["yardstick"] = write_input(folder / "yardstick", {"id": spoils})
    job = Job(inputs, folder / "artifact", Local(), Progress())
    job.folder.mkdir()
    dedup.run(config, job)
    found = {}
    for path in job.folder.glob("*.parquet"):
        about = pq.read_table(job.folder / "about" / path.name).to_pylist()
        for row, beside in zip(pq.read_table(path).to_pylist(), about, strict=True):
            found[row["id"]] = row | beside
    return found


@settings(max_examples=25, deadline=None)
@given(st.data(), st.randoms(use_true_random=False))
def test_decisions_are_those_of_the_obvious_way_in_any_order(data, dice):
    texts = data.draw(st.lists(st.tuples(*[st.integers(0, 2)] * 4), min_size=1, max_size=9))
    chosen = data.draw(st.lists(st.integers(0, len(texts) - 1), min_size=1, max_size=14))
    documents = [
        Document(
            f"id{number}",
            text,
            texts[text],
            dice.choice([3, 3, 4]),
            dice.choice("ab"),
            dice.random() < 0.8,
            dice.random() < 0.1,
        )
        for number, text in enumerate(chosen)
    ]
    width = data.draw(st.sampled_from([1, 2, 4]))
    similarity = data.draw(st.sampled_from([None, 0.0, 0.5, 0.75]))
    by_language = data.draw(st.booleans())
    config = dedup.DedupConfig(
        scope="language" if by_language else "whole", min_similarity=similarity
    )
    expected = slow_decisions(documents, by_language, width, similarity or 0.0)
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        patch.setattr(work, "sync", lambda path: None)
        assert decided(Path(folder, "one"), documents, [], width, config) == expected
        patch.setattr(search, "DOCUMENTS_AT_ONCE", 3)
        patch.setattr(search, "PAIRS_AT_ONCE", 2)
        moved = dice.sample(documents, len(documents))
        cuts = sorted(dice.choices(range(len(moved) + 1), k=2))
        assert decided(Path(folder, "other"), moved, cuts, width, config) == expected


def sign(*strings):
    return signed(texts_of(list(map(composed, strings))), 8, 1, 2)


@given(TEXT)
def test_any_text_is_signed_and_white_space_makes_no_difference(text):
    one, other, after = (
        sign("a first text", text, "another one"),
        sign(f" {text} \n".replace(" ", "\u2028 ")),
        sign("another one"),
    )
    assert one.is_signed[1] == other.is_signed[0]
    assert one.least[1].tolist() == other.least[0].tolist()
    assert one.exact[1].tolist() == other.exact[0].tolist()
    assert one.least[2].tolist() == after.least[0].tolist()


@given(TEXT, TEXT)
def test_exact_numbers_are_equal_for_texts_equal_but_for_white_space(one, other):
    plain = [" ".join(composed(text).replace("\udfff", "\ufffd").split()) for text in (one, other)]
    made = sign(one, other)
    assert (made.exact[0].tolist() == made.exact[1].tolist()) == (plain[0] == plain[1])
