"""Converters measured on their circuits: INL, DNL, ENOB, noise, conversion time, energy, kick-back, yield."""
