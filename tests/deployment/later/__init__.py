"""An app with migrations that the service might get later; `later_settings.py` installs it."""
