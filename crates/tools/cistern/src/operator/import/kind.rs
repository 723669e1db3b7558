//! What an item is, by the members that it has.

use std::collections::BTreeMap;

use event_model::{
    Pipeline,
    mparticle::{self, ArchivedMessage},
};
use serde::Serialize;
use serde_json::value::RawValue;

use super::items::{Item, Rejected};
use crate::plural::plural;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// SparkPost's events: webhook batches, Events API, Ingest API
    Email,
    /// mParticle's batches: webhook bodies, its export to S3, this archive's own objects
    App,
    /// Other JSON objects
    Product,
}

impl Kind {
    pub(super) const fn pipeline(self) -> Pipeline {
        match self {
            Self::Email => Pipeline::EmailEvents,
            Self::App => Pipeline::AppEvents,
            Self::Product => Pipeline::ProductEvents,
        }
    }

    /// One of its items, in words.
    pub(super) const fn item(self) -> &'static str {
        match self {
            Self::Email => "email event",
            Self::App => "app event batch",
            Self::Product => "product event",
        }
    }

    /// What an object is by its members: SparkPost's and mParticle's have some that nothing else has together.
    fn of(item: &str) -> Result<Self, &'static str> {
        let members: BTreeMap<String, &RawValue> =
            serde_json::from_str(item).map_err(|_| "not a JSON object")?;
        let has = |name: &str| members.contains_key(name);
        let is_sparkpost = has("msys")
            || has("type")
                && has("timestamp")
                && (has("event_id") || has("message_id"))
                && (has("customer_id") || has("transmission_id") || has("rcpt_to"));
        if is_sparkpost {
            return Ok(Self::Email);
        }
        let is_mparticle = is_archived(item)
            || (has("events") || has("mpid") || has("user_identities")) && is_batch(item);
        if is_mparticle {
            return Ok(Self::App);
        }
        Ok(Self::Product)
    }

    /// Why an item cannot be of this kind, although somebody said so.
    fn refuse(self, item: &str) -> Option<String> {
        match (self, Self::of(item)) {
            (_, Err(reason)) => Some(reason.to_owned()),
            (Self::App, Ok(Self::Email | Self::Product)) => mparticle::parse(item)
                .into_iter()
                .find_map(|item| match item {
                    mparticle::Item::Refused(refusal) => Some(refusal.to_string()),
                    mparticle::Item::Batch(_) | mparticle::Item::Alias => None,
                }),
            (Self::Email | Self::Product | Self::App, Ok(_)) => None,
        }
    }
}

/// A message in the form of the forwarder's archive.
pub(super) fn is_archived(item: &str) -> bool {
    serde_json::from_str::<ArchivedMessage<'_>>(item).is_ok()
}

fn is_batch(item: &str) -> bool {
    let items = mparticle::parse(item);
    let is_usable = |item: &mparticle::Item<'_>| {
        matches!(item, mparticle::Item::Batch(_) | mparticle::Item::Alias)
    };
    !items.is_empty() && items.iter().all(is_usable)
}

/// The items of a file that are of its kind, and the others.
#[derive(Debug)]
pub(super) struct Sorted<'a> {
    pub(super) kind: Option<Kind>,
    pub(super) items: Vec<&'a str>,
    pub(super) rejected: Vec<Rejected>,
}

/// Decides what a file is. Without `wanted` it is what its first recognisable item is, product events last: any object may be one.
pub(super) fn sort(items: Vec<Item<'_>>, wanted: Option<Kind>) -> Sorted<'_> {
    let kinds: Vec<_> = items.iter().map(|item| Kind::of(item.text)).collect();
    let recognised = kinds
        .iter()
        .filter_map(|kind| kind.ok())
        .find(|kind| *kind != Kind::Product)
        .or_else(|| kinds.iter().find_map(|kind| kind.ok()));
    let kind = wanted.or(recognised);
    let mut sorted = Sorted {
        kind,
        items: Vec::with_capacity(items.len()),
        rejected: Vec::new(),
    };
    let Some(kind) = kind else {
        sorted.rejected.extend(
            items
                .iter()
                .map(|item| Rejected::line(item.line, "not a JSON object")),
        );
        if items.is_empty() {
            sorted
                .rejected
                .push(Rejected::whole("it has no items".to_owned()));
        }
        return sorted;
    };
    for (item, found) in items.into_iter().zip(kinds) {
        let reason = match (wanted, found) {
            (Some(_), _) => kind.refuse(item.text),
            (None, Ok(found)) if found == kind => None,
            (None, Ok(found)) => Some(format!(
                "looks like {} in a file of {}: --as overrides this",
                plural(found.item()),
                plural(kind.item())
            )),
            (None, Err(reason)) => Some(reason.to_owned()),
        };
        match reason {
            None => sorted.items.push(item.text),
            Some(reason) => sorted.rejected.push(Rejected::line(item.line, reason)),
        }
    }
    if sorted.items.is_empty() {
        sorted.kind = None;
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_recognised_by_their_members() {
        for (item, kind) in [
            (r#"{"msys":{"track_event":{}}}"#, Kind::Email),
            (r#"{"msys":{}}"#, Kind::Email),
            (
                r#"{"type":"open","event_id":"1","timestamp":"2026-01-31T00:00:00Z","rcpt_to":"a@example.com"}"#,
                Kind::Email,
            ),
            (
                r#"{"events":[{"event_type":"screen_view","data":{}}],"mpid":"1"}"#,
                Kind::App,
            ),
            (
                r#"{"messageId":"m","sentAt":"2026-01-31T00:00:00Z","body":"{}"}"#,
                Kind::App,
            ),
            (
                r#"{"type":"track","event":"login","timestamp":1,"userId":"u"}"#,
                Kind::Product,
            ),
            (
                r#"{"event":"LOGIN","uuid":"u","dateTime":"2017-01-31 00:00:00"}"#,
                Kind::Product,
            ),
            ("{}", Kind::Product),
        ] {
            assert_eq!(Kind::of(item), Ok(kind), "{item}");
        }
        for item in ["1", "[]", "null", "\"{}\""] {
            assert!(Kind::of(item).is_err(), "{item}");
        }
    }

    fn items<'a>(texts: &[&'a str]) -> Vec<Item<'a>> {
        let numbered = texts.iter().enumerate();
        numbered
            .map(|(index, text)| Item {
                line: index + 1,
                text,
            })
            .collect()
    }

    #[test]
    fn a_file_is_one_kind_and_other_items_are_rejected_unless_it_is_named() {
        let texts = [
            r#"{"event":"login"}"#,
            r#"{"msys":{"message_event":{}}}"#,
            "7",
        ];

        let sorted = sort(items(&texts), None);
        assert_eq!((sorted.kind, sorted.items.len()), (Some(Kind::Email), 1));
        let reasons: Vec<_> = sorted.rejected.iter().map(Rejected::to_string).collect();
        assert_eq!(
            reasons,
            [
                "line 1: looks like product events in a file of email events: --as overrides this",
                "line 3: not a JSON object"
            ]
        );

        let named = sort(items(&texts), Some(Kind::Product));
        assert_eq!((named.items.len(), named.rejected.len()), (2, 1));
        let app = sort(items(&texts), Some(Kind::App));
        assert_eq!((app.kind, app.rejected.len()), (None, 3));
        assert_eq!(sort(Vec::new(), None).rejected.len(), 1);
    }
}
