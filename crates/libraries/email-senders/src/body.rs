//! The forms of bodies that are not a JSON array: objects one after the other, and forms.

use std::borrow::Cow;

use event_model::json::JsonObject;
use serde_json::{Deserializer, value::RawValue};

/// Objects one after the other, with or without white space between them, as Firehose stores them; the last one is what cannot be
/// read.
pub(crate) fn objects(text: &str) -> Vec<Cow<'_, str>> {
    let mut values = Deserializer::from_str(text).into_iter::<&RawValue>();
    let mut found = Vec::new();
    let mut end = 0;
    while let Some(Ok(value)) = values.next() {
        found.push(Cow::Borrowed(value.get()));
        end = values.byte_offset();
    }
    let rest = text.get(end..).unwrap_or_default().trim_start();
    if !rest.is_empty() {
        found.push(Cow::Borrowed(rest));
    }
    found
}

/// Whether a text is a form: names and values without white space, in ASCII.
pub(crate) fn is_form(text: &str) -> bool {
    text.contains('=') && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A form as an object; a name that occurs several times has a list.
pub(crate) fn form_to_json(form: &str) -> String {
    let pairs: Vec<_> = form_urlencoded::parse(form.as_bytes()).collect();
    let mut object = JsonObject::default();
    for (place, (name, value)) in pairs.iter().enumerate() {
        if pairs.iter().take(place).any(|(earlier, _)| earlier == name) {
            continue;
        }
        let values: Vec<String> = pairs
            .iter()
            .filter(|(other, _)| other == name)
            .map(|(_, value)| serde_json::Value::from(value.as_ref()).to_string())
            .collect();
        if values.len() == 1 {
            object.text(name, value);
        } else {
            object.array(name, values.iter().map(String::as_str));
        }
    }
    object.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_keeps_every_value() {
        assert_eq!(
            form_to_json("a=1&b=x+y&a=%C3%A9"),
            r#"{"a":["1","é"],"b":"x y"}"#
        );
    }
}
