"""The models that the library's documentation has one make."""
