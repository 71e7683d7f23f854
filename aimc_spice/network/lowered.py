"""Which products does a step of a network ask for? One, a few for each time step, or one of two activations.

One idea: a `Lowered` step computes everything itself but its products, which it asks for one `Call` at a time; who
answers decides whether they are exact, run on tiles, are compared, or only noted. It knows no tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import NetworkError
from aimc_spice.network.product import Convolution, Dense

Array = NDArray[Any]
TWO_FACTORS = ("MatMul", "Gemm")


@dataclass(frozen=True)
class Call:
    """A product that a step asks for.

    Parameters
    ----------
    part : str
        Name of the layer that holds the matrix.
    x : ndarray
        What is multiplied, samples first.
    matrix : ndarray, shape (…, K, N), or None
        The other factor where it is an activation, too.
    turn, n_turns : int
        The how many-th of how many calls of this part, which follow one another.
    """

    part: str
    x: Array
    matrix: Array | None = None
    turn: int = 0
    n_turns: int = 1


Multiply = Callable[[Call], Array]


class Lowered(Protocol):
    """A step with products."""

    @property
    def parts(self) -> Mapping[str, Dense | Convolution | None]:
        """Name of each layer → its constant product; None where both factors are activations."""
        ...

    def run(self, inputs: list[Any], multiply: Multiply) -> tuple[Any, ...]:
        """Return the outputs of the step."""
        ...

    def macs(self, inputs: list[Any]) -> int:
        """Return how many multiplications with a weight these inputs ask for."""
        ...


@dataclass(frozen=True)
class Single:
    """A step that is one product with a constant."""

    name: str
    product: Dense | Convolution

    @property
    def parts(self) -> Mapping[str, Dense | Convolution | None]:
        """The one product, under the name of the step."""
        return {self.name: self.product}

    def run(self, inputs: list[Any], multiply: Multiply) -> tuple[Any, ...]:
        """Return the product."""
        return (multiply(Call(self.name, moving_input(self.product, inputs))),)

    def macs(self, inputs: list[Any]) -> int:
        """Rows of the input times weights."""
        return self.product.rows_of(moving_input(self.product, inputs).shape) * self.product.n_weights


def moving_input(product: Dense | Convolution, inputs: list[Any]) -> Array:
    """Return the input of a step that is not its constant."""
    left = isinstance(product, Dense) and product.left
    return np.asarray(inputs[1] if left else inputs[0])


@dataclass(frozen=True)
class TwoActivations:
    """A step that multiplies two activations: MatMul, or Gemm with its factor and its addend."""

    name: str
    alpha: float = 1.0
    beta: float = 1.0
    trans_a: bool = False
    trans_b: bool = False

    @property
    def parts(self) -> Mapping[str, Dense | Convolution | None]:
        """The step itself, without a constant."""
        return {self.name: None}

    def run(self, inputs: list[Any], multiply: Multiply) -> tuple[Any, ...]:
        """Return the product."""
        y = multiply(Call(self.name, *self._factors(inputs)))
        if self.alpha != 1:
            y = y * y.dtype.type(self.alpha)
        c = inputs[2] if len(inputs) > 2 else None
        return (y if c is None else y + c * y.dtype.type(self.beta),)

    def macs(self, inputs: list[Any]) -> int:
        """Rows times both sizes of the matrix, for every leading axis."""
        a, b = self._factors(inputs)
        return int(np.prod(a.shape)) * int(b.shape[-1])

    def _factors(self, inputs: list[Any]) -> tuple[Array, Array]:
        """Return both factors with the same leading axes."""
        a = np.swapaxes(inputs[0], -1, -2) if self.trans_a else inputs[0]
        b = np.swapaxes(inputs[1], -1, -2) if self.trans_b else inputs[1]
        lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        return np.broadcast_to(a, (*lead, *a.shape[-2:])), np.broadcast_to(b, (*lead, *b.shape[-2:]))


def two_activations(op: str, name: str, attributes: dict[str, Any], inputs: list[Any]) -> TwoActivations:
    """Read a step whose factors are both computed.

    Raises
    ------
    NetworkError
        A factor that is a vector.
    """
    if min(np.ndim(v) for v in inputs[:2]) < 2:
        raise NetworkError(f"{op}: a factor is a vector, wanted matrices to write into tiles", where=f"node {name}")
    if op == "MatMul":
        return TwoActivations(name)
    alpha, beta = attributes.get("alpha", 1.0), attributes.get("beta", 1.0)
    return TwoActivations(name, alpha, beta, bool(attributes.get("transA", 0)), bool(attributes.get("transB", 0)))


def exact(product: Dense | Convolution | None, call: Call) -> Array:
    """Answer a call of a dense product digitally, or multiply two activations."""
    if product is None:
        return np.asarray(call.x @ call.matrix)
    if not isinstance(product, Dense) or product.left:
        raise NetworkError(f"{call.part} is no plain dense product")
    y = call.x @ product.matrix
    return np.asarray(y if product.bias is None else y + product.bias)
