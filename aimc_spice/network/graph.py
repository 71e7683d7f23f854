"""What is a network? Steps in order, constants by name, inputs and outputs: read from ONNX.

One idea: every operation is run by the onnx package's own reference implementation, so any operator and opset that
onnx runs is there; a few slow ones have fast paths (`fast`). What depends on constants alone is computed once;
values are dropped as soon as nothing needs them. It knows no tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from aimc_spice.errors import NetworkError
from aimc_spice.network.fast import fast_path
from aimc_spice.network.recurrent import RECURRENT, run_digitally

Values = dict[str, Any]
_RANDOM = {
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
    "Multinomial",
    "Bernoulli",
    "Dropout",
}


@dataclass(frozen=True)
class Step:
    """One operation.

    Parameters
    ----------
    name, op : str
        Of the node, and its type.
    inputs, outputs : tuple of str
        Names of values; "" is an input that is left out.
    attributes : dict
        As in the file, with Python values.
    run : callable
        Takes input values and all values by name (for subgraphs), returns output values.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    run: Callable[[list[Any], Values], Iterable[Any]]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Port:
    """An input or output: its name and shape, with names for sizes that are not fixed."""

    name: str
    shape: tuple[int | str, ...]
    dtype: Any = np.float32


@dataclass(frozen=True)
class Network:
    """A network as steps.

    Parameters
    ----------
    name : str
        For reports.
    steps : tuple of Step
        In an order that can be run.
    constants : dict
        Weights and what follows from them alone.
    inputs : tuple of Port
        The first axis of each is the batch.
    outputs : tuple of str
        Names.
    """

    name: str
    steps: tuple[Step, ...]
    constants: Values
    inputs: tuple[Port, ...]
    outputs: tuple[str, ...]
    opset: int = field(default=0)

    def run(
        self,
        feeds: Values,
        instead: Mapping[str, Callable[[list[Any]], Iterable[Any]]] | None = None,
        watch: Callable[[Step, list[Any], list[Any]], None] | None = None,
    ) -> list[Any]:
        """Run on inputs by name; `instead` replaces steps by name, `watch` sees each step's inputs and outputs.

        Raises
        ------
        NetworkError
            A step failed: named, with its shapes.
        """
        values: Values = {"": None, **self.constants, **feeds}
        for index, step in enumerate(self.steps):
            inputs = [values[name] for name in step.inputs]
            found = list(_attempt(step, inputs, values, (instead or {}).get(step.name)))
            if watch is not None:
                watch(step, inputs, found)
            values.update(_named(step.outputs, found))
            for name in self._last_use.get(index, ()):
                values.pop(name, None)
        return [values[name] for name in self.outputs]

    @cached_property
    def _last_use(self) -> dict[int, list[str]]:
        used: dict[str, int] = {}
        for index, step in enumerate(self.steps):
            used.update(dict.fromkeys((*step.inputs, *step.needs, *step.outputs), index))
        kept = {"", *self.constants, *self.outputs}
        ends: dict[int, list[str]] = {}
        for name, index in used.items():
            if name not in kept:
                ends.setdefault(index, []).append(name)
        return ends


def _named(names: tuple[str, ...], values: Iterable[Any]) -> Values:
    """Return outputs by name; one that is left out has none, and stays no input of anything."""
    return {name: value for name, value in zip(names, values, strict=False) if name}


def _attempt(
    step: Step, inputs: list[Any], values: Values, instead: Callable[[list[Any]], Iterable[Any]] | None
) -> Any:
    try:
        return step.run(inputs, values) if instead is None else instead(inputs)
    except NetworkError:
        raise
    except Exception as bad:  # the reference operators raise anything
        shapes = ", ".join(str(np.shape(v)) for v in inputs if v is not None)
        raise NetworkError(
            f"{step.op} failed on inputs of shape {shapes}",
            where=f"node {step.name}",
            cause=f"{type(bad).__name__}: {bad}",
        ) from bad


