//! The metadata keys that a search may filter on.

use std::collections::BTreeSet;

/// The keys of `rcpt_meta` that the operator has indexed. Filtering on another one would read every event of the range.
///
/// The keys become literals of the SQL, because Postgres finds an expression index by the expression's text. They come
/// from the configuration, never from a caller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexedKeys(BTreeSet<String>);

impl IndexedKeys {
    pub fn new(keys: impl IntoIterator<Item = String>) -> Self {
        Self(keys.into_iter().collect())
    }

    pub(crate) fn contains(&self, key: &str) -> bool {
        self.0.contains(key)
    }

    /// The advice for another key, worded to follow the parameter's name.
    pub(crate) fn advice(&self) -> String {
        if self.0.is_empty() {
            return "cannot be searched by: no metadata key is indexed, see MetadataKeys of the stack".to_owned();
        }
        let keys: Vec<&str> = self.0.iter().map(String::as_str).collect();
        format!(
            "cannot be searched by: only {} have an index, see MetadataKeys of the stack",
            keys.join(", ")
        )
    }

    /// The key as a literal of SQL.
    pub(crate) fn as_sql(key: &str) -> String {
        format!("'{}'", key.replace('\'', "''"))
    }
}
