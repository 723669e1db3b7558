//! A page of the search.

use anyhow::Result;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    operator::api::{Api, Links},
    table::text_of,
};

/// The search of the API.
pub(super) const PATH: &str = "/api/v1/events/message";

/// One event as the API returns it.
pub(super) type Event = serde_json::Map<String, Value>;

/// Events, newest first.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    pub(super) results: Vec<Event>,
    /// How many events match; where counting stopped at a limit, at least so many.
    pub(super) total_count: u64,
    #[serde(default)]
    links: Links,
}

impl Page {
    /// The first page.
    pub(super) async fn first(api: &Api, query: &[(String, String)]) -> Result<Self> {
        api.first_page(PATH, query).await
    }

    pub(super) fn is_last(&self) -> bool {
        self.links.is_last()
    }

    /// The page after this one, if there is one.
    pub(super) async fn next(&self, api: &Api) -> Result<Option<Self>> {
        api.next_page(&self.links).await
    }
}

/// A member of an event as text. `rcpt_meta.plan` names a member of a member. Null and missing are `None`.
pub(super) fn cell(event: &Event, name: &str) -> Option<String> {
    let value = event.get(name).or_else(|| {
        let (outer, inner) = name.split_once('.')?;
        event.get(outer)?.as_object()?.get(inner)
    })?;
    text_of(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_shown_as_text() {
        let event = json!({"type": "open", "geo_ip": {"city": "Bern"}, "a.b": 1, "reason": null});
        let event = event.as_object().unwrap();

        for (name, expected) in [
            ("type", Some("open")),
            ("geo_ip", Some(r#"{"city":"Bern"}"#)),
            ("geo_ip.city", Some("Bern")),
            ("a.b", Some("1")),
            ("reason", None),
            ("type.x", None),
            ("never", None),
        ] {
            assert_eq!(cell(event, name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn a_page_without_links_is_the_last() {
        let page: Page =
            serde_json::from_str(r#"{"results":[],"total_count":0,"links":{}}"#).unwrap();

        assert!(page.is_last());
    }
}
