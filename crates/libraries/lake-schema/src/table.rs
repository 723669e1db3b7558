//! The definition of a table, read from its file in `tables/`.

mod column;
mod definition;

use event_model::Pipeline;

use self::definition::{Definition, MAX_SORT_COLUMNS, check_names, check_paths, role, roles};

pub use self::{
    column::{CLAMPED, Column, ColumnType, DAY, EXTRA, FILE, MONTH},
    definition::TableError,
};

/// One table of the lake. Only [`Table::parse`] makes one, so its parts are consistent.
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
    /// A day, before and after it is compacted.
    Day,
    /// A month: a copy of its compacted days, in their order.
    Month,
}

impl Table {
    /// The largest number of strings that a compacted day is sorted by, before the time.
    pub const MAX_SORT_COLUMNS: usize = MAX_SORT_COLUMNS;

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

    /// All tables that can be queried: each table and that of its monthly copies.
    pub fn all_with_months() -> Vec<Self> {
        let with_months = |table: Self| {
            let months = table.monthly_copies();
            [table, months]
        };
        Self::all().into_iter().flat_map(with_months).collect()
    }

    /// The table of this table's monthly copies: the same rows by month, under another name.
    #[must_use]
    pub fn monthly_copies(&self) -> Self {
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

    /// The index in [`Table::columns`] of the time that decides an event's day. A timestamp.
    pub fn event_time(&self) -> usize {
        self.event_time
    }

    /// The index of the time of arrival that was written into the event when it was received. A timestamp.
    pub fn arrival(&self) -> Option<usize> {
        self.arrival
    }

    /// The indices of the strings that together identify an event, so that duplicates are recognised. Empty when the table has none.
    pub fn event_id(&self) -> &[usize] {
        &self.event_id
    }

    /// The indices of the strings that a compacted day is sorted by, before the event's time.
    pub fn sort(&self) -> &[usize] {
        &self.sort
    }
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

        let name = |index: usize| table.columns()[index].name.as_str();
        assert_eq!(table.name(), "product_events");
        assert_eq!(name(table.event_time()), "datetime");
        assert_eq!(table.arrival().map(name), Some("receivedat"));
        let ids: Vec<&str> = table.event_id().iter().map(|index| name(*index)).collect();
        assert_eq!(ids, ["eventid"]);
        let sort: Vec<&str> = table.sort().iter().map(|index| name(*index)).collect();
        assert_eq!(sort, ["event", "userid"]);
    }

    #[test]
    fn every_table_is_one() {
        let names: Vec<String> = Table::all().map(|table| table.name().to_owned()).into();

        assert_eq!(names, ["product_events", "email_events", "app_events"]);
    }

    #[test]
    fn monthly_copies_differ_from_their_table_in_name_and_period_alone() {
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
            r#"event_time names "at", which is not a timestamp column"#
        );
    }
}
