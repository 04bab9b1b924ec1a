"""What kinds of runs there are, and how a run directory tells its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

KIND = "kind"
SEARCH = "search"
PRETRAINING = "pretraining"
TRAINING = "training"
DETECTION = "detection"
CORRELATION = "correlation"
CONSENSUS = "consensus"


def kind_of(settings: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    """Returns the kind of a run.

    Its summary states it. That of an older run does not, and before the end
    there is none: then what else is there tells.

    Args:
        settings: of config.json, empty without one.
        summary: of summary.json, empty without one.
    """
    if KIND in summary:
        return str(summary[KIND])
    if "runs" in summary:
        return CONSENSUS
    if "annotations" in settings:
        return DETECTION
    if "tasks" in settings:
        return CORRELATION
    if "task" in settings and "genotype" in settings:
        return PRETRAINING
    if "task" in settings or not settings:
        return SEARCH
    return TRAINING
