"""What tasks with a fixed set of answers share."""

from __future__ import annotations

from etils import epy

from maenas_tf.tasks.task import Batch, Task

with epy.lazy_imports():
    import tensorflow as tf


class Classification(Task):
    """Cross-entropy of one answer, or of many answers, for each image.

    Outputs are logits [B, ..., answers] and answers are int32 [B, ...]; the
    loss of an image is the mean over its views or pixels.

    Attributes:
        answer: key of the answers in the batch.
    """

    answer = "target"
    metric_names = ("accuracy",)

    def losses(self, batch: Batch, outputs: tf.Tensor) -> tf.Tensor:
        """Returns the mean cross-entropy of each image, [B]."""
        return _image_means(
            tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels=batch[self.answer], logits=tf.cast(outputs, tf.float32)
            )
        )

    def metrics(self, batch: Batch, outputs: tf.Tensor) -> Batch:
        """Returns the part of each image's answers that is right, [B]."""
        answers = batch[self.answer]
        predicted = tf.argmax(outputs, -1, output_type=answers.dtype)
        hits = tf.cast(tf.equal(predicted, answers), tf.float32)
        return {"accuracy": _image_means(hits)}


def _image_means(values: tf.Tensor) -> tf.Tensor:
    """Averages [B, ...] over all but the first axis, to [B]."""
    return tf.reduce_mean(values, list(range(1, values.shape.rank)))
