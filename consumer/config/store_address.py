"""The address of a store as people copy it, and as the SDK wants it."""

from typing import Final

from yarl import URL

# Where the bucket may stand before the host, and where nothing but the bucket can stand in the path.
_OF_ONE_ACCOUNT: Final = (".r2.cloudflarestorage.com", ".amazonaws.com")
_PUBLIC: Final = ".r2.dev"
# Stores whose S3 API is not at the root: Wrangler's local R2, and Supabase.
_KNOWN_PATHS: Final = ("/cdn-cgi/local/r2/s3", "/storage/v1/s3")


def read_store_address(text: str, bucket: str | None) -> str:
    """The address without the bucket, which dashboards show in it; raises ValueError with a sentence."""
    try:
        url = URL(text)
    except ValueError:
        raise ValueError("must be an address such as https://<account>.r2.cloudflarestorage.com") from None
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError("must begin with https:// (or http://) and a host's name")
    if url.user is not None or url.password is not None:
        raise ValueError("must hold no user and no password; the keys have variables of their own")
    if url.query_string or url.fragment:
        raise ValueError("must end with the host or its port, without ? and #")
    if url.host.endswith(_PUBLIC):
        raise ValueError(
            "is where a bucket is read in public; take the S3 API's address, "
            "https://<account>.r2.cloudflarestorage.com"
        )
    if bucket is not None and url.host.startswith(f"{bucket}.") and url.host.endswith(_OF_ONE_ACCOUNT):
        url = url.with_host(url.host.removeprefix(f"{bucket}."))
    path = url.path.rstrip("/")
    if bucket is not None and path.rpartition("/")[2] == bucket:
        path = path.rpartition("/")[0]
    if path and path not in _KNOWN_PATHS:
        raise ValueError(f"has the path {path}, which is not the bucket's name; leave it out: {url.origin()}")
    return str(url.origin()) + path
