"""Runs on a known law, and those that Epoch took from a figure."""

import csv
from pathlib import Path

import numpy as np

from bedstone.laws.fitting import (
    Runs,
)
from bedstone.laws.law import Law

LAW = Law(1.8, 480.0, 2100.0, 0.35, 0.37)
OBJECTIVES = ("huber", "lad", "squares")
DATA = Path(__file__).parents[1] / "data" / "scaling"


def epoch_runs():
    with (DATA / "epoch_chinchilla.csv").open() as file:
        rows = [[float(value) for value in row.values()] for row in csv.DictReader(file)]
    parameters, flop, loss = np.array(rows).T
    runs = Runs(parameters, flop / (6 * parameters), loss)
    return runs.take(np.sort(np.argsort(loss)[:-5]))


def grid(law, noise=0.0, seed=0):
    parameters, ratios = (
        axis.ravel() for axis in np.meshgrid(np.geomspace(1e7, 1e10, 7), np.geomspace(5, 320, 7))
    )
    losses = law.loss(parameters, ratios * parameters)
    drawn = np.random.default_rng(seed).normal(size=len(losses))
    return Runs(parameters, ratios * parameters, losses * np.exp(noise * drawn))


def printed(runs, digits):
    losses = [float(f"{loss:.{digits}g}") for loss in runs.loss_nats]
    return Runs(runs.parameters, runs.train_tokens, np.array(losses))
