"""How does a tile file become one deck with real converters, and which codes should that deck give?

One idea: `WholeTile` pairs the circuit with its judge, the exact operator (or conserved charge) and an ideal quantiser.
Weights are random, from a seed. It simulates nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aimc_spice.build.fronts import MOS_GBW, fronts, timed
from aimc_spice.build.rows import row_drivers
from aimc_spice.build.tile import cell_of, cells_device, tile_wire
from aimc_spice.config.tile import TileConfig
from aimc_spice.device.capacitance import Capacitor, map_capacitances
from aimc_spice.device.mapping import map_weights
from aimc_spice.errors import ConfigError
from aimc_spice.netlist.adcs.base import Embeddable, Level, OnColumn, ideal_codes
from aimc_spice.netlist.adcs.cco import cco
from aimc_spice.netlist.adcs.current_column import CcoColumn, DualSlopeColumn
from aimc_spice.netlist.adcs.dual_slope import dual_slope
from aimc_spice.netlist.adcs.flash import flash
from aimc_spice.netlist.adcs.flash_column import FlashColumn
from aimc_spice.netlist.adcs.ideal import IdealAdc
from aimc_spice.netlist.adcs.ramp import ramp
from aimc_spice.netlist.adcs.ramp_column import RampColumn
from aimc_spice.netlist.adcs.ramp_on_column import ramp_on_column
from aimc_spice.netlist.adcs.sar_charge import sar_charge
from aimc_spice.netlist.adcs.sar_column import SarColumn, SarOnColumn
from aimc_spice.netlist.charge import ChargeCrossbar
from aimc_spice.netlist.inputs import Encoding
from aimc_spice.netlist.library import FrontEnd
from aimc_spice.netlist.rows.base import RowDrivers
from aimc_spice.netlist.tiles.charge import ChargeTileCircuit
from aimc_spice.netlist.tiles.current import CurrentTileCircuit
from aimc_spice.netlist.tiles.multiplexer import ChargeMultiplexer
from aimc_spice.rng import stream
from aimc_spice.surrogate.operator import tile_operator
from aimc_spice.surrogate.ports import linear_ports
from aimc_spice.surrogate.reduced import reduced_crossbar

_C_COMPARATOR = 2e-14  # F, with which each comparator of transistors loads a shared ramp

CONVERTERS = {
    "current": ("ideal", "flash", "ramp", "sar", "cco", "dual_slope"),
    "charge": ("ramp", "sar"),
}


@dataclass(frozen=True)
class Choices:
    """What a tile file leaves open.

    Parameters
    ----------
    converter : str
        One of `CONVERTERS` of its mode.
    level : str
        Of the converter: "behavioural" or "transistor".
    n_bits : int
        Of the converter; 0: as in the tile file.
    input_bits : int
        Of the inputs, beside the sign.
    n_shared : int
        Columns on one converter.
    seed : int
        Of the weights.
    reduced : bool
        Current mode: the network of the crossbar's terminals in its place, see `surrogate.reduced`.
    drivers, driver_level : str
        What drives the word lines, one of `rows.DRIVERS`, and its level.
    front_end_level : str
        Current mode: of front ends, samplers and multiplexers.
    """

    converter: str = "ideal"
    level: str = "behavioural"
    n_bits: int = 0
    input_bits: int = 4
    n_shared: int = 1
    seed: int = 0
    reduced: bool = False
    drivers: str = "ideal"
    driver_level: str = "behavioural"
    front_end_level: str = "behavioural"


@dataclass(frozen=True)
class CurrentTileJudged:
    """A current-mode tile and the linear front end, resting at 0 V, that its operator is computed with."""

    circuit: CurrentTileCircuit
    front_end: FrontEnd

    def codes(self, x: ArrayLike) -> NDArray[np.int64]:
        """Return the codes (n_operations, n_cols) for inputs (batch, n_rows) of the operator and an ideal quantiser.

        An oscillator bends the curve by its law: it is judged by that.
        """
        circuit, adc, cells = self.circuit, self.circuit.adc, self.circuit.cells
        ports = linear_ports(self.front_end.linear)
        resistance = circuit.r_driver + circuit.drivers.r_out
        operator = tile_operator(cells.g_pos, cells.g_neg, circuit.wire, ports, resistance)
        sums = circuit.drivers.levels(circuit.drive(x)) @ operator
        if circuit.front_end.role == "integrator":
            sums = sums * self._slope()
        if isinstance(adc, CcoColumn | DualSlopeColumn):
            return np.searchsorted(adc.levels(), circuit.zero + sums, side="right").astype(np.int64)
        volts = circuit.zero + sums
        return ideal_codes(volts.ravel(), adc.n_bits, adc.low, adc.high).reshape(volts.shape)

    def _slope(self) -> NDArray[np.float64]:
        """Return what integrators of ``t_int / c_int = r_f`` have of the gain of a front end of `r_f`, (n_cols,)."""
        params = self.circuit.front_end.params
        load = self.circuit.cells.g_neg.sum(axis=0) + 1 / params["r_1"]
        return np.asarray(1 / (1 + load / (2 * np.pi * params.get("gbw", MOS_GBW) * params["c_int"])))


@dataclass(frozen=True)
class ChargeTileJudged:
    """A charge-mode tile, which knows its codes in closed form."""

    circuit: ChargeTileCircuit

    def codes(self, x: ArrayLike) -> NDArray[np.int64]:
        """Return the codes (n_operations, n_cols) of conserved charge and the converter's levels."""
        return self.circuit.ideal_codes(x)


