"""Plans of networks: what stands where, and what it costs.

Pure Python: nothing here knows TensorFlow. Importing the package fills
`SKELETONS`.
"""

from maenas_tf.skeletons import darts as darts
from maenas_tf.skeletons import mobile as mobile
from maenas_tf.skeletons import nasbench201 as nasbench201
from maenas_tf.skeletons.costs import Cost
from maenas_tf.skeletons.network_costs import NetworkCosts, network_cost
from maenas_tf.skeletons.plan import Head, NetworkSize, Plan
from maenas_tf.skeletons.skeleton import (
    SKELETONS,
    Skeleton,
    evaluation_size,
    head_of,
    make_plan,
    search_cells,
    skeleton_of,
)

__all__ = [
    "SKELETONS",
    "Cost",
    "Head",
    "NetworkCosts",
    "NetworkSize",
    "Plan",
    "Skeleton",
    "evaluation_size",
    "head_of",
    "make_plan",
    "network_cost",
    "search_cells",
    "skeleton_of",
]
