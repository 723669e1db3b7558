//! A table's definition, as its file in `tables/` says it.

use std::collections::BTreeSet;

use event_model::Pipeline;
use serde::Deserialize;

/// The partition column: the UTC day of the event, `YYYY-MM-DD`.
pub const DAY: &str = "dt";
/// The partition column of closed months: the UTC month of the event, `YYYY-MM`.
pub const MONTH: &str = "month";
/// The column of everything that has no column of its own, as a JSON object.
pub const EXTRA: &str = "_extra";
/// The column that says that the arrival stands in for the event's own time.
pub const CLAMPED: &str = "_clamped";
/// The column that names the file a row is in, by its [`FileId`](crate::FileId).
pub const FILE: &str = "_file";

/// One table of the lake. Only made by [`Table::parse`], so what it says of itself holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pipeline: Pipeline,
    name: String,
    period: Period,
    columns: Vec<Column>,
    event_time: usize,
    arrival: Option<usize>,
    event_id: Vec<usize>,
    sort: Vec<usize>,
}

/// What one partition of a table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// A day, while it goes on and when it is closed.
    Day,
    /// A closed month: a copy of its closed days, one after the other.
    Month,
}

/// A declared column.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Lower-case, as Glue has it.
    pub name: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// Where its value is in an event: keys, outer to inner, joined by dots, `*` for any key. The first of these that has a usable
    /// value counts.
    pub from: Vec<String>,
    /// What it means, for the people who query it.
    pub comment: String,
}

/// What a column holds. Every column may hold NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// Text, UTF-8.
    String,
    /// A whole number of 64 bits.
    Bigint,
    /// A floating-point number of 64 bits.
    Double,
    /// True or false.
    Boolean,
    /// Milliseconds since the Unix epoch, UTC.
    Timestamp,
}