def read_onnx(source: Path | str | bytes | onnx.ModelProto, name: str = "") -> Network:
    """Read an ONNX model: a file, its bytes, or a model.

    Raises
    ------
    NetworkError
        Not a model; an operator that is not supported (named, with its node); a weight that is not finite.
    """
    model = _model(source)
    check_supported(model)
    evaluator = _evaluator(model)
    title = name or (Path(source).stem if isinstance(source, (str, Path)) else model.graph.name) or "network"
    constants = dict(evaluator.rt_inits_)
    _check_finite(constants)
    opset = {d.domain: d.version for d in model.opset_import}.get("", 1)
    names = _unique(model.graph.node)
    steps = tuple(
        _step(node, run, one, opset)
        for node, run, one in zip(model.graph.node, evaluator.rt_nodes_, names, strict=True)
    )
    _forget_weights(evaluator)
    inputs = tuple(_port(i) for i in model.graph.input if i.name not in constants)
    outputs = tuple(o.name for o in model.graph.output)
    return _folded(Network(title, steps, constants, inputs, outputs, opset))


def _forget_weights(evaluator: ReferenceEvaluator) -> None:
    """Let go of the model: nodes get messages of their own, as any part of a message keeps all of it, and no log."""
    for run in evaluator.rt_nodes_:
        own = onnx.NodeProto()
        own.CopyFrom(run.onnx_node)
        run.onnx_node = own
        run.run_params["log"] = _say_nothing  # else the evaluator, and with it the model


def _say_nothing(pattern: str, *arguments: Any) -> None:
    """Take the place of the evaluator's log, which is silent as well."""


def _model(source: Path | str | bytes | onnx.ModelProto) -> onnx.ModelProto:
    if isinstance(source, onnx.ModelProto):
        return source
    try:
        model = onnx.load_from_string(source) if isinstance(source, bytes) else onnx.load(str(source))
    except OSError:
        raise
    except Exception as bad:  # protobuf raises its own
        raise NetworkError(
            f"{source if not isinstance(source, bytes) else 'bytes'} is no ONNX model", cause=str(bad)
        ) from bad
    if not model.graph.output:
        raise NetworkError(
            f"{source if not isinstance(source, bytes) else 'bytes'} is no ONNX model", cause="it has no outputs"
        )
    return model


def _evaluator(model: onnx.ModelProto) -> ReferenceEvaluator:
    try:
        return ReferenceEvaluator(model, new_ops=_cells())
    except Exception:  # noqa: BLE001  some operators ask for the types of their inputs; a second failure is the real one
        try:
            return ReferenceEvaluator(onnx.shape_inference.infer_shapes(model), new_ops=_cells())
        except Exception as bad:
            raise NetworkError("the model cannot be run", cause=f"{type(bad).__name__}: {bad}") from bad


@cache
def _cells() -> list[type[OpRun]]:
    """Return recurrent cells of our own: the reference leaves out lengths, clipping and most activations."""

    def run(self: Any, *inputs: Any, **_: Any) -> tuple[Any, ...]:
        node = self.onnx_node
        found = run_digitally(node.op_type, node.name, _attributes(node))(*inputs)
        return found[: len(node.output)]

    return [type(op, (OpRun,), {"op_domain": "", "_run": run}) for op in RECURRENT]


@cache
def supported() -> tuple[str, ...]:
    """Return the names of all operators that can be run."""
    from onnx.reference.ops import _op_list  # noqa: PLC0415  half a second, needed for messages alone

    plain = {name.rsplit("_", 1)[0] if name.rsplit("_", 1)[-1].isdigit() else name for name in _op_list.__all__}
    made = ("has_function", "has_context_dependent_function")
    functions = {s.name for s in onnx.defs.get_all_schemas() if s.domain == "" and any(getattr(s, m) for m in made)}
    return tuple(sorted((plain | functions) - {"load_op"}))


