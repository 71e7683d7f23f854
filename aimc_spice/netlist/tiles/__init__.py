"""Whole tiles as one deck: drivers, crossbar, front ends, converters."""
