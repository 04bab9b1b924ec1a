"""Records of searches that never ran, for tests of reports."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from maenas_tf.runs.run_record import RunRecord
from maenas_tf.searching.config import SearchConfig
from maenas_tf.spaces import SPACES

EPOCHS = 3


def png_bytes() -> bytes:
    """Returns a small PNG file."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(buffer, format="PNG")
    return buffer.getvalue()


def rows(**changes: list[str]) -> list[dict[str, str]]:
    """Returns a history as it is read: texts, the first epoch a warm-up."""
    columns = {
        "epoch": [str(epoch) for epoch in range(EPOCHS)],
        "weight_loss": ["3.0", "2.0", "1.0"],
        "alpha_loss": ["", "2.5", "1.5"],
        "skips_cell": ["2", "1", "0"],
        # 4 steps an epoch of 8 images, in the last two for both levels.
        "images_per_second": ["16.0", "21.3", "32.1"],
        "seconds": ["2.0", "3.0", "2.0"],
        **changes,
    }
    return [
        {name: values[epoch] for name, values in columns.items()}
        for epoch in range(EPOCHS)
    ]


def record(
    name: str,
    arch_seed: int = 0,
    labels: int = 0,
    history: list[dict[str, str]] | None = None,
    **settings: object,
) -> RunRecord:
    """Returns the record of a search."""
    base = {"space": "nasbench201", "epochs": EPOCHS, "batch_size": 8}
    config = SearchConfig(**{**base, **settings})
    space = SPACES.get(config.space)
    rng = np.random.default_rng(arch_seed)
    weights = {}
    for cell_type in space.cell_types:
        shape = (EPOCHS, cell_type.num_edges, cell_type.max_primitives)
        values = np.exp(rng.normal(size=shape))
        weights[cell_type.name] = values / values.sum(-1, keepdims=True)
    return RunRecord(
        name,
        config.to_dict(),
        space.random_genotype(rng),
        history or rows(),
        weights,
        {
            "seconds_search": 7.0 + config.seed,
            "first_step_seconds": 1.0,
            "images_per_second": 23.1,
            "peak_memory_mb": 800.0,
            "steps": 12,
            "parameters": 1234,
            "num_labels_read": labels,
        },
        {"reconstructions.png": png_bytes()},
    )


def grid() -> list[RunRecord]:
    """Returns two ratios of three seeds each and a supervised run."""
    found = [
        record(
            f"ratio={ratio}__seed={seed}",
            arch_seed=10 * seed + int(4 * ratio),
            mask_ratio=ratio,
            seed=seed,
        )
        for ratio in (0.25, 0.75)
        for seed in (0, 1, 2)
    ]
    supervised = record("labels", 5, 64, task="supervised", mask_ratio=0.75)
    return [*found, supervised]
