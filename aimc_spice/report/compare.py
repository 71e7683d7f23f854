"""How does whole-network ngspice compare with the surrogate, and what power and settling does it show?

One idea: read the probes of network decks (sums, outputs, power) and set them beside the surrogate on
the same images. It simulates nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aimc_spice.config import StudyConfig, TransientConfig
from aimc_spice.errors import MeasurementFailed
from aimc_spice.netlist.network import AnalogNetwork
from aimc_spice.netlist.power import I_SUPPLY, P_DRIVES
from aimc_spice.network import NetworkSurrogate, labels_of
from aimc_spice.report.metrics import agreement, mean_over_time, rms_of_full_scale, settling_time
from aimc_spice.simulate.base import Waveforms
from aimc_spice.units import show

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Comparison:
    """Surrogate against whole-network ngspice on the same images; rms as fractions of full scale."""

    labels: Labels
    label_agreement: float
    rms_output: float
    rms_layers: tuple[float, ...]
    power_array: float
    power_periphery: float
    s_per_image: float


def compare(
    study: StudyConfig, network: AnalogNetwork, surrogate: NetworkSurrogate, volts: Array, found: Sequence[Waveforms]
) -> Comparison:
    """Compare ngspice results of input voltages (n, n_in) with the surrogate on the same inputs."""
    n_layers = len(network.layers)
    probes = [[f"v({node})" for node in network.sums(i)] for i in range(n_layers)]
    probes.append([f"v({node})" for node in network.outputs])
    spice = [np.concatenate([w.stack(names) for w in found]) for names in probes]
    own = surrogate.trace(volts)
    power_array, power_periphery = _mean_power(study, network, found)
    labels = labels_of(spice[n_layers - 1], surrogate)
    return Comparison(
        labels,
        agreement(labels, labels_of(own[n_layers - 1], surrogate)),
        rms_of_full_scale(own[-1], spice[-1], study.vdd),
        tuple(rms_of_full_scale(a, b, float(np.ptp(b))) for a, b in zip(own[:-1], spice[:-1], strict=True)),
        power_array,
        power_periphery,
        sum(w.wall_s for w in found) / len(volts),
    )


def supply_power(study: StudyConfig, network: AnalogNetwork, found: Waveforms) -> Array:
    """Return the power drawn at every point of a result, shape (n, 2) [W]: arrays, then amplifiers and neurons.

    Inputs and bias deliver v · i to the arrays. Front ends and neurons draw |i| from one rail of vdd (class B, an
    assumption), plus the quiescent power per op-amp of the study's periphery table.
    """
    n_amplifiers = sum(len(layer.parts(i).front_end_sources()) for i, layer in enumerate(network.layers))
    quiescent = n_amplifiers * study.periphery.p_amplifier
    return np.stack([found.signals[P_DRIVES], study.vdd * found.signals[I_SUPPLY] + quiescent], axis=1)


def dynamics(
    study: StudyConfig, timing: TransientConfig, network: AnalogNetwork, step: Waveforms, *, dc: Waveforms
) -> tuple[float, float]:
    """Return the settling time of the network's outputs [s] and the energy of one image over the window [J].

    `step` is the transient of `AnalogNetwork.step_deck`, `dc` the operating points whose first is that of the same
    image: the transient must end there.
    """
    probes = [f"v({node})" for node in network.outputs]
    outputs = step.stack(probes)
    apart = float(np.abs(outputs[-1] - dc.stack(probes)[0]).max())
    if apart > timing.settled_within * study.vdd:
        raise MeasurementFailed(
            f"the transient ends {show(apart, 'V')} from the operating point of the same inputs, "
            f"wanted at most {show(timing.settled_within * study.vdd, 'V')}",
            hint="raise t_stop or lower t_step",
        )
    settling = settling_time(step.axis, outputs, within=timing.settled_within, full_scale=study.vdd)
    power = supply_power(study, network, step)
    return settling, mean_over_time(step.axis, power.sum(axis=1)) * float(step.axis[-1])


def _mean_power(study: StudyConfig, network: AnalogNetwork, found: Sequence[Waveforms]) -> tuple[float, float]:
    """Power of arrays and of what surrounds them [W], mean over those results that metered it."""
    powers = [supply_power(study, network, waves) for waves in found if P_DRIVES in waves.signals]
    array, periphery = np.concatenate(powers).mean(axis=0)
    return float(array), float(periphery)
