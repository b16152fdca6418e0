"""Options and fixtures that all tests share."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import hypothesis
import pytest

# How fast an example is says something about the machine, not about the code.
hypothesis.settings.register_profile(
    "orobuild",
    deadline=None,
    suppress_health_check=(hypothesis.HealthCheck.too_slow,),
    print_blob=True,
)
hypothesis.settings.load_profile("orobuild")

ROOT = Path(__file__).resolve().parents[1]


def _find_rustup_home() -> None:
    """Let rustup's `rustc` find its toolchains, which it looks for below HOME, under another HOME."""
    rustc = shutil.which("rustc")
    if rustc is not None and "RUSTUP_HOME" not in os.environ:
        home = Path(rustc).parent.parent.with_name(".rustup")
        if home.is_dir():
            os.environ["RUSTUP_HOME"] = str(home)


_find_rustup_home()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run the long tests too")
    parser.addoption(
        "--profile", default="release", help="the profile in which the kernel's own tests build it"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--full"):
        return
    long = [item for item in items if item.get_closest_marker("full")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if not item.get_closest_marker("full")]


MATRICES = {
    "boot matrix": ("firmware", "medium", "as", "cores", "result"),
    "machine matrix": ("machine", "processor", "cores", "MiB", "result"),
}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The matrices as tables: tests record their rows, on whichever worker they run."""
    for matrix, titles in MATRICES.items():
        rows = [
            value
            for outcome in ("passed", "failed")
            for report in terminalreporter.stats.get(outcome, ())
            for name, value in report.user_properties
            if name == matrix
        ]
        if not rows:
            continue
        terminalreporter.section(matrix)
        for row in (titles, ("---",) * len(titles), *sorted(map(tuple, rows), key=repr)):
            terminalreporter.write_line(f"| {' | '.join(map(str, row))} |")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def build_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build cache of all that a run builds, for all workers: kernel and loaders take seconds.

    With its second parent as XDG_CACHE_HOME, `orobuild image` uses it too.
    """
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    cache = shared / "cache" / "orobuild" / "loaders"
    cache.mkdir(parents=True, exist_ok=True)
    return cache


@pytest.fixture(scope="session")
def profile(pytestconfig: pytest.Config) -> str:
    """The profile to build the kernel in."""
    return str(pytestconfig.getoption("--profile"))


@pytest.fixture(scope="session")
def tool():
    """Finds a program; a missing one fails the test that needs it, never skips it."""

    def find(name: str) -> str:
        path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
        assert path, f"{name} is not installed; `python3 build.py test` installs it"
        return path

    return find
