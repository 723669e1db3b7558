//! From the object of a delivery to a body of SparkPost's webhook.

use std::{borrow::Cow, iter, ops::Range};

use event_model::{
    BatchKey, skip_byte_order_marks,
    sparkpost::{PING, item_ranges, split_items},
};
use serde::de::IgnoredAny;

use crate::{
    Sender,
    body::{form_to_json, is_form, objects},
    fields::Fields,
    provider::Element,
    rows::Rows,
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
        let text = String::from_utf8_lossy(skip_byte_order_marks(body));
        let text = text.trim_matches(|character: char| character.is_ascii_whitespace());
        match text.as_bytes().first() {
            Some(b'[') => {
                let items = split_items(text.as_bytes()).map(|(_, item)| item);
                let items: Vec<Cow<'_, str>> = items.map(String::from_utf8_lossy).collect();
                Cow::Owned(self.translate(&items))
            }
            Some(b'{') => Cow::Owned(self.translate(&objects(text))),
            Some(_) if is_form(text) => {
                Cow::Owned(self.translate(&[Cow::Owned(form_to_json(text))]))
            }
            Some(_) | None => Cow::Borrowed(body),
        }
    }

    fn translate(&self, items: &[Cow<'_, str>]) -> Vec<u8> {
        let size = items.iter().map(|item| item.len() * 2 + 512).sum();
        let mut out = Vec::with_capacity(size);
        out.push(b'[');
        let mut is_whole = true;
        let mut place = 0;
        for item in items {
            let events = self.events_in(item);
            for event in events.unwrap_or_else(|| vec![item]) {
                is_whole = self.translate_item(place, event, &mut out);
                place += 1;
            }
        }
        // A body that broke off stays one.
        if is_whole {
            out.push(b']');
        }
        out
    }

    /// Adds what the item at this place of a body becomes. False if the item is not whole.
    fn translate_item(&self, place: usize, item: &str, out: &mut Vec<u8>) -> bool {
        let mut rows = Rows::begin(out, self.sender.name());
        let is_whole = serde_json::from_str::<IgnoredAny>(item).is_ok();
        // What stands in the place of an erased item becomes no event either.
        if !is_whole || !item.starts_with('{') || item == PING {
            rows.add_raw(item);
            return is_whole;
        }
        let delivery_id = if place == 0 {
            Cow::Borrowed(self.key.batch_id())
        } else {
            Cow::Owned(format!("{}.{place}", self.key.batch_id()))
        };
        let element = Element {
            text: item,
            fields: Fields::of(item),
            delivery_id: &delivery_id,
            day: &self.day,
        };
        self.sender.translate(&element, &mut rows);
        is_whole
    }

    /// The items of its body, each with the events that it alone becomes; none of a body that cannot be read.
    pub fn items(&self, body: &[u8]) -> Option<Vec<TranslatedItem>> {
        let ranges = ranges(body)?;
        let ranges = ranges.into_iter().flat_map(|bytes| self.inner(body, bytes));
        let items = ranges.enumerate().map(|(place, bytes)| {
            let text = String::from_utf8_lossy(&body[bytes.clone()]);
            let item = if text.starts_with(['{', '[']) || !is_form(&text) {
                text
            } else {
                Cow::Owned(form_to_json(&text))
            };
            let mut events = vec![b'['];
            if self.translate_item(place, &item, &mut events) {
                events.push(b']');
            }
            TranslatedItem { bytes, events }
        });
        Some(items.collect())
    }

    /// The events inside an object; none if the object is the event, or broke off.
    fn events_in<'t>(&self, object: &'t str) -> Option<Vec<&'t str>> {
        let events = self.sender.events_in(object)?;
        let is_whole = serde_json::from_str::<IgnoredAny>(object).is_ok();
        is_whole.then_some(events)
    }

    /// Where the events inside an object of a body are; the object itself if it is the event, or is not UTF-8.
    fn inner(&self, body: &[u8], bytes: Range<usize>) -> Vec<Range<usize>> {
        let text = std::str::from_utf8(&body[bytes.clone()]).ok();
        let events = text.and_then(|text| Some((text, self.events_in(text)?)));
        let Some((text, events)) = events else {
            return vec![bytes];
        };
        let range = |event: &str| {
            let start = bytes.start + (event.as_ptr().addr() - text.as_ptr().addr());
            start..start + event.len()
        };
        events.into_iter().map(range).collect()
    }
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
