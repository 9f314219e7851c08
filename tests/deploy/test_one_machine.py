"""The samples for one machine: systemd's unit, and the proxies in front."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ringback.service.assets import FILE_BYTES_MAX
from ringback.settings import DEFAULT_PORT, Settings
from tests.docs.pages import ROOT

_DEPLOY = ROOT / "deploy"


def test_the_unit_starts_the_server_and_lets_it_stop() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment]
    unit.read(_DEPLOY / "ringback.service")
    service = unit["Service"]
    assert service["ExecStart"].endswith("/ringback serve")
    assert float(service["TimeoutStopSec"]) == Settings().grace_s + 5
    text = (_DEPLOY / "ringback.service").read_text("utf-8")
    for name in re.findall(r"(?m)^Environment=RINGBACK_(\w+)=", text):
        assert name.lower() in Settings.__struct_fields__


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not installed")
    # The program and the user are this machine's, because systemd looks for them.
    text = (_DEPLOY / "ringback.service").read_text("utf-8")
    text = text.replace("/opt/ringback/bin/ringback serve", "/bin/true")
    (tmp_path / "ringback.service").write_text(text, "utf-8")
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(tmp_path / "ringback.service")],
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if "ringback.service" in line]
    assert complaints == []


def test_the_proxies_lead_to_the_server_and_take_its_largest_upload() -> None:
    for name in ("nginx.conf", "Caddyfile"):
        text = (_DEPLOY / name).read_text("utf-8")
        assert f"127.0.0.1:{DEFAULT_PORT}" in text
        size = re.search(r"(?:client_max_body_size|max_size) (\d+)", text)
        assert size is not None
        assert int(size[1]) * 1_000_000 > FILE_BYTES_MAX


def test_nginx_accepts_its_sample(tmp_path: Path) -> None:
    nginx, openssl = shutil.which("nginx"), shutil.which("openssl")
    if nginx is None or openssl is None:
        pytest.skip("nginx or openssl is not installed")
    key, certificate = tmp_path / "privkey.pem", tmp_path / "fullchain.pem"
    making = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    making += ["-nodes", "-subj", "/CN=localhost", "-days", "2"]
    making += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(making, check=True, capture_output=True)
    sample = (_DEPLOY / "nginx.conf").read_text("utf-8")
    sample = sample.replace("/etc/ssl/jobs.example.com", str(tmp_path))
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n{sample}\n}}\n", "utf-8"
    )
    done = subprocess.run(
        [nginx, "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
