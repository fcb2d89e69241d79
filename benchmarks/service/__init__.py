"""The service itself, with the settings of production."""
