"""Training-free: networks are judged as they are initialised.

What others need no training for: Mellor et al., "Neural Architecture Search
without Training" (ICML 2021), and Lee and Ham, "AZ-NAS" (CVPR 2024), whose
sum of log ranks is the default.
"""

from maenas_tf.algorithms.algorithm import ALGORITHMS, Algorithm


@ALGORITHMS.register("training_free")
class TrainingFree(Algorithm):
    """No supernet, no step: scores alone."""

    trains = False
    trains_alphas = False

    def parameters(self, space):
        return {}
