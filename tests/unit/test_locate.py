"""Where ngspice is looked for, on folders made here."""

from __future__ import annotations

from pathlib import Path

import pytest

from aimc_spice.errors import SimulatorNotFound
from aimc_spice.simulate import find_ngspice, locate, open_simulator
from fake import fake_ngspice


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch, tmp_path):
    """Nothing is installed; the working folder is empty."""
    for name in ("CONDA_PREFIX", "HOMEBREW_PREFIX", locate.VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(locate.shutil, "which", lambda name: None)
    monkeypatch.setattr(locate, "_BREW", ())
    monkeypatch.setattr(locate, "__file__", str(tmp_path / "far/aimc_spice/simulate/locate.py"))
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")


def test_nowhere_says_where_it_looked_and_how_to_install():
    with pytest.raises(SimulatorNotFound, match=r"(?s)\.tools/ngspice.*apt-get install") as caught:
        find_ngspice()
    assert "no ngspice on this machine" in caught.value.what


def test_switched_off_by_name(monkeypatch):
    monkeypatch.setenv(locate.VARIABLE, "none")
    with pytest.raises(SimulatorNotFound, match="switched off"):
        find_ngspice()


@pytest.mark.parametrize("wish", ["bin/ngspice", "bin", "."])
def test_the_variable_names_a_program_or_a_folder(monkeypatch, tmp_path, wish):
    program = fake_ngspice(tmp_path, "exit 1")
    monkeypatch.setenv(locate.VARIABLE, str(tmp_path / wish))
    found = find_ngspice()
    assert (found.path, found.version, found.has_klu) == (program, 46, True)
    assert found.library is None
    assert found.command == str(program)


def test_a_wrong_wish_is_an_error_even_where_another_ngspice_exists(monkeypatch, tmp_path):
    fake_ngspice(tmp_path / "empty/.tools/ngspice/usr", "exit 1")
    monkeypatch.setenv(locate.VARIABLE, str(tmp_path / "not_there"))
    with pytest.raises(SimulatorNotFound, match="not_there"):
        find_ngspice()


def test_the_unpacked_packages_below_the_working_folder_are_found(tmp_path):
    prefix = tmp_path / "empty/.tools/ngspice/usr"
    program = fake_ngspice(prefix, "exit 1", banner="** ngspice-39 : Circuit level simulation program")
    library = prefix / "lib/x86_64-linux-gnu/libngspice.so.0"
    (prefix / "share/ngspice/scripts").mkdir(parents=True)
    (prefix / "share/ngspice/scripts/spinit").touch()
    library.parent.mkdir(parents=True)
    library.touch()
    found = find_ngspice()
    assert (found.path, found.version, found.solver, found.library) == (program, 39, "Sparse 1.3", library)
    assert found.environment["SPICE_LIB_DIR"] == str(prefix / "share/ngspice")
    assert found.environment["LD_LIBRARY_PATH"].split(":")[0] == str(library.parent)


def test_conda_is_found(monkeypatch, tmp_path):
    program = fake_ngspice(tmp_path / "conda", "exit 1")
    monkeypatch.setenv("CONDA_PREFIX", str(tmp_path / "conda"))
    assert find_ngspice().path == program


def test_a_program_that_does_not_run_is_named(monkeypatch, tmp_path):
    program = fake_ngspice(tmp_path, "exit 1", banner="libfftw3.so.3: cannot open shared object file")
    monkeypatch.setenv(locate.VARIABLE, str(program))
    with pytest.raises(SimulatorNotFound, match="does not run") as caught:
        find_ngspice()
    assert "libfftw3.so.3" in caught.value.cause


def test_an_unchanged_program_is_asked_once(monkeypatch, tmp_path):
    program = fake_ngspice(tmp_path, "exit 1")
    program.write_text(program.read_text().replace("cat <<EOF", f"echo x >> {tmp_path / 'calls'}\ncat <<EOF"))
    monkeypatch.setenv(locate.VARIABLE, str(program))
    assert [find_ngspice().version for _ in range(3)] == [46, 46, 46]
    assert Path(tmp_path / "calls").read_text() == "x\n"


def test_without_the_library_the_plain_program_is_offered(monkeypatch, tmp_path):
    monkeypatch.setenv(locate.VARIABLE, str(fake_ngspice(tmp_path, "exit 1")))
    with pytest.raises(SimulatorNotFound, match=r'open_simulator\("batch"\)'):
        open_simulator("shared")
    open_simulator("batch").close()
