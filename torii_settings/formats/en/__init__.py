"""English, as the settings pages have it."""
