"""The machine that a benchmark runs on."""

from __future__ import annotations

import os
import pathlib
import platform
from typing import Any

import tensorflow as tf

# Nothing public tells it.
from tensorflow.python.util._pywrap_util_port import IsMklEnabled


def machine() -> dict[str, Any]:
    """Returns what of a machine decides how fast it is."""
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "gpus": len(tf.config.list_physical_devices("GPU")),
        # Where the processor has no VNNI, TensorFlow leaves it off by itself.
        "onednn": IsMklEnabled(),
    }


def _processor() -> str:
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    names = (x for x in text.splitlines() if x.startswith("model name"))
    return next(names, "").partition(":")[2].strip()
