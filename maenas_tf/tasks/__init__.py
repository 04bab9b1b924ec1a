"""How a search is supervised; every task is one file and one line here."""

from maenas_tf.tasks import mae as _mae
from maenas_tf.tasks import supervised as _supervised
from maenas_tf.tasks.task import TASKS, Task

__all__ = ["TASKS", "Task"]
del _mae, _supervised
