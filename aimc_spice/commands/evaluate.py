"""Which command says how good something is on tiles? ``evaluate``: a network in ONNX, a network of the zoo, or a study.

Thin: options in, one call, tables out. What ends in ``.toml`` is a study and goes to `study`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aimc_spice.commands.study import Choice, Download, Out, Weights
from aimc_spice.commands.study import evaluate as evaluate_study
from aimc_spice.errors import ConfigError

if TYPE_CHECKING:
    from aimc_spice.config.network import OptionsConfig
    from aimc_spice.config.tile import TileConfig
    from aimc_spice.flows.evaluate import Answer, Data, Metric
    from aimc_spice.network.graph import Network
    from aimc_spice.network.options import Options


def evaluate(
    model: Annotated[str, typer.Argument(help="model.onnx, a network of the zoo, or a study file (TOML).")],
    tile: Annotated[str, typer.Option(help="Tile file or its name.")] = "current_64",
    readout: Annotated[
        str, typer.Option(help="Fitted converters: a name or .npz, NAME@2ns for one over time; default: the tile's.")
    ] = "",
    data: Annotated[
        str, typer.Option("--data", help="An .npz with x and y; default: what the zoo or study says.")
    ] = "",
    seeds: Annotated[int, typer.Option(min=1, help="Sets of tiles that are scored.")] = 5,
    samples: Annotated[int, typer.Option(min=0, help="Samples scored; 0: all.")] = 0,
    calibration: Annotated[int, typer.Option(min=1, help="Samples that set the ranges.")] = 64,
    sweep: Annotated[
        list[str] | None, typer.Option(help="KEY=A,B: size, rows, cols, adc_bits, or r_wire (Ω a segment).")
    ] = None,
    how: Annotated[
        str, typer.Option("--options", help="TOML: [mapping], [layers.PATTERN], [reading], [fixed_point], [write] …")
    ] = "",
    dac_bits: Annotated[int | None, typer.Option(min=2, max=16, help="Bits of the inputs; default 8.")] = None,
    digital: Annotated[list[str] | None, typer.Option(help="Pattern of layers that stay digital.")] = None,
    written: Annotated[
        list[str] | None, typer.Option(help="Pattern of products of two activations on tiles written for each sample.")
    ] = None,
    sigma_program: Annotated[
        float | None, typer.Option(min=0, help="Programming error, rms; 1 is a whole cell; default none.")
    ] = None,
    fixed_point: Annotated[bool, typer.Option("--fixed-point", help="Digital correction in fixed point.")] = False,
    choice: Choice = "",
    out: Out = Path("results"),
    weights: Weights = "",
    download: Download = False,
) -> None:
    """Say how accurate a network is on tiles, layer by layer, and what it costs; or one partitioning of a study."""
    if model.endswith(".toml"):
        if how or digital or written or fixed_point or sweep:
            raise ConfigError(f"{model} is a study: --options, --digital, --written, --fixed-point and --sweep are not")
        evaluate_study(Path(model), choice, out, data, weights, download)
        return
    if choice or weights or download:
        raise ConfigError(f"{model}: --choice, --weights and --download are for studies", hint="leave them out")
    from aimc_spice.build.options import options_of
    from aimc_spice.build.tile import open_tile, read_by

    flags = {"dac_bits": dac_bits, "sigma_program": sigma_program}
    config = read_by(open_tile(tile), readout)
    options = options_of(_options(how, flags, (digital or [], written or []), fixed_point=fixed_point), config)
    network, read, metric = _model(model, data, calibration, samples)
    _run(network, read, metric, config, list(sweep or ()), seeds, options, out / network.name)


def _options(
    how: str, flags: dict[str, float | None], patterns: tuple[list[str], list[str]], *, fixed_point: bool
) -> OptionsConfig:
    """Return the options of a file, the command line's in their place where they are given; patterns add up."""
    from aimc_spice.config.network import FixedPointConfig, OptionsConfig, load_options

    read = load_options(Path(how)) if how else OptionsConfig()
    digital, written = patterns
    changes: dict[str, object] = {name: value for name, value in flags.items() if value is not None}
    changes["digital"] = (*read.digital, *digital)
    changes["write"] = read.write.model_copy(update={"layers": (*read.write.layers, *written)})
    if fixed_point and read.fixed_point is None:
        changes["fixed_point"] = FixedPointConfig()
    return read.model_copy(update=changes)


