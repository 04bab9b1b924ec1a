"""Builds and trains the network of a genotype, and its backbone.

python -m docs.examples.found_network
"""

from __future__ import annotations

import keras
import sklearn.datasets

import maenas_tf as mn


def train(genotype, images, labels) -> keras.Model:
    """Trains a found network as any Keras model; its outputs are logits."""
    model = mn.build_network(
        genotype, num_classes=10, init_channels=8, num_cells=1
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    model.fit(images, labels, batch_size=32, epochs=1, verbose=2)
    return model


def features(genotype) -> keras.Model:
    """Returns stem and cells alone: a dictionary from level to features."""
    return mn.build_backbone(
        genotype,
        init_channels=8,
        num_cells=1,
        image_shape=(64, 64, 3),
        stem="cifar",
    )


def main() -> keras.Model:
    """Builds and trains a cell of NAS-Bench-201 on 64 digits."""
    digits = sklearn.datasets.load_digits()
    grey = digits.images[:64, :, :, None] / 16
    images = grey.repeat(3, -1).repeat(4, 1).repeat(4, 2)
    # As well: `result.genotype` of a search, a run directory, "DARTS_V2".
    genotype = mn.load_genotype(
        "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|"
        "+|skip_connect~0|none~1|nor_conv_3x3~2|"
    )
    model = train(genotype, images, digits.target[:64])
    print(mn.count_parameters(model), "parameters")
    print(mn.count_macs(model, (32, 32, 3)), "multiply-accumulates")
    print(sorted(features(genotype).output))
    return model


if __name__ == "__main__":
    main()
