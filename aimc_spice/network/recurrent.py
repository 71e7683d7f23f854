"""How does a recurrent cell run on tiles? ``W x`` of all time steps at once, ``R h`` step by step, gates digital.

One idea: RNN, GRU and LSTM differ in a function of one time step (`_rnn`, `_gru`, `_lstm`); around it, directions,
lengths, initial states and layouts are the same. Matrices are `Dense` products, one pair for each direction: ``…/W``
holds the input weights of all gates side by side, ``…/R`` those of the state; a GRU that resets its state before the
product has ``…/R_h`` for that part. Peepholes are elementwise, so digital. The definition is that of ONNX; parameters
of activations are consumed in order by those that have them, as in onnxruntime.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import NetworkError
from aimc_spice.network.lowered import Call, Multiply, exact
from aimc_spice.network.product import Convolution, Dense

Array = NDArray[Any]
Act = Callable[[Array], Array]
_ACTS: dict[str, tuple[dict[str, float], Callable[..., Array]]] = {
    "affine": ({"alpha": 1.0, "beta": 0.0}, lambda x, alpha, beta: alpha * x + beta),
    "elu": ({"alpha": 1.0}, lambda x, alpha: np.where(x >= 0, x, alpha * np.expm1(np.minimum(x, 0)))),
    "hardsigmoid": ({"alpha": 0.2, "beta": 0.5}, lambda x, alpha, beta: np.clip(alpha * x + beta, 0, 1)),
    "leakyrelu": ({"alpha": 0.01}, lambda x, alpha: np.where(x >= 0, x, alpha * x)),
    "relu": ({}, lambda x: np.maximum(x, 0)),
    "scaledtanh": ({"alpha": 1.0, "beta": 1.0}, lambda x, alpha, beta: alpha * np.tanh(beta * x)),
    "sigmoid": ({}, lambda x: 0.5 * np.tanh(0.5 * x) + 0.5),
    "softplus": ({}, lambda x: np.logaddexp(x, 0)),
    "softsign": ({}, lambda x: x / (1 + np.abs(x))),
    "tanh": ({}, np.tanh),
    "thresholdedrelu": ({"alpha": 1.0}, lambda x, alpha: np.where(x >= alpha, x, 0)),
}
_GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
_DEFAULT = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}
RECURRENT = tuple(_GATES)


@dataclass(frozen=True)
class Direction:
    """One direction of a cell: its name, its activations, and whether it reads from the end."""

    name: str
    acts: tuple[Act, ...]
    backward: bool


@dataclass(frozen=True)
class Recurrent:
    """A recurrent step.

    Parameters
    ----------
    op : {"RNN", "GRU", "LSTM"}
    directions : tuple of Direction
    parts : dict
        Name → product; see the head of this file.
    n_hidden : int
    clip : float
        Of what goes into the gates' activations; infinite where there is none.
    batch_first, reset_after, coupled : bool
        Attributes layout, linear_before_reset and input_forget.
    """

    op: str
    directions: tuple[Direction, ...]
    parts: Mapping[str, Dense | Convolution | None]
    n_hidden: int
    clip: float
    batch_first: bool
    reset_after: bool
    coupled: bool

    def run(self, inputs: list[Any], multiply: Multiply) -> tuple[Any, ...]:
        """Return all states, the last state, and of an LSTM the last cell state."""
        x, lens, *starts, peepholes = (_at(inputs, k) for k in (0, 4, 5, 6, 7))
        x = x if self.batch_first else np.swapaxes(x, 0, 1)
        lens = np.full(len(x), x.shape[1]) if lens is None else np.asarray(lens)
        found = []
        for d, direction in enumerate(self.directions):
            p = None if peepholes is None else peepholes[d]
            found.append(self._one(direction, x, lens, [self._start(s, d, x) for s in starts], p, multiply))
        y = np.stack([states for states, _ in found], axis=2)  # samples, time, direction, hidden
        n_kept = 2 if self.op == "LSTM" else 1
        ends = [np.stack([end[k] for _, end in found], axis=1) for k in range(n_kept)]
        if not self.batch_first:
            y, ends = np.moveaxis(y, 0, 2), [np.swapaxes(end, 0, 1) for end in ends]
        return tuple(np.ascontiguousarray(v, dtype=x.dtype) for v in (y, *ends))

    def macs(self, inputs: list[Any]) -> int:
        """Every time step of every sample, whatever its length."""
        return int(np.prod(inputs[0].shape[:2])) * sum(p.n_weights for p in self.parts.values() if p is not None)

    def _start(self, given: Array | None, d: int, x: Array) -> Array:
        if given is None:
            return np.zeros((len(x), self.n_hidden), x.dtype)
        return given[:, d] if self.batch_first else given[d]

    def _one(
        self, direction: Direction, x: Array, lens: Array, starts: list[Array], p: Array | None, multiply: Multiply
    ) -> tuple[Array, tuple[Array, ...]]:
        """Return states (samples, time, hidden) of one direction and those after the last step."""
        n, n_turns = x.shape[:2]
        order = _order(lens, n_turns, direction.backward)
        u = np.take_along_axis(multiply(Call(f"{direction.name}/W", x)), order, axis=1)
        state, y = tuple(starts), np.zeros((n, n_turns, self.n_hidden), x.dtype)
        for turn in range(n_turns):

            def times(part: str, v: Array, turn: int = turn) -> Array:
                return multiply(Call(f"{direction.name}/{part}", v, None, turn, n_turns))

            alive = (turn < lens)[:, None]
            new = _CELLS[self.op](self, direction.acts, u[:, turn], state, times, p)
            y[:, turn] = np.where(alive, new[0], 0)
            state = tuple(np.where(alive, a, b) for a, b in zip(new, state, strict=False))
        return np.take_along_axis(y, order, axis=1), state

    def clipped(self, v: Array) -> Array:
        """Limit what goes into an activation."""
        return v if self.clip == np.inf else np.clip(v, -self.clip, self.clip)


def _at(inputs: list[Any], k: int) -> Any:
    return inputs[k] if k < len(inputs) else None


def _order(lens: Array, n_turns: int, backward: bool) -> Array:
    """Return which time each turn reads, (samples, turns, 1): backward from the last one of each sample's length."""
    turn = np.arange(n_turns)
    last = lens[:, None] - 1
    order = np.where(turn <= last, last - turn, turn) if backward else np.tile(turn, (len(lens), 1))
    return np.asarray(order[..., None])


