"""README's section "In production", as a person who follows it reads it: what to set, and what to type."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"
CODE_BLOCK = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACEHOLDER = "…"
# What runs to its end; everything else that is typed there is a process of the service.
RUN_TO_THE_END = ("pip", "python manage.py")


@dataclass(frozen=True)
class Instructions:
    """The variables to set, with the placeholders in them, and the commands in their order."""

    variables: dict[str, str]
    commands: list[str]

    @property
    def steps(self) -> list[str]:
        """The commands that run to their end."""
        return [command for command in self.commands if command.startswith(RUN_TO_THE_END)]

    @property
    def processes(self) -> list[str]:
        """The commands that go on running."""
        return [command for command in self.commands if not command.startswith(RUN_TO_THE_END)]

    def environment(self, values: dict[str, str]) -> dict[str, str]:
        """Return the variables, each placeholder replaced by its value; what has none is taken as it is written."""
        open_ones = {name for name, value in self.variables.items() if PLACEHOLDER in value}
        assert open_ones == set(values), "each placeholder in README needs a value, and nothing else"
        return self.variables | values


def in_production() -> Instructions:
    """Return what README says."""
    section = README.read_text().split("\n## In production\n")[1].split("\n## ")[0]
    lines = "\n".join(CODE_BLOCK.findall(section)).replace("\\\n", " ").splitlines()
    exports = [line for line in lines if line.startswith("export ")]
    commands = [shlex.join(words) for line in lines if line not in exports and (words := shlex.split(line, True))]
    set_to = [word.partition("=") for line in exports for word in shlex.split(line)[1:]]
    return Instructions({name: value for name, _, value in set_to}, commands)
