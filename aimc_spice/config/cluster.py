"""What does a cluster file say: which batch system, how many jobs of it?"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from aimc_spice.config.base import PositiveSecond, Table, explain, read_toml
from aimc_spice.errors import ConfigError


class ClusterConfig(Table):
    """A batch system, for `simulate.cluster`: how many jobs of it, and what dask-jobqueue is told about each."""

    scheduler: Literal["slurm", "lsf", "sge", "pbs"]
    jobs: int = Field(default=1, ge=1)
    wait: PositiveSecond = 600.0
    options: dict[str, Any] = Field(default_factory=dict)


def load_cluster(path: Path) -> ClusterConfig:
    """Read a cluster file; raises `ConfigError` where it is not readable or not valid."""
    try:
        return ClusterConfig.model_validate(read_toml(path))
    except ValidationError as bad:
        raise ConfigError(
            f"{path} is not a valid cluster file", cause=explain(bad), hint="see docs/cluster.md"
        ) from bad
