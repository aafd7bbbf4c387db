"""Times of frames in hundredths of a second, as GIF and TPG have them."""

from __future__ import annotations

__all__ = ["Delays"]


class Delays:
    """Rounds one duration after the other; the sums stay within 5 ms of the real ones.

    Args:
        longest: the most hundredths of a second the format holds.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._passed = self._shown = 0

    def next(self, duration: int) -> int:
        """The delay of the next frame, which lasts ``duration`` milliseconds."""
        self._passed += duration
        delay = max((self._passed - self._shown + 5) // 10, 0)
        self._shown += 10 * delay
        return min(delay, self._longest)