/// A definition that contradicts itself.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Not the JSON of a table.
    #[error("not a table definition")]
    Json(#[from] serde_json::Error),
    /// Glue and Athena take letters, digits and underscores; a leading underscore is ours.
    #[error(
        "{name:?} is not a name: expected lower-case letters, digits and underscores, a letter first"
    )]
    Name {
        /// The name of the column.
        name: String,
    },
    /// Two columns of one name.
    #[error("column {name} is declared twice")]
    Twice {
        /// The column.
        name: String,
    },
    /// A column without a source, an empty path, or a path that another column reads too or reads into.
    #[error("column {column} cannot be read from {path:?}: empty, or already taken")]
    Path {
        /// The column.
        column: String,
        /// The path, or nothing when the column has none.
        path: String,
    },
    /// A closed day is compared by few columns, so that it is compared fast.
    #[error("sort names more than {} columns", Table::MAX_SORT_COLUMNS)]
    Sort,
    /// A role is given to a column that does not exist or cannot play it.
    #[error("{role} names {column:?}, which is no {expected} column")]
    Role {
        /// `event_time`, `arrival`, `event_id` or `sort`.
        role: &'static str,
        /// The name given.
        column: String,
        /// The type needed.
        expected: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Definition {
    columns: Vec<Column>,
    event_time: String,
    arrival: Option<String>,
    #[serde(default)]
    event_id: Vec<String>,
    sort: Vec<String>,
}

impl Table {
    /// A closed day is sorted by at most so many strings, and then by time.
    pub const MAX_SORT_COLUMNS: usize = 2;

    /// The table of a pipeline's events, `tables/<name>.json`.
    pub fn of(pipeline: Pipeline) -> Self {
        let definition = match pipeline {
            Pipeline::ProductEvents => include_str!("../tables/product_events.json"),
            Pipeline::EmailEvents => include_str!("../tables/email_events.json"),
            Pipeline::AppEvents => include_str!("../tables/app_events.json"),
        };
        Self::parse(pipeline, definition).expect("a test parses this definition")
    }

    /// Product events.
    pub fn product_events() -> Self {
        Self::of(Pipeline::ProductEvents)
    }

    /// Email events.
    pub fn email_events() -> Self {
        Self::of(Pipeline::EmailEvents)
    }

    /// App events.
    pub fn app_events() -> Self {
        Self::of(Pipeline::AppEvents)
    }

    /// All tables of the lake.
    pub fn all() -> [Self; 3] {
        [
            Self::product_events(),
            Self::email_events(),
            Self::app_events(),
        ]
    }

    /// All that can be queried: each table, and its closed months.
    pub fn all_with_months() -> Vec<Self> {
        let with_months = |table: Self| {
            let months = table.closed_months();
            [table, months]
        };
        Self::all().into_iter().flat_map(with_months).collect()
    }

    /// The table of this one's closed months: the same rows, by month, under a name of its own.
    #[must_use]
    pub fn closed_months(&self) -> Self {
        Self {
            name: format!("{}_months", self.name),
            period: Period::Month,
            ..self.clone()
        }
    }

    /// Reads the definition of the table of a pipeline's events and checks that it holds together.
    pub fn parse(pipeline: Pipeline, json: &str) -> Result<Self, TableError> {
        let definition: Definition = serde_json::from_str(json)?;
        check_names(&definition)?;
        check_paths(&definition.columns)?;

        if definition.sort.len() > Self::MAX_SORT_COLUMNS {
            return Err(TableError::Sort);
        }
        let columns = &definition.columns;
        let event_time = role(
            columns,
            "event_time",
            &definition.event_time,
            ColumnType::Timestamp,
        )?;
        let arrival = definition
            .arrival
            .map(|name| role(columns, "arrival", &name, ColumnType::Timestamp))
            .transpose()?;
        let event_id = roles(columns, "event_id", &definition.event_id)?;
        let sort = roles(columns, "sort", &definition.sort)?;
        Ok(Self {
            pipeline,
            name: pipeline.name().to_owned(),
            period: Period::Day,
            columns: definition.columns,
            event_time,
            arrival,
            event_id,
            sort,
        })
    }

    /// The table's name: of its Glue table, its view and its prefix in the bucket.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The pipeline whose events it has.
    pub fn pipeline(&self) -> Pipeline {
        self.pipeline
    }

    /// What one partition holds.
    pub fn period(&self) -> Period {
        self.period
    }

    /// The declared columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The place in [`Table::columns`] of the time that decides an event's day. A timestamp.
    pub fn event_time(&self) -> usize {
        self.event_time
    }

    /// The place of the time of arrival that was written into the event when it was received. A timestamp.
    pub fn arrival(&self) -> Option<usize> {
        self.arrival
    }

    /// The places of the strings by which, together, an event that came twice is known. None when nothing tells.
    pub fn event_id(&self) -> &[usize] {
        &self.event_id
    }

    /// The places of the strings that a closed day is sorted by, before the event's time.
    pub fn sort(&self) -> &[usize] {
        &self.sort
    }
}

fn check_names(definition: &Definition) -> Result<(), TableError> {
    let columns = definition.columns.iter().map(|column| &column.name);
    let mut seen = BTreeSet::from([DAY, MONTH]);
    for name in columns.clone() {
        if !is_name(name) {
            return Err(TableError::Name { name: name.clone() });
        }
    }
    for name in columns {
        if !seen.insert(name) {
            return Err(TableError::Twice { name: name.clone() });
        }
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// A path must lead to one column: not to two, and not to a column and on into it.
fn check_paths(columns: &[Column]) -> Result<(), TableError> {
    let mut taken: Vec<Vec<&str>> = Vec::new();
    for column in columns {
        let fail = |path: &str| TableError::Path {
            column: column.name.clone(),
            path: path.to_owned(),
        };
        if column.from.is_empty() {
            return Err(fail(""));
        }
        for path in &column.from {
            let steps: Vec<&str> = path.split('.').collect();
            let is_taken = taken
                .iter()
                .any(|other| steps.starts_with(other) || other.starts_with(&steps));
            if is_taken || steps.contains(&"") {
                return Err(fail(path));
            }
            taken.push(steps);
        }
    }
    Ok(())
}

fn roles(
    columns: &[Column],
    name: &'static str,
    wanted: &[String],
) -> Result<Vec<usize>, TableError> {
    wanted
        .iter()
        .map(|column| role(columns, name, column, ColumnType::String))
        .collect()
}

fn role(
    columns: &[Column],
    role: &'static str,
    name: &str,
    kind: ColumnType,
) -> Result<usize, TableError> {
    columns
        .iter()
        .position(|column| column.name == name && column.kind == kind)
        .ok_or_else(|| TableError::Role {
            role,
            column: name.to_owned(),
            expected: kind.as_str(),
        })
}

impl Period {
    /// The name of the partition column.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Day => DAY,
            Self::Month => MONTH,
        }
    }
}

impl ColumnType {
    /// The type's name, in definitions as in Glue and Athena.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Bigint => "bigint",
            Self::Double => "double",
            Self::Boolean => "boolean",
            Self::Timestamp => "timestamp",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_columns(columns: &str) -> Result<Table, TableError> {
        Table::parse(
            Pipeline::ProductEvents,
            &format!(
                r#"{{ "event_time": "at", "sort": [], "columns": [
                {{ "name": "at", "type": "timestamp", "from": ["at"], "comment": "" }}{columns}
            ] }}"#
            ),
        )
    }

    fn column(name: &str, from: &str) -> String {
        format!(r#", {{ "name": "{name}", "type": "string", "from": [{from}], "comment": "" }}"#)
    }

    #[test]
    fn events_are_a_table_with_all_roles() {
        let table = Table::product_events();

        let name = |place: usize| table.columns()[place].name.as_str();
        assert_eq!(table.name(), "product_events");
        assert_eq!(name(table.event_time()), "datetime");
        assert_eq!(table.arrival().map(name), Some("receivedat"));
        let ids: Vec<&str> = table.event_id().iter().map(|place| name(*place)).collect();
        assert_eq!(ids, ["eventid"]);
        let sort: Vec<&str> = table.sort().iter().map(|place| name(*place)).collect();
        assert_eq!(sort, ["event", "userid"]);
    }

    #[test]
    fn every_table_is_one() {
        let names: Vec<String> = Table::all().map(|table| table.name().to_owned()).into();

        assert_eq!(names, ["product_events", "email_events", "app_events"]);
    }

    #[test]
    fn closed_months_differ_from_their_table_in_name_and_period_alone() {
        let all = Table::all_with_months();

        for pair in all.chunks(2) {
            let [days, months] = pair else { unreachable!() };
            assert_eq!(months.name(), format!("{}_months", days.name()));
            assert_eq!(
                (days.period().key(), months.period().key()),
                ("dt", "month")
            );
            assert_eq!(months.columns(), days.columns());
        }
    }

    #[test]
    fn names_that_glue_or_the_archiver_uses_are_refused() {
        for name in ["userId", "_extra", "1st", "", "a b", "größe"] {
            let error = with_columns(&column(name, r#""x""#)).unwrap_err();
            assert!(matches!(error, TableError::Name { .. }), "{name:?}");
        }
        for name in ["dt", "month", "at"] {
            let error = with_columns(&column(name, r#""x""#)).unwrap_err();
            assert!(matches!(error, TableError::Twice { .. }), "{name:?}");
        }
    }

    #[test]
    fn a_path_leads_to_one_column() {
        for paths in [
            "",
            r#""""#,
            r#""a..b""#,
            r#""at""#,
            r#""at.x""#,
            r#""a.b", "a""#,
        ] {
            let error = with_columns(&column("x", paths)).unwrap_err();
            assert!(matches!(error, TableError::Path { .. }), "{paths}");
        }
        assert!(with_columns(&(column("x", r#""a.b", "c""#) + &column("y", r#""a.bc""#))).is_ok());
    }

    #[test]
    fn a_role_needs_a_column_of_its_type() {
        let error = Table::parse(
            Pipeline::ProductEvents,
            r#"{ "event_time": "at", "sort": [],
                 "columns": [{ "name": "at", "type": "string", "from": ["at"], "comment": "" }] }"#,
        )
        .unwrap_err();

        assert_eq!(
            error.to_string(),
            r#"event_time names "at", which is no timestamp column"#
        );
    }
}
