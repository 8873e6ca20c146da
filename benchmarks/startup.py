"""How long `bedstone --help` takes, against a bare Python and against typer alone.

    python benchmarks/startup.py [--rounds N]

Processes take turns; medians, of the clock and of the processor. Bytecode is written first, as pip
does.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from statistics import median

WAYS = {
    "bare Python": ("-c", "pass"),
    "import typer": ("-c", "import typer"),
    "bedstone --help": ("-c", "from bedstone.commands.main import main; main()", "--help"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in WAYS}
    for _ in range(rounds + 1):
        for name, words in WAYS.items():
            taken[name].append(seconds_of(words))
    bare = [median(each[1:]) for each in zip(*taken["bare Python"], strict=True)]
    print(f"{'':16} {'clock ms':>10} {'times':>6} {'CPU ms':>10} {'times':>6}")
    for name, each in taken.items():
        clock, cpu = (median(column[1:]) for column in zip(*each, strict=True))
        shown = (1e3 * clock, clock / bare[0], 1e3 * cpu, cpu / bare[1])
        print("{:16} {:10.1f} {:6.1f} {:10.1f} {:6.1f}".format(name, *shown))


def seconds_of(words: tuple[str, ...]) -> tuple[float, float]:
    """Clock and processor of one process."""
    environment = {key: it for key, it in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    spent, started = cpu_seconds_of_children(), time.perf_counter()
    command = [sys.executable, *words]
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started, cpu_seconds_of_children() - spent


def cpu_seconds_of_children() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


if __name__ == "__main__":
    main()
