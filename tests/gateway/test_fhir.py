"""The clinic's bundles against the FHIR models (R4B, whose Observation and DetectedIssue are those of R4)."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from alerts.answers import noted
from alerts.outbox import Outbox
from core.clock import ManualClock
from core.config import SamplesConfig
from core.model import DAY, HOUR, MINUTE, AlertState, Block, Resident, Severity
from core.quantity import Quantity
from gateway.cli import app
from gateway.fhir import ENTRIES, Clinic, bundles
from store.reader import SampleReader
from store.sqlite import SampleStore
from tests.alerts.making import HOME, alert
from tests.gateway.kept import home_at

run = CliRunner().invoke
T0 = 20_000 * DAY
R4 = {  # element names of FHIR 4.0.1, for what we emit: R4B or R5 names must not slip in
    "Bundle": {"resourceType", "id", "type", "entry"},
    "Patient": {"resourceType", "id", "identifier", "name", "birthDate"},
    "Observation": {
        "resourceType", "id", "identifier", "status", "category", "code", "subject", "effectiveDateTime",
        "effectivePeriod", "issued", "valueBoolean", "valueQuantity", "dataAbsentReason", "note", "method", "device",
    },
    "DetectedIssue": {
        "resourceType", "id", "identifier", "status", "code", "severity", "patient", "identifiedDateTime", "author",
        "implicated", "evidence", "detail", "mitigation",
    },
}  # fmt: skip


def check(bundle: dict[str, Any]) -> None:
    """Is it valid, does everything it refers to by urn stand in it, and is nothing of a later FHIR in it?"""
    models = pytest.importorskip("fhir.resources.R4B", reason="fhir.resources is not installed")
    made = models.get_fhir_model_class("Bundle").model_validate(json.loads(json.dumps(bundle)))
    assert made.type == "collection"
    urls = [e["fullUrl"] for e in bundle["entry"]]
    assert len(urls) == len(set(urls))
    assert all(re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", u) for u in urls)
    references = re.findall(r'"reference": "([^"]+)"', json.dumps(bundle))
    assert set(references) <= set(urls)
    for entry in bundle["entry"]:
        resource = entry["resource"]
        assert set(resource) <= R4[resource["resourceType"]]
        models.get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        assert re.fullmatch(r"[A-Za-z0-9.-]{1,64}", resource["id"])


def of(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == kind]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = home_at(tmp_path)
    said = [noted("take", "Li", 5), noted("false_alarm", "Li", 9, "sat down hard")]
    box = Outbox(tmp_path / "state" / "alerts.db")
    box.write(
        [
            alert(1, kind="fall"),
            alert(
                1,
                2,
                kind="fall",
                state=AlertState.CLEARED,
                evidence={"closed": "false_alarm", "answers": said},
            ),
            alert(2, kind="gas"),
            alert(3, kind="inactivity", severity=Severity.WARNING, state=AlertState.ACKNOWLEDGED),
            alert(4, kind="battery_low", severity=Severity.TROUBLE),
            alert(5, kind="smoke", evidence={"test": True}),
        ]
    )
    box.close()
    store = SampleStore(
        tmp_path / "state" / "samples.db", SamplesConfig(thin_s=1), ManualClock(T0 + 5 * HOUR)
    )
    store.keep_raw(T0 - 1, T0 + 10 * HOUR)
    times = [T0 + i * MINUTE for i in range(120)]
    store.write(
        [Block.build("radar", Quantity.HEART_RATE_BPM, times, [60.0 + i % 3 for i in range(120)], [0] * 120)]
    )
    store.write([Block.build("radar", Quantity.BREATH_RATE_BPM, times[:60], [0.0] * 60, [0] * 60)])
    store.write([Block.build("radar", Quantity.CO_PPM, times, [0.0] * 120, [0] * 120)])
    store.close()
    return path


def exported(config: Path, *options: str) -> list[dict[str, Any]]:
    out = config.parent / "out"
    said = run(app, ["export", str(out), "-c", str(config), "--format", "fhir", *options])
    assert said.exit_code == 0, said.output
    return [json.loads(p.read_text()) for p in sorted(out.glob("fhir-*.json"))]


def test_alerts_become_pairs_of_observation_and_issue(config: Path) -> None:
    (bundle,) = exported(config, "--what", "alerts")
    check(bundle)
    seen, issues = of(bundle, "Observation"), of(bundle, "DetectedIssue")
    assert len(seen) == len(issues) == 3  # no drill, no equipment
    fall = next(o for o in seen if o["code"].get("coding"))
    assert fall["code"]["coding"][0]["code"] == "217082002"
    assert fall["status"] == "entered-in-error"
    assert {i["severity"] for i in issues} == {"high", "moderate"}
    assert {i["status"] for i in issues} == {"entered-in-error", "preliminary", "final"}
    wrong = next(i for i in issues if "mitigation" in i)
    assert [m["action"]["text"] for m in wrong["mitigation"]] == ["take", "false_alarm (sat down hard)"]
    assert {i["evidence"][0]["detail"][0]["reference"] for i in issues} == {
        e["fullUrl"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Observation"
    }


def test_rates_become_hourly_vital_signs_and_no_value_is_said_to_be_none(config: Path) -> None:
    (bundle,) = exported(config, "--what", "readings")
    check(bundle)
    rates = of(bundle, "Observation")
    hearts = [o for o in rates if o["code"]["coding"][0]["code"] == "8867-4"]
    assert [h["valueQuantity"]["value"] for h in hearts] == [61.0, 61.0]
    assert hearts[0]["valueQuantity"]["code"] == "/min"
    assert hearts[0]["effectivePeriod"]["start"] == "2024-10-04T08:00:00.000+08:00"
    (breath,) = [o for o in rates if o["code"]["coding"][0]["code"] == "9279-1"]
    assert "valueQuantity" not in breath
    assert breath["dataAbsentReason"]["coding"][0]["code"] == "unknown"


def test_nobody_is_named_unless_asked(config: Path) -> None:
    text = json.dumps(exported(config), ensure_ascii=False)
    assert "王秀英" not in text
    assert "1943" not in text
    assert '"Li"' not in text
    assert ": Li" not in text
    (named,) = exported(config, "--names", "--what", "alerts")
    check(named)
    (patient,) = of(named, "Patient")
    assert (patient["name"][0]["text"], patient["birthDate"]) == ("王秀英", "1943")
    assert "take: Li" in json.dumps(named)


def test_the_same_export_twice_is_the_same(config: Path) -> None:
    assert exported(config) == exported(config)


def test_a_stretch_of_time(config: Path) -> None:
    assert exported(config, "--from", "2030-01-01") == []
    (bundle,) = exported(config, "--from", "2024-10-04T09:00", "--to", "2024-10-04T10:00")
    assert len(of(bundle, "Observation")) == 1


def test_many_go_into_several_bundles_that_stand_alone(tmp_path: Path) -> None:
    home = replace(HOME, residents=(Resident("a"), Resident("b")))
    clinic = Clinic(home)
    entries = [e for n in range(1, 301) for e in clinic.alert([alert(n, kind="fall")])]
    made = list(bundles(entries, list(clinic.people())))
    assert [len(b["entry"]) - 3 for b in made] == [ENTRIES, 100]
    for bundle in made:
        check(bundle)
    assert len(of(made[0], "Patient")) == 3  # two, and the household where nobody is named


def test_reading_needs_only_what_is_asked_for(tmp_path: Path) -> None:
    config = home_at(tmp_path)
    said = run(app, ["export", str(tmp_path / "out"), "-c", str(config), "--format", "fhir"])
    assert said.exit_code == 4
    assert not (tmp_path / "state").exists()
    assert SampleReader.__doc__
