"""The Dockerfile, compose.yaml and what is in `ops/`, as far as can be without an engine."""

import fnmatch
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from command_lines import check_doorbuster
from documents import PROJECT

from doorbuster import settings

PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text())
PACKAGES = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
IMAGE = f"doorbuster:{PYPROJECT['project']['version']}"
DOCKERFILE = (PROJECT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((PROJECT / "compose.yaml").read_text())
MANIFESTS = [
    manifest
    for path in sorted((PROJECT / "ops/kubernetes").glob("*.yaml"))
    for manifest in yaml.safe_load_all(path.read_text())
]
WORKLOADS = [each for each in MANIFESTS if each["kind"] in {"Deployment", "Job"}]
UNITS = sorted((PROJECT / "ops/systemd").glob("*.service"))
EVERY_FILE = [
    PROJECT / "Dockerfile",
    PROJECT / "compose.yaml",
    *(path for path in sorted((PROJECT / "ops").rglob("*")) if path.is_file()),
]
PIN = re.compile(r"^([a-z0-9._-]+)==(\S+)", re.MULTILINE)

every_workload = pytest.mark.parametrize(
    "workload", WORKLOADS, ids=lambda each: each["metadata"]["name"]
)
every_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda each: each.name)


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def tool(name: str) -> str:
    """A program of the environment, or of the system."""
    here = Path(sys.executable).parent / name
    found = str(here) if here.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not here")
    return found


@pytest.mark.parametrize("file", EVERY_FILE, ids=lambda each: each.name)
def test_every_setting_that_is_named_exists(file: Path) -> None:
    named = re.findall(r"\bDOORBUSTER_[A-Z][A-Z_]*[A-Z]\b", file.read_text())
    assert set(named) <= set(settings.names())


# The image


def test_hadolint_finds_no_fault() -> None:
    run(tool("hadolint"), str(PROJECT / "Dockerfile"))


def test_all_that_the_image_copies_is_let_through() -> None:
    ignore = (PROJECT / ".dockerignore").read_text().splitlines()
    through = {line.removeprefix("!") for line in ignore if line.startswith("!")}
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in shlex.split(line)[:-1]
    }
    assert copied == through
    assert all((PROJECT / each).exists() for each in copied)
    assert set(PACKAGES) <= copied
    assert not [each for each in through if fnmatch.fnmatch(each, "*.env*")]


def test_the_image_is_not_root_and_starts_a_command() -> None:
    user = re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE)
    assert user == ["${USER_ID}:${USER_ID}"]
    (entry,) = re.findall(r"^ENTRYPOINT (\[.+\])$", DOCKERFILE, re.MULTILINE)
    (command,) = re.findall(r"^CMD (\[.+\])$", DOCKERFILE, re.MULTILINE)
    check_doorbuster(shlex.join(yaml.safe_load(entry) + yaml.safe_load(command)))


def test_the_image_has_the_versions_that_were_tested_and_no_server() -> None:
    tested = dict(PIN.findall((PROJECT / "requirements.txt").read_text()))
    for name in ("requirements.txt", "build-requirements.txt"):
        text = (PROJECT / "ops/image" / name).read_text()
        assert dict(PIN.findall(text)).items() <= tested.items(), f"{name}: make lock"
        assert text.count("--hash=sha256:") >= len(PIN.findall(text))
    pinned = dict(PIN.findall((PROJECT / "ops/image/requirements.txt").read_text()))
    wanted = {re.split(r"[^\w.-]", each)[0] for each in PYPROJECT["project"]["dependencies"]}
    assert wanted <= set(pinned)
    embedded = PYPROJECT["project"]["optional-dependencies"]["embedded"]
    assert not {re.split(r"[^\w.-]", each)[0] for each in embedded} & set(pinned)


