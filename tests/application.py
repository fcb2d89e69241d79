"""The WSGI application in this process.

Its module asks the database when it is imported (`torii_settings.start`). Tests import it before they have a database.
"""

from unittest.mock import patch

with patch("torii_settings.start.look_around"):
    from torii_settings.wsgi import Handler, application

__all__ = ["Handler", "application"]
