"""Which of several processes that train together this one is; nothing here needs torch."""

import os
from typing import NamedTuple

from bedstone.errors import ConfigError

NEEDED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun, or ``bedstone run --processes``, puts into the environment: all of it."""


class Member(NamedTuple):
    """A process, and how many there are."""

    rank: int = 0
    size: int = 1


def member() -> Member:
    """This one, as its environment says.

    Raises:
        ConfigError: it says no numbers.
    """
    if any(name not in os.environ for name in NEEDED):
        return Member()
    rank, size = (os.environ[name] for name in NEEDED[:2])
    if not (rank.isdecimal() and size.isdecimal() and int(rank) < int(size)):
        raise ConfigError(
            f"RANK {rank!r} of WORLD_SIZE {size!r} in the environment is no process of several",
            hint="unset both, or start with torchrun",
        )
    return Member(int(rank), int(size))
