"""Catalogue of data sets: their properties, known without loading them."""

from enum import StrEnum

from noisesweep.models import DatasetFacts, DatasetInfo, TrainingConfig

CLASSES = 10
IMAGE_SHAPE = (28, 28)
DIGITS = [str(digit) for digit in range(CLASSES)]


class DatasetName(StrEnum):
    """Names of the data sets that a run can train on."""

    MNIST = "mnist"
    FASHION_MNIST = "fashion_mnist"
    DIGITS = "digits"


CATALOGUE: dict[str, DatasetInfo] = {
    DatasetName.MNIST: DatasetInfo(
        name=DatasetName.MNIST,
        description="Handwritten digits (LeCun, Cortes and Burges): 28x28 grey pixels, as published.",
        licence="CC BY-SA 3.0",
        citation="LeCun, Y., Bottou, L., Bengio, Y. and Haffner, P. (1998). Gradient-based learning applied to "
        "document recognition. Proceedings of the IEEE 86(11), 2278-2324. doi:10.1109/5.726791",
        image_shape=IMAGE_SHAPE,
        classes=CLASSES,
        class_names=DIGITS,
        training_images=60_000,
        validation_images=10_000,
        training_counts=[5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
        validation_counts=[980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
        sha256="06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16",
    ),
    DatasetName.FASHION_MNIST: DatasetInfo(
        name=DatasetName.FASHION_MNIST,
        description="Articles of clothing from Zalando's shop, in the format of MNIST but harder to classify: 28x28 "
        "grey pixels, as published.",
        licence="MIT",
        citation="Xiao, H., Rasul, K. and Vollgraf, R. (2017). Fashion-MNIST: a novel image dataset for benchmarking "
        "machine learning algorithms. arXiv:1708.07747",
        image_shape=IMAGE_SHAPE,
        classes=CLASSES,
        class_names=[
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ],
        training_images=60_000,
        validation_images=10_000,
        training_counts=[6_000] * CLASSES,
        validation_counts=[1_000] * CLASSES,
        sha256="ca3ab2a37f845e1b8ae23cab1b51749a3011ba3bf1d9016176d75cbaabac376f",
    ),
    DatasetName.DIGITS: DatasetInfo(
        name=DatasetName.DIGITS,
        description="Handwritten digits bundled with scikit-learn (UCI optdigits, 8x8). Each pixel becomes a 3x3 "
        "block, with a black border to 28x28. Small, needs no download. Results are not comparable with MNIST.",
        licence="CC BY 4.0",
        citation="Alpaydin, E. and Kaynak, C. (1998). Optical Recognition of Handwritten Digits. UCI Machine Learning "
        "Repository. doi:10.24432/C50P49",
        image_shape=IMAGE_SHAPE,
        classes=CLASSES,
        class_names=DIGITS,
        training_images=1_442,
        validation_images=355,
        training_counts=[143, 146, 142, 147, 145, 146, 145, 144, 140, 144],
        validation_counts=[35, 36, 35, 36, 36, 36, 36, 35, 34, 36],
        sha256="583ef91ef1ef9f3f05d3f157d28a4c11716af75a5ea4a0194e434cce17d750d5",
    ),
}


def facts_of(config: TrainingConfig) -> DatasetFacts:
    """Return the content of the data set of a config: an own one, or a built-in one."""
    return config.own_dataset or CATALOGUE[config.dataset]
