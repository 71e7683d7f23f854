"""The accuracies that the README states are computed again, from the shipped weights and studies."""

import re
from pathlib import Path

import pytest

from aimc_spice.config import load_study
from aimc_spice.dataset import Store
from aimc_spice.dataset.bench import Bench
from aimc_spice.pipeline import evaluate
from aimc_spice.share import share
from aimc_spice.simulate import SimulatorPool

pytestmark = pytest.mark.ngspice
README = Path(__file__).parents[2] / "README.md"


def stated(section):
    """Accuracy by surrogate of every choice, from the Markdown table below a heading."""
    text = README.read_text(encoding="utf-8").split(f"## {section}\n", 1)[1].split("\n## ", 1)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    heads = [cell.replace("**best**", "").strip() for cell in rows[0][1:]]
    values = next(row for row in rows if row[0] == "accuracy, surrogate")[1:]
    return dict(zip(heads, (float(value.rstrip("%")) / 100 for value in values), strict=True))


def computed(study, names, folder):
    with SimulatorPool(1, timeout_s=120, runs_dir=folder / "runs") as pool:
        bench = Bench(pool, Store(folder / "store"))
        return {name: evaluate(study, study.choice(name), bench)[0].accuracy for name in names}


def test_accuracies_of_the_demo(tmp_path):
    wanted = stated("What the demo shows")
    study = load_study(share("calibration", "studies", "demo.toml"))
    assert list(wanted) == [choice.name for choice in study.choices]
    # one image of 360 may tip on another machine's last digit
    assert computed(study, wanted, tmp_path) == pytest.approx(wanted, abs=1.01 / 360)


@pytest.mark.mnist
def test_accuracies_on_mnist(tmp_path):
    study = load_study(share("calibration", "studies", "mnist.toml"))
    wanted = stated("The same on MNIST")
    assert list(wanted) == [choice.name for choice in study.choices]
    assert computed(study, wanted, tmp_path) == pytest.approx(wanted, abs=5e-4)


def test_python_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL).group(1)
    exec(compile(code, "README", "exec"), {})  # noqa: S102  our own README
    error = float(re.search(r"is (\S+) V from ngspice", capsys.readouterr().out).group(1))
    assert error < 1e-12
