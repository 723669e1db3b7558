"""For each alarm a scenario of its metric in which it must fire, and one in which it must not.

Times are in minutes. A story says when the trouble begins and how long afterwards somebody has to know of it: the measure is what is
lost meanwhile, and not what the alarm happens to be set to.
"""

from dataclasses import dataclass

from .gateway_requests import Request

GIB = 1 << 30
MIB = 1 << 20
HOUR = 60
# SparkPost repeats a refused batch for eight hours, and then drops it.
SENDER_GIVES_UP = 8 * HOUR


@dataclass(frozen=True)
class Story:
    """What a metric does. `within` is None in a scenario in which nothing may fire."""

    what: str
    samples: tuple  # pairs of minute and value, or requests
    lasts: int
    begins: int = 0
    within: int | None = None


def each(step, value, start, end):
    """A sample every so many minutes: a value, or what a function makes of the minute."""
    return tuple((minute, value(minute) if callable(value) else value) for minute in range(start, end, step))


def then(before, after, at, end, step=1):
    """One value, then from a minute on another."""
    return each(step, before, 0, at) + each(step, after, at, end)


def _first_dead_letter():
    fires = Story("the first dead letter", then(0, 1, HOUR, 2 * HOUR), 2 * HOUR, HOUR, 10)
    return fires, Story("an empty queue of dead letters", each(1, 0, 0, 2 * HOUR), 2 * HOUR)


def _oldest_waits(minutes, usual):
    """Ages in seconds: nothing is taken any more, against waiting for as long as is usual."""
    end = minutes + 2 * HOUR
    grows = each(1, 0, 0, HOUR) + each(1, lambda minute: (minute - HOUR) * 60, HOUR, end)
    fires = Story("nothing is taken any more", grows, end, HOUR, minutes)
    return fires, Story("the usual wait", each(1, lambda minute: minute % usual * 60, 0, end), end)


def _one_error(within):
    fires = Story("a call that fails", each(HOUR, 0, 0, 3 * HOUR) + ((3 * HOUR + 1, 1),), 5 * HOUR, 3 * HOUR, within)
    return fires, Story("calls that succeed", each(5, 0, 0, 6 * HOUR), 6 * HOUR)


def _requests(step_seconds, start, end, **fields):
    count = int((end - start) * 60 / step_seconds)
    return tuple(Request(time=start * 60 + index * step_seconds, **fields) for index in range(count))


SPARKPOST = {"route": "POST /webhooks/sparkpost", "key": "key", "address": "203.0.113.1"}
WRONG = SPARKPOST | {"key": "wrong", "status": 403}
READER = {"route": "ANY /api/v1/{proxy+}", "key": "wrong", "address": "198.51.100.7", "status": 403}

SIGN_IN = {"route": "POST /console/sign-in", "key": "", "address": "198.51.100.9", "status": 403}
NO_SESSION = {"route": "GET /console/{proxy+}", "key": "", "address": "198.51.100.9", "status": 403}


def guesses():
    """One address that tries a new key every second."""
    return tuple(
        Request(HOUR * 60 + second, "ANY /api/v1/{proxy+}", f"guess {second}", "198.51.100.9", 403) for second in range(15 * 60)
    )


# One sender at one address, whose key is wrong from the second hour on, and who sends ten requests a minute.
SENDER_WITH_WRONG_KEY = Story(
    "a sender's key is wrong",
    _requests(6, 0, HOUR, status=200, **SPARKPOST) + _requests(6, HOUR, 2 * HOUR, **WRONG),
    2 * HOUR,
    HOUR,
    15,
)

def _rejections():
    """Items that cannot be used: a sender breaks, against the few strange ones that there always are."""
    usual = each(10, 2, 0, 5 * HOUR)
    fires = Story("a tenth of a busy sender's events is broken", usual + each(1, 5, 5 * HOUR, 8 * HOUR), 8 * HOUR, 5 * HOUR, HOUR)
    return fires, Story("two strange items every ten minutes", each(10, 2, 0, 12 * HOUR), 12 * HOUR)


