"""Another server of ours in the place of COS: it speaks S3 as COS does, and takes COS's keys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from openmogr.testing import ServerProcess

__all__ = ["ours"]


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Another server, whose buckets stand for those of COS; with its keys in the environment."""
    with (
        pytest.MonkeyPatch.context() as patch,
        ServerProcess(tmp_path_factory.mktemp("ours") / "data") as running,
    ):
        patch.setenv("COS_SECRET_ID", running.credential.secret_id)
        patch.setenv("COS_SECRET_KEY", running.credential.secret_key)
        yield running
        assert "Traceback" not in running.log, running.log
