"""How good is a network on tiles, what does it cost, and how does that change with the tile? From a model to tables.

One idea: `evaluate_once` prepares, scores over seeds and examines; `points_of` turns ``key=a,b`` into tile files with
those values, so a sweep is the same call again. It reads no command line and prints nothing.
"""

from __future__ import annotations

import csv
import itertools
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.build.tile import tile_of
from aimc_spice.config.tile import TileConfig
from aimc_spice.errors import ConfigError, DataError
from aimc_spice.flows.validity import check_inside, check_linear
from aimc_spice.network.answers import Cost, LayerCost, LayerError, digital_run, examine, layer_costs, total_cost
from aimc_spice.network.graph import Network
from aimc_spice.network.options import Options
from aimc_spice.network.prepare import Prepared, prepare
from aimc_spice.network.view import draw, look, table, to_networkx
from aimc_spice.report.area import uniform_area
from aimc_spice.surrogate.readout import IdealReadout

Metric = Callable[[NDArray[Any], NDArray[Any]], float]
SWEEPS = ("rows", "cols", "size", "adc_bits", "r_wire")
_WHOLE = {"rows": (1, 4096), "cols": (1, 4096), "size": (1, 4096), "adc_bits": (1, 16)}  # as in a tile file
_SAMPLES_FILE = "an .npz with x (n, …), y (n,) of class numbers from 0, and perhaps x_calibration (m, …)"
_EXAMINED = 16  # samples of the layer-by-layer comparison


@dataclass(frozen=True)
class Data:
    """Samples with targets, and samples to calibrate with."""

    x: NDArray[Any]
    y: NDArray[Any]
    calibration: NDArray[Any]


@dataclass(frozen=True)
class Answer:
    """All that is said of a network on one kind of tile.

    Parameters
    ----------
    point : dict
        What a sweep set.
    digital : float
        Score of the digital network.
    scores : tuple of float
        On tiles, one a seed.
    n_samples : int
        Scored.
    costs, errors : tuple
        A row a layer.
    cost : Cost
        Of one inference.
    area : float
        Of cells and lines of all tiles [m²]; zero where the tile file has no ``[area]``.
    """

    point: dict[str, float]
    digital: float
    scores: tuple[float, ...]
    n_samples: int
    costs: tuple[LayerCost, ...]
    errors: tuple[LayerError, ...]
    cost: Cost
    area: float = 0.0

    @property
    def mean(self) -> float:
        """Over seeds."""
        return float(np.mean(self.scores))

    @property
    def deviation(self) -> float:
        """Standard deviation over seeds; zero for one."""
        return float(np.std(self.scores, ddof=1)) if len(self.scores) > 1 else 0.0

    @property
    def half_width(self) -> float:
        """Half of the 95 % interval of the mean over seeds (Student); zero for one seed."""
        from scipy.stats import t  # noqa: PLC0415  slow to import

        n = len(self.scores)
        return float(t.ppf(0.975, n - 1)) * self.deviation / n**0.5 if n > 1 else 0.0


def evaluate_once(  # noqa: PLR0917  the same eight in every call
    network: Network,
    config: TileConfig,
    data: Data,
    seeds: Sequence[int],
    metric: Metric,
    options: Options | None = None,
    progress: Callable[[str], None] | None = None,
    point: dict[str, float] | None = None,
) -> tuple[Answer, Prepared]:
    """Prepare a network on the tiles of a file, score it over seeds, examine its layers.

    Every seed is another set of tiles: other converters, other programming errors, other noise. Where nothing of that
    is random, all sets are the same and one is scored.

    Raises
    ------
    ConfigError, OutsideValidity
        Cells that are not linear; activations beyond what front ends or converters are known for.
    """
    tell = progress or (lambda _: None)
    check_linear(config)
    tile, readout = tile_of(config)
    prepared = prepare(
        network,
        tile,
        readout,
        data.calibration,
        options,
        lambda i, n, name: tell(f"programming {name} ({i + 1} of {n})"),
    )
    check_inside(prepared, config)
    seeds = seeds if _is_random(prepared) else seeds[:1]
    digital, scores = metric(digital_run(prepared, data.x), data.y), []
    for index, seed in enumerate(seeds):
        tell(f"seed {seed} ({index + 1} of {len(seeds)})")
        on = prepared if seed == prepared.options.seed else prepared.redrawn(seed)
        scores.append(metric(on.run(data.x, seed), data.y))
    errors = examine(prepared, data.x[:_EXAMINED], seeds[0])
    costs = layer_costs(prepared)
    cost = total_cost(costs)
    rows = tuple(costs), tuple(errors), cost, area_of(config, cost.n_tiles)
    return Answer(point or {}, digital, tuple(scores), len(data.x), *rows), prepared


def area_of(config: TileConfig, n_tiles: int) -> float:
    """Return the area of full tiles [m²]; zero where the file has none."""
    if config.area is None:
        return 0.0
    sizes = config.area.pitch_wl, config.area.pitch_bl, config.area.per_line
    one = uniform_area([(config.n_rows, config.n_cols)], *sizes)
    return n_tiles * (one.array + one.periphery)


