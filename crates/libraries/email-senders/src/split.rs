//! From the object of a delivery to a body of SparkPost's webhook.

use std::{borrow::Cow, iter, ops::Range};

use event_model::{
    BatchKey, Pipeline,
    json::JsonObject,
    skip_byte_order_marks,
    sparkpost::{PING, item_ranges, split_items},
};
use serde::de::IgnoredAny;
use serde_json::{Deserializer, value::RawValue};

use crate::{
    fields::Fields,
    rows::Rows,
    sender::{Element, Sender},
};

/// The body of an archived delivery as SparkPost would have sent its events: of a sender's object its translation, of any other
/// object the body itself.
///
/// Never fails: what cannot be read is passed on, so that [`parse_batch`](event_model::sparkpost::parse_batch) rejects it
/// with the reason. The same key and body always give the same result.
pub fn to_sparkpost<'b>(object_key: &str, body: &'b [u8]) -> Cow<'b, [u8]> {
    let Some((key, sender)) = sender_of(object_key) else {
        return Cow::Borrowed(body);
    };
    let text = String::from_utf8_lossy(skip_byte_order_marks(body));
    let text = text.trim_matches(|character: char| character.is_ascii_whitespace());
    match text.as_bytes().first() {
        Some(b'[') => {
            let items = split_items(text.as_bytes()).map(|(_, item)| item);
            let items: Vec<Cow<'_, str>> = items.map(String::from_utf8_lossy).collect();
            Cow::Owned(translate(sender, &key, &items))
        }
        Some(b'{') => Cow::Owned(translate(sender, &key, &objects(text))),
        Some(_) if is_form(text) => {
            Cow::Owned(translate(sender, &key, &[Cow::Owned(form_to_json(text))]))
        }
        Some(_) | None => Cow::Borrowed(body),
    }
}

/// Whether an object is a sender's, so that its body has to be translated. Its key may have a bucket before it.
pub fn is_translated(object_key: &str) -> bool {
    sender_of(object_key).is_some()
}

fn sender_of(object_key: &str) -> Option<(BatchKey, &'static Sender)> {
    let (before, _) = object_key.split_once(Pipeline::SENDERS_PREFIX)?;
    let own_key = object_key.get(before.len()..)?;
    let key = BatchKey::from_object_key(own_key).ok()?;
    let sender = key.sender().and_then(Sender::named)?;
    (before.is_empty() || before.ends_with('/')).then_some((key, sender))
}

fn translate(sender: &Sender, key: &BatchKey, items: &[Cow<'_, str>]) -> Vec<u8> {
    let size = items.iter().map(|item| item.len() * 2 + 512).sum();
    let mut out = Vec::with_capacity(size);
    out.push(b'[');
    let mut is_whole = true;
    for (place, item) in items.iter().enumerate() {
        is_whole = translate_item(sender, key, place, item, &mut out);
    }
    // A body that broke off stays one.
    if is_whole {
        out.push(b']');
    }
    out
}

/// Adds what the item at this place of a body becomes. False if the item is not whole.
fn translate_item(
    sender: &Sender,
    key: &BatchKey,
    place: usize,
    item: &str,
    out: &mut Vec<u8>,
) -> bool {
    let mut rows = Rows::begin(out, sender.name);
    let is_whole = serde_json::from_str::<IgnoredAny>(item).is_ok();
    // What stands in the place of an erased item becomes no event either.
    if !is_whole || !item.starts_with('{') || item == PING {
        rows.add_raw(item);
        return is_whole;
    }
    let delivery_id = if place == 0 {
        Cow::Borrowed(key.batch_id())
    } else {
        Cow::Owned(format!("{}.{place}", key.batch_id()))
    };
    let element = Element {
        text: item,
        fields: Fields::of(item),
        delivery_id: &delivery_id,
    };
    (sender.translate)(&element, &mut rows);
    is_whole
}

/// An item of a sender's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranslatedItem {
    /// Where it is in the body.
    pub bytes: Range<usize>,
    /// A body of SparkPost's with the events that it becomes.
    pub events: Vec<u8>,
}