_Times = Callable[[str, Array], Array]
_State = tuple[Array, ...]


def _rnn(cell: Recurrent, acts: tuple[Act, ...], u: Array, state: _State, times: _Times, _p: Array | None) -> _State:
    return (acts[0](cell.clipped(u + times("R", state[0]))),)


def _gru(cell: Recurrent, acts: tuple[Act, ...], u: Array, state: _State, times: _Times, _p: Array | None) -> _State:
    (f, g), n, h = acts, cell.n_hidden, state[0]
    v = times("R", h)
    z, r = (f(cell.clipped(u[:, k : k + n] + v[:, k : k + n])) for k in (0, n))
    own = r * v[:, 2 * n :] if cell.reset_after else times("R_h", r * h)
    new = g(cell.clipped(u[:, 2 * n :] + own))
    return ((1 - z) * new + z * h,)


def _lstm(cell: Recurrent, acts: tuple[Act, ...], u: Array, state: _State, times: _Times, p: Array | None) -> _State:
    (f, g, h), (hidden, c) = acts, state
    i, o, keep, new = np.split(u + times("R", hidden), 4, axis=1)
    p_i, p_o, p_f = (0, 0, 0) if p is None else np.split(p, 3)
    i = f(cell.clipped(i + p_i * c))
    keep = 1 - i if cell.coupled else f(cell.clipped(keep + p_f * c))
    c = keep * c + i * g(cell.clipped(new))
    return f(cell.clipped(o + p_o * c)) * h(c), c


_CELLS = {"RNN": _rnn, "GRU": _gru, "LSTM": _lstm}


