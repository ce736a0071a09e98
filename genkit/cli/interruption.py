"""What becomes of a call when somebody presses Ctrl-C."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genkit.cli.progress import Progress
    from genkit.errors import Charge
    from genkit.response import Attempt

__all__ = ["Interrupted"]


class Interrupted(Exception):  # noqa: N818 - named for what happened
    """Somebody pressed Ctrl-C; `charge` says whether that may have cost money."""

    def __init__(self, charge: Charge, attempts: tuple[Attempt, ...], *, sent: bool) -> None:
        words = {
            "no": "nothing was charged" if sent else "nothing was sent",
            "maybe": "a request was under way, so it may have been charged",
            "yes": "what was answered until then was charged",
        }
        super().__init__(f"interrupted: {words[charge]}")
        self.charge = charge
        self.attempts = attempts

    @classmethod
    def after(cls, progress: Progress) -> Interrupted:
        """The interruption of a call that had come so far."""
        sent = bool(progress.slots)
        return cls(progress.charge, tuple(progress.attempts), sent=sent)
