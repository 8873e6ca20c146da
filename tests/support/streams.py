"""Documents of counted tokens as a stream, and as the slow and obvious circle."""

import hashlib

import numpy as np

from bedstone.pretrain.loader import Piece, Stream


def stream(sizes, first=0, without=()):
    """Of documents by id; their tokens count on from ``first``, whichever are left out."""
    ends = first + np.cumsum([*sizes.values()])
    bounds = np.stack([ends - [*sizes.values()], ends], axis=1)
    kept = [number for number, name in enumerate(sizes) if name not in without]
    ids = [name for name in sizes if name not in without]
    return Stream([Piece(ids, np.arange(ends[-1], dtype=np.uint16), bounds[kept])])


def circle(sizes):
    """The tokens of the documents in order, of two rounds; and where each document begins."""
    ends = dict(zip(sizes, np.cumsum([*sizes.values()]).tolist(), strict=True))
    names = sorted(sizes, key=lambda name: hashlib.sha256(name.encode()).digest()[:8])
    tokens = [token for name in names for token in range(ends[name] - sizes[name], ends[name])]
    starts = np.cumsum([0, *(sizes[name] for name in names)])[:-1].tolist()
    return tokens * 2, dict(zip(names, starts, strict=True))
