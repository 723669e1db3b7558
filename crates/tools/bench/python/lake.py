"""DuckDB doing what the archiver and the compactor do: JSON in gzip to Parquet, on one thread, with the columns given.

lake.py convert SORTED COLUMNS OUT FILE…   writes OUT; prints {"cpu_seconds", "peak_bytes", "rows"}
lake.py footers FILE…                      prints {"rows", "columns": {name: compressed bytes}, "total_bytes"}
"""

import json
import os
import resource
import sys

import duckdb


def convert(is_sorted, columns, out, files):
    database = duckdb.connect()
    database.execute("set threads = 1")
    database.execute("set preserve_insertion_order = false" if is_sorted else "set preserve_insertion_order = true")
    before = resource.getrusage(resource.RUSAGE_SELF)
    order = f"order by {is_sorted}" if is_sorted else ""
    database.execute(
        f"copy (select * from read_json({files!r}, format = 'newline_delimited', columns = {columns}) {order}) "
        f"to '{out}' (format parquet, compression zstd, compression_level 1, row_group_size 1048576)")
    after = resource.getrusage(resource.RUSAGE_SELF)
    rows = database.execute(f"select count(*) from read_parquet('{out}')").fetchone()[0]
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu_seconds": seconds, "peak_bytes": after.ru_maxrss * 1024, "rows": rows}


def footers(files):
    database = duckdb.connect()
    columns = database.execute(
        "select path_in_schema, sum(total_compressed_size) from parquet_metadata(?) group by 1", [files]).fetchall()
    rows = database.execute("select sum(num_rows) from parquet_file_metadata(?)", [files]).fetchone()[0]
    total = sum(os.path.getsize(file) for file in files)
    # Every query reads the footers: all of a file that is no column.
    return {"rows": int(rows), "columns": {name: int(size) for name, size in columns}, "total_bytes": total}


if sys.argv[1] == "convert":
    answer = convert(sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5:])
else:
    answer = footers(sys.argv[2:])
json.dump(answer, sys.stdout)