def _run(
    network: Network,
    data: Data,
    metric: Metric,
    config: TileConfig,
    sweep: list[str],
    seeds: int,
    options: Options,
    folder: Path,
) -> None:
    from rich.console import Console

    from aimc_spice.flows.evaluate import draw_network, evaluate_once, points_of, write
    from aimc_spice.flows.evaluate_figure import figure

    console, points = Console(stderr=True), list(points_of(config, sweep))
    answers: list[Answer] = []
    folder.mkdir(parents=True, exist_ok=True)  # a folder that cannot be had is said before the work
    for point, tile in points:
        with console.status("") as bar:
            answer, prepared = evaluate_once(network, tile, data, range(seeds), metric, options, bar.update, point)
            if not answers:
                draw_network(prepared, data.x, folder)
        answers.append(answer)
        typer.echo(_line(answer, counted=prepared.readout is not None and prepared.readout.e_conv > 0))
    _tell(answers[0])
    write(answers, folder)
    figure(answers, folder / "evaluate.png")
    typer.echo(f"written: {folder}/layers.csv, points.csv, answers.json, evaluate.png, network.txt, network.png")


def _model(model: str, data: str, calibration: int, samples: int) -> tuple[Network, Data, Metric]:
    from aimc_spice.flows.evaluate import Data, data_from
    from aimc_spice.network.graph import read_onnx
    from aimc_spice.workloads.metrics import METRICS
    from aimc_spice.workloads.zoo import NAMES, load

    if model.endswith(".onnx"):
        if not Path(model).exists():
            raise ConfigError(f"there is no file {model}")
        if not data:
            raise ConfigError(f"{model}: no data", hint="--data samples.npz, with x and y")
        found, metric, network = data_from(Path(data), calibration), METRICS["accuracy"], read_onnx(Path(model))
    elif model in NAMES:
        entry = load(model)
        network, metric = read_onnx(entry.model, model), entry.metric
        task = entry.task
        found = data_from(Path(data)) if data else Data(task.x_test, task.y_test, task.x_train[:calibration])
    else:
        raise ConfigError(f"{model!r} is no .onnx, no .toml and not in the zoo", hint=f"known: {', '.join(NAMES)}")
    n = samples or len(found.x)
    return network, Data(found.x[:n], found.y[:n], found.calibration), metric


def _line(answer: Answer, *, counted: bool) -> str:
    from aimc_spice.units import show

    point = "".join(f"{key} = {value:g}, " for key, value in answer.point.items())
    cost = answer.cost
    spread = (
        f" ± {answer.half_width:.4f} (95 %, {len(answer.scores)} seeds)" if len(answer.scores) > 1 else " (one set)"
    )
    costs = f"{show(cost.latency, 's')}, {show(cost.energy, 'J')} per inference" if cost.energy else "no cost known"
    ops = f", {cost.tops_per_watt:.3g} TOPS/W (1 MAC = 2 ops)" if cost.energy else ""
    ops += "" if counted else ", ideal converters not counted"
    size = f" of {1e12 * answer.area:.4g} µm² (cells and lines)" if answer.area else ""
    score = f"{point}digital {answer.digital:.4f}, on tiles {answer.mean:.4f}{spread}"
    return f"{score}; {cost.n_tiles} tiles{size}, {costs}{ops}"


def _tell(answer: Answer) -> None:
    from rich.console import Console
    from rich.table import Table

    from aimc_spice.units import show

    table = Table(title=f"layer by layer, {answer.n_samples} samples scored")
    table.add_column("layer", min_width=max(len(cost.name) for cost in answer.costs))
    for column in ("MACs", "tiles", "used", "SQNR alone", "SQNR running", "ADC clipped", "DAC clipped"):
        table.add_column(column, justify="right")
    for cost, error in zip(answer.costs, answer.errors, strict=True):
        table.add_row(
            cost.name, f"{cost.macs:,}", str(cost.n_tiles), f"{cost.utilisation:.0%}", f"{error.sqnr_db:.1f} dB",
            f"{error.sqnr_running_db:.1f} dB", f"{error.adc_clipped:.2%}", f"{error.dac_clipped:.2%}",
        )  # fmt: skip
    Console(soft_wrap=True).print(table)
    if cells := sum(cost.cells_written for cost in answer.costs):
        e_write, t_write = (sum(getattr(c, f"write_{what}") for c in answer.costs) for what in ("energy", "latency"))
        typer.echo(
            f"of which writing activations: {cells:,} cells, {show(e_write, 'J')} and {show(t_write, 's')} "
            "per inference"
        )
