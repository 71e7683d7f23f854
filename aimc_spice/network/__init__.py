"""Networks on programmed layers, evaluated in NumPy."""

from aimc_spice.metrology.spec import wilson
from aimc_spice.network.base import NetworkSurrogate, Scores, labels_of, score

__all__ = ["NetworkSurrogate", "Scores", "labels_of", "score", "wilson"]
