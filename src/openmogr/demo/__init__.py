"""The demonstration bucket of ``openmogr serve --demo``: one photo, and lines to paste that compress it."""

from __future__ import annotations

from importlib import resources

from openmogr.errors import NoSuchBucket, NoSuchKey
from openmogr.storage.interface import Acl, ObjectAttributes, ObjectHeaders, Storage, Write

__all__ = ["BUCKET", "KEY", "banner", "seed"]

BUCKET = "examplebucket-1250000000"
KEY = "sample.png"


async def seed(storage: Storage, *, region: str) -> None:
    """Make the bucket, readable by everybody, and put the photo into it, unless they are there already."""
    try:
        await storage.head_bucket(BUCKET)
    except NoSuchBucket:
        await storage.create_bucket(BUCKET, region=region, acl=Acl.PUBLIC_READ)
    try:
        await storage.head_object(BUCKET, KEY)
    except NoSuchKey:
        photo = resources.files(__package__).joinpath(KEY).read_bytes()
        async with storage.stage() as staged:
            await staged.write(photo)
            attributes = ObjectAttributes(headers=ObjectHeaders(content_type="image/png"))
            await storage.commit([Write(BUCKET, KEY, staged, attributes)])


def banner(url: str, sign: str) -> str:
    """What the server prints: URLs for a browser, and the three ways as ``curl`` lines.

    Args:
        url: where the server listens, ``http://127.0.0.1:9000``.
        sign: the command that signs with the server's keys, as the reader's shell takes it.
    """
    photo = f"{url}/{BUCKET}/{KEY}"
    heif = '{"is_pic_info":1,"rules":[{"fileid":"/heif/sample.heif","rule":"imageMogr2/format/heif"}]}'
    tpg = '{"is_pic_info":1,"rules":[{"fileid":"/tpg/sample.tpg","rule":"imageMogr2/format/tpg"}]}'
    return f"""
Try it in a browser:

  {url}/-/console
  {photo}
  {photo}?imageMogr2/thumbnail/300x/format/webp
  {photo}?imageInfo

Process on download:

  curl -o sample.heif '{photo}?imageMogr2/format/heif'
  curl -o sample.tpg '{photo}?imageMogr2/format/tpg'

Process on upload (`sign` prints a signature made with the server's keys):

  curl -o upload.png '{photo}'
  curl -T upload.png '{url}/{BUCKET}/upload.png' \\
    -H 'Pic-Operations: {heif}' \\
    -H "Authorization: $({sign} PUT /{BUCKET}/upload.png)"

Process what is stored:

  curl -X POST '{photo}?image_process' \\
    -H 'Pic-Operations: {tpg}' \\
    -H "Authorization: $({sign} POST '/{BUCKET}/{KEY}?image_process')"
"""
