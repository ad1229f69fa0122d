"""Command line of `python -m shared.datasets NAME`."""

import argparse
import sys

from shared.datasets.catalogue import DatasetName
from shared.datasets.loading import load
from shared.errors import DatasetUnavailableError
from shared.settings import Settings


def main() -> None:
    """Make a data set available on this machine and print its location. Exit with 1 and the reason if that fails."""
    parser = argparse.ArgumentParser(prog="python -m shared.datasets", description=main.__doc__)
    parser.add_argument("name", choices=list(DatasetName))
    name = DatasetName(parser.parse_args().name)
    try:
        dataset = load(name, Settings().data_dir)
    except DatasetUnavailableError as error:
        sys.exit(str(error))
    sys.stdout.write(f"{dataset.name}: {dataset.source}\n")


if __name__ == "__main__":
    main()
