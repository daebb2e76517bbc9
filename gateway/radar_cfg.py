"""Where does a radar's configuration come from? From its own file, as its maker's tools write it.

``options: {cfg_file: walk.cfg}`` of a TI radar names a file beside the configuration (or an absolute path).
It is read once, when the plan is made, so that ``hearthwatch check`` tells a mistake in it with its line,
and the driver is given its lines as option ``cfg``, without comments and blank lines.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core.config import Config, ConfigError, Document
from core.model import Home, Sensor
from devices import DRIVERS
from devices.ti_mmwave import COMMENTS

LONGEST_LINE = 256  # the command line of the demos takes no longer one
MOST_LINES = 400


def with_files(home: Home, config: Config, document: Document) -> Home:
    """The home whose sensors have the lines of their files. Raises ConfigError."""
    sensors: dict[str, Sensor] = dict(home.sensors)
    for name, sensor in home.sensors.items():
        given = sensor.options.get("cfg_file")
        spec = DRIVERS.get(sensor.device)
        if not given or spec is None or "cfg_file" not in spec.options:
            continue
        at = ("sensors", name, "options", "cfg_file")
        if not isinstance(given, str):
            raise document.error(at, f"must be the name of a file (it says {given!r})")
        if sensor.options.get("cfg"):
            raise document.error(at, "stands beside cfg; keep one of the two")
        path = Path(document.file).parent / given
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise document.error(at, f"{path} cannot be read: {error.strerror}; name the .cfg file") from None
        except UnicodeDecodeError:
            raise document.error(at, f"{path} is not text; name the .cfg file, not the firmware") from None
        lines = _lines(path, text)
        if not any(line.split()[0] == "sensorStart" for line in lines):
            raise document.error(at, f"{path} has no line sensorStart: the radar would stay silent")
        options = {k: v for k, v in sensor.options.items() if k != "cfg_file"}
        sensors[name] = replace(sensor, options={**options, "cfg": lines})
    return replace(home, sensors=sensors)


def _lines(path: Path, text: str) -> list[str]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith(COMMENTS):
            continue
        if not line.isascii() or not line.isprintable():
            raise ConfigError(str(path), number, (), f"is not plain text: {line[:40]!r}; retype the line")
        if len(line) > LONGEST_LINE:
            raise ConfigError(str(path), number, (), f"is longer than {LONGEST_LINE} characters")
        found.append(line)
        if len(found) > MOST_LINES:
            raise ConfigError(str(path), number, (), f"has more than {MOST_LINES} lines; is it a .cfg file?")
    return found
