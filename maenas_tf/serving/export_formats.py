"""The forms in which a trained network is exported."""

from __future__ import annotations

import abc
import pathlib
import shutil
import warnings

import keras
import numpy as np
import tensorflow as tf

from maenas_tf.engine.tensorflow_paths import tensorflow_path
from maenas_tf.engine.writing import as_os_error
from maenas_tf.models.network import Network
from maenas_tf.registry import Registry
from maenas_tf.serving import serving_assets
from maenas_tf.serving.serving import ServingModule, make_keras_classifier
from maenas_tf.training.trained_run import Preprocessing


class Format(abc.ABC):
    """One way to write a network, and to compute with what was written.

    Args:
        directory: of the export.
        version: of the model, as TF Serving counts it.
    """

    def __init__(self, directory: pathlib.Path, version: int = 1):
        self.directory = directory
        self.version = version

    @property
    @abc.abstractmethod
    def path(self) -> pathlib.Path:
        """What is written: a file or a directory inside `directory`."""

    @abc.abstractmethod
    def write(self, network: Network, preprocessing: Preprocessing) -> None:
        """Writes the network, with its preprocessing, to `path`."""

    @abc.abstractmethod
    def probabilities(self, images: np.ndarray) -> list[np.ndarray]:
        """Loads `path` and runs it.

        Args:
            images: uint8 [N, S, S, 3] of the network's size.

        Returns:
            float32 [N, classes] for each way into the model.
        """


FORMATS: Registry[type[Format]] = Registry("export format")


@FORMATS.register("saved_model")
class SavedModelFormat(Format):
    """A SavedModel, laid out as TF Serving wants it; see `ServingModule`."""

    @property
    def path(self) -> pathlib.Path:
        """saved_model/<version>."""
        return self.directory / "saved_model" / str(self.version)

    def write(self, network: Network, preprocessing: Preprocessing) -> None:
        """Writes it, with class_names.txt and preprocessing.json as assets."""
        sources = self.directory / "assets.temporary"
        sources.mkdir()
        names, text = preprocessing.class_names, preprocessing.to_json()
        assets = [
            serving_assets.write_class_names(names, sources),
            serving_assets.write_preprocessing(text, sources),
        ]
        module = ServingModule(network, preprocessing, assets)
        with as_os_error(self.path):
            tf.saved_model.save(
                module, tensorflow_path(self.path), module.signatures()
            )
        shutil.rmtree(sources)

    def probabilities(self, images: np.ndarray) -> list[np.ndarray]:
        """Runs all three signatures."""
        signatures = tf.saved_model.load(tensorflow_path(self.path)).signatures
        encoded = tf.stack([tf.io.encode_png(image) for image in images])
        results = [
            signatures["serving_default"](images=to_floats(images)),
            signatures["serving_uint8"](images=tf.constant(images)),
            signatures["serving_bytes"](image_bytes=encoded),
        ]
        return [result["probabilities"].numpy() for result in results]


@FORMATS.register("keras")
class KerasFormat(Format):
    """A functional Keras model; see `make_keras_classifier`."""

    @property
    def path(self) -> pathlib.Path:
        """model.keras."""
        return self.directory / "model.keras"

    def write(self, network: Network, preprocessing: Preprocessing) -> None:
        """Writes it."""
        make_keras_classifier(network, preprocessing).save(self.path)

    def probabilities(self, images: np.ndarray) -> list[np.ndarray]:
        """Runs it on the images as floats."""
        model = keras.saving.load_model(self.path, compile=False)
        return [model(to_floats(images), training=False).numpy()]


@FORMATS.register("litert")
class LiteRTFormat(Format):
    """A LiteRT (formerly TensorFlow Lite) file of float32 weights.

    Its one signature, serving_default, takes images float32 [N, S, S, 3] in
    0..1 of the network's size. The batch is dynamic: the signature runner
    takes any N; who allocates by hand resizes the input first.
    """

    @property
    def path(self) -> pathlib.Path:
        """model.tflite."""
        return self.directory / "model.tflite"

    def write(self, network: Network, preprocessing: Preprocessing) -> None:
        """Writes it by way of a SavedModel that is then removed."""
        temporary = self.directory / "litert.temporary"
        module = ServingModule(network, preprocessing)
        signatures = {"serving_default": module.fixed_size_function}
        with as_os_error(temporary):
            tf.saved_model.save(module, tensorflow_path(temporary), signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            tensorflow_path(temporary), signature_keys=list(signatures)
        )
        self.path.write_bytes(converter.convert())
        shutil.rmtree(temporary)

    def probabilities(self, images: np.ndarray) -> list[np.ndarray]:
        """Runs it by TensorFlow's own interpreter."""
        with warnings.catch_warnings():
            # It advises another package, which need not be installed.
            warnings.simplefilter("ignore", UserWarning)
            interpreter = tf.lite.Interpreter(
                model_path=tensorflow_path(self.path)
            )
        run = interpreter.get_signature_runner("serving_default")
        return [run(images=to_floats(images))["probabilities"]]


def to_floats(images: np.ndarray) -> np.ndarray:
    """Returns bytes as float32 in 0..1."""
    return images.astype(np.float32) / 255
