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
from bedstone.uncertainty.paired import Bools, Floats


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
        return self.is_single and bool(np.isin(self.part_UM, (-1, 0, 1)).all())

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

    def differences(self, pairs: Sequence[tuple[str, str]]) -> "Panel":
        """Of each pair the first column less the second, where both have the content."""
        one, other, both_UM = self._sides(pairs)
        part_UM = np.where(both_UM, self.part_UM[:, one] - self.part_UM[:, other], 0)
        return self._of([pair[0] for pair in pairs], part_UM, both_UM.astype(np.float64))

    def ratios(self, pairs: Sequence[tuple[str, str]]) -> "Panel":
        """Of each pair the first column's part over the second's, where both have the content."""
        one, other, both_UM = self._sides(pairs)
        part_UM, whole_UM = self.part_UM[:, one] * both_UM, self.part_UM[:, other] * both_UM
        return self._of([pair[0] for pair in pairs], part_UM, whole_UM)

    def _sides(self, pairs: Sequence[tuple[str, str]]) -> tuple[list[int], list[int], Bools]:
        one, other = ([self.columns.index(pair[side]) for pair in pairs] for side in (0, 1))
        has_UM = self.whole_UM > 0
        return one, other, has_UM[:, one] & has_UM[:, other]

    def _of(self, columns: Sequence[str], part_UM: Floats, whole_UM: Floats) -> "Panel":
        """Without columns that have no content."""
        has = np.flatnonzero(whole_UM.any(axis=0)).tolist()
        names = tuple(columns[place] for place in has)
        return replace(self, columns=names, part_UM=part_UM[:, has], whole_UM=whole_UM[:, has])


def panel_of(
    measured: Iterable[Measured], column: Callable[[Item], str] = lambda item: item.language
) -> Panel:
    """What was measured, in columns by name."""
    units, clusters, places = dict[str, int](), dict[str, int](), dict[str, int]()
    cluster_U, cells = list[int](), list[tuple[int, int, float, float]]()
    for each in measured:
        content = each.item.parallel_id or each.item.id
        if content not in units:
            units[content] = len(units)
            passage = each.item.passage_id or content
            cluster_U.append(clusters.setdefault(passage, len(clusters)))
        place = places.setdefault(column(each.item), len(places))
        cells.append((units[content], place, each.part, each.whole))
    columns = sorted(places)
    order = [places[name] for name in columns]
    shape = len(units), len(columns)
    of_units, of_columns, part, whole = np.array(cells, np.float64).reshape(-1, 4).T
    at = (of_units * len(columns) + of_columns).astype(np.int64)
    times_UM, part_UM, whole_UM = (
        np.bincount(at, each, len(units) * len(columns)).reshape(shape)[:, order]
        for each in (np.ones(len(cells)), part, whole)
    )
    is_single = len(clusters) == len(units) and bool((times_UM <= 1).all())
    often_UM = np.maximum(times_UM, 1)
    return Panel(
        tuple(columns),
        part_UM / often_UM,
        whole_UM / often_UM,
        np.array(cluster_U, np.int64),
        is_single,
    )
