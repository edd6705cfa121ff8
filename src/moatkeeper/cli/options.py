"""Options that several commands take, so that they are spelled, explained and defaulted the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CONFIG_VARIABLE = "MOATKEEPER_CONFIG"
"""The environment variable that names the configuration where no option does."""

DATA_VARIABLE = "MOATKEEPER_DATA"
"""The environment variable that names the data folder where no option does."""

DEFAULT_DATA = Path("moatkeeper-data")
"""Where things are kept unless ``--data`` or the configuration says otherwise."""

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", envvar=CONFIG_VARIABLE, metavar="FILE", help="Configuration; without it, the defaults."),
]
DataOption = Annotated[
    Path, typer.Option("--data", metavar="DIR", envvar=DATA_VARIABLE, help="Folder of everything that is kept.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