# Alarms that must fire when nothing arrives at all. No other alarm may fire for an idle stack, whose metrics end.
FIRES_IN_SILENCE = {"QuietAlarm"}

STORIES = {
    "LoadDeadLetterAlarm": _first_dead_letter(),
    "ForwardDeadLetterAlarm": _first_dead_letter(),
    "ArchiveDeadLetterAlarm": _first_dead_letter(),
    "LoadAgeAlarm": _oldest_waits(25, usual=3),
    "ArchiveAgeAlarm": _oldest_waits(75, usual=10),
    "ForwardAgeAlarm": _oldest_waits(200, usual=HOUR),
    "EmailEventsRejectedAlarm": _rejections(),
    "AppEventsRejectedAlarm": _rejections(),
    "ProductEventsRejectedAlarm": _rejections(),
    "QuietAlarm": (
        Story("SparkPost falls silent", each(10, 1, 0, 12 * HOUR), 24 * HOUR, 12 * HOUR, SENDER_GIVES_UP - HOUR),
        Story("a batch every two hours", each(2 * HOUR, 1, 0, 48 * HOUR), 48 * HOUR),
    ),
    "ServerErrorAlarm": (
        Story("S3 cannot be written to", then(0, 10, HOUR, 2 * HOUR), 2 * HOUR, HOUR, 10),
        Story("one odd 5xx in an hour", each(HOUR, 1, 0, 6 * HOUR) + each(1, 0, 0, 6 * HOUR), 6 * HOUR),
    ),
    "AuthorizerAlarm": _one_error(10),
    "MigratorAlarm": _one_error(HOUR),
    "EraserAlarm": _one_error(15),
    "CanaryAlarm": _one_error(10),
    "SenderDeniedAlarm": (
        SENDER_WITH_WRONG_KEY,
        Story(
            "somebody else's key is wrong",
            _requests(6, 0, 2 * HOUR, status=200, **SPARKPOST) + _requests(30, 0, 2 * HOUR, **READER),
            2 * HOUR,
        ),
    ),
    "DeniedAlarm": (
        Story("somebody guesses", guesses(), 2 * HOUR, HOUR, 15),
        Story(
            "one reader's key is wrong, beside much that is taken and a crawler on the console's pages",
            _requests(60, 0, 2 * HOUR, **READER)
            + _requests(1, 0, 2 * HOUR, status=200, **SPARKPOST)
            + _requests(1, 0, 2 * HOUR, **NO_SESSION),
            2 * HOUR,
        ),
    ),
    "SignInDeniedAlarm": (
        Story("somebody guesses at the console", _requests(5, HOUR, 2 * HOUR, **SIGN_IN), 2 * HOUR, HOUR, 15),
        Story(
            "a person mistypes, and pages are opened without a session",
            _requests(30, HOUR, HOUR + 2, **SIGN_IN) + _requests(2, 0, 2 * HOUR, **NO_SESSION),
            2 * HOUR,
        ),
    ),
    "MParticleDeniedAlarm": (
        Story("mParticle's key is wrong", then(0, 1, HOUR, 2 * HOUR), 2 * HOUR, HOUR, 15),
        Story("its batches are taken", each(1, 0, 0, 2 * HOUR), 2 * HOUR),
    ),
    "MParticleRefusedAlarm": (
        Story("a batch is answered 503", each(1, 0, 0, HOUR) + ((HOUR, 1),) + each(1, 0, HOUR + 1, 2 * HOUR), 2 * HOUR, HOUR, 10),
        Story("all are taken", each(1, 0, 0, 2 * HOUR), 2 * HOUR),
    ),
    "DestinationRefusedAlarm": (
        Story("one run is refused", ((5 * HOUR + 5, 1),), 8 * HOUR, 5 * HOUR, HOUR),
        Story("no run is", (), 8 * HOUR),
    ),
    "DestinationUnavailableAlarm": (
        Story("no run gets an answer", each(HOUR, 1, 5 * HOUR, 9 * HOUR), 9 * HOUR, 5 * HOUR, 3 * HOUR),
        Story("one run gets none", ((5 * HOUR + 5, 1),) + each(HOUR, 0, 6 * HOUR, 9 * HOUR), 9 * HOUR),
    ),
    "RunsUnfinishedAlarm": (
        Story("more comes than goes out", then(0, 1, 5 * HOUR, 12 * HOUR, HOUR), 12 * HOUR, 5 * HOUR, 4 * HOUR),
        Story("every second run is interrupted", each(HOUR, lambda minute: minute // HOUR % 2, 0, 12 * HOUR), 12 * HOUR),
    ),
    "LateEventsAlarm": (
        Story("old events are sent", ((5 * HOUR + 5, 40),), 8 * HOUR, 5 * HOUR, HOUR),
        Story("none is old", (), 8 * HOUR),
    ),
    "TrackDeliveryAlarm": (
        Story("one delivery of many fails", then(1, 1, HOUR, 2 * HOUR, 5) + ((HOUR + 1, 0),), 2 * HOUR, HOUR, 10),
        Story("all arrive, and some minutes have none", each(7, 1, 0, 2 * HOUR), 2 * HOUR),
    ),
    "CompactorAlarm": (
        Story("a day cannot be closed", then(0, 1, 5 * HOUR, 12 * HOUR, HOUR), 12 * HOUR, 5 * HOUR, 4 * HOUR),
        Story("one run fails", each(HOUR, lambda minute: int(minute == 5 * HOUR), 0, 12 * HOUR), 12 * HOUR),
    ),
    "LakeFilesRejectedAlarm": (
        Story("a file of the lake is broken", each(HOUR, 0, 0, 5 * HOUR) + ((5 * HOUR + 1, 1),), 12 * HOUR, 5 * HOUR, 2 * HOUR),
        Story("every file can be read", each(HOUR, 0, 0, 12 * HOUR), 12 * HOUR),
    ),
    "UnreconciledAlarm": (
        Story("an object stays missing", then(0, 2, 6 * HOUR, 18 * HOUR, 3 * HOUR), 18 * HOUR, 6 * HOUR, 2 * HOUR),
        Story("every run finds everything", each(3 * HOUR, 0, 0, 24 * HOUR), 24 * HOUR),
    ),
    "ReconcilerAlarm": _one_error(2 * HOUR),
    "StorageAlarm": (
        Story("storage runs out", then(10 * GIB, GIB // 2, HOUR, 2 * HOUR), 2 * HOUR, HOUR, 20),
        Story("a tenth of 40 GiB is left, and RDS adds to it", each(1, 4 * GIB, 0, 2 * HOUR), 2 * HOUR),
    ),
    "DatabaseMemoryAlarm": (
        Story("memory runs out", then(690 * MIB, 100 * MIB, HOUR, 3 * HOUR), 3 * HOUR, HOUR, 30),
        Story("one query takes much", then(690 * MIB, 690 * MIB, HOUR, 3 * HOUR) + each(1, 60 * MIB, HOUR, HOUR + 5), 3 * HOUR),
    ),
    "DatabaseSwapAlarm": (
        Story("the database swaps all day", then(0, 480 * MIB, HOUR, 3 * HOUR), 3 * HOUR, HOUR, HOUR),
        Story("a little is swapped out for good", each(1, 30 * MIB, 0, 3 * HOUR), 3 * HOUR),
    ),
    "ConnectionsAlarm": (
        Story("of 190 connections 185 are taken", then(20, 185, HOUR, 2 * HOUR), 2 * HOUR, HOUR, 20),
        Story("loaders, queries and a few people", each(1, 45, 0, 2 * HOUR), 2 * HOUR),
    ),
}
