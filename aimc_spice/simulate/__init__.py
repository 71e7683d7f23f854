"""Decks become waveforms; the only room that starts processes."""
