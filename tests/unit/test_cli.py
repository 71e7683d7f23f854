"""How commands end: exit codes, one message, no traceback unless asked for."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from aimc_spice import __version__, cli
from aimc_spice.errors import ConfigError
from aimc_spice.simulate import doctor


def run(*arguments):
    return CliRunner().invoke(cli.app, list(arguments))


@pytest.fixture
def diagnosis(monkeypatch):
    """Let the doctor answer what a test says: an exception is raised, a finding is shown."""

    def answer(outcome):
        def examine():
            if isinstance(outcome, BaseException):
                raise outcome
            return doctor.Diagnosis((outcome,))

        monkeypatch.setattr(doctor, "examine", examine)

    return answer


def test_an_error_of_ours_is_its_text(diagnosis):
    diagnosis(ConfigError("g_on: got 0 S, wanted above zero", where="x.toml", hint="g_on = [100 uS]"))
    done = run("doctor")
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "ConfigError: g_on: got 0 S, wanted above zero",
        "  where  x.toml",
        "  try    g_on = [100 uS]",
    ]


def test_debug_shows_the_traceback(diagnosis):
    diagnosis(ConfigError("wrong"))
    done = run("--debug", "doctor")
    assert done.exit_code == 2
    assert "Traceback" in done.stderr


def test_an_interrupt_says_how_to_go_on(diagnosis):
    diagnosis(KeyboardInterrupt())
    done = run("doctor")
    assert done.exit_code == 130
    assert done.stderr == "stopped; run the same command to resume\n"


def test_a_bug_is_not_hidden(diagnosis):
    diagnosis(ZeroDivisionError())
    assert isinstance(run("doctor").exception, ZeroDivisionError)


@pytest.mark.parametrize(
    ("state", "code", "word"), [("ok", 0, "usable"), ("note", 0, "usable"), ("missing", 1, "not usable")]
)
def test_the_doctor_ends_with_a_verdict(diagnosis, state, code, word):
    diagnosis(doctor.Finding("part [x]", "found [y]", state, "do this [z]"))
    done = run("doctor")
    assert done.exit_code == code
    assert done.stdout.splitlines()[-1] == word
    assert "part [x]" in done.stdout
    assert "found [y]" in done.stdout
    assert "part [x]: do this [z]" in done.stdout


def test_an_unknown_command_is_refused():
    assert run("docter").exit_code == 2


def test_version():
    assert run("--version").stdout == f"aimc-spice {__version__}\n"
