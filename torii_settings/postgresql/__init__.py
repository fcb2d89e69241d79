"""The database backend: Django's own for PostgreSQL, for many small statements."""


class Repeated(str):
    """SQL that is run over and over, and has one good plan whatever its values: worth preparing.

    Any other is planned for its values each time. PostgreSQL would go over to one plan for all after five runs, and for
    "the newest fifty with this role" that may be to read a million rows in search of a role that two people have.
    """

    __slots__ = ()
