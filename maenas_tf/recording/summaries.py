"""The summaries that `TensorBoardWriter` writes, as protocol buffers."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np
from tensorboard.compat.proto import summary_pb2
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import metadata as layout_metadata
from tensorboard.util import tensor_util

from maenas_tf.config.printable import printable
from maenas_tf.figures.canvas import png_bytes
from maenas_tf.spaces import CellType, Edge, Genotype, Space, statistics


def edge_tag(cell_type: CellType, edge: Edge) -> str:
    """Returns the tag that the scalars of an edge begin with."""
    return f"alpha_{cell_type.name}/edge_{edge.source}_{edge.node}"


def scalar_summary(tag: str, value: float) -> summary_pb2.Summary:
    """Returns a summary with one number.

    As a plain value, not a tensor: every reader of event files drops outdated
    steps of those when a run is resumed.
    """
    return summary_pb2.Summary(
        value=[summary_pb2.Summary.Value(tag=tag, simple_value=float(value))]
    )


def image_summary(tag: str, image: np.ndarray) -> summary_pb2.Summary:
    """Returns a summary with one PNG image."""
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3:
        raise ValueError(
            f"The image {tag!r} must be uint8 of shape [H, W, 3], received "
            f"{image.dtype} of shape {list(image.shape)}."
        )
    height, width = image.shape[:2]
    picture = summary_pb2.Summary.Image(
        height=height,
        width=width,
        colorspace=3,
        encoded_image_string=png_bytes(image),
    )
    return summary_pb2.Summary(
        value=[summary_pb2.Summary.Value(tag=tag, image=picture)]
    )


def layout_summary(space: Space) -> summary_pb2.Summary:
    """Returns the custom-scalars layout: a category a type, a chart an edge."""
    categories = [
        layout_pb2.Category(
            title=f"architecture weights, {cell_type.name}",
            chart=[
                layout_pb2.Chart(
                    title=f"{cell_type.name}, {edge.source} to {edge.node}",
                    multiline=layout_pb2.MultilineChartContent(
                        tag=[f"^{edge_tag(cell_type, edge)}/[^/]+$"]
                    ),
                )
                for edge in cell_type.edges
            ],
        )
        for cell_type in space.cell_types
    ]
    layout = layout_pb2.Layout(category=categories)
    summary = summary_pb2.Summary()
    summary.value.add(
        tag=layout_metadata.CONFIG_SUMMARY_TAG,
        tensor=tensor_util.make_tensor_proto(layout.SerializeToString()),
        metadata=layout_metadata.create_summary_metadata(),
    )
    return summary


def genotype_text(genotype: Genotype) -> str:
    """Returns Markdown: the line to paste, and a warning if one is due."""
    warning = statistics.collapse_warning(genotype)
    # Indented text is code: the line is shown as it is, ready to be pasted.
    return f"    {genotype}" + (f"\n\n{warning}" if warning else "")


def hparam_value(value: Any) -> bool | float | str:
    """Returns a value that the HParams tab can show."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, numbers.Real) and math.isfinite(value):
        return float(value)
    return printable(str(value))
