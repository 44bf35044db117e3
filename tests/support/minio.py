"""A real MinIO, where its program is at hand, with users that have the rights of a policy."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
import urllib3
from minio import MinioAdmin
from minio.credentials.providers import StaticProvider

from infra.embedded.network import free_port
from infra.embedded.server import bare_environment
from tests.support.processes import eventually

_ROOT, _SECRET = "root-user", "root-secret"


@dataclass(frozen=True)
class RunningMinio:
    """`environment` is that of a user who may do everything."""

    address: str

    @property
    def environment(self) -> dict[str, str]:
        """The settings of its root user, whose bucket need not exist."""
        return self._settings(_ROOT, _SECRET)

    def user(self, policy: Mapping[str, object]) -> dict[str, str]:
        """The settings of a new user with that policy and no other right."""
        root = StaticProvider(_ROOT, _SECRET)
        admin = MinioAdmin(endpoint=self.address, credentials=root, secure=False)
        name, secret = f"user-{uuid4().hex[:12]}", uuid4().hex
        admin.policy_add(name, policy=dict(policy))
        admin.user_add(name, secret)
        admin.policy_set(name, name)
        return self._settings(name, secret)

    def _settings(self, key: str, secret: str) -> dict[str, str]:
        return {
            "S3_ENDPOINT": f"http://{self.address}",
            "S3_PUBLIC_ENDPOINT": f"http://{self.address}",
            "S3_ACCESS_KEY": key,
            "S3_SECRET_KEY": secret,
        }


@contextmanager
def minio() -> Iterator[RunningMinio]:
    """Runs as long as the `with` block; skips the test where MinIO is not installed."""
    program = shutil.which("minio")
    if program is None:
        pytest.skip("minio is not installed (go install github.com/minio/minio@latest)")
    address = f"127.0.0.1:{free_port()}"
    console = f"127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [program, "server", "--address", address, "--console-address", console, folder],
                env=bare_environment(
                    MINIO_ROOT_USER=_ROOT, MINIO_ROOT_PASSWORD=_SECRET, HOME=os.environ["HOME"]
                ),
                stdout=file,
                stderr=file,
            )
        try:
            assert eventually(lambda: _answers(address), 60), log.read_text()
            yield RunningMinio(address)
        finally:
            process.kill()
            process.wait()


def _answers(address: str) -> bool:
    try:
        with urllib3.PoolManager(retries=False, timeout=1) as pool:
            return pool.request("GET", f"http://{address}/minio/health/ready").status == 200
    except urllib3.exceptions.HTTPError:
        return False
