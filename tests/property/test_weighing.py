from hypothesis import given
from hypothesis import strategies as st

from bedstone.tokenizer.mixing.weighing import Course, Text, Weights, phase_weights, repetitions

ROWS = st.lists(st.tuples(*[st.integers(1, 10**9)] * 3), min_size=1, max_size=8)
WAYS = st.one_of(
    st.floats(1, 100).map(lambda value: Weights(temperature=value)),
    st.sampled_from(["bytes", "tokens"]).map(lambda unit: Weights(unimax=unit)),
    st.floats(1, 100).map(lambda value: Weights(speakers_ratio=value)),
)
STARTS = st.lists(st.floats(0.01, 0.99), max_size=3, unique=True).map(sorted)


@given(ROWS, STARTS, st.data(), st.floats(1, 10), st.floats(0.1, 1))
def test_a_course_keeps_to_the_passes(rows, starts, data, passes, part):
    columns = [{str(number): row[place] for number, row in enumerate(rows)} for place in range(3)]
    text = Text(*columns)
    total = sum(text.tokens.values())
    budget = max(1, int(part * passes * total))
    ways = data.draw(st.lists(WAYS, min_size=len(starts) + 1, max_size=len(starts) + 1))
    course = Course(tuple(ways), (0.0, *starts), budget, passes)
    phases = phase_weights(text, course)
    assert len(phases) == len(ways)
    for weights in phases:
        assert abs(sum(weights.values()) - 1) < 1e-8
        assert all(weight >= 0 for weight in weights.values())
    found = repetitions(text, course, phases)
    assert abs(sum(each["weight"] for each in found.values()) - 1) < 1e-8
    for name, each in found.items():
        assert each["passes"] <= passes * (1 + 1e-6)
        assert each["effective_tokens"] <= each["passes"] * text.tokens[name] * (1 + 1e-9)
        assert 0 < each["next_pass_worth"] <= 1
