"""An S3 server on loopback, and the stores of artifacts that the suite runs on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

from ringback.files.artifacts.bucket import Bucket, bucket_at

REGION = "eu-central-1"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


class S3Server:
    """moto's S3, told of buckets by the library of AWS itself."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def bucket(self, name: str, prefix: str = "") -> Bucket:
        """Return a bucket that is there, made if need be."""
        if name not in {one["Name"] for one in self.client.list_buckets()["Buckets"]}:
            self.client.create_bucket(
                Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}
            )
        return self.at(f"s3://{name}/{prefix}")

    def at(self, url: str) -> Bucket:
        """Return the bucket that a setting of this server names."""
        return bucket_at(
            url, endpoint=self.endpoint, region=REGION, path_style=True, environment=KEYS
        )

    def keys(self, name: str) -> list[str]:
        """Return the keys of everything in a bucket."""
        found = self.client.list_objects_v2(Bucket=name).get("Contents", [])
        return [one["Key"] for one in found]


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Run an S3 server on loopback for the time of the context."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield S3Server(f"http://{host}:{port}")
    finally:
        server.stop()
