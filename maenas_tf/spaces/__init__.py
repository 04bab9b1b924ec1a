"""What can be chosen: search spaces and the genotypes found in them.

Pure Python: nothing here knows TensorFlow. Importing the package fills
`SPACES`.
"""

from maenas_tf.spaces.chain import ChainSpace
from maenas_tf.spaces.darts import DartsSpace
from maenas_tf.spaces.genotype import Genotype, GenotypeEdge
from maenas_tf.spaces.known import SPACES
from maenas_tf.spaces.load import load_genotype
from maenas_tf.spaces.macro import MACRO
from maenas_tf.spaces.mobilenet import MOBILENET, MOBILENET_32
from maenas_tf.spaces.nasbench201 import NASBench201Space
from maenas_tf.spaces.published import PUBLISHED
from maenas_tf.spaces.reduced import S1, S2, S3, S4
from maenas_tf.spaces.space import CellType, Edge, Space

__all__ = [
    "MACRO",
    "MOBILENET",
    "MOBILENET_32",
    "PUBLISHED",
    "S1",
    "S2",
    "S3",
    "S4",
    "SPACES",
    "CellType",
    "ChainSpace",
    "DartsSpace",
    "Edge",
    "Genotype",
    "GenotypeEdge",
    "NASBench201Space",
    "Space",
    "load_genotype",
]
