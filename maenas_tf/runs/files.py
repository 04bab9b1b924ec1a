"""The names of the files in a run directory."""

from maenas_tf.config import file_names

# Of every run.
LOCK = file_names.LOCK
CONFIG = file_names.CONFIG
FLAGS = file_names.FLAGS
DATA = "data.json"
IMAGES = "images.npz"
SUMMARY = file_names.SUMMARY
GENOTYPE = file_names.GENOTYPE
HISTORY = file_names.HISTORY
CHECKPOINTS = "checkpoints"
TENSORBOARD = "tensorboard"
PLOTS = "plots"

# Of a search.
ALPHAS = "alphas.npz"
CANDIDATES = "candidates.csv"
VARIANTS = "perturbations.csv"
TUNING_CHECKPOINTS = "tuning_checkpoints"
ALPHAS_PLOT = f"{PLOTS}/alphas.png"
RECONSTRUCTIONS_PLOT = f"{PLOTS}/reconstructions.png"

# Of a search with restarts, and of a consensus.
WEIGHTS = "weights.npz"

# Of a training.
PREPROCESSING = "preprocessing.json"
BEST = "best.keras"
LAST = "last.keras"
BEST_WEIGHTS = "best.npz"
LAST_WEIGHTS = "last.npz"
DETECTIONS_PLOT = "detections.png"
EVALUATION = "evaluation.json"
CONFUSION_PLOT = "confusion.png"
WORST_PLOT = "worst.png"
RELIABILITY_PLOT = "reliability.png"

# Of a pretraining.
BACKBONE = "backbone.keras"

# Of a correlation.
LOSSES = "losses.csv"
CORRELATION = "correlation.csv"
CORRELATION_TEXT = "correlation.md"
TAU_PLOT = f"{PLOTS}/tau_by_steps.png"


def restart(number: int | str) -> str:
    """Returns the name of the run directory of a restart, from 0 (or "*")."""
    return f"restart_{number}"


def cell_plot(cell_type: str) -> str:
    """Returns the name of the picture of a cell type."""
    return f"{PLOTS}/cell_{cell_type}.png"
