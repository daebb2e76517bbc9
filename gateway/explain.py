"""What would run with this configuration? The readable and the JSON answer of ``hearthwatch check``."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from alerts.severity import judge
from core.config import MqttLinkConfig
from gateway import explain_falls
from gateway.build import Plan, make_pipeline, topics
from gateway.rule_words import sentences
from gateway.timelines import EXAMPLES, explain_people, ladder
from gateway.words import language


def explain_json(plan: Plan) -> dict[str, Any]:
    """The graph as data."""
    pipeline = make_pipeline(plan)
    pairs = list(pipeline.drivers)
    return {
        "home": plan.home.id,
        "links": {
            name: (
                {"type": "mqtt", "at": f"{link.host}:{link.port}", "topics": topics(plan, name, pairs)}
                if isinstance(link, MqttLinkConfig)
                else {"type": "serial", "at": link.port, "baud": plan.lines[name].baud}
                if name in plan.lines
                else {"type": "serial", "at": link.port, "unused": True}
            )
            for name, link in plan.config.links.items()
        },
        "sensors": {
            s.id: {"device": s.device, "link": s.link, "room": s.room, "kind": s.kind}
            for s in plan.home.sensors.values()
        },
        "detectors": {
            d.spec.name: {
                "question": d.spec.question,
                "settings": asdict(d.params),
                "kinds": list(d.spec.kinds),
                "prompt": d.spec.prompt,
            }
            for d in plan.detectors
        },
        "falls": {
            s.id: facts
            for d in plan.detectors
            if d.spec.name == "fall"
            for s in plan.home.sensors.values()
            if (facts := explain_falls.assumed(s, d.params)) is not None
        },
        "channels": {c.name: {"type": c.type, "from_severity": c.from_severity} for c in plan.channels},
        "timelines": {
            kind: [
                {"after_s": r.after_s, "to": list(r.to), "ask": r.ask, "every_s": r.every_s}
                for r in ladder(plan, kind, judge(kind, {"stage": stage} if stage else {}))
            ]
            for kind, stage in EXAMPLES
        },
        "store": {
            "state_dir": str(plan.state_dir),
            "influx": plan.config.store.influx.url if plan.config.store.influx else None,
        },
    }


def explain(plan: Plan) -> str:
    """The graph as text: links and sensors, detectors with the settings that differ, channels, stores."""
    said = explain_json(plan)
    out = [f"home {said['home']} ({plan.home.zone}, {plan.home.language})"]
    for name, link in said["links"].items():
        count = sum(1 for s in said["sensors"].values() if s["link"] == name)
        more = f", {link['baud']} baud" if "baud" in link else ""
        out.append(f"  link {name}: {link['type']} {link['at']}{more}, {count} sensors")
        for sensor, facts in said["sensors"].items():
            if facts["link"] == name:
                used = f" as {facts['kind']}" if facts["kind"] else ""
                out.append(f"    {sensor}: {facts['device']}{used} in {facts['room'] or 'no room'}")
    for detector in plan.detectors:
        default = detector.spec.params()
        changed = [
            f"{f.name}={getattr(detector.params, f.name)}"
            for f in fields(detector.params)
            if getattr(detector.params, f.name) != getattr(default, f.name) and f.name != "rules"
        ]
        lane = "at once" if detector.spec.prompt else "after the lateness allowance"
        settings = f" [{', '.join(changed)}]" if changed else ""
        out.append(f"  detector {detector.spec.name}: {detector.spec.question} ({lane}){settings}")
        if detector.spec.name == "fall":
            radars = [explain_falls.line(s, detector.params) for s in plan.home.sensors.values()]
            out += [f"    {said}" for said in radars if said]
        if detector.spec.name == "family":
            out += [f"    {said_so}" for said_so in sentences(detector.params.rules, plan.home, language())]
    for name, channel in said["channels"].items():
        out.append(f"  channel {name}: {channel['type']}, from {channel['from_severity']} on")
    out += explain_people(plan, language())
    if not said["channels"]:
        out.append("  NO CHANNEL: alerts are kept but nobody is told; add one under channels")
    out.append(f"  state in {said['store']['state_dir']}")
    if said["store"]["influx"]:
        out.append(f"  copies to InfluxDB at {said['store']['influx']}")
    return "\n".join(out)
