"""Reads raw objects in the plainest way there is, and the lake's files with DuckDB; reports the differences.

Reads from stdin {"objects": [{"path", "arrival"}], "files": [path]}, where an arrival is in milliseconds since 1970, and
writes {"rows", "rejected", "missing", "unknown"}: rows of the reference, records it rejects, and the rows that either side
lacks, by EXCEPT ALL.
"""

import datetime
import gzip
import json
import sys

import duckdb

TEXTS = {"event": "event", "userid": "userid", "sessionid": "sessionid", "url": "url",
         "referrer": "referrer", "useragent": "useragent", "ua": "useragent", "user_id": "userid", "distinct_id": "userid"}
IDS = {"eventid", "event_id", "messageid", "message_id", "uuid", "insertid", "insert_id", "$insert_id", "eid"}
TIMES = {"datetime": "datetime", "ts": "datetime", "timestamp": "datetime", "originaltimestamp": "datetime",
         "timestamp_micros": "datetime", "dtm": "datetime", "receivedat": "receivedat"}
COLUMNS = ["event", "userid", "datetime", "eventid", "receivedat", "sessionid", "url", "referrer", "useragent",
           "country", "city", "_extra", "_clamped", "dt"]
TYPES = {"datetime": "BIGINT", "receivedat": "BIGINT", "_clamped": "BOOLEAN"}
FIRST_DAY_MS = 1_767_225_600_000  # 2026-01-01
DAY_MS = 86_400_000
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


class Whole(int):
    """A whole number that remembers how it was written."""


class Broken(float):
    """A number with decimals or an exponent that does."""


class Pairs(list):
    """The members of an object as they come: a key may come twice."""


def refuse(name):
    raise ValueError(name)


def number(kind, text):
    value = kind(text)
    value.text = text
    return value


DECODER = json.JSONDecoder(object_pairs_hook=Pairs, parse_constant=refuse,
                           parse_int=lambda text: number(Whole, text), parse_float=lambda text: number(Broken, text))


def records(data):
    """Yields the records of an object, and None for each piece that is none."""
    text = data.decode("utf-8", "surrogateescape")
    at = 0
    in_array = False
    while at < len(text):
        if text[at] in " \t\r\n,\ufeff" or (in_array and text[at] == "]"):
            in_array = in_array and text[at] != "]"
            at += 1
            continue
        if text[at] == "[" and text[at + 1 :].lstrip()[:1] in ("{", "]"):
            in_array = True
            at += 1
            continue
        try:
            value, end = DECODER.raw_decode(text, at)
            whole = text[at:end]
            whole.encode("utf-8")  # fails where bytes were no UTF-8
            yield value if isinstance(value, Pairs) and value else None
            at = end
        except ValueError:
            yield None
            line_end = text.find("\n", at)
            line_end = len(text) if line_end < 0 else line_end
            next_object = text.find("}{", at, line_end)
            at = line_end if next_object < 0 else next_object + 1


def to_ms(value):
    """A time in milliseconds, or None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return round(value * 1000 if abs(value) < 100_000_000_000 else value)
    if not isinstance(value, str):
        return None
    try:
        time = datetime.datetime.fromisoformat(value)
    except ValueError:
        return None
    if time.tzinfo is None:
        time = time.replace(tzinfo=datetime.timezone.utc)
    return (time - EPOCH) // datetime.timedelta(milliseconds=1)


def text_of(value):
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(value, str) else None


def id_of(value):
    """An id as text: a number as it was written, or text that is not empty."""
    return value.text if isinstance(value, (Whole, Broken)) else text_of(value) or None


def canonical(value):
    """One text for all ways to write a value. Keeps members in order, as keys may repeat."""
    if isinstance(value, Pairs):
        return ["object", *[[text_of(key), canonical(member)] for key, member in value]]
    if isinstance(value, list):
        return ["array", *map(canonical, value)]
    return text_of(value) if isinstance(value, str) else value


def row_of(record, arrival):
    row = dict.fromkeys(COLUMNS)
    extra = []
    taken = set()

    def take(key, value, column, converted):
        if column in taken or (value is not None and converted is None):
            return False
        taken.add(column)
        row[column] = converted
        return True

    sent_time = None
    for key, value in record:
        name = key.lower()
        if name in IDS:
            if value is not None and ("eventid" in taken or not take(key, value, "eventid", id_of(value))):
                extra.append([key, value])
            continue
        if name in TEXTS and take(key, value, TEXTS[name], text_of(value)):
            continue
        if name in TIMES and take(key, value, TIMES[name], to_ms(value)):
            if TIMES[name] == "datetime":
                sent_time = (key, value)
            continue
        if name == "geo" and value is None:
            continue
        if name == "geo" and isinstance(value, Pairs):
            inner = [
                [place, member] for place, member in value
                if not (place.lower() in ("country", "city") and take(place, member, place.lower(), text_of(member)))
            ]
            if inner:
                extra.append([key, Pairs(inner)])
            continue
        extra.append([key, value])

    def believed(ms):
        return ms is not None and FIRST_DAY_MS <= ms <= arrival + DAY_MS

    if not believed(row["datetime"]):
        row["_clamped"] = True
        if row["datetime"] is not None:
            name = {"datetime": "dateTime"}.get(sent_time[0].lower(), sent_time[0].lower())
            extra.append([name, sent_time[1]])
        row["datetime"] = row["receivedat"] if believed(row["receivedat"]) else arrival
    else:
        row["_clamped"] = False
    row["_extra"] = json.dumps(canonical(Pairs(extra))) if extra else None
    row["dt"] = datetime.datetime.fromtimestamp(row["datetime"] // 1000, datetime.timezone.utc).strftime("%Y-%m-%d")
    return [row[column] for column in COLUMNS]


def main():
    question = json.load(sys.stdin)
    expected, rejected = [], 0
    for raw in question["objects"]:
        with open(raw["path"], "rb") as file:
            data = file.read()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        for record in records(data):
            if record is None:
                rejected += 1
            else:
                expected.append(row_of(record, raw["arrival"]))

    database = duckdb.connect()
    select = ", ".join(f"epoch_ms({name})" if name in ("datetime", "receivedat") else name for name in COLUMNS)
    actual = []
    for path in question["files"]:
        day = path.split("dt=")[1].split("/")[0]
        for row in database.execute(f"select {select.replace(', dt', '')}, '{day}' from read_parquet(?)", [path]).fetchall():
            row = list(row)
            at = COLUMNS.index("_extra")
            if row[at] is not None:
                row[at] = json.dumps(canonical(json.loads(row[at], object_pairs_hook=Pairs)))
            actual.append(row)

    definition = ", ".join(f"{name} {TYPES.get(name, 'VARCHAR')}" for name in COLUMNS)
    for table, rows in (("expected", expected), ("actual", actual)):
        database.execute(f"create table {table} ({definition})")
        if rows:
            database.executemany(f"insert into {table} values ({', '.join('?' * len(COLUMNS))})", rows)

    def difference(one, other):
        return [str(row) for row in database.execute(f"from {one} except all from {other}").fetchall()]

    json.dump({"rows": len(expected), "rejected": rejected, "missing": difference("expected", "actual"),
               "unknown": difference("actual", "expected")}, sys.stdout)


main()
