"""Signed provenance (C2PA) of results, and reading that of any file.

`c2pa-python` and `cryptography` are an extra: the modules of this package are imported only where they are
needed, `port` apart, which has what the rest of the house speaks of.
"""
