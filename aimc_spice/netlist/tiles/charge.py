"""How does a whole charge-mode tile become one deck: drivers, capacitive crossbar, converters on its bit lines, codes?

One idea: the bit lines are the top plates of the converters, so there is nothing in between; one reset serves both::

    vin_r ── wl_r ─┐  ┌────────────────────┐ bp_c ┌────────────┐
                   ├──┤ capacitive crossbar ├──────┤ converter  ├── code
                  ─┘  └────────────────────┘ bn_c └────────────┘

An operation: reset of all bit lines to the common mode, step of the word lines, decisions bit by bit. With a
`multiplexer` columns share converters: the crossbar has reset switches, and conversions follow each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.adcs.base import OnColumn
from aimc_spice.netlist.base import DEFAULT_OPTIONS, Deck, Lines, Netlist, Part, Transient
from aimc_spice.netlist.charge import ChargeCrossbar
from aimc_spice.netlist.inputs import Encoding, Planes
from aimc_spice.netlist.rows.base import Drive, Feeds, RowDrivers
from aimc_spice.netlist.rows.ideal import IdealRows
from aimc_spice.netlist.tiles.base import Schedule, TileProbes, check_sharing
from aimc_spice.netlist.tiles.multiplexer import ChargeMultiplexer
from aimc_spice.units import spice

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ChargeTileCircuit:
    """A charge-mode tile with its periphery.

    Parameters
    ----------
    crossbar : ChargeCrossbar
        Without reset switches, the converters have them; with them where columns share converters.
    adc : OnColumn
        Converter of every column, or group of columns: `SarOnColumn`, `RampOnColumn`.
    encoding : Encoding
        Of the inputs, as voltages or bits; pulse widths mean nothing to capacitors.
    v_read : float
        Voltage of an input of one above `v_rest` [V].
    v_rest : float
        Word lines during the reset [V]; for inputs of both signs it lies between the rails.
    t_rise, t_idle : float
        As of `Schedule` [s].
    multiplexer : ChargeMultiplexer, optional
        Between columns and the converters that they share, of the converters' level.
    drivers : RowDrivers
        What drives the word lines; default ideal sources.
    """

    crossbar: ChargeCrossbar
    adc: OnColumn
    encoding: Encoding
    v_read: float
    v_rest: float = 0.0
    t_rise: float = 1e-10
    t_idle: float = 2e-10
    multiplexer: ChargeMultiplexer | None = None
    drivers: RowDrivers = field(default_factory=IdealRows)

    def __post_init__(self) -> None:
        mux, reset = self.multiplexer, self.crossbar.reset
        if mux is None and reset is not None:
            raise NetlistError("the crossbar has reset switches and so have the converters", hint="reset=None")
        if mux is not None and reset is None:
            what = "columns that share a converter need reset switches of their own"
            raise NetlistError(what, hint="ChargeCrossbar(reset=multiplexer.reset(c_bl))")
        if mux is not None and mux.level != self.adc.level:
            raise NetlistError(f"got a multiplexer of level {mux.level} and converters of level {self.adc.level}")
        check_sharing(self.crossbar.cells.shape[1], self.n_shared)
        if self.t_idle < self.t_rise:
            raise NetlistError(f"got t_idle = {self.t_idle:g} s, wanted time for the word lines to fall")

    @property
    def n_shared(self) -> int:
        """Columns on one converter."""
        return self.multiplexer.n_shared if self.multiplexer else 1

    @property
    def schedule(self) -> Schedule:
        """When what happens: the first decision ends what the columns have to settle, or the first slot's joining."""
        adc, mux = self.adc, self.multiplexer
        if mux is not None:
            wait = max(0.0, mux.t_reset + mux.t_int - adc.lead)
            times = {"t_idle": self.t_idle, "t_reset": mux.t_reset, "t_wait": wait}
            return Schedule(self.t_rise, mux.t_int, adc.t_conv, mux.n_shared, **times)
        return Schedule(self.t_rise, adc.settle, adc.t_conv, t_idle=self.t_idle, t_reset=adc.lead)

    def planes(self, x: ArrayLike) -> Planes:
        """Return the operations of inputs (batch, n_rows) in [-1, 1]."""
        planes = self.encoding.planes(x)
        if planes.timed:
            raise NetlistError("pulse widths mean nothing to capacitors", hint="MultiLevel or BitSerial")
        return planes

    def drive(self, x: ArrayLike) -> Drive:
        """Return what the word lines do for inputs (batch, n_rows) in [-1, 1]."""
        return Drive(self.planes(x), self.schedule.windows, self.v_read, self.v_rest)

    def probes(self, x: ArrayLike) -> TileProbes:
        """Return where a reader finds what in the deck of the same inputs."""
        n_cols, drive = self.crossbar.cells.shape[1], self.drive(x)
        own = Feeds(drive.sensed, {**self.adc.supplies(self._converters()), **self._more_supplies()})
        feeds = own + self.drivers.feeds(drive)
        return TileProbes(
            planes=drive.planes,
            schedule=self.schedule,
            columns=tuple(f"bp_{c}" for c in range(n_cols)),
            converters=self._converters(),
            sources=feeds.sources,
            supplies=feeds.supplies,
            rails=feeds.rails,
            r_driver=self.crossbar.r_driver,
            references=tuple(f"bn_{c}" for c in range(n_cols)),
        )

    def deck(self, x: ArrayLike, *, title: str = "charge-mode tile") -> Deck:
        """Return the transient deck that multiplies inputs (batch, n_rows) in [-1, 1] by the array."""
        probes, schedule = self.probes(x), self.schedule
        n = probes.n_operations
        drive = self.drive(x)
        adcs = [self.adc.instance(name, nodes) for name, nodes in zip(probes.converters, self._inputs(), strict=True)]
        body: tuple[Part, ...] = (
            self.drivers.circuit(drive),
            self.crossbar,
            *self._columns(n),
            self.adc.shared(schedule.conversions(n)),
            *adcs,
            probes.meters(),
        )
        names = tuple(dict.fromkeys([*probes.names(), *self.adc.probes(probes.converters)]))
        definitions = tuple(dict.fromkeys([*self._definitions(), *self.drivers.definitions(drive)]))
        analysis = Transient(self.adc.t_step, schedule.t_stop(n))
        options = tuple(dict.fromkeys((*DEFAULT_OPTIONS, "method=gear", *self.adc.options)))
        return Deck(Netlist(title, definitions, body), analysis, names, options)

    def ideal_codes(self, x: ArrayLike) -> NDArray[np.int64]:
        """Return the codes in closed form, (n_operations, n_cols): settled charge, then the converter's levels.

        Charge injection and noise are left out; every column has its own capacitance, hence its own gain.
        Shared converters see the same charge on the same capacitance: the codes are those of converters of their own.
        """
        steps = self.drivers.levels(self.drive(x))
        more = self.multiplexer.c_line if self.multiplexer else 0.0
        c_p, c_n = (c + own + more for c, own in zip(self.crossbar.c_bl, self.adc.loads, strict=True))
        cells = self.crossbar.cells
        difference = steps @ cells.c_pos / c_p - steps @ cells.c_neg / c_n
        columns = zip(c_p, c_n, difference.T, strict=True)
        found = [np.searchsorted(self.adc.levels(p, n), d, side="right") for p, n, d in columns]
        return np.stack(found, axis=1).astype(np.int64)

    def _definitions(self) -> tuple[Part, ...]:
        """Return every model and subcircuit once."""
        mux = self.multiplexer.definitions() if self.multiplexer else ()
        texts = map(Lines, self.crossbar.reset.texts() if self.crossbar.reset else ())
        return tuple(dict.fromkeys([*self.adc.definitions(), *texts, *mux]))

    def _columns(self, n: int) -> tuple[Part, ...]:
        """Return what stands between crossbar and converters: the common mode, switches and their clocks."""
        mux, reset, schedule = self.multiplexer, self.crossbar.reset, self.schedule
        if mux is None or reset is None:
            return (Lines(f"evcm vcm 0 adc_vcm 0 1\nrvcm vcm 0 {spice(1e9)}"),)  # of the crossbar's own leak
        n_cols = self.crossbar.cells.shape[1]
        selects = schedule.conversions(n).reshape(n, mux.n_shared) + self.adc.lead
        clocks = mux.shared(schedule.operations(n), selects, self.adc.t_conv - self.adc.lead, reset, n_cols)
        return Lines(f"vvcm vcm 0 {spice(self.adc.v_cm)}"), clocks, mux.columns(n_cols)

    def _more_supplies(self) -> dict[str, Sequence[tuple[str, float]]]:
        """Return what the reset of the columns and the multiplexer draw from; else the converters reset columns."""
        if self.multiplexer is None:
            return {}
        return {"column reset": [("vvcm", self.adc.v_cm)], **self.multiplexer.supplies()}

    def _inputs(self) -> list[str]:
        """Return the nodes that each converter stands on."""
        if self.multiplexer is None:
            return [f"bp_{c} bn_{c}" for c in range(self.crossbar.cells.shape[1])]
        return [f"{name}_mp {name}_mn" for name in self._converters()]

    def _converters(self) -> tuple[str, ...]:
        return tuple(f"adc_{a}" for a in range(self.crossbar.cells.shape[1] // self.n_shared))
