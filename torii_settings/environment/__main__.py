"""`python -m torii_settings.environment` writes the table of variables into README.md."""

from pathlib import Path

from torii_settings.environment.readme import with_table

README = Path(__file__).resolve().parents[2] / "README.md"

README.write_text(with_table(README.read_text()))
