"""Makes the pictures of the console in the documentation, beside ``docs/use/console.md``.

They are what Chromium shows of a server of this source with a few pictures; ``make clients`` has to have been run.

    python tools/console_pictures.py
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

import openmogr.demo
from openmogr.testing import ServerProcess

ROOT = Path(__file__).resolve().parent.parent
BUCKET = openmogr.demo.BUCKET
# Stored beside the photo, as what they are made by.
OBJECTS = {
    "window.png": "imageMogr2/thumbnail/640x/format/png",
    "window.tpg": "imageMogr2/format/tpg",
    "window.avif": "imageMogr2/format/avif",
    "flower.webp": "imageMogr2/cut/300x260x420x60/format/webp",
    "mirrored.jpg": "imageMogr2/flip/horizontal/format/jpg",
    "grey.heif": "imageMogr2/grayscale/1/format/heif",
}
QUALITY = 82


def main() -> None:
    """Start, visit, convert."""
    node, browser = shutil.which("node"), shutil.which("chromium") or shutil.which("chromium-browser")
    if node is None or browser is None:
        sys.exit("node and chromium are needed")
    photo = Path(openmogr.demo.__file__).parent / openmogr.demo.KEY
    settings: dict[str, dict[str, object]] = {"server": {"process": "everybody", "console_bucket": BUCKET}}
    with tempfile.TemporaryDirectory() as folder, ServerProcess(Path(folder) / "data", settings) as server:
        data = photo.read_bytes()
        server.request("PUT", f"/{BUCKET}", b"", {"x-cos-acl": "public-read"})
        for key, operation in OBJECTS.items():
            made = server.request("POST", f"/-/process?{operation}", data)
            assert server.request("PUT", f"/{BUCKET}/{key}", made.body).status == 200, key
        request = {
            "at": f"http://127.0.0.1:{server.port}",
            "keys": {"id": server.credential.secret_id, "key": server.credential.secret_key},
            "files": {"photo.png": str(photo)},
            "bucket": BUCKET,
            "count": len(OBJECTS),
            "visits": ["picture-compare", "picture-operations", "picture-buckets"],
        }
        command = [node, str(ROOT / "tests/console/walk.mjs"), str(ROOT), browser, folder]
        done = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, check=True)
        for name, visit in json.loads(done.stdout.splitlines()[-1]).items():
            if "error" in visit:
                sys.exit(f"{name}: {visit['error']}")
        for path in sorted(Path(folder).glob("console-*.png")):
            with Image.open(path) as picture:
                target = ROOT / "docs/use" / path.with_suffix(".webp").name
                picture.save(target, quality=QUALITY, method=6)
                print(f"{target.relative_to(ROOT)}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
