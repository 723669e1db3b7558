//! What an event's keys are to the table of product events. Pure.

use std::sync::LazyLock;

use lake_schema::{Table, event_id};

/// The keys of the table's definition, which is part of the program.
pub(crate) static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys::of(&Table::product_events()));

/// The column of an event's name, and the key of ours that fills it.
pub(crate) const EVENT: &str = "event";

/// Members that hold a sender's key. They open the door and are stored nowhere.
const SECRETS: [&str; 4] = ["writeKey", "write_key", "api_key", "apiKey"];

/// Keys of events, each with the column that it leads to.
#[derive(Debug)]
pub(crate) struct Keys {
    columns: Vec<(Box<str>, Column)>,
}

/// What a key leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// The event's id.
    Id,
    /// The event's name.
    Name,
    /// Another column, or several inside an object; by the place of the first.
    Other(usize),
}

impl Keys {
    fn of(table: &Table) -> Self {
        let mut columns: Vec<(Box<str>, Column)> = Vec::new();
        for (place, column) in table.columns().iter().enumerate() {
            for path in &column.from {
                let key = path.split('.').next().unwrap_or(path);
                let column = if table.event_id_paths().any(|id| id == path) {
                    Column::Id
                } else if key == EVENT {
                    Column::Name
                } else {
                    Column::Other(place)
                };
                if columns.iter().all(|(known, _)| **known != *key) {
                    columns.push((key.into(), column));
                }
            }
        }
        Self { columns }
    }

    /// Where a key leads, in any case of letters, as the lake reads it.
    pub(crate) fn column(&self, key: &str) -> Option<Column> {
        let known = self
            .columns
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(key));
        known.map(|(_, column)| *column)
    }

    /// Whether a member says the event's id.
    pub(crate) fn is_id(&self, key: &str, value: &str) -> bool {
        self.column(key) == Some(Column::Id) && event_id::is_id(value)
    }
}

/// Whether a member is a sender's key.
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
    fn keys_lead_where_the_table_says() {
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
