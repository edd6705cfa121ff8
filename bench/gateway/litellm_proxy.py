"""LiteLLM's proxy, in a virtual environment of its own that the benchmark makes from a lock file with hashes."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys

from bench.common import ROOT
from bench.gateway import bodies
from bench.gateway.contenders import Contender, DidNotStart, Workshop, free_port

ENVIRONMENT = ROOT / ".venv-litellm"
LOCK = ROOT / "requirements" / "litellm.lock"
STAMP = ENVIRONMENT / ".ready"
INSTALL_S = 600.0
START_S = 90.0  # it imports for a long time on one core

CONFIG = f"""
model_list:
  - model_name: {bodies.CHAT_MODEL}
    litellm_params:
      model: openai/{bodies.CHAT_MODEL}
      api_base: UPSTREAM/v1
      api_key: unused
litellm_settings:
  telemetry: false
"""


def start_litellm(workshop: Workshop) -> Contender:
    """A running LiteLLM proxy with one worker; raises DidNotStart where it cannot be installed or does not answer."""
    _install()
    port = free_port()
    folder = workshop.folder / "litellm"
    folder.mkdir()
    config = folder / "config.yaml"
    config.write_text(CONFIG.replace("UPSTREAM", workshop.upstream_url))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LITELLM_", "DATABASE_"))}
    key = f"sk-{secrets.token_hex(32)}"  # it starts without one only where told that this is dangerous
    environment |= {
        "LITELLM_MASTER_KEY": key,
        "LITELLM_LOG": "ERROR",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # the price list from the package: no network
        "PATH": f"{ENVIRONMENT / 'bin'}:{environment.get('PATH', '')}",
    }
    command = [str(ENVIRONMENT / "bin" / "litellm"), "--config", str(config), "--port", str(port), "--host", "127.0.0.1"]
    command += ["--num_workers", "1", "--telemetry", "False"]
    return workshop.start("litellm", command, port, environment=environment, within_s=START_S, keys=(key,))


def version() -> str:
    """The locked version."""
    for line in LOCK.read_text().splitlines():
        name, equals, rest = line.partition("==")
        if name == "litellm" and equals:
            return rest.split()[0]
    return ""


def _install() -> None:
    if STAMP.exists() and STAMP.stat().st_mtime >= LOCK.stat().st_mtime:
        return
    print("installing LiteLLM into .venv-litellm (a minute or two, once) ...", file=sys.stderr, flush=True)
    for command in _commands():
        try:
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=INSTALL_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DidNotStart(f"LiteLLM could not be installed: {error}") from error
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.startswith(("ERROR", "error"))]
            raise DidNotStart(f"LiteLLM could not be installed: {' '.join(lines)[-500:]}")
    STAMP.touch()


def _commands() -> list[list[str]]:
    python, uv = str(ENVIRONMENT / "bin" / "python"), shutil.which("uv")
    make = [sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)]
    if uv is not None:
        return [make, [uv, "pip", "install", "-q", "--python", python, "--require-hashes", "--no-deps", "-r", str(LOCK)]]
    return [
        make,
        [python, "-m", "pip", "--disable-pip-version-check", "-q", "install", "--require-hashes", "--no-deps", "-r", str(LOCK)],
    ]
