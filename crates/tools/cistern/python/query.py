"""Answers one query with DuckDB, in two steps: lines of JSON on stdin, and for each a line of JSON on stdout.

First {"sql", "declare": [statement, ...]}: the statements declare every table, without rows. The query is parsed and bound to
them, and the answer is {"reads": [table, ...]}: what is to be there when it runs, or null when that cannot be told.
Then {"declare": [statement, ...], "max_rows"}: the same tables, with rows. The answer is {"columns", "rows", "is_cut",
"scanned_bytes"} with every value as text. What is scanned is what DuckDB read from the files, in columns and footers, as
Athena counts it too.

With {"confine": folder} in both, the statement may be a select alone, and reads no file outside of the folder.

Instead of any answer there may be {"error"}, in one line.
"""

import json
import os
import sys

# stdout is for the answers alone: whatever else writes there, such as a progress bar of DuckDB, writes to stderr.
answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)

import duckdb  # noqa: E402


class Refused(Exception):
    pass


def connect(request):
    connection = duckdb.connect(config={"allow_community_extensions": "false"})
    connection.execute("set enable_progress_bar = false")
    for statement in request["declare"]:
        connection.execute(statement)
    folder = request.get("confine")
    if folder:
        quoted = folder.replace("'", "''")
        connection.execute(f"set allowed_directories = ['{quoted}']")
        connection.execute("set enable_external_access = false")
    return connection


def lock(connection, request):
    """Nothing that a statement says changes what it may reach. Profiling has to be on before."""
    if request.get("confine"):
        connection.execute("set lock_configuration = true")


def plan(request):
    connection = connect(request)
    lock(connection, request)
    statements = connection.extract_statements(request["sql"])
    if len(statements) != 1:
        raise Refused(f"one statement is expected, and here are {len(statements)}")
    if request.get("confine") and statements[0].type != duckdb.StatementType.SELECT:
        raise Refused("only a select is answered here; `cistern query` runs other statements")
    if statements[0].type == duckdb.StatementType.SELECT:
        connection.execute("explain " + request["sql"])
    try:
        names = connection.get_table_names(request["sql"])
    except duckdb.Error:
        # Not of every statement that runs does DuckDB tell.
        return {"reads": None}
    return {"reads": sorted(names)}


def run(sql, request):
    connection = connect(request)
    connection.execute("pragma enable_profiling = 'no_output'")
    lock(connection, request)
    result = connection.execute(sql)
    columns = [column[0] for column in result.description or []]
    rows = result.fetchmany(request["max_rows"] + 1) if columns else []
    return {
        "columns": columns,
        "rows": [[text(value) for value in row] for row in rows[: request["max_rows"]]],
        "is_cut": len(rows) > request["max_rows"],
        "scanned_bytes": scanned_bytes(connection),
    }


def scanned_bytes(connection):
    # Of statements that read nothing, such as describe, there is no profile, or one without numbers.
    try:
        profile = json.loads(connection.get_profiling_information(format="json"))
    except (duckdb.Error, ValueError):
        return 0
    return profile.get("io", profile).get("total_bytes_read", 0)


def text(value):
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def one_line(error):
    """DuckDB's message without the copy of the query below it, in which a caret points at a column."""
    message = str(error).split("\nLINE ")[0]
    return " ".join(message.split()) or type(error).__name__


def answer(work):
    try:
        outcome = work()
    except Exception as error:  # Whatever it is, it is told in one line, and not by a traceback.
        outcome = {"error": one_line(error)}
    json.dump(outcome, answers)
    answers.write("\n")
    answers.flush()
    return "error" not in outcome


first = json.loads(sys.stdin.readline())
if answer(lambda: plan(first)):
    second = sys.stdin.readline()
    if second:
        answer(lambda: run(first["sql"], json.loads(second)))
