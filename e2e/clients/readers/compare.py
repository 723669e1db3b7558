"""Reads files of the lake with several readers, each of which has a decoder of its own, and compares what they find.

compare.py FILE…    prints {"readers", "rows", "files": {file: {"rows", "differences": {reader: [column, …] or error}}}}

What is compared of a column is how many NULLs it has, and a sum over its values that does not depend on their order; and the
same of whole rows, so that values of two rows which changed places show. The first reader is the one that the others are held against.
READERS, a list with commas, chooses among those that are installed.
"""

import hashlib
import json
import os
import shutil
import struct
import sys


def with_pyarrow(path):
    import pyarrow.parquet

    return pyarrow.parquet.ParquetFile(path).read()


def with_polars(path):
    import polars

    return polars.read_parquet(path, hive_partitioning=False).to_arrow()


def with_duckdb(path):
    import duckdb

    found = duckdb.connect().sql("select * from read_parquet(?, hive_partitioning = false)", params=[path])
    return found.to_arrow_table() if hasattr(found, "to_arrow_table") else found.arrow()


def with_chdb(path):
    import chdb
    import pyarrow

    quoted = path.replace("\\", "\\\\").replace("'", "\\'")
    answer = chdb.query(f"select * from file('{quoted}', Parquet) settings use_hive_partitioning = 0", "ArrowStream")
    return pyarrow.ipc.open_stream(answer.bytes()).read_all()


def with_datafusion(path):
    import datafusion
    import pyarrow

    return pyarrow.Table.from_batches(datafusion.SessionContext().read_parquet(path).collect())


def spark(is_vectorized):
    """Reads with parquet-java, through Spark's own decoder or row by row."""

    def read(path):
        from pyspark.sql import SparkSession

        session = (
            SparkSession.builder.master("local[1]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.sql.session.timeZone", "UTC")
            .getOrCreate()
        )
        session.conf.set("spark.sql.parquet.enableVectorizedReader", is_vectorized)
        return session.read.parquet(path).toArrow()

    return read


READERS = {
    "pyarrow": ("pyarrow", with_pyarrow),
    "polars": ("polars", with_polars),
    "duckdb": ("duckdb", with_duckdb),
    "chdb": ("chdb", with_chdb),
    "datafusion": ("datafusion", with_datafusion),
    "spark": ("pyspark", spark("true")),
    "parquet-java": ("pyspark", spark("false")),
}


def installed():
    """The readers to compare, in their order."""
    from importlib.util import find_spec

    wanted = os.environ.get("READERS")
    if wanted:
        return wanted.split(",")
    there = [name for name, (module, _) in READERS.items() if find_spec(module)]
    return there if shutil.which("java") else [name for name in there if READERS[name][0] != "pyspark"]


def milliseconds(column):
    """An instant by its number, whatever unit and zone a reader gives it."""
    import pyarrow

    zone = column.type.tz
    return column.cast(pyarrow.timestamp("ms", tz=zone)).cast(pyarrow.int64())


def plain(column):
    """The values of a column in Python's own types."""
    import pyarrow.types as kinds

    if kinds.is_dictionary(column.type):
        column = column.dictionary_decode() if not hasattr(column, "chunks") else column.cast(column.type.value_type)
    if kinds.is_timestamp(column.type):
        column = milliseconds(column)
    values = column.to_pylist()
    return [value.decode() if isinstance(value, bytes) else value for value in values]


def mark(value):
    """Bytes that are those of no other value."""
    if value is None:
        return b"n"
    if isinstance(value, bool):
        return b"t" if value else b"f"
    if isinstance(value, int):
        return b"i%d" % value
    if isinstance(value, float):
        return b"d" + struct.pack("<d", value)
    text = value.encode("utf-8", "surrogatepass")
    return b"s%d:" % len(text) + text


def number_of(data):
    return int.from_bytes(hashlib.sha256(data).digest()[:16], "little")


def digest(table):
    """Of each column, and of rows under the empty name: how many NULLs (or rows), and the sum."""
    sums = {}
    names = sorted(table.column_names)
    columns = [[mark(value) for value in plain(table.column(name))] for name in names]
    for name, marks in zip(names, columns):
        nulls = sum(1 for value in marks if value == b"n")
        sums[name] = (nulls, sum(number_of(value) for value in marks) % (1 << 128))
    rows = [b"|".join(row) for row in zip(*columns)]
    sums[""] = (len(rows), sum(number_of(row) for row in rows) % (1 << 128))
    return sums


def compare(path, readers):
    reference, differences, rows = None, {}, 0
    for name in readers:
        try:
            found = digest(READERS[name][1](path))
        except Exception as error:
            differences[name] = f"{type(error).__name__}: {error}"[:500]
            continue
        if reference is None:
            reference, rows = found, found[""][0]
        different = sorted(set(reference) ^ set(found))
        different += [column for column in reference if column in found and reference[column] != found[column]]
        if different:
            differences[name] = [column or "(rows)" for column in different]
    return {"rows": rows, "differences": differences}


readers = installed()
files = {path: compare(path, readers) for path in sys.argv[1:]}
json.dump({"readers": readers, "rows": sum(file["rows"] for file in files.values()), "files": files}, sys.stdout)
