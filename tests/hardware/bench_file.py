"""What hangs on the bench, and where? ``bench.yaml``: one entry a device, checked with path and line.

See ``docs/how-to/bench.example.yaml``. Every mistake is one sentence that says where it is and what to do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from core.config import ConfigError, read
from core.model import Mounting, Sensor
from devices import DRIVERS

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Range = tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class BenchDevice(_Strict):
    """One real device: what it is, on which port, and what a person at the bench can do."""

    device: str
    port: str = Field(min_length=1)
    command_port: str = ""  # a TI radar's second port
    baud: int | None = Field(default=None, ge=300, le=4_000_000)
    height_m: float | None = Field(default=None, gt=0, le=10)
    options: dict[str, Any] = Field(default_factory=dict)
    frames_per_s: Range | None = None  # instead of the data sheet's
    refused_share: float = Field(default=0.01, gt=0, le=1)
    unplug: bool = False  # somebody is there to pull the plug and put it back
    stimuli: bool = False  # somebody is there to walk, blow test gas, press a test button

    def sensor(self, name: str) -> Sensor:
        """The device as an enrolled sensor."""
        options = dict(self.options) | ({"command_link": f"{name}-command"} if self.command_port else {})
        mounting = Mounting(height_m=self.height_m)
        return Sensor(name, self.device, name, mounting=mounting, options=options)


class Bench(_Strict):
    """The whole bench."""

    devices: dict[Id, BenchDevice] = Field(min_length=1)


def load(path: Path) -> Bench:
    """The checked bench. Raises ConfigError with file, line, path and one sentence."""
    document = read(path)
    bench: Bench = document.validate(Bench, document.data)
    ports: dict[str, str] = {}
    for name, entry in bench.devices.items():
        where = ("devices", name)
        spec = DRIVERS.get(entry.device)
        if spec is None or spec.transport != "serial":
            known = ", ".join(s.name for s in DRIVERS.values() if s.transport == "serial")
            raise document.error((*where, "device"), f"no serial device {entry.device!r}; there are {known}")
        for option in entry.options:
            if option not in spec.options:
                known = ", ".join(sorted(spec.options)) or "none"
                raise document.error(
                    (*where, "options", option), f"{entry.device} has not this option: {known}"
                )
        if entry.command_port and "command_link" not in spec.options:
            raise document.error((*where, "command_port"), f"{entry.device} has no command port")
        for key in ("port", "command_port"):
            port = getattr(entry, key)
            if port and port in ports:
                raise document.error(
                    (*where, key), f"{ports[port]} hangs on {port} too; one port, one device"
                )
            if port:
                ports[port] = name
        if entry.frames_per_s and entry.frames_per_s[0] > entry.frames_per_s[1]:
            raise document.error((*where, "frames_per_s"), "the lower figure comes first")
        try:
            spec.make([entry.sensor(name)])
        except ValueError as error:
            raise document.error((*where, "options"), str(error)) from None
    return bench


__all__ = ["Bench", "BenchDevice", "ConfigError", "load"]