def recurrent_of(op: str, name: str, attributes: dict[str, Any], inputs: list[Any]) -> Recurrent:
    """Read a recurrent step whose W, R and B (inputs 1 to 3) are known.

    Raises
    ------
    NetworkError
        An unknown direction or activation; arrays whose shapes do not fit.
    """
    w, r, b = (_at(inputs, k) for k in (1, 2, 3))
    _check(op, name, attributes, w, r, b)
    directions = tuple(_directions(op, name, attributes))
    reset_after = bool(attributes.get("linear_before_reset", 0))
    if len(w) != len(directions):
        raise NetworkError(f"{op}: got W {w.shape} for {len(directions)} directions", where=f"node {name}")
    parts: dict[str, Dense | Convolution | None] = {}
    for d, direction in enumerate(directions):
        bias = np.zeros(2 * w.shape[1], w.dtype) if b is None else b[d]
        parts |= _products(op, direction.name, w[d], r[d], bias, reset_after=reset_after)
    return Recurrent(
        op, directions, parts, r.shape[-1], float(attributes.get("clip", np.inf)), bool(attributes.get("layout", 0)),
        reset_after, bool(attributes.get("input_forget", 0)),
    )  # fmt: skip


def _check(op: str, name: str, attributes: dict[str, Any], w: Array, r: Array, b: Array | None) -> None:
    n, hidden = _GATES[op], r.shape[-1]
    fits = w.ndim == r.ndim == 3 and w.shape[:2] == r.shape[:2] == (len(w), n * hidden)
    if not fits or attributes.get("hidden_size", hidden) != hidden or (b is not None and b.shape[-1] != 2 * n * hidden):
        shapes = f"W {w.shape}, R {r.shape}, B {None if b is None else b.shape}"
        raise NetworkError(
            f"{op}: got {shapes} with hidden_size = {attributes.get('hidden_size')}",
            where=f"node {name}",
            hint=f"wanted W (directions, {n} hidden_size, n_in), R (directions, {n} hidden_size, hidden_size)",
        )


def _products(op: str, name: str, w: Array, r: Array, b: Array, *, reset_after: bool) -> dict[str, Dense]:
    """Return the matrices of one direction; biases go to W, but for one that the reset gate scales."""
    b_w, b_r = np.split(b, 2)
    if op != "GRU":
        return {f"{name}/W": Dense(w.T, b_w + b_r), f"{name}/R": Dense(r.T)}
    gates = 2 * r.shape[-1]
    if reset_after:
        later = np.concatenate([np.zeros(gates, b.dtype), b_r[gates:]])
        return {f"{name}/W": Dense(w.T, b_w + b_r - later), f"{name}/R": Dense(r.T, later)}
    return {f"{name}/W": Dense(w.T, b_w + b_r), f"{name}/R": Dense(r[:gates].T), f"{name}/R_h": Dense(r[gates:].T)}


def _directions(op: str, name: str, attributes: dict[str, Any]) -> Iterator[Direction]:
    kind = attributes.get("direction", "forward")
    if kind not in {"forward", "reverse", "bidirectional"}:
        raise NetworkError(f"{op}: direction {kind!r} is unknown", where=f"node {name}")
    both = kind == "bidirectional"
    wanted = _DEFAULT[op] * (2 if both else 1)
    names = [n.decode() if isinstance(n, bytes) else n for n in attributes.get("activations") or wanted]
    if len(names) != len(wanted):
        raise NetworkError(f"{op}: got {len(names)} activations, wanted {len(wanted)}", where=f"node {name}")
    acts = list(_activations(names, attributes, f"node {name}"))
    n = len(_DEFAULT[op])
    for d, direction in enumerate(("forward", "reverse") if both else (kind,)):
        yield Direction(f"{name}/{direction}" if both else name, tuple(acts[d * n : d * n + n]), direction == "reverse")


def _activations(names: list[str], attributes: dict[str, Any], where: str) -> Iterator[Act]:
    given = {key: iter(attributes.get(f"activation_{key}") or []) for key in ("alpha", "beta")}
    for name in names:
        if name.lower() not in _ACTS:
            raise NetworkError(f"activation {name!r} is unknown", where=where, hint=f"known: {', '.join(_ACTS)}")
        defaults, act = _ACTS[name.lower()]
        yield partial(act, **{key: next(given[key], value) for key, value in defaults.items()})


def run_digitally(op: str, name: str, attributes: dict[str, Any]) -> Callable[..., tuple[Any, ...]]:
    """Return the step as a function of its inputs."""

    def run(*inputs: Any) -> tuple[Any, ...]:
        step = recurrent_of(op, name, attributes, list(inputs))
        return step.run(list(inputs), lambda call: exact(step.parts[call.part], call))

    return run
