//! A table as Glue declares it: what template.yaml has to say, so that a test can hold it against this.

use std::fmt::Write as _;

use time::Date;

use crate::{
    CLAMPED, ColumnType, DAY, EXTRA, FILE, Period, Table,
    layout::{self, LISTED_DAYS_BEFORE, PARTS_DAYS_BEFORE, STATE_LISTED_DAYS_BEFORE},
};

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
    let day = match table.period() {
        Period::Day => None,
        Period::Month => Some((DAY, ColumnType::String, "The day of the event, UTC")),
    };
    let own = [
        (
            EXTRA,
            ColumnType::String,
            "Everything that has no column, as a JSON object",
        ),
        (
            CLAMPED,
            ColumnType::Boolean,
            "True when the time of arrival is used instead of the event's own",
        ),
        (FILE, ColumnType::String, "The file the row is in"),
    ];
    declared
        .chain(
            own.into_iter()
                .chain(day)
                .map(|(name, kind, comment)| GlueColumn {
                    name,
                    kind: kind.as_str(),
                    comment,
                }),
        )
        .collect()
}

/// The partition key.
pub fn partition_key(table: &Table) -> GlueColumn<'static> {
    GlueColumn {
        name: table.period().key(),
        kind: ColumnType::String.as_str(),
        comment: match table.period() {
            Period::Day => "The day of the event, UTC",
            Period::Month => "The month of the event, UTC",
        },
    }
}

/// The key of what goes again: the day of its coming, of which queries list the latest.
pub const COMING: GlueColumn<'static> = GlueColumn {
    name: "at",
    kind: "string",
    comment: "The day of its arrival, UTC; queries list only the latest",
};

/// The location of the files that stay.
pub fn location(table: &Table, bucket: &str) -> String {
    let prefix = layout::closed_prefix(table.name(), table.period());
    format!("s3://{bucket}/{prefix}")
}

/// The location of the parts.
pub fn parts_location(table: &Table, bucket: &str) -> String {
    format!("s3://{bucket}/{}", layout::parts_prefix(table.name()))
}

/// The location of the versions of the manifest.
pub fn state_location(table: &Table, bucket: &str) -> String {
    format!("s3://{bucket}/{}", layout::state_prefix(table.name()))
}

/// The parameters of the table of files that stay: one partition a day, from `first_day` to tomorrow, since an event may be up to a
/// day ahead of the clock. A day before `first_day` is one that no query sees, so the archiver takes none. Of closed months one
/// partition each, from that of `first_day` to that which goes on.
pub fn properties(table: &Table, bucket: &str, first_day: Date) -> Vec<(String, String)> {
    let key = table.period().key();
    let template = format!("{}{key}=${{{key}}}/", location(table, bucket));
    projected("parquet")
        .into_iter()
        .chain(period_projection(table.period(), first_day))
        .chain([template_property(template)])
        .collect()
}

/// The parameters of the table of parts: those that came today or yesterday, and are of a day of the last month, or of tomorrow. What
/// was filed before that is listed by no query, so that it can be removed under none.
pub fn parts_properties(table: &Table, bucket: &str) -> Vec<(String, String)> {
    let template = format!("{}at=${{at}}/dt=${{dt}}/", parts_location(table, bucket));
    let days = format!("NOW-{PARTS_DAYS_BEFORE}DAYS,NOW+1DAYS");
    projected("parquet")
        .into_iter()
        .chain(coming_projection(LISTED_DAYS_BEFORE))
        .chain(date_projection(DAY, "yyyy-MM-dd", "DAYS", &days))
        .chain([template_property(template)])
        .collect()
}

/// The parameters of the table of the manifest: its versions of today and the two days before.
pub fn state_properties(table: &Table, bucket: &str) -> Vec<(String, String)> {
    let template = format!("{}at=${{at}}/", state_location(table, bucket));
    projected("json")
        .into_iter()
        .chain(coming_projection(STATE_LISTED_DAYS_BEFORE))
        .chain([template_property(template)])
        .collect()
}

fn projected(classification: &str) -> [(String, String); 3] {
    [
        ("EXTERNAL", "TRUE"),
        ("classification", classification),
        ("projection.enabled", "true"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
}

fn template_property(template: String) -> (String, String) {
    ("storage.location.template".to_owned(), template)
}

fn period_projection(period: Period, first_day: Date) -> [(String, String); 4] {
    let (format, unit, to) = match period {
        Period::Day => ("yyyy-MM-dd", "DAYS", "NOW+1DAYS"),
        Period::Month => ("yyyy-MM", "MONTHS", "NOW"),
    };
    let range = format!("{},{to}", layout::format_partition(period, first_day));
    date_projection(period.key(), format, unit, &range)
}

fn coming_projection(days_before: i64) -> [(String, String); 4] {
    let range = format!("NOW-{days_before}DAYS,NOW");
    date_projection(COMING.name, "yyyy-MM-dd", "DAYS", &range)
}

fn date_projection(key: &str, format: &str, unit: &str, range: &str) -> [(String, String); 4] {
    [
        ("type", "date"),
        ("format", format),
        ("interval.unit", unit),
        ("range", range),
    ]
    .map(|(property, value)| (format!("projection.{key}.{property}"), value.to_owned()))
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
        let table = Table::product_events();

        let names: Vec<&str> = columns(&table).iter().map(|column| column.name).collect();

        assert_eq!(names.first(), Some(&"event"));
        assert!(names.ends_with(&[EXTRA, CLAMPED, FILE]));
        assert!(!names.contains(&DAY));
    }

    #[test]
    fn closed_months_have_the_day_as_a_column() {
        let table = Table::product_events().closed_months();

        let names: Vec<&str> = columns(&table).iter().map(|column| column.name).collect();

        assert!(names.ends_with(&[EXTRA, CLAMPED, FILE, DAY]));
        assert_eq!(partition_key(&table).name, "month");
    }

    #[test]
    fn projection_of_closed_months_starts_in_the_month_of_the_first_day() {
        let properties = properties(
            &Table::product_events().closed_months(),
            "b",
            date!(2026 - 03 - 31),
        );

        for expected in [
            ("projection.month.range", "2026-03,NOW"),
            (
                "storage.location.template",
                "s3://b/lake/product_events_months/month=${month}/",
            ),
        ] {
            assert!(
                properties
                    .iter()
                    .any(|(name, value)| (name.as_str(), value.as_str()) == expected),
                "{expected:?}"
            );
        }
    }

    #[test]
    fn projection_starts_on_the_first_day() {
        let properties = properties(&Table::product_events(), "b", date!(2026 - 01 - 01));

        assert!(properties.contains(&(
            "projection.dt.range".to_owned(),
            "2026-01-01,NOW+1DAYS".to_owned()
        )));
        assert!(properties.contains(&(
            "storage.location.template".to_owned(),
            "s3://b/lake/product_events/closed/dt=${dt}/".to_owned()
        )));
    }

    #[test]
    fn template_lines_quote_their_comments() {
        let lines = template_columns(&Table::product_events(), 2);

        assert!(lines.starts_with("  - { Name: event, Type: string, Comment: 'What happened' }\n"));
        assert!(lines.contains("the event''s own"));
    }
}
