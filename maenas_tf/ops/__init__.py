"""Operations: candidates of the spaces and what they are made of.

Importing the package fills `PRIMITIVES`.
"""

from maenas_tf.ops import mobile as mobile
