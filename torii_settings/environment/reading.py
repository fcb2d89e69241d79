"""Reads a table of variables from the environment, or ends the process with a sentence for each fault.

A value is taken as meant or refused; nothing is guessed. The faults of all variables come together, a line each: nobody
has to start the service once for each of them.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from torii_settings.environment.kinds import Variable, Wrong

ALIKE = 0.8


class Refused(SystemExit):
    """The environment won't do. What isn't caught ends the process: the lines on standard error, exit status 1."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))


class Table:
    """The variables that a subclass has as attributes, read from `environ`.

    `is_demo` takes the values for a demo where production has to be told; the demo keeps its data in `folder`.
    Raises Refused.
    """

    # Each returns what is wrong with several variables together, or None.
    rules: tuple[Callable[[Any], str | None], ...] = ()

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        self.environ = environ
        self.folder = folder
        self.values: dict[str, Any] = {}
        faults = [fault for variable in self.variables() if (fault := self.read(variable))]
        for rule in self.rules:
            # A rule says nothing about a variable that is refused already.
            with suppress(KeyError):
                faults += [fault] if (fault := rule(self)) else []
        if faults:
            raise Refused(faults)

    @classmethod
    def variables(cls) -> Iterator[Variable[Any]]:
        """Return the variables, in the order in which they stand."""
        return (variable for variable in vars(cls).values() if isinstance(variable, Variable))

    @property
    def is_demo(self) -> bool:
        """Whether a variable that isn't set takes its value for a demo."""
        return False

    def read(self, variable: Variable[Any]) -> str | None:
        """Take the value of one variable, or return what is wrong with it."""
        name = variable.name
        text = variable.text_in(self.environ.get(name, "")) or self.default_of(variable)
        if text is None:
            return f"{name} is not set; it must be {variable.right}."
        try:
            self.values[name] = variable.parse(text) if text else variable.nothing()
        except Wrong as wrong:
            return f"{name} holds {variable.shown(text)}{wrong.clause}; it must be {variable.right}."
        return None

    def default_of(self, variable: Variable[Any]) -> str | None:
        """Return the text that stands for a variable which isn't set, or None if it has to be."""
        if self.is_demo and variable.demo is not None:
            return variable.demo if isinstance(variable.demo, str) else variable.demo(self.folder)
        return variable.default

    def misspelled(self) -> list[str]:
        """Return a sentence for each variable of the environment that looks like a slip for one of the table."""
        names = [variable.name for variable in self.variables()]
        first_words = {name.partition("_")[0] for name in names}
        unknown = [name for name in self.environ if name not in names and name.partition("_")[0] in first_words]
        close = [(name, get_close_matches(name, names, n=1, cutoff=ALIKE)) for name in unknown]
        return [f"{name} is not read by anything here; is {meant[0]} meant?" for name, meant in close if meant]
