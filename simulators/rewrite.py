"""Which configuration fits a played scenario? The given one, with only what is played and where it hangs.

Comments and order of the file are kept. Links get the real endpoints, sensors that are not played go (a
sensor that never speaks would rightly be reported silent), the state folder lies beside the new file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.model import Home
from simulators.scenario import Scenario

Endpoint = tuple[str, int] | str
"""Host and port of a broker, or the name of a serial port."""

_NOT_ON_LOOPBACK = ("username", "password_file", "tls", "ca_file", "insecure")


def write_config(
    source: Path, target: Path, scenario: Scenario, home: Home, endpoints: Mapping[str, Endpoint]
) -> None:
    """Write ``source`` to ``target`` for the sensors of ``home`` (see ``simulators.home.played``).

    ``endpoints`` maps links; those not in it stay as they are. Folders are made as needed.
    """
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt", pure=True)
    yaml.width = 4096
    data: Any = yaml.load(source.read_text(encoding="utf-8"))
    used = {s.link for s in home.sensors.values()}
    for name in [n for n in data["sensors"] if n not in home.sensors]:
        del data["sensors"][name]
    for name in [n for n in data["links"] if n not in used]:
        del data["links"][name]
    for name, endpoint in endpoints.items():
        link = data["links"].get(name)
        if link is None:
            continue
        if isinstance(endpoint, str):
            link["port"] = endpoint
        else:
            link["host"], link["port"] = endpoint
            for key in _NOT_ON_LOOPBACK:
                link.pop(key, None)
    if scenario.time_zone:
        data["home"]["time_zone"] = scenario.time_zone
    if endpoints:
        data.setdefault("store", {})["state_dir"] = str(target.parent.resolve() / "state")
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", encoding="utf-8") as file:
        yaml.dump(data, file)
