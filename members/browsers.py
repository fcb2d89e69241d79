"""What a person calls the browser that a User-Agent names."""

import re

# The first that is found counts: most browsers name others, for old servers' sake.
BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser_name(user_agent: str) -> str:
    """Return "Firefox on Windows", or as much of it as the User-Agent tells, and no text that its sender chose."""
    found = [
        next((name for mark, name in marks if re.search(rf"\b{mark}\b", user_agent)), "")
        for marks in (BROWSERS, SYSTEMS)
    ]
    return " on ".join(filter(None, found)) or "unknown"
