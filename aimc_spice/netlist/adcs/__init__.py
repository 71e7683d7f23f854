"""Analog-to-digital converters as circuits: one type a file, all behind `base.Converter`."""
