"""README's table of variables, which is written from ours."""

import re
from typing import Any

from torii_settings.environment.kinds import Variable
from torii_settings.environment.table import Environment

BEGIN = "<!-- written by make readme -->"
END = "<!-- end of what make readme writes -->"


def table() -> str:
    """Return a row of Markdown for each variable."""
    rows = [f"| `{variable.name}` | {variable.what} | {default(variable)} |" for variable in Environment.variables()]
    return "\n".join(["| variable | what it is | default |", "|---|---|---|", *rows])


def default(variable: Variable[Any]) -> str:
    """Return what the table says of a variable that isn't set."""
    return "required" if variable.default is None else variable.default or "none"


def with_table(text: str) -> str:
    """Return README's `text` with the table as it is now."""
    return re.sub(f"(?<={BEGIN}\n).*(?=\n{END})", lambda found: table(), text, flags=re.DOTALL)
