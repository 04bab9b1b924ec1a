"""Stand-ins of published tfds data sets: their builder, few images."""

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from maenas_tf.data.tfds_builder import make_builder, no_cloud_probe

SIZES = ((375, 500), (500, 375), (333, 500), (300, 400))


def photograph(number, height, width):
    """A smooth image with something to see at several scales."""
    rng = np.random.default_rng(number)
    small = rng.integers(0, 256, (6, 8, 3), np.uint8)
    large = Image.fromarray(small).resize((width, height), Image.BICUBIC)
    return np.asarray(large)


def prepare(
    data_dir, name, count, file_format="tfrecord", num_shards=3, sizes=SIZES
):
    """Prepares images of real sizes where tfds looks for a published set.

    Args:
        data_dir: the tfds data directory.
        name: of the set.
        count: of its training images.
        file_format: of the records.
        num_shards: files that they are divided into.
        sizes: heights and widths, in turn.

    Returns:
        The labels, in the order of preparation.
    """
    with no_cloud_probe():
        builder = make_builder(name, str(data_dir))
        features = builder.info.features
        num_classes = features["label"].num_classes
        rows = []
        for number in range(count):
            image = photograph(number, *sizes[number % len(sizes)])
            row = {"image": image, "label": (7 * number) % num_classes}
            for extra in ("file_name", "id"):
                if extra in features:
                    row[extra] = f"n{number:05}.JPEG"
            if "coarse_label" in features:
                row["coarse_label"] = 0
            rows.append((number, row))
        tfds.dataset_builders.store_as_tfds_dataset(
            name=name,
            version=str(builder.version),
            features=features,
            split_datasets={"train": rows},
            data_dir=str(data_dir),
            file_format=file_format,
            disable_shuffling=False,
            download_config=tfds.download.DownloadConfig(num_shards=num_shards),
        )
    return [row["label"] for _, row in rows]
