"""What is deployed: the compose file, the image, Prometheus' rules and the dashboard, checked without a container."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import requires
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.requirements import Requirement
from prometheus_client import REGISTRY
from ruamel.yaml import YAML

from baton_standalone.apps import PARTS

ROOT: Final = Path(__file__).parents[2]
DEPLOY: Final = ROOT / "deploy"
SERVICES: Final = ("ingest", "scoring", "router", "sla-monitor")
ONE_SHOT: Final = ("playbook", "keys")
REACHABLE: Final = {"gateway": "8000", "prometheus": "9090", "grafana": "3000"}
FILLED_IN: Final = {"BATON_DATABASE_PASSWORD": "made-up", "GRAFANA_ADMIN_PASSWORD": "made-up"}
METRIC_MODULES: Final = ("baton.flow.metrics", "baton_ingest.metrics", "baton_sla_monitor.metrics")

_METRIC: Final = re.compile(r"(?<![\w:])baton_[a-z0-9_]+")
_RECORDED: Final = re.compile(r"(?<![\w:])baton:[a-z0-9_:]+")
_NAMES_OF_CONSUMERS: Final = re.compile(r'"[^"]*"')


@cache
def read_yaml(path: Path) -> Any:
    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


def compose_services() -> Mapping[str, Any]:
    services: Mapping[str, Any] = read_yaml(ROOT / "docker-compose.yml")["services"]
    return services


def rules() -> Iterator[Mapping[str, Any]]:
    for group in read_yaml(DEPLOY / "prometheus" / "rules.yml")["groups"]:
        yield from group["rules"]


def dashboard() -> Any:
    return json.loads((DEPLOY / "grafana" / "dashboards" / "baton.json").read_text(encoding="utf-8"))


def dashboard_queries() -> list[str]:
    return [target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", ())]


def queries() -> list[str]:
    return [rule["expr"] for rule in rules()] + dashboard_queries()


@cache
def served_metrics() -> frozenset[str]:
    """Every name that a service may show under /metrics, as `baton_stage_seconds_bucket`."""
    for module in METRIC_MODULES:
        import_module(module)
    families = [family for family in REGISTRY.collect() if family.name.startswith("baton_")]
    endings = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
    return frozenset(family.name + ending for family in families for ending in endings[family.type])


def named(pattern: re.Pattern[str], query: str) -> set[str]:
    return set(pattern.findall(_NAMES_OF_CONSUMERS.sub('""', query)))


def test_it_runs_the_parts_that_are_promised() -> None:
    images = {name: service["image"].partition(":")[0] for name, service in compose_services().items()}

    assert {name for name, image in images.items() if image == "baton"} == {*SERVICES, *ONE_SHOT}
    assert images["kafka"] == "apache/kafka"
    assert {"postgres", "gateway", "prometheus", "grafana"} <= images.keys()


@pytest.mark.parametrize("name", sorted(compose_services()))
def test_every_container_is_pinned_limited_and_without_privileges(name: str) -> None:
    service = compose_services()[name]

    assert re.fullmatch(r"[\w./-]+:[\w.-]+", service["image"])
    assert not service["image"].endswith(":latest")
    assert service["user"].partition(":")[0] not in {"", "0", "root"}
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["cap_drop"] == ["ALL"]
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}
    assert not service.get("privileged")


@pytest.mark.parametrize("name", sorted(set(compose_services()) - {"kafka"}))
def test_every_container_but_the_broker_has_a_read_only_root(name: str) -> None:
    """The broker's image writes its settings beside its programs when it starts."""
    assert compose_services()[name]["read_only"] is True


@pytest.mark.parametrize("name", sorted(set(compose_services()) - set(ONE_SHOT)))
def test_every_container_that_stays_is_asked_for_its_health(name: str) -> None:
    check = compose_services()[name]["healthcheck"]

    assert check["test"][0] == "CMD"
    assert {"interval", "timeout", "retries", "start_period"} <= check.keys()
    assert ("/readyz" in check["test"][-1]) == (name in SERVICES)


def test_only_the_gateway_prometheus_and_grafana_can_be_reached_and_only_from_this_machine() -> None:
    published = {name: service["ports"] for name, service in compose_services().items() if "ports" in service}

    assert published.keys() == REACHABLE.keys()
    for name, ports in published.items():
        assert [port.rpartition(":")[0] for port in ports] == [f"127.0.0.1:{REACHABLE[name]}"]


def test_what_cannot_be_reached_is_on_the_inside_network_only() -> None:
    inside = {name for name, service in compose_services().items() if service.get("networks") == ["inside"]}

    assert inside == {*SERVICES, "playbook", "postgres", "kafka"}
    assert read_yaml(ROOT / "docker-compose.yml")["networks"]["inside"] == {"internal": True}


def test_every_volume_that_is_named_is_declared_and_used() -> None:
    volumes = [volume for service in compose_services().values() for volume in service.get("volumes", ())]
    used = {name for name in (volume.partition(":")[0] for volume in volumes) if name.isalpha()}

    assert used == read_yaml(ROOT / "docker-compose.yml")["volumes"].keys()


