"""A server under a path of nginx, which cuts the path off or leaves it there."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from ipaddress import ip_network
from pathlib import Path

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from ringback.http.client_address import ClientAddress, ClientHeader
from ringback.http.server import http_server, listen
from tests.e2e.harness import ServerProcess, free_port

_CONFIG = """
{user}
worker_processes 1;
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen unix:{folder}/nginx.sock;
    listen 127.0.0.1:{port};
    proxy_bind 127.0.0.2;
    location /for/ {{ proxy_pass {cut}; proxy_set_header X-Forwarded-For $remote_addr; }}
    location /appended/ {{
      proxy_pass {cut}; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }}
    location /forwarded/ {{ proxy_pass {cut}; proxy_set_header Forwarded "for=$remote_addr"; }}
    location /cut/ {{ proxy_pass {cut}/; }}
    location /left/ {{ proxy_pass {left}; }}
  }}
}}
"""


@contextmanager
def nginx(folder: Path, *, port: int, cut: str, left: str) -> Iterator[None]:
    """Run nginx inside the context; it listens when its first process has ended."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if not os.path.exists(program):
        pytest.skip("nginx is not installed here")
    user = "user root;" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(_CONFIG.format(user=user, folder=folder, port=port, cut=cut, left=left))
    command = [program, "-p", str(folder), "-c", str(config), "-e", str(folder / "error.log")]
    subprocess.run(command, check=True)
    try:
        yield
    finally:
        subprocess.run([*command, "-s", "stop"], check=True)


async def test_a_server_under_a_path_is_used_whole_through_nginx(tmp_path: Path) -> None:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    async with (
        ServerProcess(
            tmp_path / "cut", environment={"RINGBACK_PUBLIC_URL": f"{origin}/cut"}
        ) as cut,
        ServerProcess(
            tmp_path / "left", environment={"RINGBACK_PUBLIC_URL": f"{origin}/left/"}
        ) as left,
    ):
        await cut.start()
        await left.start()
        with nginx(tmp_path, port=port, cut=cut.url, left=left.url):
            for root in ("/cut", "/left"):
                await _use(origin, root)
        assert (await cut.stop(), await left.stop()) == (0, 0)


@asynccontextmanager
async def a_server_that_tells_the_client(header: ClientHeader) -> AsyncIterator[str]:
    """Serve an application that answers with the client's address; nginx is 127.0.0.2 here."""

    async def tell(scope: Scope, _receive: Receive, send: Send) -> None:
        body = scope["client"][0].encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    ready = asyncio.Event()
    app = ClientAddress(tell, [ip_network("127.0.0.2")], header=header)
    server = http_server(app, on_ready=ready.set, grace_s=1)
    with listen("127.0.0.1", 0) as listener:
        serving = asyncio.create_task(server.serve([listener]))
        await ready.wait()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded"])
async def test_no_client_of_nginx_names_itself(tmp_path: Path, header: ClientHeader) -> None:
    """nginx names a client by its address, and one of a Unix socket by ``unix:``."""
    paths = ("/for/", "/appended/") if header == "x-forwarded-for" else ("/forwarded/",)
    lies = {"forwarded": "for=6.6.6.6", "x-real-ip": "6.6.6.6", "x-forwarded-for": "6.6.6.6"}
    port = free_port()
    async with a_server_that_tells_the_client(header) as url:
        with nginx(tmp_path, port=port, cut=url, left=url):
            uses = ((None, "127.0.0.1"), (str(tmp_path / "nginx.sock"), "127.0.0.2"))
            for uds, expected in uses:
                async with httpx2.AsyncClient(
                    base_url=f"http://127.0.0.1:{port}",
                    transport=httpx2.AsyncHTTPTransport(uds=uds),
                    headers=lies,
                ) as client:
                    for path in paths:
                        assert (await client.get(path)).text == expected, (path, uds)


async def _use(origin: str, root: str) -> None:
    """Submit a job, fetch its picture, and look at it on the page, by public addresses alone."""
    token = {"authorization": "Bearer dev", "prefer": "wait=60"}
    async with httpx2.AsyncClient(base_url=origin, timeout=90) as client:
        answer = await client.post(
            f"{root}/generate/image/bfl/flux-1-dev", json={"prompt": "a fox"}, headers=token
        )
        job = answer.json()
        assert job["status"] == "completed", job
        assert answer.headers["location"] == f"{root}/jobs/{job['job_id']}"
        assert (await client.get(answer.headers["location"], headers=token)).status_code == 200
        (url,) = job["result"]["urls"]
        assert url.startswith(f"{origin}{root}/artifacts/")
        assert (await client.get(url)).headers["content-type"].startswith("image/")
        home = await client.get(f"{root}/", headers={"accept": "text/html"}, follow_redirects=True)
        assert home.status_code == 200
        assert str(home.url) == f"{origin}{root}/ui/overview"
        page = await client.get(f"{root}/ui/jobs/{job['job_id']}", headers={"accept": "text/html"})
        pictures = re.findall(r'src="([^"]+/artifacts/[^"]+)"', page.text)
        assert pictures
        for address in [*pictures, *re.findall(r'(?:href|src)="(/[^"]+)"', page.text)]:
            assert (await client.get(address, follow_redirects=True)).status_code == 200, address
