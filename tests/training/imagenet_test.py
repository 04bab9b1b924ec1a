"""The published ImageNet training, on stand-ins and a narrow network."""

import numpy as np
import tensorflow as tf

from maenas_tf.data.tfds_records import RecordImages
from maenas_tf.serving import predict
from maenas_tf.training.experiment import TrainExperiment
from maenas_tf.training.run_evaluation import load_evaluation_images
from maenas_tf.training.trained_run import load_trained
from tests.data import stand_ins
from tests.flags.recipes import FOLDER, read_recipe

RECIPE = FOLDER / "darts_imagenet_train.flags"


def test_the_published_training_makes_a_step_and_is_used_as_it_was_trained(
    tmp_path,
):
    stand_ins.prepare(tmp_path / "data", "imagenet2012", 5, num_shards=2)
    published = read_recipe(RECIPE)
    assert (published.init_channels, published.num_cells) == (48, 14)
    # Three cells end, as fourteen do, at 7x7.
    config = published.replace(
        data_dir=str(tmp_path / "data"),
        init_channels=2,
        num_cells=3,
        batch_size=4,
        epochs=1,
    )
    begun = TrainExperiment(config, tmp_path / "run")
    assert isinstance(begun.images, RecordImages)
    assert begun.retrainer.network.auxiliary_head is not None
    result = begun.run()
    assert np.isfinite(result.history[0]["train_loss"])
    trained = load_trained(tmp_path / "run")
    rules = trained.preprocessing.pixels
    assert rules.center_crop == 0.875
    evaluated = load_evaluation_images(trained, split="train").read([1])[0]
    path = tmp_path / "photograph.jpg"
    record = begun.images.records[int(begun.images.order[1])]
    example = tf.train.Example.FromString(record)
    path.write_bytes(example.features.feature["image"].bytes_list.value[0])
    predicted, was_resized = predict._read(path, 224, rules)
    assert was_resized
    np.testing.assert_array_equal(evaluated, predicted)
