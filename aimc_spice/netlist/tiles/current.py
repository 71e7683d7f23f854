"""How does a whole current-mode tile become one deck: drivers, crossbar, front ends, converters, output codes?

One idea: the parts are the ones that are used alone elsewhere; here they are joined by node names, for every column c::

    vin_r ── wl_r ─┐  ┌──────────┐ bp_c  ┌───────────┐ out_c                                   ┌───────────┐
                   ├──┤ crossbar ├───────┤ front end ├───────────────────────────────── in_a ──┤ converter ├── code
                  ─┘  └──────────┘ bn_c  └───────────┘   or [sampler]─ held_c ─[mux]─┘         └───────────┘ adc_a

With ``n_shared`` columns on one converter, a = c // n_shared: samplers hold all columns and a multiplexer passes one
after the other. Word lines rest at ``v_ref``, where the front ends hold the bit lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aimc_spice.device.base import ConductanceMap
from aimc_spice.errors import NetlistError
from aimc_spice.netlist.adcs.base import Embeddable
from aimc_spice.netlist.adcs.blocks import adc_text
from aimc_spice.netlist.base import DEFAULT_OPTIONS, Deck, Lines, Netlist, Part, Transient
from aimc_spice.netlist.crossbar import Crossbar
from aimc_spice.netlist.drivers import pwl
from aimc_spice.netlist.inputs import Encoding, Planes
from aimc_spice.netlist.macro import Macro
from aimc_spice.netlist.readout import multiplexer
from aimc_spice.netlist.readout_mos import mos_multiplexer
from aimc_spice.netlist.rows.base import Drive, Feeds, RowDrivers
from aimc_spice.netlist.rows.ideal import IdealRows
from aimc_spice.netlist.tiles.base import Schedule, TileProbes, check_sharing
from aimc_spice.netlist.tiles.clocks import buffers
from aimc_spice.netlist.wire import Wire
from aimc_spice.units import spice

Array = NDArray[np.float64]
_GATE = 8e-6  # m, widths of the gates that a column's switches put on a clock, about


@dataclass(frozen=True)
class CurrentTileCircuit:
    """A current-mode tile with its periphery.

    Parameters
    ----------
    cells : ConductanceMap
        Conductances, (n_rows, n_cols).
    wire : Wire
        Segment values.
    front_end : Macro
        Read-out of each column: role "front_end", or "integrator", which is reset between operations, or "conveyor",
        which gives a current.
    adc : Embeddable
        Converter of each group of columns; its range is that of the front end's output, voltage or current.
    encoding : Encoding
        Of the inputs; pulse widths need an integrator.
    t_int, t_hold, t_rise, t_idle : float
        As of `Schedule` [s].
    v_read : float
        Voltage of an input of one, above `v_ref` [V].
    v_ref : float
        Resting voltage of the word lines, and of the outputs where a front end has no ``v_out`` [V].
    r_driver : float
        Series resistance of each word line [Ω].
    sampler : Macro, optional
        Sample-and-hold behind each front end; needed where converters are shared, unless the front end integrates.
    n_shared : int
        Columns on one converter.
    v_rail : float
        Supply of the class-B output stage that ideal op-amps are reckoned as in the energy [V] (assumed). What is of
        transistors draws from its own.
    t_step : float, optional
        Largest time step [s]; default a hundredth of an operation.
    network : Part, optional
        What stands in the deck for the crossbar with its drivers, between ``wl_r``, ``bp_c`` and ``bn_c``; default the
        crossbar itself, cell by cell.
    drivers : RowDrivers
        What drives the word lines; default ideal sources.
    """

    cells: ConductanceMap
    wire: Wire
    front_end: Macro
    adc: Embeddable
    encoding: Encoding
    t_int: float
    v_read: float
    t_rise: float = 1e-10
    t_hold: float = 0.0
    t_idle: float = 0.0
    v_ref: float = 0.0
    r_driver: float = 0.0
    sampler: Macro | None = None
    n_shared: int = 1
    v_rail: float = 0.8
    t_step: float | None = None
    network: Part | None = None
    drivers: RowDrivers = field(default_factory=IdealRows)

    def __post_init__(self) -> None:
        gives = "A" if self.front_end.role == "conveyor" else "V"
        if gives != self.adc.quantity:
            raise NetlistError(
                f"the front end {self.front_end.name} gives [{gives}], the converter takes [{self.adc.quantity}]",
                hint="current_conveyor before cco and dual_slope, other front ends before converters of voltages",
            )
        if gives == "A" and (self.n_shared > 1 or self.sampler):
            hint = "n_shared = 1 (--share 1) and no sampler; flash, ramp and sar convert voltages, which are"
            raise NetlistError("converters of currents: their inputs are neither held nor shared", hint=hint)
        holds = self.sampler is not None or self.front_end.role == "integrator"
        check_sharing(self.cells.shape[1], self.n_shared)
        if self.n_shared > 1 and not holds:
            raise NetlistError("columns that share a converter must be held", hint="give a sampler, or an integrator")
        if holds != (self.t_hold > 0):
            raise NetlistError(f"got t_hold = {self.t_hold:g} s, wanted it above zero exactly where columns are held")
        if self.front_end.role == "integrator" and self.t_idle < 3 * self.t_rise:
            raise NetlistError(f"got t_idle = {self.t_idle:g} s: an integrator is reset in it, wanted some edges' time")

    @property
    def n_converters(self) -> int:
        """Converters."""
        return self.cells.shape[1] // self.n_shared

    @property
    def zero(self) -> float:
        """What a converter is given without input: where outputs rest [V], or the current of a conveyor [A]."""
        own = self.front_end.params.get("i_0" if self.adc.quantity == "A" else "v_out")
        return self.v_ref if own is None else own

    @property
    def schedule(self) -> Schedule:
        """When what happens."""
        times = {"t_hold": self.t_hold, "t_idle": self.t_idle, "t_lead": self.drivers.lead(self.t_int)}
        return Schedule(self.t_rise, self.t_int, self.adc.t_conv, self.n_shared, **times)

    def planes(self, x: ArrayLike) -> Planes:
        """Return the operations of inputs (batch, n_rows) in [-1, 1]."""
        planes = self.encoding.planes(x)
        if planes.timed and self.front_end.role != "integrator":
            raise NetlistError("pulse widths mean charge: they need an integrating front end")
        return planes

    def drive(self, x: ArrayLike) -> Drive:
        """Return what the word lines do for inputs (batch, n_rows) in [-1, 1]."""
        return Drive(self.planes(x), self.schedule.windows, self.v_read, self.v_ref)

    def probes(self, x: ArrayLike) -> TileProbes:
        """Return where a reader finds what in the deck of the same inputs."""
        cols, drive = range(self.cells.shape[1]), self.drive(x)
        supplies = {**self.adc.supplies(self._converters()), **self._more_supplies()}
        feeds = Feeds(drive.sensed, supplies, self._rails()) + self.drivers.feeds(drive)
        return TileProbes(
            planes=drive.planes,
            schedule=self.schedule,
            columns=tuple(f"xf_{c}.m" if self.adc.quantity == "A" else f"{self._column}_{c}" for c in cols),
            converters=self._converters(),
            sources=feeds.sources,
            supplies=feeds.supplies,
            rails=feeds.rails,
            r_driver=self.r_driver,
            v_rest=self.v_ref,
            zero=self.zero,
        )

    def deck(self, x: ArrayLike, *, title: str = "current-mode tile") -> Deck:
        """Return the transient deck that multiplies inputs (batch, n_rows) in [-1, 1] by the array.

        Raises
        ------
        ShapeError, NetlistError
            Inputs of another shape or range; an encoding that the front end cannot read.
        """
        probes, drive = self.probes(x), self.drive(x)
        n, schedule = probes.n_operations, self.schedule
        names = tuple(dict.fromkeys([*probes.names(), *self.adc.probes(probes.converters)]))
        options = (*DEFAULT_OPTIONS, "method=gear", *self.adc.options)
        analysis = Transient(self.t_step or schedule.windows.t_window / 100, schedule.t_stop(n))
        definitions = tuple(dict.fromkeys([*self._definitions(), *self.drivers.definitions(drive)]))
        return Deck(Netlist(title, definitions, tuple(self._body(probes, drive))), analysis, names, options)

    def _definitions(self) -> tuple[Part, ...]:
        """Return every model and subcircuit once."""
        texts = [text for macro in (self.front_end, self.sampler) if macro for text in macro.texts()]
        build, gates = (multiplexer, []) if self._v_dd is None else (mos_multiplexer, [Lines(adc_text("gates"))])
        multiplexers = [build(self.n_shared)] if self.n_shared > 1 else []
        parts = [*map(Lines, texts), *self.adc.definitions(), *gates, *multiplexers]
        return tuple(dict.fromkeys(parts))

    def _body(self, probes: TileProbes, drive: Drive) -> list[Part]:
        n = probes.n_operations
        adcs = [self.adc.instance(name, node) for name, node in zip(probes.converters, self._inputs(), strict=True)]
        starts = self.schedule.conversions(n)
        crossbar = self.network or Crossbar(self.cells, self.wire, self.r_driver)
        return [
            self.drivers.circuit(drive),
            crossbar,
            *self._columns(n),
            self.adc.shared(starts),
            *adcs,
            probes.meters(),
        ]

    def _columns(self, n: int) -> list[Part]:
        """Return front ends, samplers and multiplexers, with their clocks."""
        rst = "rst " if self.front_end.role == "integrator" else ""
        call = self.front_end.call()
        cols = range(self.cells.shape[1])
        lines = [f"xf_{c} bp_{c} bn_{c} {rst}out_{c} {call}" for c in cols]
        if self._v_dd is not None:
            lines.append(f"vsw_vdd sw_vdd 0 {spice(self._v_dd)}")
        if rst:
            lines.append(self._clock("rst", n, (-self.t_rise, self.schedule.t_busy), len(cols), on=False))
        if self.sampler:
            lines += [f"xs_{c} out_{c} smp held_{c} {self.sampler.call()}" for c in cols]
            lines.append(self._clock("smp", n, (0.0, self.t_int - self.t_rise), len(cols)))
        return [Lines("\n".join([*lines, *self._multiplexers(n)]))]

    def _multiplexers(self, n: int) -> list[str]:
        if self.n_shared == 1:
            return []
        k, held, supply = self.n_shared, self._column, "" if self._v_dd is None else " sw_vdd"
        selects = " ".join(f"sel_{s}" for s in range(k))
        lines = []
        for a in range(self.n_converters):
            columns = " ".join(f"{held}_{a * k + s}" for s in range(k))
            lines.append(f"xm_{a} {columns} {selects} in_{a}{supply} mux_{k}\ncm_{a} in_{a} 0 1e-14")
        t_conv, first = self.adc.t_conv, self.t_int + self.t_hold
        # a column is passed on a tenth of a conversion early, so that it has settled when its conversion begins
        slots = [(first + (s - 0.1) * t_conv, first + (s + 0.89) * t_conv) for s in range(k)]
        return [*lines, *(self._clock(f"sel_{s}", n, slot, self.n_converters) for s, slot in enumerate(slots))]

    def _clock(self, node: str, n: int, when: tuple[float, float], gates: int, *, on: bool = True) -> str:
        """Return a clock that is high (`on`) or low between two times of every operation, edges of t_rise.

        Its high level is 1 V for ideal switches; for transistors inverters bring it to `gates` of them.
        """
        begins, (start, end) = self.schedule.operations(n)[:, None], when
        times = (begins + np.array([start, start + self.t_rise, end, end + self.t_rise])).ravel()
        level = np.array([0.0, 1.0, 1.0, 0.0]) if on else np.array([1.0, 0.0, 0.0, 1.0])
        if self._v_dd is None:
            return pwl(f"v{node}", node, times, np.tile(level, n)).rstrip("\n")
        source = pwl(f"v{node}d", f"{node}d", times, np.tile(self._v_dd * level, n))
        return source + buffers(node, "sw_vdd", _GATE * gates).rstrip("\n")

    def _rails(self) -> dict[str, Sequence[tuple[str, float]]]:
        """Return, by block, the sources inside the columns' circuits whose current is drawn from a supply."""
        blocks = {"front_end": (self.front_end, "xf"), "sampler": (self.sampler, "xs")}
        rails: dict[str, Sequence[tuple[str, float]]] = {}
        for block, (macro, x) in blocks.items():
            names = (
                [name for c in range(self.cells.shape[1]) for name in macro.source_names(f"{x}_{c}")] if macro else []
            )
            if macro and names:
                rails[block] = [(name, macro.v_dd or self.v_rail) for name in names]
        return rails

    def _more_supplies(self) -> dict[str, Sequence[tuple[str, float]]]:
        """Return what drives clocks and multiplexers of transistors."""
        return {} if self._v_dd is None else {"switches": [("vsw_vdd", self._v_dd)]}

    @property
    def _v_dd(self) -> float | None:
        """Supply of the transistors that reset, sample and select columns [V]; None: nothing, or ideal switches."""
        switched = self.front_end if self.front_end.role == "integrator" else self.sampler
        return switched.v_dd if switched else None

    def _inputs(self) -> list[str]:
        """Return the nodes that the converters read."""
        if self.n_shared > 1:
            return [f"in_{a}" for a in range(self.n_converters)]
        return [f"{self._column}_{c}" for c in range(self.n_converters)]

    @property
    def _column(self) -> str:
        """What the nodes of the columns are called where converters or multiplexers read them."""
        return "held" if self.sampler else "out"

    def _converters(self) -> tuple[str, ...]:
        return tuple(f"adc_{a}" for a in range(self.n_converters))
