//! Where the items of a body are: of a JSON array, of objects one after the other, and of a form.

use std::{collections::BTreeMap, iter, ops::Range};

use event_model::{json::JsonObject, skip_byte_order_marks, sparkpost::item_ranges};
use serde::de::IgnoredAny;
use serde_json::Deserializer;

/// The most fields of a form. Mailgun's have thirty.
const MAX_FORM_FIELDS: usize = 1_000;

/// A body, split. What is left of a body that breaks off is its last item.
pub(crate) struct Split<'b> {
    /// Where its items are, in their order.
    pub(crate) ranges: Box<dyn Iterator<Item = Range<usize>> + 'b>,
    /// Whether its only item is a form.
    pub(crate) is_form: bool,
}

impl<'b> Split<'b> {
    /// None of a body that is neither JSON nor a form.
    pub(crate) fn of(body: &'b [u8]) -> Option<Self> {
        let text = skip_byte_order_marks(body).trim_ascii_start();
        let start = body.len() - text.len();
        let text = text.trim_ascii_end();
        let (ranges, is_form): (Box<dyn Iterator<Item = Range<usize>>>, _) = match text.first()? {
            b'[' => (Box::new(item_ranges(body).map(|item| item.bytes)), false),
            b'{' => {
                let placed = move |object: Range<usize>| start + object.start..start + object.end;
                (Box::new(objects(text).map(placed)), false)
            }
            _ if is_form(text) => (Box::new(iter::once(start..start + text.len())), true),
            _ => return None,
        };
        Some(Self { ranges, is_form })
    }
}

/// Where objects are that follow one another, with or without white space between them, as Firehose stores them; the last one is what
/// cannot be read.
fn objects(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut values = Deserializer::from_slice(text).into_iter::<IgnoredAny>();
    let mut end = 0;
    iter::from_fn(move || {
        let rest = text.get(end..)?.trim_ascii_start();
        if rest.is_empty() {
            return None;
        }
        let start = text.len() - rest.len();
        end = match values.next() {
            Some(Ok(_)) => values.byte_offset(),
            Some(Err(_)) | None => text.len(),
        };
        Some(start..end)
    })
}

/// Whether a text is a form: names and values without white space, in ASCII.
fn is_form(text: &[u8]) -> bool {
    text.contains(&b'=') && text.iter().all(u8::is_ascii_graphic)
}

/// A form as an object; a name that occurs several times has a list. None of a form with more fields than any sender's.
pub(crate) fn form_to_json(form: &str) -> Option<String> {
    let separators = form.bytes().filter(|byte| *byte == b'&').count();
    if separators >= MAX_FORM_FIELDS {
        return None;
    }
    let pairs: Vec<_> = form_urlencoded::parse(form.as_bytes()).collect();
    let mut values: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut names = Vec::new();
    for (name, value) in &pairs {
        let values = values.entry(name).or_insert_with(|| {
            names.push(name);
            Vec::new()
        });
        values.push(serde_json::Value::from(value.as_ref()).to_string());
    }
    let mut object = JsonObject::default();
    for name in names {
        match values.get(&**name).map(Vec::as_slice) {
            Some([value]) => object.json(name, value),
            Some(values) => object.array(name, values.iter().map(String::as_str)),
            None => {}
        }
    }
    Some(object.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(body: &[u8]) -> Option<Vec<&[u8]>> {
        Some(Split::of(body)?.ranges.map(|item| &body[item]).collect())
    }

    #[test]
    fn form_keeps_every_value() {
        assert_eq!(
            form_to_json("a=1&b=x+y&a=%C3%A9").unwrap(),
            r#"{"a":["1","é"],"b":"x y"}"#
        );
        assert_eq!(form_to_json(&"a=1&".repeat(MAX_FORM_FIELDS)), None);
    }

    #[test]
    fn bodies_are_split_without_being_text() {
        let objects = b"\xef\xbb\xbf {\"a\":\"\xe4\"}\n{}{\"b\":1} {\"c\"".as_slice();
        let found: [&[u8]; 4] = [b"{\"a\":\"\xe4\"}", b"{}", b"{\"b\":1}", b"{\"c\""];
        assert_eq!(items(objects).unwrap(), found);

        let array = b" [{\"a\":\"\xe4\"}, 7 ]\r\n".as_slice();
        assert_eq!(
            items(array).unwrap(),
            [b"{\"a\":\"\xe4\"}".as_slice(), b"7"]
        );
        assert_eq!(items(b" a=b&c=d\n").unwrap(), [b"a=b&c=d"]);
        for nothing in [b"".as_slice(), b"no form", b"7"] {
            assert_eq!(items(nothing), None);
        }
    }
}
