"""Does the house still stand as designed? What a test can hold of the design, beside import-linter."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("core", "devices", "ingest", "detectors", "alerts", "store", "gateway", "simulators")
SOURCES = sorted(p for name in PACKAGES for p in (ROOT / name).rglob("*.py"))
LINES_LIMIT = 400
CLOCK_CALLS = {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "now", "utcnow", "today"}


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=_id)
def test_a_file_holds_one_idea(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LINES_LIMIT, f"{_id(path)} has {lines} lines: which second idea lives in it?"


@pytest.mark.parametrize("path", SOURCES, ids=_id)
def test_every_module_says_what_it_answers(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{_id(path)} has no docstring"


def _calls(path: Path) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            base = node.func.value
            name = base.id if isinstance(base, ast.Name) else getattr(base, "attr", "")
            found.append((node.lineno, f"{name}.{node.func.attr}"))
    return found


PURE = [p for p in SOURCES if p.relative_to(ROOT).parts[0] in ("devices", "detectors")]
PURE += [ROOT / "gateway" / n for n in ("pipeline.py", "lane.py", "guard.py", "routes.py", "commands.py")]


@pytest.mark.parametrize("path", PURE, ids=_id)
def test_the_middle_is_pure(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for line, call in _calls(path):
        module, _, name = call.partition(".")
        assert not (module in ("time", "datetime", "date") and name in CLOCK_CALLS), (
            f"{_id(path)}:{line} reads a clock with {call}; time comes in as an argument"
        )
        assert module not in ("random", "secrets", "socket", "subprocess"), f"{_id(path)}:{line}: {call}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("open", "print", "input"), f"{_id(path)}:{node.lineno}: I/O"


CLOCK_EXEMPT = {"core/clock.py", "simulators/cli.py"}  # a simulator stands for the world, which has a clock


@pytest.mark.parametrize("path", [p for p in SOURCES if _id(p) not in CLOCK_EXEMPT], ids=_id)
def test_only_the_clock_reads_the_wall_clock(path: Path) -> None:
    for line, call in _calls(path):
        assert call not in ("time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "date.today"), (
            f"{_id(path)}:{line} reads the wall clock with {call}; take a core.clock.Clock"
        )


def test_tree_is_the_designed_one() -> None:
    for name in (*PACKAGES, "bench", "docs/decisions", "tests"):
        assert (ROOT / name).is_dir(), f"{name}/ is missing"
    for name in (
        "README.md",
        "README.zh-CN.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "LICENSE",
        "Makefile",
        "pyproject.toml",
        "config.yaml",
    ):
        assert (ROOT / name).is_file(), f"{name} is missing"


def test_requirements_are_pinned_and_name_no_host() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        for line in path.read_text().splitlines():
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            assert "://" not in line, f"{path.name}: {line}"
            assert re.match(r"^[a-zA-Z0-9_.-]+(\[[a-z,]+\])?==", line), f"{path.name}: {line} is not pinned"


def test_registries_are_keyed_by_their_own_names() -> None:
    from detectors import DETECTORS
    from devices import DRIVERS

    assert DRIVERS
    assert DETECTORS
    assert all(name == spec.name for name, spec in DRIVERS.items())
    assert all(name == spec.name for name, spec in DETECTORS.items())
    kinds = [k for spec in DETECTORS.values() for k in spec.kinds]
    prompt = {k for s in DETECTORS.values() if s.prompt for k in s.kinds}
    patient = {k for s in DETECTORS.values() if not s.prompt for k in s.kinds}
    assert kinds
    assert not prompt & patient, "one kind of event must come from one lane, or its order is not defined"


def test_the_example_configuration_is_whole() -> None:
    from gateway.build import plan

    made = plan(ROOT / "config.yaml")
    assert made.drivers
    assert made.detectors
    assert made.channels
