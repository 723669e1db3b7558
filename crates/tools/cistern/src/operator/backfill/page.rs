//! A page of the Events API, and the webhook batch that it becomes.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use crate::operator::raw_batch::envelope;

/// One page. Events are kept as SparkPost wrote them.
#[derive(Debug, Deserialize)]
pub(super) struct Page<'a> {
    #[serde(borrow)]
    pub(super) results: Vec<&'a RawValue>,
    /// How many events match in all.
    #[serde(default)]
    pub(super) total_count: u64,
    #[serde(default)]
    links: Links,
}

/// The API answers an object; its predecessor, and documentation of the API, have a list.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Links {
    Object { next: Option<String> },
    List(Vec<Link>),
    Other(IgnoredAny),
}

#[derive(Debug, Deserialize)]
struct Link {
    href: String,
    rel: String,
}

impl Default for Links {
    fn default() -> Self {
        Self::Other(IgnoredAny)
    }
}

impl Page<'_> {
    /// The path of the next page. A page without events is the last, although SparkPost may link to another one.
    pub(super) fn next(&self) -> Option<&str> {
        if self.results.is_empty() {
            return None;
        }
        match &self.links {
            Links::Object { next } => next.as_deref(),
            Links::List(links) => {
                let next = links.iter().find(|link| link.rel == "next")?;
                Some(&next.href)
            }
            Links::Other(_) => None,
        }
    }

    /// The events as the body of a webhook: each in the envelope of its class. `None` without events.
    pub(super) fn to_batch(&self) -> Option<Vec<u8>> {
        if self.results.is_empty() {
            return None;
        }
        let events = self.results.iter().map(|event| envelope(event.get()));
        let body = format!("[{}]", events.collect::<Vec<_>>().join(","));
        Some(body.into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use event_model::sparkpost::parse_batch;
    use time::macros::datetime;

    use super::*;

    fn next(text: &str) -> Option<String> {
        let page: Page<'_> = serde_json::from_str(text).unwrap();
        page.next().map(str::to_owned)
    }

    #[test]
    fn the_next_page_is_found_in_either_form_of_links() {
        let one = r#""results":[{}]"#;
        for (links, expected) in [
            (
                r#"{"next":"/api/v1/events/message?cursor=b"}"#,
                Some("/api/v1/events/message?cursor=b"),
            ),
            (
                r#"[{"href":"/x?page=1","rel":"first"},{"href":"/x?page=3","rel":"next"}]"#,
                Some("/x?page=3"),
            ),
            ("{}", None),
            ("[]", None),
            ("null", None),
        ] {
            assert_eq!(
                next(&format!(r#"{{{one},"links":{links}}}"#)).as_deref(),
                expected,
                "{links}"
            );
        }
        assert_eq!(next(&format!("{{{one}}}")), None);
        assert_eq!(next(r#"{"results":[],"links":{"next":"/x"}}"#), None);
    }

    #[test]
    fn events_become_the_batch_that_a_webhook_would_bring() {
        let text = r#"{"results":[
            {"type":"bounce","event_id":"9","timestamp":"2026-01-31T12:00:00.123Z","customer_id":1,"n":1.50},
            {"type":"click","event_id":"8","timestamp":"2026-01-31T12:00:00.000+00:00"},
            {"type":"unheard_of","event_id":"7","timestamp":"2026-01-31T12:00:00Z"}],"total_count":3}"#;
        let page: Page<'_> = serde_json::from_str(text).unwrap();
        let body = page.to_batch().unwrap();

        let written = String::from_utf8(body.clone()).unwrap();
        let bounce = r#"[{"msys":{"message_event":{"type":"bounce","event_id":"9","timestamp":"2026-01-31T12:00:00.123Z","customer_id":1,"n":1.50}}}"#;
        assert!(written.starts_with(bounce), "{written}");
        assert!(written.contains(r#"{"msys":{"track_event":{"type":"click""#));

        let webhook = br#"[{"msys":{"message_event":{"type":"bounce","event_id":"9","timestamp":"1769860800"}}},
            {"msys":{"track_event":{"type":"click","event_id":"8","timestamp":"1769860800"}}},
            {"msys":{"message_event":{"type":"unheard_of","event_id":"7","timestamp":"1769860800"}}}]"#;
        let now = datetime!(2026-02-01 0:00 UTC);
        let (fetched, brought) = (parse_batch(&body, now), parse_batch(webhook, now));
        assert!(fetched.rejected.is_empty());
        let keys = |batch: &event_model::sparkpost::Batch<'_>| -> Vec<_> {
            batch
                .events
                .iter()
                .map(|event| (event.timestamp, event.key))
                .collect()
        };
        assert_eq!(keys(&fetched), keys(&brought));
        assert_eq!(
            serde_json::from_str::<Page<'_>>(r#"{"results":[]}"#)
                .unwrap()
                .to_batch(),
            None
        );
    }
}
