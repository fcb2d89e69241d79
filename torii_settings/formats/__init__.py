"""How Django writes days and instants, by language; there is one."""