def whole_tile(config: TileConfig, choices: Choices) -> CurrentTileJudged | ChargeTileJudged:
    """Return the circuit of a tile with random weights, and its judge.

    Raises
    ------
    ConfigError
        A converter that does not fit, cells that are not plain resistors, a front end without virtual ground.
    """
    known = CONVERTERS[config.mode]
    if choices.converter not in known:
        what = f"tile {config.name}, {config.mode} mode: got the converter {choices.converter!r}"
        raise ConfigError(what, hint=f"known in this mode: --converter {', '.join(known)}")
    _level(choices.level)
    weights = stream(choices.seed, "weights").uniform(-1, 1, (config.n_rows, config.n_cols))
    return _charge(config, choices, weights) if config.mode == "charge" else _current(config, choices, weights)


def _current(config: TileConfig, choices: Choices, weights: NDArray[np.float64]) -> CurrentTileJudged:
    device, adc = cells_device(config), _adc(config, choices)
    if cell_of(config) is not None:
        raise ConfigError(f"tile {config.name}: a whole-tile deck takes plain resistors", hint='cell.kind = "resistor"')
    levels, zero = (config.device.n_levels, config.device.zero) if config.device else (None, "off")
    read_out = fronts(config, adc, _level(choices.front_end_level), shared=choices.n_shared > 1)
    if isinstance(adc, IdealAdc):
        adc = replace(adc, low=adc.low + read_out.v_ref, high=adc.high + read_out.v_ref)
    cells = map_weights(weights, device, n_levels=levels, zero=zero, w_max=1.0)
    drivers, encoding = _rows(config, choices)
    circuit = CurrentTileCircuit(
        cells,
        tile_wire(config),
        read_out.front_end,
        adc,
        encoding,
        t_int=config.t_int,
        v_read=config.v_read,
        t_rise=config.t_rise,
        t_hold=read_out.t_hold,
        v_ref=read_out.v_ref,
        r_driver=config.r_driver,
        sampler=read_out.sampler,
        n_shared=choices.n_shared,
        network=reduced_crossbar(cells, tile_wire(config), config.r_driver) if choices.reduced else None,
        drivers=drivers,
    )
    if choices.drivers == "pwm":
        circuit = timed(circuit, choices.input_bits)
    return CurrentTileJudged(circuit, read_out.linear)


def _rows(config: TileConfig, choices: Choices) -> tuple[RowDrivers, Encoding]:
    return row_drivers(choices.drivers, config.mode, _level(choices.driver_level), choices.input_bits)


def _adc(config: TileConfig, choices: Choices) -> Embeddable:
    n_bits = choices.n_bits or config.readout.n_bits
    if choices.converter == "sar":
        return SarColumn(sar_charge(n_bits, _level(choices.level)))
    if choices.converter == "flash":
        return FlashColumn(flash(n_bits, _level(choices.level)))
    if choices.converter == "cco":
        return CcoColumn(cco(n_bits, _level(choices.level)))
    if choices.converter == "dual_slope":
        return DualSlopeColumn(dual_slope(n_bits, _level(choices.level)))
    if choices.converter == "ramp":
        n_comparators = config.n_cols // choices.n_shared
        return RampColumn(ramp(n_bits, _level(choices.level), c_par=1e-14 + _C_COMPARATOR * n_comparators))
    return IdealAdc(n_bits, config.readout.low, config.readout.high)


def _level(name: str) -> Level:
    if name == "behavioural":
        return "behavioural"
    if name == "transistor":
        return "transistor"
    raise ConfigError(f"got the level {name!r}", hint="known: behavioural, transistor")


def _charge(config: TileConfig, choices: Choices, weights: NDArray[np.float64]) -> ChargeTileJudged:
    table = config.capacitor
    if table is None or choices.reduced:
        what = f"tile {config.name}: in charge mode the array is written cell by cell"
        raise ConfigError(what, hint="leave out --reduced")
    if _level(choices.front_end_level) != "behavioural":
        what = f"tile {config.name}: in charge mode there are no front ends"
        raise ConfigError(what, hint="--level is that of converters and multiplexers; leave out --front-end-level")
    cells = map_capacitances(weights, Capacitor(table.c_on, table.c_off), n_levels=table.n_levels)
    crossbar = ChargeCrossbar(cells, tile_wire(config), config.r_driver, table.c_top, table.c_load)
    c_bl = float(np.mean(crossbar.c_bl))
    n_bits = choices.n_bits or config.readout.n_bits
    adc, rest = _on_columns(choices, n_bits, c_bl)
    drivers, encoding = _rows(config, choices)
    mux = None
    if choices.n_shared > 1:
        real = choices.level == "transistor" and choices.converter == "sar"  # what the lines bear was fitted with it
        c_mos = ChargeMultiplexer.transistors(choices.n_shared) if real else 0.0
        mux = ChargeMultiplexer(choices.n_shared, _level(choices.level), t_int=config.t_int, c_mos=c_mos)
        crossbar = replace(crossbar, reset=mux.reset(c_bl))
    return ChargeTileJudged(
        ChargeTileCircuit(
            crossbar,
            adc,
            encoding,
            v_read=min(config.v_read, rest),
            v_rest=rest,
            t_rise=config.t_rise,
            multiplexer=mux,
            drivers=drivers,
        )
    )


def _on_columns(choices: Choices, n_bits: int, c_bl: float) -> tuple[OnColumn, float]:
    """Return converters for bit lines of `c_bl` [F], and their common mode [V]."""
    if choices.converter == "ramp":
        ramp = ramp_on_column(n_bits, _level(choices.level), c_bl=c_bl)
        return ramp, ramp.v_cm
    sar = sar_charge(n_bits, _level(choices.level), c_unit=c_bl / 2**n_bits)  # as large as the bit line itself
    return SarOnColumn.of(sar, c_bl), sar.v_cm
