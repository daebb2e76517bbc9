"""What happens between an emulated device and the pseudo-terminal it hangs on? A wire that may be bad.

:class:`Line` joins a device, its port (or two) and a :class:`Trouble`: bits flip, bytes are lost or doubled,
the far end listens at another speed, the wire is held back, or the plug is pulled in the middle of a
frame. Time is passed in: a test drives it in lock-step with a clock of its own, the command in real time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.model import SECOND, Packet
from simulators.device import EmulatedDevice
from simulators.faults import Damage, noisy
from simulators.prng import Prng
from simulators.pty import PseudoPort
from simulators.uart import received


@dataclass(slots=True)
class Trouble:
    """What is wrong with the line? May be changed while it runs; nothing is wrong by default.

    ``stall_s`` and ``unplug_s`` are (begin, length) in seconds since the line began.
    """

    flip_per_bit: float = 0.0
    one_flip: float = 0.0  # probability that a piece has exactly one bit flipped
    lose_per_byte: float = 0.0
    double_per_byte: float = 0.0
    baud: int | None = None  # the speed the device really talks at
    mute: bool = False  # the data wire is off: nothing arrives, and nothing is kept
    stall_s: tuple[float, float] | None = None
    unplug_s: tuple[float, float] | None = None
    seed: int = 1


_NUMBERS = {"flip": "flip_per_bit", "one": "one_flip", "lose": "lose_per_byte", "double": "double_per_byte"}


def parse_trouble(text: str) -> Trouble:
    """Words as a person types them. Raises ValueError saying what is not understood.

    >>> parse_trouble("flip=1e-4,unplug=30/5").unplug_s
    (30.0, 5.0)
    """
    trouble = Trouble()
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, _, value = part.partition("=")
        try:
            if name in _NUMBERS and 0 <= float(value) <= 1:
                setattr(trouble, _NUMBERS[name], float(value))
            elif name in ("baud", "seed") and int(value) > 0:
                setattr(trouble, name, int(value))
            elif name in ("stall", "unplug"):
                begin, length = (float(v) for v in value.split("/"))
                setattr(trouble, f"{name}_s", (begin, length))
            else:
                raise ValueError
        except ValueError:
            raise ValueError(
                f"{part!r} is no fault; write flip=1e-4, one=0.1, lose=0.001, double=0.001 (probabilities), "
                "baud=9600, seed=7, stall=20/5 or unplug=30/10 (begin/length in seconds)"
            ) from None
    return trouble


class Line:
    """One emulated device on its port. Use as a context, and call :meth:`turn` often."""

    def __init__(
        self,
        device: EmulatedDevice,
        link: Path | None = None,
        trouble: Trouble | None = None,
        start: int = 0,
    ) -> None:
        self.device, self.trouble, self.damage = device, trouble or Trouble(), Damage()
        self.port = PseudoPort(link, device.baud)
        self.command: PseudoPort | None = None
        if device.command_port:
            name = link.with_name(link.name + "-command") if link else None
            self.command = PseudoPort(name, 115200)
        self._start = start
        self._chance = Prng(self.trouble.seed).fork("line", device.sensor.device)
        self._held: list[bytes] = []
        self._pulled = False
        self.heard = 0  # bytes the host wrote

    @property
    def ports(self) -> tuple[PseudoPort, ...]:
        """Its ports: data, and commands if they have one of their own."""
        return (self.port,) if self.command is None else (self.port, self.command)

    def turn(self, t: int) -> None:
        """Everything up to ``t`` (ns): hear, answer, report, stall, unplug and replug."""
        if self._away(t):
            return
        for port in self.ports:
            asked = port.read()
            if asked:
                self.heard += len(asked)
                commands = self.command is None or port is self.command
                if commands:
                    self._send(self.device.hear(self._through(asked, port, out=False), t), port)
        for piece in self.device.says(t):
            if self._within(self.trouble.stall_s, t):
                self._held.append(piece)
            else:
                self._release()
                self._send(piece, self.port)
        if not self._within(self.trouble.stall_s, t):
            self._release()

    def unplug(self, t: int) -> None:
        """Pull the plug now, in the middle of a frame where the device has one to say."""
        whole = b"".join(self.device.frames(t=t))
        self._send(whole[: len(whole) // 2], self.port)
        for port in self.ports:
            port.unplug()
        self._held.clear()

    def replug(self, t: int) -> None:
        """Put it back; the device has been without power."""
        for port in self.ports:
            port.plug()
        self.device.power(t)

    def close(self) -> None:
        """Take the ports away."""
        for port in self.ports:
            port.close()

    def _away(self, t: int) -> bool:
        due = self._within(self.trouble.unplug_s, t)
        if due and not self._pulled:
            self.unplug(t)
        elif self._pulled and not due:
            self.replug(t)
        self._pulled = due
        return not self.port.plugged

    def _within(self, span: tuple[float, float] | None, t: int) -> bool:
        return span is not None and span[0] <= (t - self._start) / SECOND < span[0] + span[1]

    def _release(self) -> None:
        held, self._held = self._held, []
        for piece in held:
            self._send(piece, self.port)

    def _send(self, data: bytes, port: PseudoPort) -> None:
        if data and not self.trouble.mute:
            port.write(self._through(data, port, out=True))

    def _through(self, data: bytes, port: PseudoPort, out: bool) -> bytes:
        trouble = self.trouble
        data = b"".join(p.data for p in self._noise([Packet("", "", 0, data)]))
        if trouble.one_flip and data and self._chance.chance(trouble.one_flip):
            spot, bit = self._chance.below(len(data)), 1 << self._chance.below(8)
            data = data[:spot] + bytes([data[spot] ^ bit]) + data[spot + 1 :]
            self.damage.flipped += 1
        if port is self.port:
            ours, theirs = trouble.baud or self.device.baud, port.speed or self.device.baud
            data = received(data, ours, theirs) if out else received(data, theirs, ours)
        return data

    def _noise(self, packets: Iterable[Packet]) -> Iterable[Packet]:
        trouble = self.trouble
        if not (trouble.flip_per_bit or trouble.lose_per_byte or trouble.double_per_byte):
            return packets
        return noisy(
            packets,
            self._chance,
            self.damage,
            flip_per_bit=trouble.flip_per_bit,
            lose_per_byte=trouble.lose_per_byte,
            double_per_byte=trouble.double_per_byte,
        )

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()
