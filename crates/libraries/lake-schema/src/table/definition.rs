//! The JSON of a table, and what is checked of it.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::column::{Column, ColumnType, DAY, MONTH};

/// See [`Table::MAX_SORT_COLUMNS`](super::Table::MAX_SORT_COLUMNS).
pub(super) const MAX_SORT_COLUMNS: usize = 2;

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
    /// Rows are compared by few columns, so that sorting a day is fast.
    #[error("sort names more than {} columns", MAX_SORT_COLUMNS)]
    Sort,
    /// A role is given to a column that does not exist or has the wrong type.
    #[error("{role} names {column:?}, which is not a {expected} column")]
    Role {
        /// `event_time`, `arrival`, `event_id` or `sort`.
        role: &'static str,
        /// The name given.
        column: String,
        /// The type needed.
        expected: &'static str,
    },
}

/// A file of `tables/`, before it is checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Definition {
    pub(super) columns: Vec<Column>,
    pub(super) event_time: String,
    pub(super) arrival: Option<String>,
    #[serde(default)]
    pub(super) event_id: Vec<String>,
    pub(super) sort: Vec<String>,
}

pub(super) fn check_names(definition: &Definition) -> Result<(), TableError> {
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
pub(super) fn check_paths(columns: &[Column]) -> Result<(), TableError> {
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

pub(super) fn roles(
    columns: &[Column],
    name: &'static str,
    wanted: &[String],
) -> Result<Vec<usize>, TableError> {
    wanted
        .iter()
        .map(|column| role(columns, name, column, ColumnType::String))
        .collect()
}

pub(super) fn role(
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
