"""By which name is a serial adapter found after a reboot or a moved plug? udev rules with names of ours.

Each serial link gets ``/dev/hearthwatch/<link>``. What tells the adapter apart is taken from its configured
by-id or by-path name, or, for ``/dev/ttyUSB0`` and the like, from the adapter that is plugged in now.
Cheap adapters share one serial number; those are told apart by the socket they are in.
"""

from __future__ import annotations

import re
from pathlib import Path

from core.config import SerialLinkConfig
from gateway.build import Plan
from gateway.install_files import File

_BY_ID = re.compile(r"^usb-(?P<serial>.+)-if(?P<interface>[0-9a-f]{2})(-port\d+)?$")
_HEAD = """\
# Written by `hearthwatch install`: names that survive a reboot, /dev/hearthwatch/<link>.
# After a change: udevadm control --reload && udevadm trigger --subsystem-match=tty
"""
_ALL = 'SUBSYSTEM=="tty", SUBSYSTEMS=="usb", GROUP="dialout", MODE="0660", ENV{ID_MM_DEVICE_IGNORE}="1"\n'


def rules(plan: Plan, root: Path) -> tuple[File, list[str]]:
    """The rules, and the links whose adapter could not be told apart."""
    lines, unknown = [_HEAD, _ALL], []
    for name, link in plan.config.links.items():
        if not isinstance(link, SerialLinkConfig):
            continue
        match = _match(link.port, root)
        if match is None:
            unknown.append(name)
            lines.append(f"# {name}: {link.port} is not plugged in; plug it in and run install again\n")
        else:
            lines.append(f'SUBSYSTEM=="tty", {match}, SYMLINK+="hearthwatch/{name}"\n')
    return File("/etc/udev/rules.d/60-hearthwatch.rules", "".join(lines)), unknown


def _match(port: str, root: Path) -> str | None:
    path = Path(port)
    if path.parent.name == "by-path":
        place = re.sub(r"-port\d+$", "", path.name)
        return f'ENV{{ID_PATH}}=="{_plain(place)}"'
    if path.parent.name == "by-id":
        found = _BY_ID.match(path.name)
        if found is None:
            return None
        serial, interface = _plain(found["serial"]), found["interface"]
        return f'ENV{{ID_SERIAL}}=="{serial}", ENV{{ID_USB_INTERFACE_NUM}}=="{interface}"'
    # a bare ttyUSB0: which socket is it in at this moment?
    folder = root / "dev/serial/by-path"
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        if entry.resolve().name == path.name:
            return _match(f"/dev/serial/by-path/{entry.name}", root)
    return None


def _plain(text: str) -> str:
    """Quotes and wildcards of udev's own language are made to match any one character."""
    return re.sub(r'["\\*?\[\]|$%]', "?", text)
