//! The SQL that comes with the lake: the view that people query, and queries to start from.
//!
//! All of it is in the part of SQL that Athena and `DuckDB` share, so the local stack runs the same text.

mod named;

pub use self::named::{
    MAX_DAYS, MAX_NAME_BYTES, NAMED, NamedQuery, Parameter, ParameterError, ParameterKind,
};
use crate::{FILE, Period, Table, glue, glue::GlueColumn};

/// The name of the Glue table of the files that stay: compacted days, or monthly copies.
pub fn files_table(table: &Table) -> String {
    format!("{}_files", table.name())
}

/// The name of the Glue table of parts, those that are in compacted days already included. Months have none.
pub fn parts_table(table: &Table) -> String {
    format!("{}_parts", table.name())
}

/// The name of the Glue table that says which files to leave out: JSON lines under
/// [`state_prefix`](crate::layout::state_prefix), by the day on which they were written.
pub fn state_table(table: &Table) -> String {
    format!("{}_state", table.name())
}

/// The columns of [`state_table`].
pub const STATE_COLUMNS: [GlueColumn<'static>; 8] = [
    GlueColumn {
        name: "version",
        kind: "bigint",
    },
    GlueColumn {
        name: "file",
        kind: "string",
    },
    GlueColumn {
        name: "hidden",
        kind: "boolean",
    },
    GlueColumn {
        name: "day",
        kind: "string",
    },
    GlueColumn {
        name: "came",
        kind: "string",
    },
    GlueColumn {
        name: "role",
        kind: "string",
    },
    GlueColumn {
        name: "phase",
        kind: "string",
    },
    GlueColumn {
        name: "since",
        kind: "string",
    },
];

/// The query behind the view of the table's name: every event once, whatever compaction is doing.
///
/// The state is read in one go, since between two reads there may be another version of it.
pub fn view(table: &Table) -> String {
    let columns: Vec<&str> = view_columns(table).map(|column| column.name).collect();
    let columns = columns.join(", ");
    let files = match table.period() {
        Period::Day => format!(
            "(\n  select {columns} from {}\n  union all\n  select {columns} from {}\n) as f",
            files_table(table),
            parts_table(table)
        ),
        Period::Month => files_table(table),
    };
    format!(
        "select {columns}\n\
         from {files}\n\
         where {FILE} not in (\n  \
         select file\n  \
         from (select file, hidden, version, max(version) over () as latest from {}) as s\n  \
         where hidden and version = latest\n\
         )",
        state_table(table),
    )
}

/// The columns of the view: those of the files, then the partition key.
fn view_columns(table: &Table) -> impl Iterator<Item = GlueColumn<'_>> {
    glue::columns(table)
        .into_iter()
        .chain([glue::partition_key(table)])
}

/// `sql` with the view written into it, for engines that have the two tables but not the view.
pub fn with_view(table: &Table, sql: &str) -> String {
    let view = format!("with {} as (\n{}\n)", table.name(), view(table));
    let first_word = sql
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .flat_map(str::split_whitespace)
        .next()
        .unwrap_or_default();
    if !first_word.eq_ignore_ascii_case("with") {
        return format!("{view}\n{sql}");
    }
    // A query with names of its own: they come after the view's.
    let statement = sql
        .lines()
        .skip_while(|line| line.trim().is_empty() || line.trim_start().starts_with("--"))
        .collect::<Vec<_>>()
        .join("\n");
    let names = statement
        .trim_start()
        .get(first_word.len()..)
        .unwrap_or_default();
    format!("{view},\n{}", names.trim_start())
}

/// The view as Glue keeps it: the JSON that goes, in base64, into `ViewOriginalText: /* Presto View: … */`.
pub fn presto_view(table: &Table, database: &str) -> serde_json::Value {
    let columns: Vec<serde_json::Value> = view_columns(table)
        .map(|GlueColumn { name, kind, .. }| {
            serde_json::json!({ "name": name, "type": presto_type(kind) })
        })
        .collect();
    serde_json::json!({
        "originalSql": view(table),
        "catalog": "awsdatacatalog",
        "schema": database,
        "columns": columns,
    })
}

/// Glue's names are Presto's own, but for text and times.
fn presto_type(glue: &'static str) -> &'static str {
    match glue {
        "string" => "varchar",
        "timestamp" => "timestamp(3)",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn view_leaves_out_what_the_latest_state_hides() {
        let view = view(&Table::product_events());

        assert!(view.starts_with("select event, userid, datetime, "));
        assert!(
            view.ends_with(
                " from product_events_parts
) as f
where _file not in (
  select file
  from (select file, hidden, version, max(version) over () as latest from product_events_state) as s
  where hidden and version = latest
)"
            ),
            "{view}"
        );
    }

    #[test]
    fn view_of_monthly_copies_has_day_and_month_and_a_state_of_its_own() {
        let view = view(&Table::product_events().monthly_copies());

        assert!(
            view.contains(
                ", _extra, _clamped, _file, dt, month\nfrom product_events_months_files\n"
            ),
            "{view}"
        );
        assert!(view.contains("from product_events_months_state)"), "{view}");
    }

    #[test]
    fn view_is_written_into_queries_with_and_without_names_of_their_own() {
        let table = Table::product_events();

        let plain = with_view(&table, "-- all\nselect * from product_events");
        let named = with_view(
            &table,
            "-- with care\n\nWITH a as (select 1) select * from a, product_events",
        );

        assert!(
            plain.ends_with("\n)\n-- all\nselect * from product_events"),
            "{plain}"
        );
        assert!(
            named.ends_with("\n),\na as (select 1) select * from a, product_events"),
            "{named}"
        );
        assert!(named.starts_with("with product_events as (\nselect event, "));
    }

    #[test]
    fn glue_view_declares_what_the_query_selects() {
        let view = presto_view(&Table::product_events(), "cistern");

        let columns = view["columns"].as_array().unwrap();
        let names: Vec<&str> = columns
            .iter()
            .map(|column| column["name"].as_str().unwrap())
            .collect();
        let select = format!("select {}\n", names.join(", "));
        assert!(view["originalSql"].as_str().unwrap().starts_with(&select));
        assert_eq!(columns[2]["type"], "timestamp(3)");
    }
}
