//! SQL text and its values, kept separate until the driver combines them.

use std::fmt;

use time::OffsetDateTime;

/// One statement, ready to be prepared and run.
///
/// `sql` is built from this crate's own words only: everything from the caller is in `binds`, in the order of the
/// placeholders `$1`, `$2`, … Two queries that filter on the same parameters have the same text, so a connection
/// prepares each combination once.
///
/// A statement that fetches events returns the columns `ts timestamptz, event_key uuid, event text` in that order, the
/// last one being the payload's JSON. A statement that counts returns one row with one `bigint`, or, in groups, rows of
/// `keys text[], count bigint`.
#[derive(Clone, PartialEq)]
pub struct Statement {
    pub sql: String,
    pub binds: Vec<Bind>,
}

/// The value of one placeholder; the variant determines its Postgres type.
#[derive(Clone, PartialEq)]
pub enum Bind {
    /// `text`
    Text(String),
    /// `text[]`
    TextArray(Vec<String>),
    /// `smallint[]`
    SmallIntArray(Vec<i16>),
    /// `integer[]`
    IntArray(Vec<i32>),
    /// `bigint`
    BigInt(i64),
    /// `timestamptz`; exact to the microsecond, which is what Postgres keeps
    Timestamp(OffsetDateTime),
    /// `uuid`, most significant byte first
    Uuid(u128),
    /// `uuid[]`
    UuidArray(Vec<u128>),
}

impl Bind {
    /// The Postgres type of the placeholder.
    pub const fn sql_type(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::TextArray(_) => "text[]",
            Self::SmallIntArray(_) => "smallint[]",
            Self::IntArray(_) => "integer[]",
            Self::BigInt(_) => "bigint",
            Self::Timestamp(_) => "timestamptz",
            Self::Uuid(_) => "uuid",
            Self::UuidArray(_) => "uuid[]",
        }
    }
}

// Values are search terms, often addresses: debug output must not contain them.
impl fmt::Debug for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sql_type())
    }
}

impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement")
            .field("sql", &self.sql)
            .field("binds", &self.binds)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_text_holds_types_and_no_values() {
        let statement = Statement {
            sql: "select $1".to_owned(),
            binds: vec![Bind::Text("someone@example.com".to_owned())],
        };

        assert_eq!(
            format!("{statement:?}"),
            r#"Statement { sql: "select $1", binds: [text] }"#
        );
    }
}
