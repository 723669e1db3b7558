//! What of an event has no column, gathered into one JSON object.

use event_model::json::begin_member;

/// Builds the object of one row after another. Values go in as the text they came as.
#[derive(Debug, Default)]
pub(crate) struct Extra {
    json: Vec<u8>,
    inside: Vec<Level>,
    /// The keys of all levels, one after the other.
    keys: String,
}

/// An object that is entered.
#[derive(Debug)]
struct Level {
    /// Where its key begins in `keys`; it ends where the next one begins.
    key_start: usize,
    is_written: bool,
}

impl Extra {
    pub(crate) fn clear(&mut self) {
        self.json.clear();
        self.inside.clear();
        self.keys.clear();
    }

    /// Whether what is added now is added to the object itself.
    pub(crate) fn is_outermost(&self) -> bool {
        self.inside.is_empty()
    }

    /// Whether nothing was added yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.json.is_empty()
    }

    /// The object of the row, or nothing when all of the event has columns.
    pub(crate) fn finish(&mut self) -> Option<&[u8]> {
        if self.json.is_empty() {
            return None;
        }
        self.json.push(b'}');
        Some(&self.json)
    }

    /// Goes into the object of `key`, which is text as between the quotes of JSON. It only shows up when something is added
    /// in it.
    pub(crate) fn enter(&mut self, key: &str) {
        self.inside.push(Level {
            key_start: self.keys.len(),
            is_written: false,
        });
        self.keys.push_str(key);
    }

    /// Goes back out.
    pub(crate) fn leave(&mut self) {
        if let Some(level) = self.inside.pop() {
            self.keys.truncate(level.key_start);
            if level.is_written {
                self.json.push(b'}');
            }
        }
    }

    /// Adds a key, as between the quotes of JSON, and its value, as JSON.
    pub(crate) fn add(&mut self, key: &str, value: &str) {
        if self.json.is_empty() {
            self.json.push(b'{');
        }
        let mut ends = self.inside.iter().skip(1).map(|level| level.key_start);
        for level in &self.inside {
            let key_end = ends.next().unwrap_or(self.keys.len());
            if !level.is_written {
                begin_member(&mut self.json, &self.keys[level.key_start..key_end]);
                self.json.push(b'{');
            }
        }
        for level in &mut self.inside {
            level.is_written = true;
        }
        begin_member(&mut self.json, key);
        self.json.extend_from_slice(value.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finish(extra: &mut Extra) -> Option<&str> {
        extra
            .finish()
            .map(|json| std::str::from_utf8(json).unwrap())
    }

    #[test]
    fn nothing_added_is_no_object() {
        let mut extra = Extra::default();

        extra.enter("geo");
        extra.leave();

        assert_eq!(finish(&mut extra), None);
    }

    #[test]
    fn members_keep_their_text_and_their_place() {
        let mut extra = Extra::default();

        extra.add("ip", r#""1.2.3.4""#);
        extra.enter("geo");
        extra.enter("point");
        extra.add("lat", "1.50");
        extra.add("lon", "{}");
        extra.leave();
        extra.add("zip", "[ 1 ]");
        extra.leave();
        extra.enter("unused");
        extra.leave();
        extra.add("a\\\"b", "null");

        assert_eq!(
            finish(&mut extra),
            Some(
                r#"{"ip":"1.2.3.4","geo":{"point":{"lat":1.50,"lon":{}},"zip":[ 1 ]},"a\"b":null}"#
            )
        );
    }

    #[test]
    fn each_row_starts_anew() {
        let mut extra = Extra::default();
        extra.enter("geo");
        extra.add("a", "1");
        extra.clear();

        extra.add("b", "2");

        assert_eq!(finish(&mut extra), Some(r#"{"b":2}"#));
    }
}
