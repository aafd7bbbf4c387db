"""Says which version is to be released, and what changed in it.

python -m tools.release.version              print the version
python -m tools.release.version v1.2.3       exit 1 unless this tag is of that version, with a dated section
python -m tools.release.version --changes    print the version's section of the changelog
"""

from __future__ import annotations

import re
import sys

from tools.release.distributions import ROOT, version_of_release

__all__ = ["changes", "main"]


def changes(changelog: str, version: str) -> str:
    """The text of a version's section, without its heading; that of what is not released for the version "Unreleased".

    Raises:
        SystemExit: there is no such section, it has no date, or it is empty.
    """
    date = "" if version == "Unreleased" else r" - \d{4}-\d{2}-\d{2}"
    found = re.search(
        rf"^## \[{re.escape(version)}\]{date}\n(.*?)(?=^## \[|\Z)", changelog, re.MULTILINE | re.DOTALL
    )
    if found is None or not found[1].strip():
        wanted = "[Unreleased]" if not date else f"[{version}] - YYYY-MM-DD"
        raise SystemExit(f"CHANGELOG.md has no section '## {wanted}' with text")
    return found[1].strip() + "\n"


def main(arguments: list[str]) -> int:
    """Prints or checks; the result is the exit code."""
    version = version_of_release()
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if not arguments:
        print(version)
    elif arguments == ["--changes"]:
        print(changes(changelog, version), end="")
    else:
        if arguments != [f"v{version}"]:
            raise SystemExit(f"the tag is {arguments[0]}, but the version is {version}")
        changes(changelog, version)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
