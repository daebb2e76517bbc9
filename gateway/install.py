"""How does this home become a service? Unit, broker settings, names of adapters, into a root folder.

Says of each file what became of it, keeps what it replaces as ``.bak``, and tells what is left to do by
hand. Run twice it changes nothing. Passwords are made once, lie in files of their own and are never shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from gateway.build import Plan
from gateway.install_broker import GATEWAY, SECRETS, access, acl, local_links, passwords, settings
from gateway.install_files import File, Step, put
from gateway.install_udev import rules
from gateway.install_unit import CONFIG, STATE, unit, user
from gateway.words import word


@dataclass(slots=True)
class Installation:
    """Which files, and which links need a look?"""

    files: list[File]
    users: list[str] = field(default_factory=list)
    unknown_ports: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


def prepare(plan: Plan, config: Path, root: Path, program: str = "") -> Installation:
    """Everything that would be written. Raises OSError where ``config`` cannot be read."""
    files = [unit(plan, program), user()]
    files.append(File(CONFIG, config.read_text(encoding="utf-8"), 0o640, once=True, group="hearthwatch"))
    made = Installation(files)
    if plan.lines:
        table, made.unknown_ports = rules(plan, root)
        files.append(table)
    if local_links(plan):
        users = access(plan)
        hashes, plain = passwords(root, users)
        files += [settings(plan), acl(plan, users), hashes, *plain]
        made.users = list(users)
    return made


def install(made: Installation, root: Path) -> None:
    """Write them. Raises OSError; what was written until then stays and stands in ``steps``."""
    for file in made.files:
        made.steps.append(put(root, file))


def told(made: Installation, plan: Plan) -> list[str]:
    """What was done, for people; then what to do next."""
    out = []
    for step in made.steps:
        form = word(f"cli.install.{step.done}")
        out.append(form.format(path=step.file.path, backup=step.backup))
    return [*out, "", word("cli.install.next"), *(f"  {line}" for line in next_steps(made, plan))]


def next_steps(made: Installation, plan: Plan) -> list[str]:
    """What is left to a person, in order."""
    out = [word("cli.install.next.user")]
    if not plan.state_dir.is_absolute():
        out.append(word("cli.install.next.state").format(config=CONFIG, state=f"{STATE}/{plan.state_dir}"))
    broker = next(iter(local_links(plan).items()), None)
    if broker is not None:
        name, link = broker
        if link.username != GATEWAY or link.password_file is None:
            file = f"{SECRETS}/{GATEWAY}.password"
            out.append(
                word("cli.install.next.login").format(link=name, user=GATEWAY, file=file, config=CONFIG)
            )
        others = ", ".join(u for u in made.users if u != GATEWAY)
        if others:
            out.append(word("cli.install.next.users").format(users=others, folder=SECRETS))
        out.append(word("cli.install.next.broker"))
    if plan.lines:
        out.append(word("cli.install.next.udev"))
    if made.unknown_ports:
        out.append(word("cli.install.next.ports").format(links=", ".join(made.unknown_ports)))
    return [*out, word("cli.install.next.start"), word("cli.install.next.drill")]


def shown(made: Installation) -> str:
    """All files as text, secrets left out."""
    out = []
    for file in made.files:
        body = word("cli.install.secret") if file.secret else file.content.rstrip("\n")
        out.append(f"# ---- {file.path} ({file.mode:04o})\n{body}\n")
    return "\n".join(out)
