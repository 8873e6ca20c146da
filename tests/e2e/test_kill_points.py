from collections import Counter

import pytest
from tests.support.kills import killed_points


@pytest.mark.slow
def test_what_is_killed_at_any_point_goes_on_and_ends_with_the_same_content(crawl, tmp_path, small):
    killed = killed_points("demo", tmp_path, {"crawl": [crawl]}, small, points=50)
    assert max(point["resumed_step"] for point in killed if point["node"] == "base") > 1
    assert len(Counter(point["node"] for point in killed)) > 10
