"""Compiled code is that of the sources, all of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import aimc_spice.compiled

CALLER = "from pkg.callee import two\nfrom pkg.compiled import compiled\n\n@compiled\ndef run():\n    return two()\n"
CALLEE = "from pkg.compiled import compiled\n\n@compiled\ndef two():\n    return {}\n"
COMMAND = "from pkg.caller import run; import numba; print(run(), numba.config.CACHE_DIR)"


def test_a_change_in_a_called_file_is_not_answered_by_old_code(tmp_path, monkeypatch):
    package = tmp_path / "pkg"
    package.mkdir()
    shutil.copy(aimc_spice.compiled.__file__, package / "compiled.py")
    (package / "__init__.py").touch()
    (package / "caller.py").write_text(CALLER)
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.delenv("PYTHONPATH", raising=False)

    def answer(value: int) -> list[str]:
        (package / "callee.py").write_text(CALLEE.format(value))
        done = subprocess.run([sys.executable, "-c", COMMAND], cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.split()

    first, kept = answer(2)
    os.utime(kept, (0, 0))  # folders that were used lately stay: another process may write there
    assert (first, answer(3)[0], answer(3)[0]) == ("2", "3", "3")
    folders = list((package / "__pycache__").glob("numba-*"))
    assert len(folders) == 1
    assert str(folders[0]) != kept
    assert list(folders[0].rglob("*.nbi"))
