"""`python -m shared.datasets NAME`: make a data set ready on this machine."""

import argparse
import sys

from shared.datasets.catalogue import DatasetName
from shared.datasets.loading import load
from shared.errors import DatasetUnavailableError
from shared.settings import Settings


def main() -> None:
    """Make the named data set ready; exit 1 with the reason where that cannot be done."""
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
