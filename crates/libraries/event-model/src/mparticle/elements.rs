//! Reads the elements of an array one after the other.

use serde::Deserialize;

use super::Field;

/// The elements that are left of an array's text, each read when it is its turn: a body may have hundreds of thousands of
/// them, and a list of what they are would take many times the body's memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Elements<'a>(&'a str);

impl<'a> Elements<'a> {
    /// `array` is the text of an array, known to be valid JSON.
    pub(super) fn of(array: &'a str) -> Self {
        Self(array.strip_prefix('[').unwrap_or_default())
    }

    /// Whether the next element is an object.
    pub(super) fn begins_object(&mut self) -> bool {
        self.skip_separators();
        self.0.starts_with('{')
    }

    /// The next element as a `T`, and its text: where its members end, its text ends. `None` if there is no element, or it is
    /// not a `T`; then it is still the next one.
    pub(super) fn read_next<T: Deserialize<'a>>(&mut self) -> Option<(T, &'a str)> {
        self.skip_separators();
        let mut values = serde_json::Deserializer::from_str(self.0).into_iter();
        let value = values.next()?.ok()?;
        let (text, rest) = self.0.split_at_checked(values.byte_offset())?;
        self.0 = rest;
        Some((value, text))
    }

    fn skip_separators(&mut self) {
        let is_between = |c: char| c == ',' || c.is_ascii_whitespace();
        self.0 = self.0.trim_start_matches(is_between);
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        self.read_next().map(|(field, _)| field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_as_they_were_sent() {
        let table: [(&str, &[&str]); 4] = [
            ("[]", &[]),
            ("[ ]", &[]),
            ("[0,0]", &["0", "0"]),
            (
                r#"[ {"a" : [1, 2]} ,null, "],[" ,[3 , {}]  ,-1.50]"#,
                &[r#"{"a" : [1, 2]}"#, "null", r#""],[""#, "[3 , {}]", "-1.50"],
            ),
        ];
        for (array, expected) in table {
            let elements = Elements::of(array).map(|element| element.json().unwrap_or("null"));

            assert_eq!(elements.collect::<Vec<_>>(), expected, "{array}");
        }
    }
}
