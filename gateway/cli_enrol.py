"""Which commands bring sensors in? ``devices`` lists what is supported, ``scan`` finds what is there,
``commission`` proves that it can alarm.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli_base import (
    DIFFERENT,
    NOT_RUNNING,
    UNREADABLE,
    WRONG,
    ConfigOption,
    JsonOption,
    fail,
    plan,
)
from gateway.words import word

MaybeConfig = Annotated[Path, typer.Option("--config", "-c", help=word("cli.option.scan_config"))]


def scan(
    config: MaybeConfig = Path("config.yaml"),
    mqtt: Annotated[list[str] | None, typer.Option("--mqtt", help=word("cli.option.mqtt"))] = None,
    username: Annotated[str | None, typer.Option(help=word("cli.option.username"))] = None,
    password_file: Annotated[Path | None, typer.Option(help=word("cli.option.password_file"))] = None,
    tls: Annotated[bool, typer.Option("--tls", help=word("cli.option.tls"))] = False,
    ca_file: Annotated[Path | None, typer.Option(help=word("cli.option.ca_file"))] = None,
    port: Annotated[list[str] | None, typer.Option("--port", help=word("cli.option.port"))] = None,
    seconds: Annotated[float, typer.Option(min=1, help=word("cli.option.scan_seconds"))] = 60.0,
    ask: Annotated[bool, typer.Option("--ask", help=word("cli.option.ask"))] = False,
    out: Annotated[Path | None, typer.Option(help=word("cli.option.stanzas"))] = None,
    as_json: JsonOption = False,
) -> None:
    """Listen, say what is there, write ready stanzas."""
    from core.clock import SystemClock
    from gateway.scan import Scan
    from gateway.scan_port import ports
    from gateway.scan_view import View, last_words
    from ingest.errors import SourceError

    known = _configured(config)
    brokers = _brokers(known, mqtt, username, password_file, tls, ca_file)
    listening = Scan(brokers, _ports(port, ports), known, SystemClock(), seconds, ask)
    try:
        with View(listening, quiet=as_json) as view:
            listening.run(view.tick)
    except SourceError as error:
        raise fail(str(error), WRONG) from None
    except KeyboardInterrupt:
        print(word("scan.stopped"), file=sys.stderr)
    result = listening.result()
    for line in last_words(listening, result):
        print(line, file=sys.stderr)
    if not listening.heard_anything and not result.known:
        raise fail(word("scan.nothing_to_hear"), UNREADABLE)
    _write(_text(result, listening, known is None, as_json), out)


def _ports(given: list[str] | None, every: Any) -> list[str]:
    return [] if given == ["none"] else list(every(given or ()))


def _configured(path: Path) -> Any:
    """The configuration, where there is one; a broken one ends the command."""
    from core.config import ConfigError, load

    if not path.exists():
        if path != Path("config.yaml"):
            raise fail(f"{path}: {word('scan.no_config')}", WRONG)
        return None
    try:
        return load(path)[0]
    except ConfigError as error:
        raise fail(str(error), WRONG) from None


def _brokers(
    config: Any,
    given: list[str] | None,
    username: str | None,
    password_file: Path | None,
    tls: bool,
    ca_file: Path | None,
) -> list[Any]:
    """Those named, else those of the configuration, else the one on this machine."""
    from core.config import MqttLinkConfig
    from gateway.scan import Broker

    links = config.links if config is not None else {}
    mine = {n: x for n, x in links.items() if isinstance(x, MqttLinkConfig)}
    if given == ["none"]:
        return []
    if not given:
        if mine:
            return [Broker(n, x, True) for n, x in mine.items()]
        given = ["127.0.0.1:1883"]
    out: list[Any] = []
    for text in given:
        host, colon, number = text.rpartition(":")
        if not colon:
            host, number = text, "8883" if tls else "1883"
        if not number.isdigit() or not 0 < int(number) < 65536 or not host:
            raise fail(word("scan.bad_host").format(given=text), WRONG)
        same = next((n for n, x in mine.items() if (x.host, x.port) == (host, int(number))), "")
        settings = mine[same] if same else MqttLinkConfig(type="mqtt", host=host, port=int(number))
        changed: dict[str, Any] = {"username": username, "password_file": password_file, "ca_file": ca_file}
        changed = {k: v for k, v in changed.items() if v is not None} | ({"tls": True} if tls else {})
        names = {*links, *(b.link for b in out)}
        name = same or next(n for n in ("broker", *(f"broker_{i}" for i in range(2, 99))) if n not in names)
        out.append(Broker(name, settings.model_copy(update=changed), bool(same)))
    return out


def _text(result: Any, listening: Any, whole: bool, as_json: bool) -> str:
    from gateway.scan_stanza import as_json as json_of
    from gateway.scan_stanza import document

    if not as_json:
        head = [word("scan.yaml.head").format(seconds=round(listening.seconds))]
        return document(result.findings, result.links, listening.home.rooms, head, whole)
    rows = [
        {"where": u.where, "why": word(u.why) if u.why.startswith("scan.") else u.why, "detail": u.detail}
        for u in result.unclear
    ]
    made = json_of(result.findings, result.links)
    return (
        json.dumps({**made, "known": sorted(set(result.known)), "unclear": rows}, ensure_ascii=False) + "\n"
    )


def _write(text: str, out: Path | None) -> None:
    if out is None:
        print(text, end="")
        return
    try:
        with out.open("x", encoding="utf-8") as file:  # never over a configuration somebody wrote
            file.write(text)
    except FileExistsError:
        print(text, end="")
        raise fail(word("scan.exists").format(file=out), WRONG) from None
    except OSError as error:
        print(text, end="")
        raise fail(f"{out}: {error.strerror}", WRONG) from None
    print(f"-> {out}", file=sys.stderr)


def commission(
    config: ConfigOption = Path("config.yaml"),
    seconds: Annotated[float, typer.Option(min=0, help=word("cli.option.commission_seconds"))] = 0.0,
    listed: Annotated[bool, typer.Option("--list", help=word("cli.option.list"))] = False,
    as_json: JsonOption = False,
) -> None:
    """Walk through all life-safety sensors until each has alarmed once."""
    from gateway.commission import asked, kept, watch
    from gateway.commission_view import CommissionView, as_rows

    made = plan(config)
    home, folder = made.home, made.state_dir
    try:
        found = asked(home, folder)
    except OSError:
        if not listed and not as_json:
            text = word("commission.no_gateway").format(folder=folder, config=config)
            raise fail(text, NOT_RUNNING) from None
        found = kept(home, folder)
    if as_json:
        print(json.dumps(as_rows(found), ensure_ascii=False))
    else:
        with CommissionView(home, listed) as view:
            view.show(found)
            try:
                if not listed and not all(r.done for r in found):
                    found = watch(lambda: asked(home, folder), view.show, seconds)
            except KeyboardInterrupt:
                pass
            except OSError as error:
                raise fail(f"{word('commission.lost')}: {error}", NOT_RUNNING) from None
        view.last_words(found)
    raise typer.Exit(0 if all(r.done for r in found) else DIFFERENT)


def devices(
    name: Annotated[str, typer.Argument(help=word("cli.argument.device"))] = "",
    as_json: JsonOption = False,
) -> None:
    """What is supported, and how well is it evidenced?"""
    from devices import DRIVERS
    from gateway.devices_view import as_rows, show_all, show_one

    if name and name not in DRIVERS:
        import difflib

        near = difflib.get_close_matches(name, DRIVERS, n=3) or list(DRIVERS)
        raise fail(word("devices.unknown").format(name=name, near=", ".join(near)), WRONG)
    chosen = [DRIVERS[name]] if name else list(DRIVERS.values())
    if as_json:
        print(json.dumps(as_rows(chosen), ensure_ascii=False))
    elif name:
        show_one(DRIVERS[name])
    else:
        show_all(chosen)


def add(app: typer.Typer) -> None:
    """Register them."""
    app.command(help=word("cli.devices"))(devices)
    app.command(help=word("cli.scan"))(scan)
    app.command(help=word("cli.commission"))(commission)
