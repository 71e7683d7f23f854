"""What value has a parameter in an instance?

One idea: values are arrays over all instances that are made together. Names are looked up as in ngspice: what the
instance line sets, then ``.param`` and defaults of its body, then the instance around it, and so on to the top level.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.body import Array, Body, Scalar
from aimc_spice.netlist.expression import Expression, Value
from aimc_spice.netlist.names import Names


class Scope:
    """Values of the parameters of some instances of one body.

    Parameters
    ----------
    body : Body
        Whose parameters.
    given : dict of str to ndarray (n_instances,)
        What the instance lines set.
    outer : Scope, optional
        Parameters of the instances around; each holds `n_lines` of these instances.
    """

    def __init__(self, body: Body, given: dict[str, Array], outer: Scope | None = None, n_lines: int = 1) -> None:
        self._body, self._known, self._outer, self._n_lines = body, dict[str, Value](given), outer, n_lines
        self._open: set[str] = set()

    def look(self, name: str) -> Value:
        """Return the value of a parameter, a float or an array over the instances."""
        if name not in self._known:
            self._known[name] = self._work_out(name)
        return self._known[name]

    def value(self, scalar: Scalar) -> Value:
        """Return the value of a number or an expression."""
        return scalar.evaluate(self.look) if isinstance(scalar, Expression) else np.float64(scalar)

    def _work_out(self, name: str) -> Value:
        own = {**self._body.defaults, **self._body.params}
        if name in own:
            if name in self._open:
                raise NetlistError(f"parameter {name} is defined by itself")
            self._open.add(name)
            return self.value(own[name])
        if self._outer is None:
            known = ", ".join(sorted(own)) or "none"
            raise NetlistError(f"parameter {name} is not defined", hint=f"top-level parameters: {known}")
        outer = self._outer.look(name)
        return np.repeat(outer, self._n_lines) if np.ndim(outer) else outer


@contextmanager
def told(body: Body, names: Names) -> Iterator[None]:
    """Say in which subcircuit, and among which elements, an expression could not be evaluated."""
    try:
        yield
    except NetlistError as bad:
        if bad.where:
            raise
        last = f" … {names[len(names) - 1]}" if len(names) > 1 else ""
        place = f"subcircuit {body.name}" if body.name else "top level"
        where = f"{place}, among {names[0]}{last}"
        raise NetlistError(bad.what, where=where, cause=bad.cause, hint=bad.hint) from bad.__cause__
