"""Measure the coverage: `make coverage-of-intervals`.

The program prints a table, and exits with 1 if an interval contains its target too rarely or is too wide.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from itertools import product

import numpy as np
from rich.console import Console
from rich.table import Table

from scripts.coverage_of_intervals.coverage import COMPARED_SEEDS, Coverage, Outcome, Setting
from scripts.coverage_of_intervals.simulations import IMAGES, SEEDS, SIMULATIONS, SPREADS


def measure(sweeps: int, simulations: Sequence[str] = tuple(SIMULATIONS)) -> dict[Setting, dict[int, Coverage]]:
    """Return the coverage by setting and number of seeds, each from a number of simulated sweeps or pairs."""
    outcomes: dict[tuple[Setting, int], list[Outcome | None]] = defaultdict(list)
    for simulation in simulations:
        for index, (seeds, images, spread) in enumerate(product(SEEDS, IMAGES, SPREADS)):
            random = np.random.default_rng(index)
            for _ in range(sweeps):
                for interval, accuracy, outcome in SIMULATIONS[simulation](seeds, images, spread, random):
                    outcomes[Setting(interval, images, spread, accuracy), seeds].append(outcome)
    found: dict[Setting, dict[int, Coverage]] = defaultdict(dict)
    for (setting, seeds), all_outcomes in outcomes.items():
        found[setting][seeds] = Coverage.of(all_outcomes)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and the failures. Return 1 if there are any, otherwise 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sweeps", type=int, default=2000, help="simulated sweeps in each setting")
    parser.add_argument("--only", choices=SIMULATIONS, help="run only this simulation")
    options = parser.parse_args(arguments)
    found = measure(options.sweeps, [options.only] if options.only else tuple(SIMULATIONS))
    table = Table(title=f"Coverage by number of seeds; width at {COMPARED_SEEDS} seeds relative to an oracle's")
    for column in (*Setting._fields, *map(str, SEEDS), "width"):
        table.add_column(column, no_wrap=True)
    for setting, by_seeds in sorted(found.items()):
        cells = [by_seeds.get(seeds) for seeds in SEEDS]
        last = by_seeds.get(COMPARED_SEEDS)
        table.add_row(*map(str, setting), *map(_format, cells), f"{last.width:.2f}" if last else "")
    Console(width=150).print(table)
    failures = [
        f"{', '.join(map(str, setting))}, {seeds} seeds: {failure}"
        for setting, by_seeds in found.items()
        for seeds, coverage in by_seeds.items()
        if (failure := coverage.failure(seeds))
    ]
    print(*failures, sep="\n")
    return 1 if failures else 0


def _format(coverage: Coverage | None) -> str:
    """Return the coverage, and the fraction of sweeps with an interval if it is not always given."""
    if coverage is None:
        return ""
    given = f" ({coverage.given:.0%} given)" if coverage.given < 1 else ""
    return f"{coverage.coverage:.3f}{given}"


if __name__ == "__main__":
    sys.exit(main())
