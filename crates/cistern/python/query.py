"""Answers one query with DuckDB: a request on stdin, the answer on stdout, both JSON.

The request: {"setup": [statement, ...], "sql": "...", "max_rows": n}. The answer: {"columns", "rows", "is_cut",
"scanned_bytes"} with every value as text, or {"error"}. What is scanned is what DuckDB read from the files, in columns and
footers, as Athena counts it too.
"""

import json
import sys

import duckdb


def text(value):
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def answer(request):
    connection = duckdb.connect(config={"allow_community_extensions": "false"})
    for statement in request["setup"]:
        connection.execute(statement)
    connection.execute("pragma enable_profiling = 'no_output'")
    result = connection.execute(request["sql"])
    columns = [column[0] for column in result.description or []]
    rows = result.fetchall() if columns else []
    profile = json.loads(connection.get_profiling_information(format="json"))
    return {
        "columns": columns,
        "rows": [[text(value) for value in row] for row in rows[: request["max_rows"]]],
        "is_cut": len(rows) > request["max_rows"],
        "scanned_bytes": profile.get("io", profile)["total_bytes_read"],
    }


try:
    outcome = answer(json.load(sys.stdin))
except duckdb.Error as error:
    outcome = {"error": str(error)}
json.dump(outcome, sys.stdout)
