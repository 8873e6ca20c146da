"""What was measured of a test, side by side: a row for each content, a column for each language.

A unit is a content: the items that are parallel, of whose wordings and samples each language has
the mean. Units that share a passage are a cluster: they are right or wrong together.

Shape letters: U units, C clusters, M columns.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bedstone.tasks.items import Item
from bedstone.uncertainty.paired import Floats


@dataclass(frozen=True, slots=True)
class Measured:
    """A number of an item: whether it is right; or bits, and of how many bytes."""

    item: Item
    part: float
    whole: float = 1.0


@dataclass(frozen=True, slots=True)
class Panel:
    """Numbers of the same contents in columns, each of which has one at least.

    A column's value is a ratio of sums.
    """

    columns: tuple[str, ...]
    part_UM: Floats
    """0 where the content is not in the column, as in ``whole_UM``."""
    whole_UM: Floats
    cluster_U: NDArray[np.int64]
    is_single: bool
    """Each cluster is one unit that was measured once."""

    @property
    def is_counted(self) -> bool:
        """Whether it is of single outcomes that are right or wrong, or of differences of such."""
        is_one_each = np.isin(self.part_UM, (-1, 0, 1)) & np.isin(self.whole_UM, (0, 1))
        return self.is_single and bool(is_one_each.all())

    @property
    def values(self) -> list[float]:
        """Of each column."""
        return [float(each) for each in self.part_UM.sum(axis=0) / self.whole_UM.sum(axis=0)]

    @property
    def clusters(self) -> list[int]:
        """How many each column has."""
        return [int(each) for each in (self.by_cluster(self.whole_UM) > 0).sum(axis=0)]

    def by_cluster(self, value_UM: Floats) -> Floats:
        """The sums over the units of each cluster."""
        sum_CM = np.zeros((int(self.cluster_U.max(initial=-1)) + 1, value_UM.shape[1]))
        np.add.at(sum_CM, self.cluster_U, value_UM)
        return sum_CM

    def paired(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Those pairs of columns that have a content in common."""
        has = dict(zip(self.columns, (self.whole_UM > 0).T, strict=True))
        return [(one, other) for one, other in pairs if (has[one] & has[other]).any()]

    def differences(self, pairs: Sequence[tuple[str, str]]) -> "Panel":
        """Of each of ``paired`` the first column less the second, of what both have.

        Columns are named as the first.
        """
        return self._between(pairs, lambda one_UM, other_UM: (one_UM - other_UM, 1.0))

    def ratios(self, pairs: Sequence[tuple[str, str]]) -> "Panel":
        """As ``differences``, but the first column's part over the second's."""
        return self._between(pairs, lambda one_UM, other_UM: (one_UM, other_UM))

    def _between(
        self,
        pairs: Sequence[tuple[str, str]],
        parts: Callable[[Floats, Floats], tuple[Floats, Floats | float]],
    ) -> "Panel":
        one, other = ([self.columns.index(pair[side]) for pair in pairs] for side in (0, 1))
        both_UM = (self.whole_UM[:, one] > 0) & (self.whole_UM[:, other] > 0)
        part_UM, whole_UM = (
            np.where(both_UM, each, 0.0)
            for each in parts(self.part_UM[:, one], self.part_UM[:, other])
        )
        names = tuple(name for name, _ in pairs)
        return replace(self, columns=names, part_UM=part_UM, whole_UM=whole_UM)


def panel_of(
    measured: Iterable[Measured], column: Callable[[Item], str] = lambda item: item.language
) -> Panel:
    """What was measured, in columns by name."""
    those = list(measured)
    contents = [each.item.parallel_id or each.item.id for each in those]
    units, unit = _numbered(contents)
    passages = dict[str, str]()
    for content, each in zip(contents, those, strict=True):
        passages.setdefault(content, each.item.passage_id or content)
    clusters, cluster_U = _numbered(passages.values())
    names, place = _numbered(column(each.item) for each in those)
    sum_3UM = np.zeros((3, len(units), len(names)))
    for number, each in enumerate(those):
        sum_3UM[:, unit[number], place[number]] += (1.0, each.part, each.whole)
    times_UM, part_UM, whole_UM = sum_3UM[:, :, sorted(range(len(names)), key=names.__getitem__)]
    is_single = len(clusters) == len(units) and bool((times_UM <= 1).all())
    often_UM = np.maximum(times_UM, 1)
    return Panel(
        tuple(sorted(names)), part_UM / often_UM, whole_UM / often_UM, cluster_U, is_single
    )


def _numbered(names: Iterable[str]) -> tuple[list[str], NDArray[np.int64]]:
    """Each once, in their order, and the number of each."""
    numbers = dict[str, int]()
    found = [numbers.setdefault(name, len(numbers)) for name in names]
    return list(numbers), np.array(found, np.int64)
