//! A table as Glue declares it: what template.yaml has to say, so that a test can hold it against this.

use std::fmt::Write as _;

use time::Date;

use crate::{CLAMPED, ColumnType, DAY, EXTRA, FILE, Table, layout};

/// A column of a Glue table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlueColumn<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its Hive type.
    pub kind: &'static str,
    /// What people see beside it.
    pub comment: &'a str,
}

/// The table's columns, the partition key left out.
pub fn columns(table: &Table) -> Vec<GlueColumn<'_>> {
    let declared = table.columns().iter().map(|column| GlueColumn {
        name: &column.name,
        kind: column.kind.as_str(),
        comment: &column.comment,
    });
    let own = [
        (
            EXTRA,
            ColumnType::String,
            "Everything that has no column, as a JSON object",
        ),
        (
            CLAMPED,
            ColumnType::Boolean,
            "True when the time of arrival stands in for the event's own",
        ),
        (FILE, ColumnType::String, "The file the row is in"),
    ];
    declared
        .chain(own.map(|(name, kind, comment)| GlueColumn {
            name,
            kind: kind.as_str(),
            comment,
        }))
        .collect()
}

/// The table's location.
pub fn location(table: &Table, bucket: &str) -> String {
    format!("s3://{bucket}/{}", layout::table_prefix(table.name()))
}

/// The table's parameters: one partition a day, from `first_day` to tomorrow, since an event may be up to a day ahead of
/// the clock. A day before `first_day` is one that no query sees, so the archiver takes none.
pub fn properties(table: &Table, bucket: &str, first_day: Date) -> [(String, String); 8] {
    let range = format!("{},NOW+1DAYS", layout::format_day(first_day));
    let template = format!("{}{DAY}=${{{DAY}}}/", location(table, bucket));
    [
        ("EXTERNAL", "TRUE"),
        ("classification", "parquet"),
        ("projection.enabled", "true"),
        ("projection.dt.type", "date"),
        ("projection.dt.format", "yyyy-MM-dd"),
        ("projection.dt.interval.unit", "DAYS"),
        ("projection.dt.range", &range),
        ("storage.location.template", &template),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
}

/// The columns as lines of a template, for `StorageDescriptor.Columns`, indented by `indent` spaces.
pub fn template_columns(table: &Table, indent: usize) -> String {
    column_lines(&columns(table), indent)
}

/// Any columns as lines of a template.
pub fn column_lines(columns: &[GlueColumn<'_>], indent: usize) -> String {
    let mut lines = String::new();
    for GlueColumn {
        name,
        kind,
        comment,
    } in columns
    {
        // YAML's single quotes need only themselves doubled.
        let comment = comment.replace('\'', "''");
        writeln!(
            lines,
            "{:indent$}- {{ Name: {name}, Type: {kind}, Comment: '{comment}' }}",
            ""
        )
        .expect("writing to a String cannot fail");
    }
    lines
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn own_columns_follow_the_declared_ones() {
        let table = Table::events();

        let names: Vec<&str> = columns(&table).iter().map(|column| column.name).collect();

        assert_eq!(names.first(), Some(&"event"));
        assert!(names.ends_with(&[EXTRA, CLAMPED, FILE]));
        assert!(!names.contains(&DAY));
    }

    #[test]
    fn projection_starts_on_the_first_day() {
        let properties = properties(&Table::events(), "b", date!(2026 - 01 - 01));

        assert!(properties.contains(&(
            "projection.dt.range".to_owned(),
            "2026-01-01,NOW+1DAYS".to_owned()
        )));
        assert!(properties.contains(&(
            "storage.location.template".to_owned(),
            "s3://b/lake/events/dt=${dt}/".to_owned()
        )));
    }

    #[test]
    fn template_lines_quote_their_comments() {
        let lines = template_columns(&Table::events(), 2);

        assert!(lines.starts_with("  - { Name: event, Type: string, Comment: 'What happened' }\n"));
        assert!(lines.contains("the event''s own"));
    }
}
