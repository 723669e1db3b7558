//! The columns of a table.

use serde::Deserialize;

/// The partition column: the UTC day of the event, `YYYY-MM-DD`.
pub const DAY: &str = "dt";
/// The partition column of monthly copies: the UTC month of the event, `YYYY-MM`.
pub const MONTH: &str = "month";
/// The column of everything that has no column of its own, as a JSON object.
pub const EXTRA: &str = "_extra";
/// The column that says that the arrival stands in for the event's own time.
pub const CLAMPED: &str = "_clamped";
/// The column that names the file a row is in, by its [`FileId`](crate::FileId).
pub const FILE: &str = "_file";

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
