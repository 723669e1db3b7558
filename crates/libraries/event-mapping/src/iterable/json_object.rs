//! Writes JSON objects by hand, where values are already JSON.

/// A JSON object under construction, in the order its members are added.
///
/// The caller adds each key once: this type does not look for repeated ones.
#[derive(Clone, Debug)]
pub struct JsonObject(Vec<u8>);

impl Default for JsonObject {
    fn default() -> Self {
        Self(vec![b'{'])
    }
}

impl JsonObject {
    /// Adds a member whose value is JSON already.
    pub fn json(&mut self, key: &str, json: &str) {
        self.key(key);
        self.0.extend_from_slice(json.as_bytes());
    }

    /// Adds a string.
    pub fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        push_string(&mut self.0, text);
    }

    /// Adds an integer.
    pub fn integer(&mut self, key: &str, value: i64) {
        self.json(key, &value.to_string());
    }

    /// Adds `true` or `false`.
    pub fn boolean(&mut self, key: &str, value: bool) {
        self.json(key, if value { "true" } else { "false" });
    }

    /// Adds an array of values that are JSON already.
    pub fn array<'a>(&mut self, key: &str, items: impl IntoIterator<Item = &'a str>) {
        self.key(key);
        self.0.push(b'[');
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.0.push(b',');
            }
            self.0.extend_from_slice(item.as_bytes());
        }
        self.0.push(b']');
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.0.len() == 1
    }

    /// The object's text.
    pub fn finish(mut self) -> String {
        self.0.push(b'}');
        String::from_utf8(self.0).expect("written from text and ASCII")
    }

    fn key(&mut self, key: &str) {
        if !self.is_empty() {
            self.0.push(b',');
        }
        push_string(&mut self.0, key);
        self.0.push(b':');
    }
}

fn push_string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("text is always JSON, and a vector takes it");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_are_escaped() {
        let mut object = JsonObject::default();
        assert!(object.is_empty());
        object.text("a\"b", "line\nnul\0");
        object.integer("n", -7);
        object.boolean("yes", true);
        object.json("price", "11.90");
        object.array("list", ["1", "{}"]);

        assert_eq!(
            object.finish(),
            r#"{"a\"b":"line\nnul\u0000","n":-7,"yes":true,"price":11.90,"list":[1,{}]}"#
        );
        assert_eq!(JsonObject::default().finish(), "{}");
    }
}
