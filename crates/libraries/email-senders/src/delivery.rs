//! From the object of a delivery to a body of SparkPost's webhook.

use std::{borrow::Cow, iter, ops::Range};

use event_model::{
    BatchKey,
    sparkpost::{ItemRange, MAX_EVENT_BYTES, PING, item_ranges},
};

use crate::{
    Sender,
    body::{Split, form_to_json},
    fields::{Fields, is_json},
    provider::Element,
    rows::{MAX_BYTES, Rows},
};

/// An archived delivery of a sender: who sent it, and what its object's key says of it.
#[derive(Clone, Debug)]
pub struct Delivery {
    sender: Sender,
    key: BatchKey,
    day: String,
}

/// An item of a sender's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranslatedItem {
    /// Where it is in the body.
    pub bytes: Range<usize>,
    /// A body of SparkPost's with the events that it becomes.
    pub events: Vec<u8>,
}

/// The body of an archived object as SparkPost would have sent its events: of a sender's delivery its translation, of any other object the
/// body itself.
///
/// Never fails: what cannot be read is passed on, so that [`parse_batch`](event_model::sparkpost::parse_batch) rejects it
/// with the reason. The same delivery and body always give the same result.
pub fn to_sparkpost<'b>(delivery: Option<&Delivery>, body: &'b [u8]) -> Cow<'b, [u8]> {
    delivery.map_or(Cow::Borrowed(body), |delivery| delivery.to_sparkpost(body))
}

impl Delivery {
    pub(crate) fn new(sender: Sender, key: BatchKey, day: String) -> Self {
        Self { sender, key, day }
    }

    fn to_sparkpost<'b>(&self, body: &'b [u8]) -> Cow<'b, [u8]> {
        let Some(items) = self.texts(body) else {
            return Cow::Borrowed(body);
        };
        let mut out = Vec::with_capacity((body.len() * 3 + 1_024).min(MAX_BYTES));
        out.push(b'[');
        let mut is_whole = true;
        for (place, (_, item)) in items.enumerate() {
            is_whole = self.translate_item(place, &item, &mut out);
        }
        // A body that broke off stays one.
        if is_whole {
            out.push(b']');
        }
        Cow::Owned(out)
    }

    /// The items of a body, one at a time: where each is, and its JSON text. None of a body that cannot be read.
    fn texts<'b>(
        &'b self,
        body: &'b [u8],
    ) -> Option<impl Iterator<Item = (Range<usize>, Cow<'b, str>)>> {
        let Split { ranges, is_form } = Split::of(body)?;
        let ranges = ranges.flat_map(move |bytes| self.inner(body, bytes));
        Some(ranges.map(move |bytes| {
            let text = to_text(&body[bytes.clone()]);
            let form = if is_form { form_to_json(&text) } else { None };
            (bytes, form.map_or(text, Cow::Owned))
        }))
    }

    /// Adds what the item at this place of a body becomes. False if the item is not whole.
    fn translate_item(&self, place: usize, item: &str, out: &mut Vec<u8>) -> bool {
        let mut rows = Rows::begin(out, self.sender.name());
        // What stands in the place of an erased item becomes no event either. A longer item is none: it is rejected as it is.
        if !item.starts_with('{') || item == PING || item.len() > MAX_EVENT_BYTES {
            rows.add_raw(item);
            return is_json(item);
        }
        let (fields, is_whole) = Fields::read(item);
        if !is_whole {
            rows.add_raw(item);
            return false;
        }
        let delivery_id = if place == 0 {
            Cow::Borrowed(self.key.batch_id())
        } else {
            Cow::Owned(format!("{}.{place}", self.key.batch_id()))
        };
        let element = Element {
            text: item,
            fields,
            delivery_id: &delivery_id,
            day: &self.day,
        };
        self.sender.translate(&element, &mut rows);
        rows.end(item);
        true
    }

    /// The items of its body, each with the events that it alone becomes; none of a body that cannot be read.
    pub fn items(&self, body: &[u8]) -> Option<Vec<TranslatedItem>> {
        let items = self.texts(body)?.enumerate();
        let items = items.map(|(place, (bytes, item))| {
            let mut events = vec![b'['];
            if self.translate_item(place, &item, &mut events) {
                events.push(b']');
            }
            TranslatedItem { bytes, events }
        });
        Some(items.collect())
    }

    /// Where the events inside an object of a body are; the object itself if it is the event, or broke off.
    fn inner<'b>(
        &self,
        body: &'b [u8],
        object: Range<usize>,
    ) -> Box<dyn Iterator<Item = Range<usize>> + 'b> {
        let Some(list) = self.list_in(&body[object.clone()]) else {
            return Box::new(iter::once(object));
        };
        let (start, end) = (object.start + list.start, object.start + list.end);
        let placed = move |item: ItemRange| start + item.bytes.start..start + item.bytes.end;
        Box::new(item_ranges(&body[start..end]).map(placed))
    }

    /// Where an object has the list of its events.
    fn list_in(&self, object: &[u8]) -> Option<Range<usize>> {
        let recipe = self.sender.recipe()?;
        let text = same_length_text(object);
        let list = recipe.list_in(&text)?;
        let start = list.as_ptr().addr() - text.as_ptr().addr();
        is_json(&text).then_some(start..start + list.len())
    }
}

/// The text with a replacement character for what is not UTF-8. `from_utf8_lossy` checks one byte at a time where this checks many.
fn to_text(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// The text with a `?` for each byte that is not UTF-8, so that a place in it is the same in the bytes.
fn same_length_text(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(iter::repeat_n('?', chunk.invalid().len()));
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use event_model::sparkpost::parse_batch;
    use time::macros::datetime;

    use super::*;
    use crate::Senders;

    const KEY: &str = "raw/email/dt=2026-11-30/standard=msg_1-0123456789abcdef.json.gz";

    fn codes(body: &[u8]) -> (usize, Vec<&'static str>) {
        let delivery = Senders::default().delivery(KEY).unwrap();
        let body = to_sparkpost(delivery.as_ref(), body).into_owned();
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
}
