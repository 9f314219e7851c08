"""The files that go with a job: its own, and none that a text of it names."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from ringback.files.artifacts.local import LocalArtifacts
from ringback.jobs.model import Job, JobResult
from ringback.jobs.transitions import JobEvent, advance
from ringback.maintenance.pruner import Pruner
from ringback.service.workspace_reset import WorkspaceReset
from ringback.storage.contract import Store
from ringback.storage.retention import Retention
from ringback.testing import FakeClock
from ringback.wakeups import Wakeups
from ringback.webhooks.outbox import Ending
from tests.builders import ROOMY, a_job, a_submission, an_event

DAY_MS = 86_400_000
OLD = 1_700_000_000_000
NOW = OLD + 100 * DAY_MS
BASE_URL = "http://127.0.0.1:7464"
NAMES = (  # a URL that is none of this server's, and ends in a file's name
    "https://cdn.example/x/{name}",
    "https://cdn.example/artifacts/{name}",
    "http://127.0.0.1:7465/artifacts/{name}",  # of a server's other name, or of another server
    "http://127.0.0.1:7464.cdn.example/artifacts/{name}",
    "https://cdn.example/?from=http://127.0.0.1:7464/artifacts/{name}",
    "http://127.0.0.1:7464/other/{name}",
    "http://127.0.0.1:7464/artifacts/x/{name}",
)
TEXTS = (  # of an input, beside its files
    "like {base_url}/artifacts/{name}, but at night",
    "/artifacts/{name}",
    "{base_url}/artifacts/{name}",
)


class Home:
    """A store with its files."""

    def __init__(self, store: Store, artifacts: LocalArtifacts) -> None:
        self.store = store
        self.artifacts = artifacts

    async def file(self, *, stem: str = "") -> str:
        """Store a file; one with a stem has the name of a job's input file."""
        if not stem:
            return await self.artifacts.save(b"x", media_type="image/png")
        name = f"inputs--{stem:a>24}.png"
        await self.artifacts.put(name, b"x")
        return name

    async def job(self, *, at: int = OLD, urls: Iterable[str] = (), **changes: Any) -> Job:
        """Return a job that ended at that time with a result of these URLs."""
        job = a_job(**{"created_at_ms": at, **changes})
        await self.store.submit(a_submission(job))
        (held,) = await self.store.claim_jobs(
            engine="null", limit=1, worker_id="w", lease_until_ms=at
        )
        result = JobResult(urls=tuple(urls))
        after = advance(held, JobEvent.COMPLETE, now_ms=at, result=result)
        event = an_event(job, created_at_ms=at)
        assert await self.store.end_job(Ending(before=held, after=after, limits=ROOMY, event=event))
        return job

    async def prune(self) -> None:
        """Prune what is past its retention."""
        await Pruner(
            self.store,
            self.store,
            assets=self.store,
            artifacts=self.artifacts,
            retention=Retention(),
            clock=FakeClock(NOW),
        ).run_once()

    async def reset(self, workspace_id: str) -> None:
        """Empty a workspace."""
        await WorkspaceReset(
            self.store, artifacts=self.artifacts, wakeups=Wakeups(), forget=lambda _: None
        ).reset(workspace_id)

    async def left(self, names: Iterable[str]) -> set[str]:
        """Return the files that are still there."""
        return {name for name in names if await self.artifacts.find(name) is not None}


@pytest.fixture
def home(store: Store, tmp_path: Path) -> Home:
    """A store of each kind, with files."""
    return Home(store, LocalArtifacts(tmp_path / "artifacts"))


def own_url(name: str, *, base_url: str = BASE_URL) -> str:
    return f"{base_url}/artifacts/{name}"


async def emptied(home: Home, way: str) -> None:
    await (home.prune() if way == "pruned" else home.reset("studio"))


@pytest.mark.parametrize("way", ["pruned", "reset"])
async def test_a_link_to_elsewhere_takes_no_file_of_that_name_along(home: Home, way: str) -> None:
    theirs = await home.file()
    mine = await home.file()
    await home.job(urls=[own_url(mine), *(one.format(name=theirs) for one in NAMES)])
    await home.job(at=NOW, urls=[own_url(theirs)], workspace_id="rival")
    await emptied(home, way)
    assert await home.left([mine, theirs]) == {theirs}


@pytest.mark.parametrize("way", ["pruned", "reset"])
async def test_an_inputs_text_takes_no_file_along(home: Home, way: str) -> None:
    theirs = await home.file(stem="theirs")
    mine = await home.file(stem="mine")
    words = [one.format(name=theirs, base_url=BASE_URL) for one in TEXTS]
    job_input = {"prompt": " ".join(words), "images": words, "image_url": own_url(mine)}
    await home.job(input=job_input, input_files=(mine,))
    url = own_url(theirs)
    await home.job(at=NOW, workspace_id="rival", input={"image_url": url}, input_files=(theirs,))
    await emptied(home, way)
    assert await home.left([mine, theirs]) == {theirs}


@pytest.mark.parametrize("way", ["pruned", "reset"])
async def test_a_servers_new_name_strands_no_file(home: Home, way: str) -> None:
    """A job is kept with the base URL of its time, and its result begins with that."""
    before, after = "https://before.example", "https://after.example/gen"
    names = [await home.file(), await home.file()]
    for base_url, name in zip((before, after), names, strict=True):
        await home.job(base_url=base_url, urls=[own_url(name, base_url=base_url)])
    await emptied(home, way)
    assert await home.left(names) == set()


async def test_a_job_that_has_not_ended_keeps_its_files(home: Home) -> None:
    mine = await home.file(stem="waiting")
    await home.store.submit(
        a_submission(a_job(created_at_ms=OLD, engine="other", input_files=(mine,)))
    )
    await home.prune()
    assert await home.left([mine]) == {mine}


async def test_input_files_are_read_back(home: Home) -> None:
    for files in ((), ("a.png",), ("a.png", "b.png")):
        job = await home.job(at=NOW, input_files=files)
        kept = await home.store.get_job(job.job_id)
        assert kept is not None
        assert kept.input_files == files


@pytest.mark.parametrize("seed", range(3))
async def test_those_that_live_keep_their_files_however_others_name_them(
    home: Home, seed: int
) -> None:
    rng = random.Random(seed)
    owners: dict[str, Job] = {}
    jobs: list[Job] = []
    for number in range(30):
        results = [await home.file() for _ in range(rng.randrange(3))]
        inputs = [await home.file(stem=f"{seed}-{number}-{one}") for one in range(rng.randrange(3))]
        others = rng.sample(sorted(owners), min(len(owners), rng.randrange(4)))
        links = [rng.choice(NAMES).format(name=one) for one in others]
        words = [rng.choice(TEXTS).format(name=one, base_url=BASE_URL) for one in others]
        urls = [*map(own_url, results), *links]
        rng.shuffle(urls)
        job = await home.job(
            at=OLD if number < 20 else NOW,
            urls=urls,
            workspace_id=rng.choice(("studio", "rival")),
            input={"prompt": " ".join(words), "urls": [*map(own_url, inputs), *words]},
            input_files=tuple(inputs),
        )
        jobs.append(job)
        owners |= dict.fromkeys((*results, *inputs), job)
    for way in rng.sample(("pruned", "reset"), 2):
        await emptied(home, way)
        living = {job.job_id for job in jobs if await home.store.get_job(job.job_id) is not None}
        expected = {name for name, job in owners.items() if job.job_id in living}
        assert await home.left(owners) == expected
