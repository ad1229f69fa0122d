"""Table of the ideal observer's accuracy for the built-in data sets: `make ideal` writes it.

For each data set and scale, the table contains both ends for the best possible accuracy (see
api/science/ideal_observer.py), measured on up to 10,000 training images, and the accuracy on the validation images. All
scales share the noise, so that the curves are smooth.
"""

import argparse
import json
from collections.abc import Sequence

import numpy as np

from api.science.ideal_observer import IdealObserver, Sample
from api.science.limit import CLIPPED_SCALES, PATH, SCALES, DatasetLimits, Limit
from noisesweep import __version__
from noisesweep.models import Ends
from shared import datasets
from shared.datasets import CATALOGUE, DatasetName, to_pixels
from shared.noise import Purpose, generator
from shared.settings import Settings

IMAGES, SEED = 10_000, 0


def measure(name: DatasetName, scales: Sequence[float], *, clip: bool) -> Limit:
    """Return the ends for the best possible accuracy on a data set."""
    data = datasets.load(name, Settings().data_dir)
    pixels = [to_pixels(part).reshape(len(part), -1) for part in (data.training_images, data.validation_images)]
    labels = [part.astype(np.int64) for part in (data.training_labels, data.validation_labels)]
    observer = IdealObserver(pixels[0], labels[0])
    draws = generator(SEED, Purpose.IDEAL_OBSERVER)
    chosen = np.sort(draws.permutation(len(pixels[0]))[:IMAGES])
    noise = [
        draws.standard_normal((count, pixels[0].shape[1]), dtype=np.float32) for count in (len(chosen), len(pixels[1]))
    ]
    own = Sample(pixels[0][chosen], labels[0][chosen], noise[0], chosen)
    held_out = Sample(pixels[1], labels[1], noise[1])
    answers = [observer.answer(sample, scales, clip=clip) for sample in (own, held_out)]
    return Limit(
        images=len(chosen),
        ends=[
            Ends(
                scale=scale,
                lower=float(left_out.correct.mean()),
                upper=float(left_out.largest.mean()),
                upper_error=float(left_out.largest.std(ddof=1) / np.sqrt(len(chosen))),
                held_out=float(other.correct.mean()),
            )
            for scale, left_out, other in zip(scales, *answers, strict=True)
        ],
    )


def commonest(name: DatasetName) -> float:
    """Return the share of the commonest class among the validation images."""
    labels = datasets.load(name, Settings().data_dir).validation_labels
    return float(np.bincount(labels).max() / len(labels))


def main() -> None:
    """Write the table. Data sets that are not on this machine keep their entries."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", type=DatasetName, default=list(DatasetName))
    names = parser.parse_args().names
    table = json.loads(PATH.read_text()) if PATH.exists() else {}
    for name in names:
        entry = DatasetLimits(
            sha256=CATALOGUE[name].sha256,
            version=__version__,
            seed=SEED,
            commonest=commonest(name),
            unclipped=measure(name, SCALES, clip=False),
            clipped=measure(name, CLIPPED_SCALES, clip=True),
        )
        table[name] = entry.model_dump()
        PATH.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
