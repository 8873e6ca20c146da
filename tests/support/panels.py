"""Panels of outcomes whose truth is planted."""

import numpy as np

from bedstone.evaluation.verdicts.panels import Panel

PASSAGES = np.repeat(np.arange(488), [2] * 412 + [1] * 76)
"""900 questions to 488 passages."""


def panel(value_UM, cluster_U=None):
    """Of outcomes, or differences; without clusters each unit is its own."""
    value_UM = np.asarray(value_UM, float)
    units, columns = value_UM.shape
    own = np.arange(units) if cluster_U is None else cluster_U
    names = tuple(f"column {number:03}" for number in range(columns))
    return Panel(names, value_UM, np.ones_like(value_UM), own, is_single=cluster_U is None)


def right(random, share, cluster_U, columns, correlation=0.3):
    """Whether each is right; within a cluster two are so correlated."""
    whole_CM = random.random((cluster_U.max() + 1, columns)) < share
    own_UM = random.random((len(cluster_U), columns)) < share
    is_shared_UM = random.random(own_UM.shape) < np.sqrt(correlation)
    return np.where(is_shared_UM, whole_CM[cluster_U], own_UM).astype(float)