def check_supported(model: onnx.ModelProto) -> None:
    """Raise `NetworkError` for the first node that nothing here can run."""
    own = {(f.domain, f.name) for f in model.functions}
    for node in model.graph.node:
        known_domain = node.domain in {"", "ai.onnx"} and node.op_type in supported()
        if not (known_domain or (node.domain, node.op_type) in own or node.domain.startswith("ai.onnx.")):
            raise NetworkError(
                f"operator {node.op_type!r} of domain {node.domain or 'ai.onnx'!r} is not supported",
                where=f"node {node.name or '(no name)'}, output {', '.join(node.output)}",
                hint=f"export with standard operators; supported: {', '.join(supported())}",
            )


def _check_finite(constants: Values) -> None:
    for name, value in constants.items():
        if (
            isinstance(value, np.ndarray)
            and value.dtype.kind == "f"
            and value.ndim > 1
            and not np.isfinite(value).all()
        ):
            bad = int(np.count_nonzero(~np.isfinite(value)))
            raise NetworkError(f"weight {name!r} of shape {value.shape} has {bad} values that are not finite")


def _unique(nodes: Iterable[onnx.NodeProto]) -> list[str]:
    """Return a name for each node, its own where it has one that no other has."""
    seen: dict[str, int] = {}
    names = []
    for node in nodes:
        base = node.name or f"{node.op_type}_{next((o for o in node.output if o), '')}"
        seen[base] = seen.get(base, 0) + 1
        names.append(base if seen[base] == 1 else f"{base}#{seen[base]}")
    return names


def _step(node: onnx.NodeProto, reference: Any, name: str, opset: int) -> Step:
    attributes = _attributes(node)
    fast = fast_path(node.op_type, attributes, opset, len(node.output)) if node.domain in {"", "ai.onnx"} else None
    needs = tuple({i for a in node.attribute for g in _graphs(a) for n in g.node for i in n.input})
    run = _by_reference(reference) if fast is None else _by_fast_path(fast)
    return Step(name, node.op_type, tuple(node.input), tuple(node.output), attributes, run, needs)


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    found = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute if not a.ref_attr_name}
    return {k: v.decode() if isinstance(v, bytes) else v for k, v in found.items()}


def fast_step(
    name: str, op: str, inputs: tuple[str, ...], outputs: tuple[str, ...], attributes: dict[str, Any], opset: int
) -> Step:
    """Return a step that has a fast path."""
    fast = fast_path(op, attributes, opset, len(outputs))
    if fast is None:
        raise NetworkError(f"{op} has no fast path", where=f"node {name}")
    return Step(name, op, inputs, outputs, attributes, _by_fast_path(fast))


def _graphs(attribute: onnx.AttributeProto) -> Iterable[onnx.GraphProto]:
    return [attribute.g] if attribute.HasField("g") else attribute.graphs


def _by_reference(node: Any) -> Callable[[list[Any], Values], Iterable[Any]]:
    if node.need_context():
        return lambda inputs, values: node.run(*inputs, context=values)
    return lambda inputs, _: node.run(*inputs)


def _by_fast_path(fast: Callable[..., Any]) -> Callable[[list[Any], Values], Iterable[Any]]:
    def run(inputs: list[Any], _: Values) -> Iterable[Any]:
        found = fast(*inputs)
        return found if isinstance(found, tuple) else (found,)

    return run


def _port(info: onnx.ValueInfoProto) -> Port:
    kind = info.type.tensor_type
    dims = tuple(
        d.dim_value if d.HasField("dim_value") else d.dim_param or f"?{i}" for i, d in enumerate(kind.shape.dim)
    )
    return Port(info.name, dims, onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type or 1))


def _folded(network: Network) -> Network:
    """Compute what depends on constants alone, then drop constants that nothing reads."""
    constants, steps = dict(network.constants), []
    for step in network.steps:
        ready = all(not i or i in constants for i in (*step.inputs, *step.needs))
        if ready and step.op not in _RANDOM:
            values = {"": None, **constants}
            constants.update(_named(step.outputs, _attempt(step, [values[i] for i in step.inputs], values, None)))
        else:
            steps.append(step)
    used = {i for step in steps for i in (*step.inputs, *step.needs)} | set(network.outputs)
    kept = {name: value for name, value in constants.items() if name in used}
    return replace(network, steps=tuple(steps), constants=kept)
