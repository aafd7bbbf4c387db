"""Importing this registers TPG with Pillow, as the plugins that come with Pillow do.

``import pillow_tpg`` alone changes nothing; :func:`pillow_tpg.register_tpg_opener` registers with options.
"""

from __future__ import annotations

from pillow_tpg.plugin import TpgImageFile, register_tpg_opener

__all__ = ["TpgImageFile"]

register_tpg_opener()
