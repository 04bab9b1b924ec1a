"""What a search that has ended says of itself in summary.json."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from maenas_tf.engine.loop import Loop
from maenas_tf.engine.runtime import run_facts, speed_facts
from maenas_tf.searching.early_stop import Stop
from maenas_tf.searching.search_stage import SearchStage


def stage_facts(
    stage: SearchStage, loop: Loop, rows: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Returns what is known of a search when its last stage has ended.

    Args:
        stage: the last.
        loop: of it.
        rows: of history.csv.
    """
    setup, images = stage.setup, stage.setup.images
    parameters = sum(
        int(np.prod(v.shape)) for v in stage.searcher.weight_variables
    )
    facts = {
        **speed_facts(loop, rows, "seconds_search"),
        "parameters": parameters,
        **run_facts(setup.config.seed, images),
        "num_labels_read": 0 if images.labels is None else len(images.labels),
        "task": setup.config.task,
        "num_cells": stage.stage.num_cells,
        "replicas": setup.strategy.num_replicas_in_sync,
    }
    if weights := setup.task.class_weights:
        facts["class_weights"] = dict(
            zip(images.class_names, weights, strict=True)
        )
    if setup.algorithm.trains_alphas:
        facts["warmup_epochs"] = stage.unmoved_epochs
    if setup.num_stages > 1:
        facts["stages"] = [dataclasses.asdict(each) for each in setup.stages]
    return facts


def early_stop_facts(stop: Stop | None) -> dict[str, Any]:
    """Returns whether a search that might stop early did, and where.

    Args:
        stop: None where it did not.
    """
    found = dataclasses.asdict(stop) if stop else {}
    return {"early_stop": {"stopped": bool(found), **found}}


def selection_facts(
    name: str, found: dict[str, Any], seconds: float
) -> dict[str, Any]:
    """Returns what a selection among candidates found, and the time of all.

    Args:
        name: of the selection.
        found: by `SelectionPhase.run`, less the genotype.
        seconds: of the search before.
    """
    took = found.get("seconds", 0.0) + found.get("tuning_seconds", 0.0)
    return {
        "selection": {"by": name, **found},
        "seconds_search": round(seconds + took, 3),
    }
