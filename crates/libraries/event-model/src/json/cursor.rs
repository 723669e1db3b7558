//! Reads a JSON text value by value, each byte once, however deep it is.

/// A place in a JSON text that a parser has accepted. In any other text what it finds has no meaning, but reading ends.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    /// The beginning of a text.
    pub fn of(json: &'a str) -> Self {
        Self { rest: json }
    }

    /// The first byte of what comes next, after white space; none at the end.
    pub fn peek(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        self.rest.bytes().next()
    }

    /// Passes the next value, and returns its text as written.
    pub fn take_value(&mut self) -> &'a str {
        self.peek();
        self.take(value_length(self.rest.as_bytes()))
    }

    /// Enters the object or list that comes next.
    pub fn enter(&mut self) {
        self.peek();
        self.take(1);
    }

    /// Whether the list has another item, which comes next; otherwise its end is passed.
    pub fn has_item(&mut self) -> bool {
        match self.peek() {
            Some(b',') => {
                self.take(1);
                true
            }
            Some(b']' | b'}') | None => {
                self.take(1);
                false
            }
            Some(_) => true,
        }
    }

    /// The name of the object's next member, with its quotes; its value comes next. None at the end of the object, which is passed.
    pub fn take_name(&mut self) -> Option<&'a str> {
        if !self.has_item() {
            return None;
        }
        let name = self.take_value();
        if self.peek() == Some(b':') {
            self.take(1);
        }
        Some(name)
    }

    /// The text between an earlier place and this one.
    pub fn since(&self, earlier: &Self) -> &'a str {
        let length = earlier.rest.len().saturating_sub(self.rest.len());
        earlier.rest.get(..length).unwrap_or_default()
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }
}

/// The length of the value at the beginning of a text: at least 1, so that skipping it makes progress.
fn value_length(text: &[u8]) -> usize {
    match text.first() {
        Some(b'"') => string_length(text),
        Some(b'{' | b'[') => nested_length(text),
        _ => {
            let is_end =
                |byte: &u8| matches!(byte, b',' | b':' | b']' | b'}') || byte.is_ascii_whitespace();
            text.iter().position(is_end).unwrap_or(text.len()).max(1)
        }
    }
}

fn nested_length(text: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => {
                at += string_length(text.get(at..).unwrap_or_default());
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of the string at the beginning of a text, with its quotes.
pub(crate) fn string_length(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(rest) = text.get(at..)
        && let Some(found) = memchr::memchr2(b'"', b'\\', rest)
    {
        if rest.get(found) == Some(&b'"') {
            return at + found + 1;
        }
        at += found + 2;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;

    fn names(json: &str) -> Vec<(&str, &str)> {
        let mut cursor = Cursor::of(json);
        cursor.enter();
        let mut members = Vec::new();
        while let Some(name) = cursor.take_name() {
            members.push((name, cursor.take_value()));
        }
        assert_eq!(cursor.peek(), None);
        members
    }

    #[test]
    fn members_and_items_are_as_written() {
        let json =
            "\n{ \"a\" : [1, {\"]\":\"\\\"}\"}] ,\"\":-1.5e3,\"b\":\"x\\\\\" , \"c\":null } ";

        assert_eq!(
            names(json),
            [
                (r#""a""#, r#"[1, {"]":"\"}"}]"#),
                (r#""""#, "-1.5e3"),
                (r#""b""#, r#""x\\""#),
                (r#""c""#, "null")
            ]
        );
        assert!(names("{}").is_empty());
    }

    #[test]
    fn text_between_two_places_is_that_of_the_value() {
        let mut cursor = Cursor::of(" [ [1,2] , 3]");
        cursor.enter();
        assert!(cursor.has_item());
        let before = cursor.clone();
        cursor.enter();
        while cursor.has_item() {
            cursor.take_value();
        }

        assert_eq!(cursor.since(&before), "[1,2]");
        assert!(cursor.has_item());
        assert_eq!(cursor.take_value(), "3");
        assert!(!cursor.has_item());
    }

    proptest! {
        #[test]
        fn value_ends_where_a_parser_ends_it(depth in 0_usize..200, text in any::<String>()) {
            let value = format!("{}{}{}", r#"{"a":[7,"#.repeat(depth), serde_json::json!(text), "]}".repeat(depth));
            let json = format!("{value} ,{value}");

            prop_assert_eq!(Cursor::of(&json).take_value(), &value);
        }

        #[test]
        fn reading_of_any_text_ends(text in r#"[\[\]{}",: a\\é1]{0,40}"#) {
            let mut cursor = Cursor::of(&text);
            while cursor.peek().is_some() {
                cursor.enter();
                if let Some(name) = cursor.take_name() {
                    let value = cursor.take_value();
                    prop_assert!(text.contains(name) && text.contains(value));
                }
            }
            let is_json = serde_json::from_str::<&RawValue>(&text).is_ok();
            prop_assert!(!is_json || Cursor::of(&text).take_value() == text.trim());
        }
    }
}
