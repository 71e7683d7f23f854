"""How is a whole analog layer, all its tiles, front ends and neurons, evaluated as matrix products and look-ups?

One idea: exact operators of the tiles, then the front end's fitted curve where it saturates, the average over the tied
horizontal partitions, then the neuron's fitted curve. Where the front end is linear all partitions collapse into one
matrix, so a layer is one GEMM. It holds no noise and no dynamics.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from aimc_spice.netlist.layer import Layer
from aimc_spice.netlist.partition import Block
from aimc_spice.surrogate.base import Array, Box
from aimc_spice.surrogate.operator import LinearPorts, tile_operator
from aimc_spice.surrogate.ports import check_cell, linear_ports
from aimc_spice.surrogate.transfer import TransferCurve

_TILES_AT_ONCE = 64  # bounds the memory of a batch


@dataclass(frozen=True)
class LayerSurrogate:
    """A programmed layer.

    Parameters
    ----------
    operators : tuple of ndarray, each (n_rows of the horizontal partition, n_out)
        ``out = v_wl @ operator`` of each horizontal partition, all vertical partitions side by side.
    rows : tuple of slice
        The rows of each horizontal partition.
    front_end, neuron : TransferCurve or None
        Fitted curves; None where the stage is linear or absent.
    box : Box
        Word-line voltages that it holds for.
    """

    operators: tuple[Array, ...]
    rows: tuple[slice, ...]
    front_end: TransferCurve | None
    neuron: TransferCurve | None
    box: Box

    def sums(self, v_wl: Array, *, extrapolate: bool = False) -> Array:
        """Return the tied outputs of the front ends [V], shape (batch, n_out), for word lines (batch, n_rows) [V]."""
        self.box.check(v_wl, "word lines", extrapolate=extrapolate)
        if self.front_end is None:
            return v_wl @ self.matrix
        curve = self.front_end
        parts = [
            curve(v_wl[:, r] @ op, extrapolate=extrapolate) for r, op in zip(self.rows, self.operators, strict=True)
        ]
        return np.asarray(np.mean(parts, axis=0))

    def activate(self, sums: Array, *, extrapolate: bool = False) -> Array:
        """Return the neurons' outputs [V]."""
        return sums if self.neuron is None else self.neuron(sums, extrapolate=extrapolate)

    @property
    def matrix(self) -> Array:
        """The layer as one matrix, shape (n_rows, n_out); the tie averages the horizontal partitions."""
        return np.concatenate(self.operators) / len(self.operators)


def program_operators(layer: Layer, ports: LinearPorts | None = None) -> tuple[Array, ...]:
    """Compute the exact operator of every tile of a layer, joined along the vertical partitions.

    Parameters
    ----------
    layer : Layer
        Circuit description.
    ports : LinearPorts, optional
        The front end's linear ports, where already known.

    Raises
    ------
    FitError
        The front end or a user's cell is not linear.
    """
    if layer.cell:
        check_cell(layer.cell, float(layer.cells.g_pos.max()))
    ports = ports or linear_ports(layer.front_end.linear)
    joined = [np.empty((b.stop - b.start, layer.n_out)) for b in row_slices(layer)]
    for group in _by_shape(layer):
        cells = [layer.cells.part(block.rows, block.cols) for block in group]
        g_pos, g_neg = np.stack([c.g_pos for c in cells]), np.stack([c.g_neg for c in cells])
        operators = tile_operator(g_pos, g_neg, layer.wire, ports, layer.r_driver)
        for block, operator in zip(group, operators, strict=True):
            joined[block.h][:, block.cols] = operator
    return tuple(joined)


def effective_matrix(layer: Layer) -> Array:
    """Return what a layer with a linear front end does to its word lines, shape (n_rows, n_out) [V/V].

    ``sums = v_wl @ effective_matrix(layer)``: exact, wires, drivers and the front end's loading included, the tied
    horizontal partitions averaged.
    """
    operators = program_operators(layer)
    return np.asarray(np.concatenate(operators) / len(operators))


def output_range(operators: tuple[Array, ...], v_max: float) -> float:
    """Return the largest magnitude [V] that any front end can be asked for with inputs in [0, v_max].

    A bound, not a sample: all positive (or all negative) coefficients of a column at `v_max`.
    """
    bounds = [np.maximum(np.maximum(op, 0).sum(0), np.maximum(-op, 0).sum(0)).max() for op in operators]
    return float(v_max * max(bounds))


def row_slices(layer: Layer) -> tuple[slice, ...]:
    """Return the rows of each horizontal partition."""
    bounds = layer.partition.row_bounds()
    return tuple(slice(a, b) for a, b in pairwise(bounds))


def _by_shape(layer: Layer) -> list[list[Block]]:
    groups: dict[tuple[int, int], list[Block]] = defaultdict(list)
    for block in layer.partition.blocks():
        groups[block.shape].append(block)
    return [g[i : i + _TILES_AT_ONCE] for g in groups.values() for i in range(0, len(g), _TILES_AT_ONCE)]
