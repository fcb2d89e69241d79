#!/usr/bin/env python
"""Run a management command: `python manage.py help` lists them."""

import os
import sys

from torii_settings.command_line import run

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "torii_settings.settings")
    run(sys.argv)
