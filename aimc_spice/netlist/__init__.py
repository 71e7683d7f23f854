"""Conductances and geometry become SPICE text; pure, no simulator."""