def test_the_wheel_has_every_file_that_its_packages_have(tmp_path: Path) -> None:
    build = "import sys, hatchling.build; hatchling.build.build_wheel(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)], cwd=PROJECT, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    ours = {
        str(path.relative_to(PROJECT))
        for package in PACKAGES
        for path in (PROJECT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == ours


# Compose


def test_compose_fits_the_schema() -> None:
    check = (tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec")
    run(*check, str(PROJECT / "compose.yaml"))


def test_compose_starts_commands_that_exist_in_order() -> None:
    services = COMPOSE["services"]
    ours = {name: each for name, each in services.items() if each["image"].startswith("doorbuster")}
    assert set(ours) == {"migrate", "reconciler", "gateway"}
    for name, service in ours.items():
        assert service["image"] == IMAGE
        assert service["command"][0] == name
        check_doorbuster(shlex.join(["doorbuster", *service["command"]]))
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert set(service["depends_on"]) <= set(services)
    assert services["gateway"]["depends_on"]["migrate"] == {
        "condition": "service_completed_successfully"
    }


# Kubernetes


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda each: each["metadata"]["name"])
def test_a_manifest_fits_the_schema(manifest: dict[str, object]) -> None:
    kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


@every_workload
def test_a_pod_is_hardened_and_gets_no_settings_by_accident(workload: dict) -> None:
    pod = workload["spec"]["template"]["spec"]
    assert pod["enableServiceLinks"] is False
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"]
    assert f"USER_ID={pod['securityContext']['runAsUser']}" in DOCKERFILE
    (container,) = pod["containers"]
    assert container["image"] == IMAGE
    check_doorbuster(shlex.join(["doorbuster", *container["args"]]))
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize(
    "workload",
    [each for each in WORKLOADS if each["kind"] == "Deployment"],
    ids=lambda each: each["metadata"]["name"],
)
def test_a_deployment_can_be_replaced_without_a_gap(workload: dict) -> None:
    labels = workload["spec"]["selector"]["matchLabels"]
    assert labels == workload["spec"]["template"]["metadata"]["labels"]
    budgets = [each for each in MANIFESTS if each["kind"] == "PodDisruptionBudget"]
    assert labels in [each["spec"]["selector"]["matchLabels"] for each in budgets]
    pod = workload["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (port,) = container["ports"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        if probe in container:
            assert container[probe]["httpGet"]["port"] == port["name"]
    told = {each["name"]: each["value"] for each in container["env"]}
    drain = int(told.get("DOORBUSTER_DRAIN_SECONDS", 0))
    assert pod["terminationGracePeriodSeconds"] > drain + 4
    scraped = workload["spec"]["template"]["metadata"]["annotations"]["prometheus.io/port"]
    assert scraped == str(port["containerPort"])


def test_what_a_pod_mounts_and_reads_is_defined() -> None:
    secrets = {each["metadata"]["name"]: each for each in MANIFESTS if each["kind"] == "Secret"}
    (told,) = [each for each in MANIFESTS if each["kind"] == "ConfigMap"]
    for workload in WORKLOADS:
        pod = workload["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        (volume,) = pod["volumes"]
        (mount,) = container["volumeMounts"]
        files = secrets[volume["secret"]["secretName"]]["stringData"]
        assert mount["name"] == volume["name"]
        assert container["envFrom"] == [{"configMapRef": {"name": told["metadata"]["name"]}}]
        paths = {path for name, path in told["data"].items() if name.endswith("_FILE")}
        assert paths == {f"{mount['mountPath']}/{name}" for name in files}


# systemd


@every_unit
def test_a_unit_starts_a_command_that_exists(unit: Path) -> None:
    (line,) = re.findall(r"^ExecStart=/opt/doorbuster/bin/(.+)$", unit.read_text(), re.MULTILINE)
    check_doorbuster(line)


@every_unit
def test_systemd_reads_a_unit_and_finds_it_hardened(unit: Path, tmp_path: Path) -> None:
    analyze = tool("systemd-analyze")
    for each in UNITS:  # one names the other
        text = each.read_text().replace("/opt/doorbuster/bin/doorbuster", sys.executable)
        (tmp_path / each.name).write_text(text)
    copy = str(tmp_path / unit.name)
    run(analyze, "verify", "--man=no", copy)
    run(analyze, "security", "--offline=true", "--threshold=20", copy)  # 2.0 of 10