def test_every_file_that_is_mounted_is_in_the_repository() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")

    mounted = re.findall(r"(\./deploy/[\w./-]+)", text)

    assert len(mounted) >= 5
    assert [path for path in mounted if not (ROOT / path).exists()] == []


def test_only_those_who_make_keys_may_write_them() -> None:
    mounts = {name: service.get("volumes", []) for name, service in compose_services().items()}

    assert {name for name, volumes in mounts.items() if "keys:/var/lib/baton/keys" in volumes} == {"keys"}
    assert {name for name, volumes in mounts.items() if "keys:/var/lib/baton/keys:ro" in volumes} == {*SERVICES}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_gets_settings_that_it_accepts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (kind,) = {part.kind for part in PARTS if part.package == f"baton_{name.replace('-', '_')}"}
    given = {key: fill_in(value) for key, value in compose_services()[name]["environment"].items() if value}
    for key, value in given.items():
        monkeypatch.setenv(key, value)

    settings = kind()

    known = {f"BATON_{field.upper()}" for field in kind.model_fields} | {"FORWARDED_ALLOW_IPS"}  # uvicorn's own
    assert given.keys() <= known
    assert settings.database_url == "postgresql://baton:made-up@postgres:5432/baton"
    assert settings.bus_url == "kafka://kafka:9092"


def test_ingest_is_told_where_those_are_who_would_decide_on_a_test() -> None:
    environment = compose_services()["ingest"]["environment"]

    assert environment["BATON_SCORING_URL"] == "http://scoring:8000"
    assert environment["BATON_ROUTER_URL"] == "http://router:8000"
    assert "BATON_API_KEY" in environment


def test_ingest_believes_the_gateway_about_who_calls() -> None:
    gateway = (DEPLOY / "docker" / "nginx.conf").read_text(encoding="utf-8")

    assert compose_services()["ingest"]["environment"]["FORWARDED_ALLOW_IPS"] == "*"
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in gateway  # in the place of what the caller claims


def test_ingest_gets_the_secrets_that_the_reference_playbook_names() -> None:
    pages = sorted((DEPLOY / "playbooks" / "reference").glob("*.yaml"))
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)

    named_there = set(re.findall(r"^ *[^#\n]*\benv:([A-Z_]+)", text, re.MULTILINE))

    assert named_there
    assert named_there <= compose_services()["ingest"]["environment"].keys()


def test_no_secret_stands_in_what_is_deployed() -> None:
    secret = re.compile(
        r"^\s*#?\s*[\w-]*(?:PASSWORD|SECRET|TOKEN)[\w-]*\s*[:=][ \t]*(?!\$\{\w+:\?)(\S+)", re.IGNORECASE
    )
    files = [ROOT / "docker-compose.yml", *(path for path in (DEPLOY / "docker").iterdir() if path.is_file())]

    found = [line for path in files for line in path.read_text(encoding="utf-8").splitlines() if secret.match(line)]

    assert found == []


def test_the_example_of_the_environment_names_every_variable_of_the_compose_file() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    example = (DEPLOY / "docker" / "example.env").read_text(encoding="utf-8")

    wanted = set(re.findall(r"\$\{(\w+)", text)) | set(re.findall(r"^ {6}([A-Z_]+):$", text, re.MULTILINE))

    assert wanted == set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))


def test_the_gateway_passes_each_path_to_its_service_and_says_whom_it_passes_on() -> None:
    text = (DEPLOY / "docker" / "nginx.conf").read_text(encoding="utf-8")

    upstreams = dict(re.findall(r"upstream (\w+) \{[^}]*server ([\w-]+):8000", text))
    locations = dict(re.findall(r"location /(\w+)/ \{\s*proxy_pass http://(\w+)\$inner;", text))
    assert upstreams == {"ingest": "ingest", "scoring": "scoring", "router": "router", "sla": "sla-monitor"}
    assert locations == {name: name for name in upstreams}
    assert "proxy_set_header Host $http_host;" in text
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in text, "or a caller might pass for this machine's own"


def test_the_gateway_refuses_in_the_form_of_all_errors() -> None:
    text = (DEPLOY / "docker" / "nginx.conf").read_text(encoding="utf-8")

    named = set(re.findall(r"error_page .*/refused/(\d+);", text))
    refusals = {status: json.loads(told)["error"] for status, told in re.findall(r"return (\d+) '(.*)';", text)}

    assert refusals.keys() == named
    assert {status: each["code"] for status, each in refusals.items() if each["message"]} == {
        "400": "bad_request", "404": "not_found", "413": "too_large", "414": "bad_request",
        "502": "unavailable", "504": "unavailable",
    }  # fmt: skip


def test_the_image_is_built_of_pinned_parts_and_runs_as_nobody_special() -> None:
    text = (DEPLOY / "docker" / "Dockerfile").read_text(encoding="utf-8")

    build, _, final = text.partition("\n\n\n")
    assert "--require-hashes" in build
    assert "pip install" not in final
    assert "\nUSER 10001:10001\n" in final
    assert "/healthz" in final
    assert "ENTRYPOINT" not in text
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    dists = re.search(r"^DISTS := (.*)$", makefile, re.MULTILINE)
    assert dists
    assert all(f"./{dist}" in build for dist in dists[1].split())


