"""What is deployed, as far as that can be told without a container engine or a cluster."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from ringback.cli.program import COMMANDS
from ringback.settings import Settings, read_settings

ROOT = Path(__file__).parents[2]
MANIFESTS = sorted((ROOT / "deploy/kubernetes").glob("*.yaml"))
KUBERNETES = ("1.30", "1.33")
VARIABLES = {f"RINGBACK_{name.upper()}" for name in Settings.__struct_fields__}
CONTAINERFILE = (ROOT / "Containerfile").read_text("utf-8")


def documents() -> Iterator[dict[str, Any]]:
    """Yield every object of the manifests."""
    for path in MANIFESTS:
        yield from yaml.safe_load_all(path.read_text("utf-8"))


def of_kind(*kinds: str) -> list[dict[str, Any]]:
    return [one for one in documents() if one["kind"] in kinds]


def pods() -> list[dict[str, Any]]:
    return [one["spec"]["template"]["spec"] for one in of_kind("Deployment", "Job")]


def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    return document


def own_services() -> dict[str, Any]:
    return {
        name: one
        for name, one in compose()["services"].items()
        if one["image"].startswith("ringback:")
    }


@pytest.mark.parametrize("version", KUBERNETES)
def test_every_object_is_valid_by_kubernetes_own_schemas(version: str) -> None:
    for document in documents():
        if document["kind"] != "Kustomization":
            kubernetes_validate.validate(document, version, strict=True)


def test_the_kustomization_names_every_file_and_no_other() -> None:
    (own,) = of_kind("Kustomization")
    others = {path.name for path in MANIFESTS} - {"kustomization.yaml"}
    assert set(own["resources"]) == others


def test_each_role_has_a_deployment_with_probes_and_a_disruption_budget() -> None:
    budgets = {one["metadata"]["name"]: one["spec"] for one in of_kind("PodDisruptionBudget")}
    deployments = of_kind("Deployment")
    assert len(deployments) == 3
    for deployment in deployments:
        name, spec = deployment["metadata"]["name"], deployment["spec"]
        assert spec["replicas"] >= 2
        assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        labels = spec["template"]["metadata"]["labels"]
        assert spec["selector"]["matchLabels"].items() <= labels.items()
        assert budgets[name]["selector"]["matchLabels"].items() <= labels.items()
        (container,) = spec["template"]["spec"]["containers"]
        ports = {port["name"] for port in container["ports"]}
        paths = {"startupProbe": "/healthz", "livenessProbe": "/healthz"}
        for probe, path in {**paths, "readinessProbe": "/readyz"}.items():
            assert container[probe]["httpGet"]["path"] == path
            assert container[probe]["httpGet"]["port"] in ports


def test_the_service_leads_to_the_api() -> None:
    (service,) = of_kind("Service")
    (api,) = (one for one in of_kind("Deployment") if "api" in one["metadata"]["name"])
    template = api["spec"]["template"]
    assert service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
    ports = {port["name"] for port in template["spec"]["containers"][0]["ports"]}
    assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


def test_no_pod_may_more_than_it_must() -> None:
    for pod in pods():
        assert pod["automountServiceAccountToken"] is False
        # Kubernetes' own variables would be taken for settings of ours.
        assert pod["enableServiceLinks"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"]["drop"] == ["ALL"]
            assert "memory" in container["resources"]["limits"]
            assert not container["image"].endswith(":latest")


def test_secrets_come_by_reference_and_stand_in_no_file() -> None:
    assert of_kind("Secret") == []
    (config,) = of_kind("ConfigMap")
    for pod in pods():
        sources = pod["containers"][0]["envFrom"]
        assert {"secretRef": {"name": "ringback"}} in sources
        assert {"configMapRef": {"name": config["metadata"]["name"]}} in sources
    assert not {"RINGBACK_DATABASE", "RINGBACK_MASTER_KEY"} & set(config["data"])


def test_the_settings_given_are_settings_and_the_commands_are_commands() -> None:
    (config,) = of_kind("ConfigMap")
    read_settings({}, environment=config["data"])
    given = compose()["x-ringback"]["environment"]
    names = {name for name in given if name.startswith("RINGBACK_")} - {"RINGBACK_MASTER_KEY"}
    assert names <= VARIABLES
    assert set(re.findall(r"(RINGBACK_\w+)=", CONTAINERFILE)) <= VARIABLES
    commands = [pod["containers"][0]["args"] for pod in pods()]
    commands += [one["command"] for one in own_services().values()]
    assert all(command[0] in COMMANDS for command in commands)


def test_a_stopping_pod_is_given_more_time_than_its_grace() -> None:
    grace_s = Settings().grace_s
    for deployment in of_kind("Deployment"):
        pod = deployment["spec"]["template"]["spec"]
        assert pod["terminationGracePeriodSeconds"] >= grace_s + 10
    for service in own_services().values():
        assert int(service["stop_grace_period"].removesuffix("s")) >= grace_s + 5


def test_the_composed_services_are_bounded_like_the_pods() -> None:
    services = own_services()
    assert set(services) == {"api", "worker", "dispatcher"}
    for service in services.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["user"] == "10001:10001"
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_no_password_has_a_default() -> None:
    text = (ROOT / "compose.yaml").read_text("utf-8")
    for name in ("POSTGRES_PASSWORD", "S3_PASSWORD", "RINGBACK_MASTER_KEY"):
        assert not re.search(rf"\$\{{{name}(:-[^}}]*)?\}}", text)


def instructions() -> list[tuple[str, str]]:
    """Return the Containerfile's instructions, lines joined and comments left out."""
    lines = [line for line in CONTAINERFILE.splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    found = [line.partition(" ") for line in joined.splitlines() if line.strip()]
    return [(word, rest.strip()) for word, _, rest in found]


def test_the_image_is_slim_pinned_and_runs_as_nobody_of_note() -> None:
    by_word: dict[str, list[str]] = {}
    for word, rest in instructions():
        by_word.setdefault(word, []).append(rest)
    assert set(by_word) <= {
        *("FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE"),
        *("STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"),
    }
    for base in by_word["FROM"]:
        assert re.match(r"docker\.io/library/python:3\.\d+-slim-\w+", base)
    assert by_word["USER"] == ["10001:10001"]
    assert by_word["ENTRYPOINT"] == ['["ringback"]']
    assert any("--require-hashes" in run for run in by_word["RUN"])


def test_what_is_copied_into_the_image_is_there_and_not_ignored() -> None:
    let_in = {
        line.removeprefix("!")
        for line in (ROOT / ".containerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    }
    for word, rest in instructions():
        if word == "COPY" and not rest.startswith("--from"):
            for source in shlex.split(rest)[:-1]:
                assert (ROOT / source).exists()
                assert source in let_in