/// The items of a sender's body, each with the events that it alone becomes; none of another object, or of a body that cannot be read.
pub fn translated_items(object_key: &str, body: &[u8]) -> Option<Vec<TranslatedItem>> {
    let (key, sender) = sender_of(object_key)?;
    let ranges = ranges(body)?;
    let items = ranges.into_iter().enumerate().map(|(place, bytes)| {
        let text = String::from_utf8_lossy(&body[bytes.clone()]);
        let item = if text.starts_with(['{', '[']) || !is_form(&text) {
            text
        } else {
            Cow::Owned(form_to_json(&text))
        };
        let mut events = vec![b'['];
        if translate_item(sender, &key, place, &item, &mut events) {
            events.push(b']');
        }
        TranslatedItem { bytes, events }
    });
    Some(items.collect())
}

/// Where the items of a body are, as [`to_sparkpost`] splits it.
fn ranges(body: &[u8]) -> Option<Vec<Range<usize>>> {
    let start = body.len() - skip_byte_order_marks(body).len();
    let start = start + body[start..].len() - body[start..].trim_ascii_start().len();
    let end = start + body[start..].trim_ascii_end().len();
    match body.get(start)? {
        b'[' => Some(item_ranges(body).map(|item| item.bytes).collect()),
        b'{' => {
            let text = std::str::from_utf8(&body[start..end]).ok()?;
            let mut ranges = Vec::new();
            let mut at = 0;
            for object in objects(text) {
                let found = at + text.get(at..)?.find(&*object)?;
                at = found + object.len();
                ranges.push(start + found..start + at);
            }
            Some(ranges)
        }
        _ => {
            let text = std::str::from_utf8(&body[start..end]).ok()?;
            is_form(text).then(|| iter::once(start..end).collect())
        }
    }
}

/// Objects one after the other, with or without white space between them, as Firehose stores them; the last one is what cannot be
/// read.
fn objects(text: &str) -> Vec<Cow<'_, str>> {
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
fn is_form(text: &str) -> bool {
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
    use event_model::sparkpost::parse_batch;
    use time::macros::datetime;

    use super::*;

    const KEY: &str = "raw/email/dt=2026-11-30/standard=msg_1-0123456789abcdef.json.gz";

    fn codes(body: &[u8]) -> (usize, Vec<&'static str>) {
        let body = to_sparkpost(KEY, body).into_owned();
        let batch = parse_batch(&body, datetime!(2026-11-30 12:00 UTC));
        (
            batch.events.len(),
            batch
                .rejected
                .iter()
                .map(|item| item.reason.code())
                .collect(),
        )
    }

    #[test]
    fn what_cannot_be_read_costs_itself_only() {
        let event = r#"{"type":"a","timestamp":"2026-11-30T11:00:00Z"}"#;

        assert_eq!(
            codes(format!("[{event},7,{event}]\r\n").as_bytes()),
            (2, vec!["item_not_an_object"])
        );
        assert_eq!(codes(format!(r#"{event}{event}{{"type":"#).as_bytes()).0, 2);
        assert_eq!(
            codes(format!(r#"[{event},{{"type":"#).as_bytes()).1.len(),
            1
        );
        assert_eq!(codes(b"").1.len(), 1);
        assert_eq!(
            codes(b"--boundary\r\nContent-Disposition: form-data")
                .1
                .len(),
            1
        );
    }

    #[test]
    fn other_objects_are_passed_on() {
        let body = br#"[{"msys":{}}]"#;

        for key in [
            "raw/sparkpost/dt=2026-11-30/a-0123456789abcdef.json.gz",
            "raw/track/x",
        ] {
            assert!(matches!(to_sparkpost(key, body), Cow::Borrowed(_)), "{key}");
        }
    }

    #[test]
    fn form_keeps_every_value() {
        assert_eq!(
            form_to_json("a=1&b=x+y&a=%C3%A9"),
            r#"{"a":["1","é"],"b":"x y"}"#
        );
    }
}
