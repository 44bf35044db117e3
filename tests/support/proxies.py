"""Real proxies with the configuration that docs/recipes.md shows."""

import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.embedded.network import free_port
from tests.support.paths import ROOT
from tests.support.processes import eventually

_PAGE = ROOT / "docs/recipes.md"
_NGINX = """
daemon off;
user {user};
pid {folder}/pid;
error_log {folder}/errors;
events {{}}
http {{
client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
{block}
}}
"""
_CADDY = """
{{
	admin off
	auto_https disable_redirects
	storage file_system {folder}/storage
	skip_install_trust
}}
"""


def recipe(heading: str) -> str:
    """The first block of configuration below a heading."""
    section = _PAGE.read_text().partition(f"\n## {heading}\n")[2]
    return re.split(r"```(?:nginx|caddy)?\n", section)[1]


@contextmanager
def nginx(block: str, upstream: str, certificate: Path, folder: Path) -> Iterator[str]:
    """Runs nginx with that block before `upstream` (host:port); yields its address."""
    program = _program("nginx")
    port = free_port()
    text = re.sub(r"proxy_pass http://127.0.0.1:\d+;", f"proxy_pass http://{upstream};", block)
    text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;")
    text = re.sub(r"/etc/ssl/images\.\w+", str(certificate), text)
    text = re.sub(r"/var/(?:log|cache)/nginx", str(folder), text)
    user = "root" if os.geteuid() == 0 else "nobody"
    file = folder / "nginx.conf"
    file.write_text(_NGINX.format(folder=folder, block=text, user=user))
    with _running([program, "-c", str(file), "-e", str(folder / "errors")], port, folder):
        yield f"https://127.0.0.1:{port}"


@contextmanager
def caddy(block: str, upstream: str, certificate: Path, folder: Path) -> Iterator[str]:
    """Runs Caddy with that block before `upstream` (host:port); yields its address."""
    program = _program("caddy")
    port = free_port()
    url = f"https://127.0.0.1:{port}"
    text = block.replace("127.0.0.1:8080", upstream)
    text = text.replace("images.example.com {", f"{url} {{\n\ttls {certificate} {certificate}")
    file = folder / "Caddyfile"
    file.write_text(_CADDY.format(folder=folder) + text)
    command = [program, "run", "--adapter", "caddyfile", "--config", str(file)]
    with _running(command, port, folder):
        yield url


def _program(name: str) -> str:
    program = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip(f"{name} is not installed (Debian: apt install {name})")
    return program


@contextmanager
def _running(command: list[str], port: int, folder: Path) -> Iterator[None]:
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env=os.environ | {"HOME": str(folder)}
        )
    try:
        assert eventually(lambda: _listens(port), seconds=30), (folder / "output").read_text()
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