def draw_network(prepared: Prepared, x: NDArray[Any], folder: Path) -> None:
    """Write the network as a table (``network.txt``) and a drawing (``network.png``), tiles included."""
    sizes = {str(d): n for port in prepared.network.inputs for d, n in zip(port.shape, x.shape, strict=False)}
    seen = look(prepared.network, sizes)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "network.txt").write_text(table(seen, prepared) + "\n", encoding="utf-8")
    draw(to_networkx(seen, prepared), folder / "network.png")


def _is_random(prepared: Prepared) -> bool:
    """Whether sets of tiles differ."""
    options = prepared.options
    sigma = max(options.sigma_program, options.written.sigma if options.written else 0.0)
    return sigma > 0 or not isinstance(prepared.readout, IdealReadout)


def points_of(config: TileConfig, sweeps: Sequence[str]) -> Iterator[tuple[dict[str, float], TileConfig]]:
    """Yield every combination of ``key=a,b,…`` with its tile file.

    Raises
    ------
    ConfigError
        An unknown key, a value that is no number.
    """
    axes = [_axis(text) for text in sweeps]
    keys = [key for key, _ in axes]
    if twice := {key for key in keys if keys.count(key) > 1}:
        raise ConfigError(f"sweep {min(twice)!r} is given twice", hint=f"one list: --sweep {min(twice)}=A,B,C")
    for values in itertools.product(*(numbers for _, numbers in axes)):
        point = dict(zip((key for key, _ in axes), values, strict=True))
        changed = config
        for key, value in point.items():
            changed = _with(changed, key, value)
        yield point, changed


def _axis(text: str) -> tuple[str, list[float]]:
    key, _, values = text.partition("=")
    try:
        numbers = [float(value) for value in values.split(",")]
    except ValueError as bad:
        raise ConfigError(f"sweep {text!r}: {values!r} is no list of numbers", hint="for example adc_bits=6,8") from bad
    if key not in SWEEPS:
        raise ConfigError(f"sweep {key!r} is unknown", hint=f"known: {', '.join(SWEEPS)} (r_wire in Ω a segment)")
    if key in _WHOLE:
        low, high = _WHOLE[key]
        for number in numbers:
            if not (low <= number <= high and number == int(number)):
                raise ConfigError(f"sweep {text!r}: got {number:g}, wanted a whole number from {low} to {high}")
    return key, numbers


def _with(config: TileConfig, key: str, value: float) -> TileConfig:
    if key == "adc_bits":
        if config.readout.surrogate is not None:
            raise ConfigError(
                "sweep adc_bits: the tile's converters are fitted ones, their bits are fixed",
                hint="one call a read-out (--readout), or leave readout.surrogate out of the tile file",
            )
        return config.model_copy(update={"readout": config.readout.model_copy(update={"n_bits": int(value)})})
    if key == "r_wire":
        wire = config.wire.model_copy(update={"r_wire_wl": value, "r_wire_bl": value})
        return config.model_copy(update={"wire": wire})
    sides = {"rows": ("n_rows",), "cols": ("n_cols",), "size": ("n_rows", "n_cols")}[key]
    return config.model_copy(update=dict.fromkeys(sides, int(value)))


def data_from(path: Path, n_calibration: int = 64) -> Data:
    """Read samples ``x`` and targets ``y`` (and ``x_calibration``, else the first ones of x) from an .npz file.

    Raises
    ------
    DataError
        No such file or entries; another number of targets than samples; targets that are no class numbers.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            x, y = file["x"], file["y"]
            calibration = file["x_calibration"] if "x_calibration" in file else x[:n_calibration]
    except (OSError, KeyError, ValueError, IndexError, EOFError, zipfile.BadZipFile) as bad:
        raise DataError(f"{path} holds no samples", cause=str(bad), hint=_SAMPLES_FILE) from bad
    if not (x.ndim and y.ndim and len(x) == len(y)):
        raise DataError(f"{path}: got x of shape {x.shape} and y of shape {y.shape}", hint=_SAMPLES_FILE)
    if y.dtype.kind not in "biuf" or (y != y.astype(np.int64)).any():
        raise DataError(f"{path}: got targets y such as {y.ravel()[0]!s}, wanted class numbers", hint=_SAMPLES_FILE)
    return Data(x, y.astype(np.int64), calibration)


def write(answers: Sequence[Answer], folder: Path) -> None:
    """Write ``layers.csv`` (of the first point), ``points.csv`` and ``answers.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [asdict(c) | asdict(e) for c, e in zip(answers[0].costs, answers[0].errors, strict=True)]
    _csv(folder / "layers.csv", rows)
    _csv(folder / "points.csv", [a.point | summary(a) for a in answers])
    text = json.dumps([asdict(a) | summary(a) for a in answers], indent=1)
    (folder / "answers.json").write_text(text + "\n", encoding="utf-8")


def summary(answer: Answer) -> dict[str, float]:
    """Return the numbers of one line."""
    return {
        "digital": answer.digital,
        "analog_mean": answer.mean,
        "analog_deviation": answer.deviation,
        "analog_half_width": answer.half_width,
        "n_seeds": len(answer.scores),
        "n_samples": answer.n_samples,
        "n_tiles": answer.cost.n_tiles,
        "latency_s": answer.cost.latency,
        "energy_J": answer.cost.energy,
        "tops_per_watt": answer.cost.tops_per_watt,
        "area_m2": answer.area,
    }


def _csv(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
