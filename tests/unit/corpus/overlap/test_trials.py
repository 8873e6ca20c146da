import pyarrow as pa

from bedstone.corpus.overlap.items import SCHEMA, items_of
from bedstone.corpus.overlap.letters import letters_of
from bedstone.corpus.overlap.trials import Document, drawn, planted, stretches

ENGLISH = "Where did the ferryman of the lower valley keep his lantern when the snow fell?"
CHINESE = "谁在河边的学校里看见了那只旧灯笼"
HOST = "Some of the boats were painted last spring, and nobody has asked why. " * 5


def items_from(*questions: str, answers: list[str | None] | None = None):
    columns = {
        "id": [str(number) for number in range(len(questions))],
        "question": list(questions),
        "answer": answers or [None] * len(questions),
    }
    return items_of(pa.table(columns).cast(SCHEMA))


def test_items_are_drawn_of_each_kind():
    questions = [f"{ENGLISH} {number}" for number in range(20)] + [CHINESE, "Why?", "..."]
    items = items_from(*questions)
    chosen = drawn(items, 3)
    assert len([item for item in chosen if item < 20]) == 3
    assert {20, 21} < set(chosen)
    assert 22 not in chosen


def test_what_is_planted_is_found():
    items = items_from(ENGLISH, CHINESE, "Why?", "Why?", answers=[None, None, None, ENGLISH[::-1]])
    trials = planted(items, [0, 1, 2, 3], [Document("a", HOST), Document("b", "x")], 0.8)
    found = {trial[:2]: trial[2:] for trial in trials}
    assert found == {(12, 4): (1, 1), (8, 2): (1, 1), (12, 0): (2, 1)}  # one has no answer


def test_stretches_are_as_long_as_the_items():
    items = items_from(ENGLISH, CHINESE, "Who kept the lantern", "Why?")
    documents = [
        Document("english", HOST * 3),
        Document("chinese", CHINESE * 9),
        Document("short", HOST[:60]),
        Document("more", HOST * 2),
        Document("left over", HOST * 4),
    ]
    found = {each.document: each for each in stretches(items, [0, 1, 2, 3], documents)}
    assert {name: (it.width, it.length) for name, it in found.items()} == {
        "english": (12, 1),
        "chinese": (8, 2),
        "more": (12, 4),
    }
    lengths = {name: len(letters_of(it.text)) for name, it in found.items()}
    assert lengths == {
        "english": len(letters_of("Who kept the lantern")),
        "chinese": len(CHINESE),
        "more": len(letters_of(ENGLISH)),
    }
    texts = {each.id: each.text for each in documents}
    for name, stretch in found.items():
        assert stretch.text in stretch.around in texts[name]
        assert len(letters_of(stretch.around)) >= 3 * len(letters_of(stretch.text))
