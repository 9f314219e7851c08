"""The concrete adapters: which place for artifacts, which engines."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from ringback.artifacts.bucket import bucket_at
from ringback.artifacts.contract import ArtifactStore
from ringback.artifacts.local import LocalArtifacts
from ringback.assembly import ENGINES
from ringback.clock import Clock
from ringback.engines.contract import Engine
from ringback.engines.null import NullEngine
from ringback.engines.sketch.engine import SketchEngine
from ringback.engines.sketch.folders import Folder, temporary_folder
from ringback.engines.upstream.assembling import Upstream
from ringback.errors import SetupError
from ringback.settings import Settings
from ringback.worker import Slot

_NULL_CONCURRENCY = 512  # its jobs cost nothing but their bookkeeping
_SKETCH_WAITING = 8  # jobs that may fetch their inputs while others are drawn


def artifacts_for(settings: Settings, clock: Clock) -> ArtifactStore:
    """Return where artifacts are kept, or raise ``SetupError``."""
    if settings.artifacts_url is None:
        return LocalArtifacts(settings.data / "artifacts")
    try:
        from ringback.artifacts.s3 import S3Artifacts
    except ImportError as exc:
        raise SetupError(
            "Artifacts in a bucket need another package: pip install 'ringback[s3]'."
        ) from exc
    bucket = bucket_at(
        settings.artifacts_url,
        endpoint=settings.artifacts_endpoint,
        region=settings.artifacts_region,
        path_style=settings.artifacts_path_style,
        environment=os.environ,  # the AWS variables, by the names that they have everywhere
    )
    return S3Artifacts(
        bucket,
        clock=clock,
        links=settings.artifacts_links == "presigned",
        link_s=settings.artifacts_link_s,
    )


def slots_for(
    settings: Settings,
    upstreams: Mapping[str, Upstream] = MappingProxyType({}),
    *,
    folder: Folder = temporary_folder,
) -> dict[str, Slot]:
    """Return the engines of this process, by name, and how many jobs of each run at once."""
    sketch: Engine = SketchEngine(
        processes=settings.sketch_processes, weights=_weights_of(settings), folder=folder
    )
    slots = {
        "sketch": Slot(engine=sketch, concurrency=settings.sketch_processes + _SKETCH_WAITING),
        "null": Slot(engine=NullEngine(), concurrency=_NULL_CONCURRENCY),
        **{name: _slot_of(upstream) for name, upstream in upstreams.items()},
    }
    if unknown := [name for name in settings.worker_engines if name not in slots]:
        raise SetupError(f"There is no engine {unknown[0]}; there are {' and '.join(slots)}.")
    assert set(slots) == {*ENGINES, *upstreams}
    return {
        name: slot for name, slot in slots.items() if name in (settings.worker_engines or slots)
    }


def _weights_of(settings: Settings) -> Path | None:
    """Return the enlarging network's file, or raise ``SetupError`` if it could not be used."""
    weights = settings.enhance_weights
    if weights is None:
        return None
    if find_spec("spandrel") is None:
        raise SetupError(
            "An enlarging network needs other packages: pip install 'ringback[neural]'."
        )
    if not weights.is_file():
        raise SetupError(f"enhance_weights names {weights}, which is no file.")
    return weights


def _slot_of(upstream: Upstream) -> Slot:
    return Slot(
        engine=upstream.engine,
        concurrency=upstream.settings.concurrency,
        timeout_s=upstream.settings.timeout_s,
    )
