"""What all Celery tasks are: a unit of work that is run again when the database was disturbed."""

from functools import partial
from typing import Any

from celery import Task

from lib.rerun import repeatable, run_unit


# Celery's own class takes no type arguments at run time.
class UndisturbedTask(Task):  # type: ignore[type-arg]
    """A task. It may run twice, whatever it has committed: tasks are acknowledged late, so a killed one is, too."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Carry the task out."""
        with repeatable():
            return run_unit(partial(self.run, *args, **kwargs))
