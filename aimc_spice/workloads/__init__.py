"""Which networks and data does the toolkit bring along, and how do users bring their own?

Real data files, read and verified; nothing is downloaded silently. Committed weights, and the command that trains them.
`zoo.load(name)` brings a trained network in ONNX with its data, metric and digital score.
"""

from aimc_spice.workloads.base import Workload
from aimc_spice.workloads.digits import digits
from aimc_spice.workloads.mnist import mnist
from aimc_spice.workloads.software import SigmoidMlp
from aimc_spice.workloads.weights import NetworkWeights, load_shipped, shipped_weights

__all__ = ["NetworkWeights", "SigmoidMlp", "Workload", "digits", "load_shipped", "mnist", "shipped_weights"]
