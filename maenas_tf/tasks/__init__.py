"""How a search is supervised; every task is one file and one line here."""

from maenas_tf.tasks import autoencoder as autoencoder
from maenas_tf.tasks import colorization as colorization
from maenas_tf.tasks import denoising as denoising
from maenas_tf.tasks import jigsaw as jigsaw
from maenas_tf.tasks import mae as mae
from maenas_tf.tasks import random_labels as random_labels
from maenas_tf.tasks import rotation as rotation
from maenas_tf.tasks import supervised as supervised
from maenas_tf.tasks.task import TASKS, Task, TaskContext, make_task

__all__ = ["TASKS", "Task", "TaskContext", "make_task"]