def test_the_image_takes_all_that_the_build_backend_needs_from_the_pinned_file() -> None:
    text = (DEPLOY / "docker" / "Dockerfile").read_text(encoding="utf-8")

    chosen = re.search(r"\^\(([\w|-]+)\)==", text)

    assert chosen
    assert needed_by("hatchling") == set(chosen[1].split("|"))


@pytest.mark.parametrize("query", queries())
def test_a_query_names_only_metrics_that_are_served(query: str) -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}

    assert named(_METRIC, query) <= served_metrics()
    assert named(_RECORDED, query) <= recorded


def test_every_metric_that_is_served_is_shown() -> None:
    shown = {name for query in dashboard_queries() for name in named(_METRIC, query)}

    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in served_metrics()}
    assert families == {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}


def test_every_alert_says_how_bad_it_is_and_what_to_look_at() -> None:
    alerts = [rule for rule in rules() if "alert" in rule]

    assert alerts
    for alert in alerts:
        assert alert["labels"]["severity"] in {"page", "ticket"}
        assert alert["annotations"].keys() == {"summary", "description"}


def test_prometheus_scrapes_every_service() -> None:
    jobs = {job["job_name"]: job for job in read_yaml(DEPLOY / "prometheus" / "prometheus.yml")["scrape_configs"]}

    targets = {config["labels"]["service"]: config["targets"] for config in jobs["baton"]["static_configs"]}

    assert targets == {name: [f"{name}:8000"] for name in SERVICES}


def test_every_panel_says_what_it_shows_and_asks_the_provisioned_source() -> None:
    provisioned = read_yaml(DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yml")["datasources"]
    panels = [panel for panel in dashboard()["panels"] if panel["type"] != "row"]

    assert all(panel["description"] and panel["targets"] for panel in panels)
    asked = {target["datasource"]["uid"] for panel in panels for target in panel["targets"]}
    assert asked == {source["uid"] for source in provisioned}
    assert len({panel["id"] for panel in dashboard()["panels"]}) == len(dashboard()["panels"])


def test_no_two_panels_lie_on_each_other() -> None:
    cells = [
        (column, line)
        for place in (panel["gridPos"] for panel in dashboard()["panels"])
        for column in range(place["x"], place["x"] + place["w"])
        for line in range(place["y"], place["y"] + place["h"])
    ]

    assert len(cells) == len(set(cells))
    assert max(column for column, _ in cells) == 23


def test_the_compose_client_reads_the_file() -> None:
    client = compose_client()

    told = run([*client, "--file", str(ROOT / "docker-compose.yml"), "config", "--quiet"], extra=FILLED_IN)

    assert told.returncode == 0, told.stderr


def test_the_compose_client_refuses_to_start_without_passwords() -> None:
    client = compose_client()
    without = dict.fromkeys(FILLED_IN, "")

    told = run([*client, "--file", str(ROOT / "docker-compose.yml"), "config", "--quiet"], extra=without)

    assert told.returncode != 0
    assert "example.env" in told.stderr


def test_promtool_accepts_settings_and_rules() -> None:
    promtool = shutil.which("promtool") or pytest.skip("promtool is not there: apt-get install prometheus")

    told = run([promtool, "check", "config", str(DEPLOY / "prometheus" / "prometheus.yml")])

    assert told.returncode == 0, told.stdout + told.stderr


def test_promtool_finds_that_alerts_fire_when_they_should_and_only_then() -> None:
    promtool = shutil.which("promtool") or pytest.skip("promtool is not there: apt-get install prometheus")

    told = run([promtool, "test", "rules", str(DEPLOY / "prometheus" / "rules_test.yml")])

    assert told.returncode == 0, told.stdout + told.stderr


def needed_by(distribution: str) -> set[str]:
    """It and what it needs on this Python, by their names."""
    needed = {distribution}
    for line in requires(distribution) or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            needed |= needed_by(requirement.name)
    return needed


def fill_in(value: str) -> str:
    """`${NAME:-default}` and `${NAME:?message}` as a shell would, with the variables filled in."""
    return re.sub(r"\$\{(\w+):[-?]([^}]*)\}", lambda found: FILLED_IN.get(found[1], found[2]), value)


def compose_client() -> tuple[str, ...]:
    return known_client() or pytest.skip("no docker compose 2 is there: apt-get install docker-compose-plugin")


@cache
def known_client() -> tuple[str, ...] | None:
    """`docker compose`, else a `docker-compose` that knows today's format: version 1 does not."""
    for client in (("docker", "compose"), ("docker-compose",)):
        if shutil.which(client[0]) is None:
            continue
        told = run([*client, "version", "--short"])
        if told.returncode == 0 and not told.stdout.startswith("1."):
            return client
    return None


def run(command: list[str], *, extra: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("BATON_", "GRAFANA_"))}
    return subprocess.run(
        command, env={**inherited, **(extra or {})}, capture_output=True, text=True, check=False, timeout=30
    )
