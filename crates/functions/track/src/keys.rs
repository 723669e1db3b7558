//! The columns of the table of product events to which an event's keys belong. Pure.

use std::sync::LazyLock;

use lake_schema::{Table, event_id};

/// The keys in the definition of the table.
pub(crate) static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys::of(&Table::product_events()));

/// The column of an event's name, and the key that fills it.
pub(crate) const EVENT: &str = "event";

/// Members that hold a sender's API key. They are never stored.
const SECRETS: [&str; 4] = ["writeKey", "write_key", "api_key", "apiKey"];

/// Keys of events, each with its column.
#[derive(Debug)]
pub(crate) struct Keys {
    columns: Vec<(Box<str>, Column)>,
}

/// The column of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// The event's id.
    Id,
    /// The event's name.
    Name,
    /// Another column, or several inside an object; by the index of the first.
    Other(usize),
}

impl Keys {
    fn of(table: &Table) -> Self {
        let mut columns: Vec<(Box<str>, Column)> = Vec::new();
        for (index, column) in table.columns().iter().enumerate() {
            for path in &column.from {
                let key = path.split('.').next().unwrap_or(path);
                let column = if table.event_id_paths().any(|id| id == path) {
                    Column::Id
                } else if key == EVENT {
                    Column::Name
                } else {
                    Column::Other(index)
                };
                if columns.iter().all(|(known, _)| **known != *key) {
                    columns.push((key.into(), column));
                }
            }
        }
        Self { columns }
    }

    /// The column of a key, whose letter case does not matter, as in the lake.
    pub(crate) fn column(&self, key: &str) -> Option<Column> {
        let known = self
            .columns
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(key));
        known.map(|(_, column)| *column)
    }

    /// Whether a member is the event's id.
    pub(crate) fn is_id(&self, key: &str, value: &str) -> bool {
        self.column(key) == Some(Column::Id) && event_id::is_id(value)
    }
}

/// Whether a member is a sender's API key.
pub(crate) fn is_secret(key: &str, value: &str) -> bool {
    SECRETS
        .iter()
        .any(|secret| secret.eq_ignore_ascii_case(key))
        && value.starts_with('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_columns_of_the_table() {
        for (key, column) in [
            ("event", Some(Column::Name)),
            ("eventId", Some(Column::Id)),
            ("MESSAGEID", Some(Column::Id)),
            ("$insert_id", Some(Column::Id)),
            ("geo", Some(Column::Other(9))),
            ("timestamp", Some(Column::Other(2))),
            ("country", None),
            ("id", None),
        ] {
            assert_eq!(KEYS.column(key), column, "{key}");
        }
    }
}
