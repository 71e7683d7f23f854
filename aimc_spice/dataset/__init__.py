"""Sampling plans, collected and stored simulations, labelled data sets."""

from aimc_spice.dataset.base import Dataset
from aimc_spice.dataset.collect import Job, collect
from aimc_spice.dataset.store import Store

__all__ = ["Dataset", "Job", "Store", "collect"]
