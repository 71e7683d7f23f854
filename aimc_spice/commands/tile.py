"""Which commands write a whole tile as one deck and run it? ``tile deck`` and ``tile run``. Options in, text out.

The tile comes from a tile file (`config.tile`); its weights and inputs are random ones, from a seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aimc_spice.build.whole_tile import ChargeTileJudged, CurrentTileJudged

app = typer.Typer(help="Whole tiles as one deck: drivers, array, front ends, converters.", no_args_is_help=True)
TileFile = Annotated[str, typer.Argument(help="A tile file (.toml), or the name of one that comes with the toolkit.")]
Kind = Annotated[
    str,
    typer.Option("--converter", help="current mode: ideal, flash, ramp, sar, cco, dual_slope; charge mode: sar, ramp."),
]
LevelName = Annotated[str, typer.Option("--level", help="behavioural or transistor.")]
Bits = Annotated[int, typer.Option("--bits", min=0, max=16, help="Of the converters; 0: as in the tile file.")]
InputBits = Annotated[int, typer.Option("--input-bits", min=1, help="Of the inputs, beside the sign.")]
Share = Annotated[int, typer.Option("--share", min=1, help="Columns on one converter.")]
Batch = Annotated[int, typer.Option("--vectors", min=1, help="Input vectors.")]
Reduced = Annotated[
    bool, typer.Option("--reduced/--cell-by-cell", help="Current mode: only the terminals of the crossbar, fast.")
]
Drivers = Annotated[
    str,
    typer.Option("--drivers", help="Of the word lines: ideal, serial, r2r; current mode: pwm, with integrators."),
]
DriverLevel = Annotated[str, typer.Option("--driver-level", help="behavioural or transistor.")]
FrontEndLevel = Annotated[
    str,
    typer.Option("--front-end-level", help="Current mode: front ends, samplers, multiplexers; as --level."),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of weights and inputs.")]


@app.command()
def deck(
    tile: TileFile,
    out: Annotated[Path, typer.Option("--out", help="Where the deck goes.")] = Path("tile.cir"),
    converter: Kind = "ideal",
    level: LevelName = "behavioural",
    bits: Bits = 0,
    input_bits: InputBits = 4,
    share: Share = 1,
    vectors: Batch = 1,
    seed: Seed = 0,
    reduced: Reduced = False,
    drivers: Drivers = "ideal",
    driver_level: DriverLevel = "behavioural",
    front_end_level: FrontEndLevel = "behavioural",
) -> None:
    """Write the deck; run it with ngspice -b."""
    options = Options(converter, level, bits, input_bits, share, seed, reduced, drivers, driver_level, front_end_level)
    chosen, x = _open(tile, vectors, options)
    chosen.circuit.deck(x).write(out)
    typer.echo(f"wrote {out}")


@app.command()
def run(
    tile: TileFile,
    converter: Kind = "ideal",
    level: LevelName = "behavioural",
    bits: Bits = 0,
    input_bits: InputBits = 4,
    share: Share = 1,
    vectors: Batch = 1,
    seed: Seed = 0,
    reduced: Reduced = False,
    drivers: Drivers = "ideal",
    driver_level: DriverLevel = "behavioural",
    front_end_level: FrontEndLevel = "behavioural",
    timeout: Annotated[float, typer.Option(min=1.0, help="Limit for the simulation, in seconds.")] = 3600.0,
) -> None:
    """Run the deck; say how its codes compare with the exact operator, how long it takes and what it costs."""
    from aimc_spice.metrology.tile import read_tile
    from aimc_spice.simulate import open_simulator
    from aimc_spice.units import show

    options = Options(converter, level, bits, input_bits, share, seed, reduced, drivers, driver_level, front_end_level)
    chosen, x = _open(tile, vectors, options)
    circuit = chosen.circuit
    with closing(open_simulator("shared", timeout_s=timeout)) as ngspice:
        waves = ngspice.run(circuit.deck(x), label=tile)
    found = read_tile(waves, circuit.probes(x), circuit.adc)
    off = abs(found.codes - chosen.codes(x))
    typer.echo(
        f"codes: {(off > 0).mean():.2%} differ from those of operator and ideal quantiser, by at most {off.max()}"
    )
    _warn_of_ends(found.codes, circuit.adc.n_bits)
    typer.echo(
        f"time of a product {show(found.t_mvm, 's', 4)}; by block of an operation: " + _listed(found.latency, "s")
    )
    means = {block: float(values.mean()) for block, values in found.energy.items()}
    typer.echo(f"energy of a product {show(found.e_mvm, 'J', 4)}: " + _listed(means, "J"))
    typer.echo(f"simulated in {waves.wall_s:.1f} s, {len(waves.axis)} time points, {waves.simulator}")


def _warn_of_ends(codes: NDArray[np.int64], n_bits: int) -> None:
    """Say how many codes lie at an end of the range: such a converter tells nothing of its column."""
    ends = int(((codes == 0) | (codes == 2**n_bits - 1)).sum())
    if ends:
        hint = "less front_end.r_f or v_read, or a wider converter"
        typer.echo(f"warning: {ends} of {codes.size} codes are at an end of the range, saturated perhaps; try {hint}")


class Options(NamedTuple):
    """The options of both commands, in the order of `build_whole_tile.Choices`."""

    converter: str
    level: str
    bits: int
    input_bits: int
    share: int
    seed: int
    reduced: bool
    drivers: str
    driver_level: str
    front_end_level: str


def _open(
    tile: str, vectors: int, options: Options
) -> tuple[CurrentTileJudged | ChargeTileJudged, NDArray[np.float64]]:
    from aimc_spice.build.tile import open_tile
    from aimc_spice.build.whole_tile import Choices, whole_tile
    from aimc_spice.rng import stream

    config = open_tile(tile)
    x = stream(options.seed, "inputs").uniform(-1, 1, (vectors, config.n_rows))
    return whole_tile(config, Choices(*options)), x


def _listed(values: Mapping[str, float], unit: str) -> str:
    from aimc_spice.units import show

    return ", ".join(f"{name} {show(value, unit, 3)}" for name, value in values.items())
