"""The Helm chart: sets of values make of it what Kubernetes takes, and what is safe; others are refused in words."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from check_jsonschema import main as check_jsonschema
from click.testing import CliRunner

from openmogr.settings import load_settings
from tools.chart import CHART, described, table
from tools.release.distributions import version_of_release

ROOT = Path(__file__).resolve().parents[1]
BUILT = ROOT / "tests" / "clients" / "build" / "helm"
HELM = str(BUILT) if BUILT.exists() else shutil.which("helm")
needs_helm = pytest.mark.skipif(HELM is None, reason="no Helm: make clients builds it")

# The oldest that the chart is for, and a new one.
VERSIONS = ("1.25", "1.37")
MANY = {
    "storage": {"url": "s3://pictures/openmogr", "endpoint": "http://store:7070", "existingSecret": "store"},
    "database": {"url": "postgresql://openmogr@database:5432/openmogr", "existingSecret": "database"},
    "auth": {"existingSecret": "keys"},
}
EVERYTHING = {
    **MANY,
    "image": {"digest": "sha256:" + "0" * 64},
    "imagePullSecrets": [{"name": "registry"}],
    "settings": {
        "server": {
            "trusted_proxies": ["10.0.0.0/8"],
            "negotiate": {"*": "tpg avif webp"},
            "access_log": True,
        },
        "results": {"max_bytes": 1073741824, "cache_control": 'max-age=60, "quoted" <&>'},
        "auth": {"keys": [{"secret_id": "AKIDREADER", "secret_key": "its key", "read_only": True}]},
        "image": {"patience": 2.5},
    },
    "env": [{"name": "OPENMOGR_IMAGE_WORKERS", "value": "3"}],
    "envFrom": [{"secretRef": {"name": "more"}}],
    "service": {"type": "LoadBalancer", "annotations": {"a/b": "c"}},
    "ingress": {
        "enabled": True,
        "className": "nginx",
        "hosts": ["cos.example.com", "*.cos.example.com"],
        "tls": [{"hosts": ["cos.example.com"], "secretName": "tls"}],
    },
    "autoscaling": {"enabled": True, "admittedBytes": "1Gi"},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "networkPolicy": {
        "enabled": True,
        "metricsFrom": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
        "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}],
    },
    "podLabels": {"team": "pictures"},
    "podAnnotations": {"a/b": "c"},
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"key": "pictures", "operator": "Exists"}],
    "affinity": {"podAntiAffinity": {}},
    "priorityClassName": "high",
    "serviceAccount": {"annotations": {"role": "pictures"}},
}
SETS: Mapping[str, Mapping[str, Any]] = {
    "one": {},
    "claim": {
        "persistence": {"existingClaim": "pictures"},
        "serviceAccount": {"create": False},
        "fullnameOverride": "x",
    },
    "many": MANY,
    "everything": EVERYTHING,
}


def helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    assert HELM is not None
    return subprocess.run(
        [HELM, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60
    )


def render(folder: Path, values: Mapping[str, Any], name: str = "shop") -> list[dict[str, Any]]:
    """What would be made of the values."""
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    # By itself a Helm that Go has built takes a very old Kubernetes for what there is.
    done = helm(
        "template",
        name,
        CHART,
        "--namespace",
        "pictures",
        "--values",
        file,
        "--kube-version",
        VERSIONS[-1],
    )
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def pick(documents: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = [document for document in documents if document["kind"] == kind]
    return found


def pod_of(documents: list[dict[str, Any]]) -> dict[str, Any]:
    (found,) = [one for one in documents if one["kind"] in {"StatefulSet", "Deployment"}]
    spec: dict[str, Any] = found["spec"]["template"]["spec"]
    return spec


@needs_helm
@pytest.mark.parametrize("values", SETS.values(), ids=SETS)
def test_it_is_what_kubernetes_takes(tmp_path: Path, values: Mapping[str, Any]) -> None:
    documents = render(tmp_path, values)
    file = tmp_path / "values.yaml"
    linted = helm("lint", "--strict", CHART, "--values", file, "--kube-version", VERSIONS[-1])
    assert linted.returncode == 0, linted.stdout + linted.stderr
    for document in documents:
        if document["kind"] != "ServiceMonitor":  # of an operator, whose schema is not Kubernetes'
            for version in VERSIONS:
                kubernetes_validate.validate(document, version, strict=True)
    names = [(document["kind"], document["metadata"]["name"]) for document in documents]
    assert len(set(names)) == len(names)


@needs_helm
@pytest.mark.parametrize("values", SETS.values(), ids=SETS)
def test_pods_are_as_restricted_as_the_strictest_standard_asks(
    tmp_path: Path, values: Mapping[str, Any]
) -> None:
    pod = pod_of(render(tmp_path, values))
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    # What the image's user is, and where it writes.
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    user = pod["securityContext"]["runAsUser"]
    assert f"USER {user}:{pod['securityContext']['runAsGroup']}\n" in dockerfile
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/data", "/tmp", "/etc/openmogr"}
    assert pod["terminationGracePeriodSeconds"] == 45


@needs_helm
def test_one_node_is_one_pod_with_a_volume(tmp_path: Path) -> None:
    documents = render(tmp_path, {"persistence": {"size": "7Gi", "storageClass": "fast"}})
    workload = pick(documents, "StatefulSet")
    assert workload["spec"]["replicas"] == 1
    (claim,) = workload["spec"]["volumeClaimTemplates"]
    assert claim["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "fast",
        "resources": {"requests": {"storage": "7Gi"}},
    }
    kinds = {document["kind"] for document in documents}
    assert kinds == {"StatefulSet", "Service", "ConfigMap", "ServiceAccount"}
    (container,) = pod_of(documents)["containers"]
    assert container["livenessProbe"]["httpGet"] == {"path": "/-/health", "port": "operate"}


@needs_helm
def test_many_share_a_store_and_keep_nothing(tmp_path: Path) -> None:
    documents = render(tmp_path, EVERYTHING)
    pod = pod_of(documents)
    (container,) = pod["containers"]
    assert {"name": "data", "emptyDir": {"sizeLimit": "6Gi"}} in pod["volumes"]
    # A store that is away for all of them is no reason to restart one.
    assert container["livenessProbe"]["httpGet"]["path"] == "/-/ready"
    assert container["startupProbe"]["httpGet"]["path"] == "/-/health"
    assert container["readinessProbe"]["httpGet"]["path"] == "/-/ready"
    assert [source["secretRef"]["name"] for source in container["envFrom"]] == [
        "keys",
        "store",
        "database",
        "more",
    ]
    assert "replicas" not in pick(documents, "Deployment")["spec"]
    metrics = pick(documents, "HorizontalPodAutoscaler")["spec"]["metrics"]
    assert metrics[0]["pods"] == {
        "metric": {"name": "openmogr_image_admitted_bytes"},
        "target": {"type": "AverageValue", "averageValue": "1Gi"},
    }
    assert metrics[1]["resource"]["name"] == "cpu"
    assert pick(documents, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    assert container["image"] == "openmogr@sha256:" + "0" * 64
    # Without a digest or a tag it is the version of the chart.
    plain = pod_of(render(tmp_path, MANY))["containers"][0]["image"]
    assert plain == f"openmogr:{version_of_release()}"


@needs_helm
def test_the_settings_are_those_of_the_server(tmp_path: Path) -> None:
    documents = render(tmp_path, EVERYTHING)
    text = pick(documents, "ConfigMap")["data"]["openmogr.toml"]
    assert tomllib.loads(text) == EVERYTHING["settings"]
    file = tmp_path / "openmogr.toml"
    file.write_text(text)
    (container,) = pod_of(documents)["containers"]
    environment = {one["name"]: one["value"] for one in container["env"]}
    assert environment.pop("OPENMOGR_CONFIG") == "/etc/openmogr/openmogr.toml"
    settings = load_settings(file, environment=environment)
    assert settings.warnings == ()
    assert (settings.storage.url, settings.storage.endpoint) == (
        "s3://pictures/openmogr",
        "http://store:7070",
    )
    assert settings.server.operate_place == ("0.0.0.0", 9001)
    assert settings.image.workers == 3
    assert settings.results.max_bytes == 1 << 30


@needs_helm
def test_metrics_are_asked_for_at_a_port_that_clients_do_not_reach(tmp_path: Path) -> None:
    documents = render(tmp_path, EVERYTHING)
    services = {one["metadata"]["name"]: one for one in documents if one["kind"] == "Service"}
    assert set(services) == {"shop-openmogr", "shop-openmogr-operate"}
    assert [port["targetPort"] for port in services["shop-openmogr"]["spec"]["ports"]] == ["http"]
    monitor = pick(documents, "ServiceMonitor")
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    chosen = [name for name, one in services.items() if wanted <= one["metadata"]["labels"].items()]
    assert chosen == ["shop-openmogr-operate"]
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] in [port["name"] for port in services[chosen[0]]["spec"]["ports"]]
    backends = re.findall(r"'name': 'shop-openmogr[\w-]*'", str(pick(documents, "Ingress")["spec"]))
    assert set(backends) == {"'name': 'shop-openmogr'"}


@needs_helm
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"storage": MANY["storage"]}, "storage.url needs database.url"),
        ({"database": MANY["database"]}, "database.url needs storage.url"),
        ({**MANY, "auth": {}}, "storage.url needs auth.existingSecret"),
        ({"autoscaling": {"enabled": True}}, "autoscaling.enabled needs storage.url"),
        ({**MANY, "autoscaling": {"enabled": True, "cpuPercent": 0}}, "autoscaling.cpuPercent or"),
        ({"ingress": {"enabled": True}}, "ingress.enabled needs ingress.hosts"),
        ({**MANY, "database": {"url": "postgresql://openmogr:secret@database/x"}}, "database"),
        ({"replicas": 3}, "replicas"),
        ({"persistence": {"size": "much"}}, "size"),
    ],
)
def test_values_that_do_not_go_together_are_refused(
    tmp_path: Path, values: Mapping[str, Any], words: str
) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    done = helm("template", "shop", CHART, "--values", file, "--kube-version", VERSIONS[-1])
    assert done.returncode != 0
    assert words in done.stderr


def test_the_versions_are_those_of_the_release() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (version_of_release(), version_of_release())


def test_every_value_is_described_and_the_readme_says_so() -> None:
    text = (CHART / "values.yaml").read_text()
    names = {value.name for value in described(text)}
    wanted = set()
    # Maps of which each key is a value of its own; the others are values as a whole.
    for name, value in yaml.safe_load(text).items():
        wanted |= {f"{name}.{key}" for key in value} if isinstance(value, dict) and value else {name}
    assert names == wanted
    assert table(text) in (CHART / "README.md").read_text()


def test_the_schema_knows_every_value_and_takes_the_defaults() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    for name, value in yaml.safe_load((CHART / "values.yaml").read_text()).items():
        known = schema["properties"][name]
        if isinstance(value, dict) and value:
            assert set(known["properties"]) == set(value), name
    arguments = ["--schemafile", str(CHART / "values.schema.json"), str(CHART / "values.yaml")]
    done = CliRunner().invoke(check_jsonschema, arguments)
    assert done.exit_code == 0, done.output
