"""Surrogates of a whole tile at network speed: one family a file, see `base`."""
