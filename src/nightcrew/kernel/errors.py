"""What may go wrong, by what happens next. The type decides; the message is one sentence for a person."""


class NightcrewError(Exception):
    """Base of all expected failures. `str(error)` is safe to show: it carries no secret.

    `status` is the HTTP status that was the reason, if one was; `unreached`: there was no connection at all; `last`: the time for
    it is used up, so that it is not tried again at once.
    """

    status: int | None = None
    unreached: bool = False
    last: bool = False


class Retry(NightcrewError):
    """It may work later: the caller is tried again after a pause.

    `after` is the least number of seconds to wait, when the other side said so.
    """

    def __init__(self, message: str, *, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class Misread(Retry):
    """The other side answers something else than was asked for, such as an error page with status 200."""


class GiveUp(NightcrewError):
    """Trying again would give the same result: the run ends as failed."""


class NeedsUser(NightcrewError):
    """Only a person can mend it (a wrong password, a missing setting). Shown under "needs a person"."""


class NotFound(NightcrewError):
    """The named thing does not exist."""


class Forbidden(NightcrewError):
    """Who asks may not do this."""


class Invalid(NightcrewError):
    """The caller's input is wrong. `field` names where."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class Conflict(NightcrewError):
    """The request does not fit the present state (a name in use, a wrong move)."""
