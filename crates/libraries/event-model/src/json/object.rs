//! Writes objects by hand, where values are already JSON.

use std::borrow::BorrowMut;

/// A JSON object under construction, in the order its members are added: on its own, or at the end of another text.
///
/// The caller adds each key once: this type does not check for repeated ones.
#[derive(Clone, Debug)]
pub struct JsonObject<B = Vec<u8>>(B);

/// Most objects are no longer: growing from nothing would copy them eight times.
const USUAL_BYTES: usize = 256;

impl Default for JsonObject {
    fn default() -> Self {
        Self::begin(Vec::with_capacity(USUAL_BYTES))
    }
}

impl<B: BorrowMut<Vec<u8>>> JsonObject<B> {
    /// Begins an object at the end of `out`.
    pub fn begin(mut out: B) -> Self {
        out.borrow_mut().push(b'{');
        Self(out)
    }

    /// Adds a member whose value is JSON already.
    pub fn json(&mut self, key: &str, json: &str) {
        self.key(key).extend_from_slice(json.as_bytes());
    }

    /// Adds a string.
    pub fn text(&mut self, key: &str, text: &str) {
        write_text(self.key(key), text);
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
        let out = self.key(key);
        out.push(b'[');
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.extend_from_slice(item.as_bytes());
        }
        out.push(b']');
    }

    /// Adds a member with a key as between the quotes of JSON. Its value is what the caller appends to the text.
    pub fn raw(&mut self, key: &str) -> &mut Vec<u8> {
        let out = self.0.borrow_mut();
        begin_member(out, key);
        out
    }

    /// Adds members that the caller appends to the text, as between the braces of JSON. At least one.
    pub fn members(&mut self) -> &mut Vec<u8> {
        let out = self.0.borrow_mut();
        separate(out);
        out
    }

    /// Adds all members of another object.
    pub fn append(&mut self, other: &JsonObject) {
        if let Some(members) = other.0.get(1..).filter(|members| !members.is_empty()) {
            self.members().extend_from_slice(members);
        }
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        has_just_begun(self.0.borrow())
    }

    /// Ends the object, and returns what has it at its end.
    pub fn end(mut self) -> B {
        self.0.borrow_mut().push(b'}');
        self.0
    }

    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        let out = self.0.borrow_mut();
        separate(out);
        write_text(out, key);
        out.push(b':');
        out
    }
}

impl JsonObject {
    /// The length of its text so far.
    pub fn size_bytes(&self) -> usize {
        self.0.len()
    }

    /// Ends the object, and returns its text.
    pub fn finish(self) -> String {
        String::from_utf8(self.end()).expect("written from text and ASCII")
    }
}

/// Appends the key of a member of the object that `out` ends in: with a comma, unless it is the first. `key` is as between the
/// quotes of JSON.
pub fn begin_member(out: &mut Vec<u8>, key: &str) {
    separate(out);
    out.push(b'"');
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
}

fn separate(out: &mut Vec<u8>) {
    if !has_just_begun(out) {
        out.push(b',');
    }
}

/// No value of JSON ends in an opening brace.
fn has_just_begun(out: &[u8]) -> bool {
    out.last() == Some(&b'{')
}

fn write_text(out: &mut Vec<u8>, text: &str) {
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

    #[test]
    fn object_is_appended_to_what_is_there() {
        let mut out = b"[{}".to_vec();

        let mut object = JsonObject::begin(&mut out);
        object.raw(r"\ud83d").extend_from_slice(b"1");
        object.members().extend_from_slice(br#""a": 2, "b":"{""#);
        object.json("c", "{}");
        object.end();

        assert_eq!(out, br#"[{}{"\ud83d":1,"a": 2, "b":"{","c":{}}"#);
    }

    #[test]
    fn members_of_another_object_are_appended() {
        let mut other = JsonObject::default();
        let mut object = JsonObject::default();
        object.append(&other);
        assert!(object.is_empty());

        other.integer("a", 1);
        object.append(&other);
        object.append(&other);

        assert_eq!(object.finish(), r#"{"a":1,"a":1}"#);
        assert_eq!(other.size_bytes(), r#"{"a":1"#.len());
    }

    #[test]
    fn nested_object_begins_without_a_comma() {
        let mut out = b"{".to_vec();

        begin_member(&mut out, "geo");
        out.push(b'{');
        begin_member(&mut out, "lat");
        out.extend_from_slice(b"1");
        begin_member(&mut out, "lon");

        assert_eq!(out, br#"{"geo":{"lat":1,"lon":"#);
    }
}
