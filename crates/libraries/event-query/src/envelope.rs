//! The envelope of a page: `{"results":[…],"total_count":…,"links":{…}}`.
//!
//! It is written separately from the events, because a page ends when it reaches its size limit.

use event_model::json::JsonObject;

use crate::links::{LinkForm, Links};
use crate::position::Total;

/// The text before the first event.
pub const OPENING: &str = r#"{"results":["#;

/// The text after the last event: `total_count` and `links`.
///
/// If counting stopped early, `total_count_relation` is `gte`, a member that SparkPost's responses do not have.
pub fn write_page_footer(total: Total, links: &Links, form: LinkForm) -> String {
    let mut out = match total {
        Total::Exactly(count) => format!(r#"],"total_count":{count},"links":"#),
        Total::AtLeast(count) => {
            format!(r#"],"total_count":{count},"total_count_relation":"gte","links":"#)
        }
    };
    match form {
        LinkForm::Object => out.push_str(&object_of(links)),
        LinkForm::List => out.push_str(&list_of(links)),
    }
    out.push('}');
    out
}

fn object_of(links: &Links) -> String {
    let mut object = JsonObject::default();
    for (relation, link) in by_relation(links) {
        object.text(relation, link);
    }
    object.finish()
}

fn list_of(links: &Links) -> String {
    let items = by_relation(links).map(|(relation, link)| {
        let mut item = JsonObject::default();
        item.text("href", link);
        item.text("rel", relation);
        item.finish()
    });
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

fn by_relation(links: &Links) -> impl Iterator<Item = (&'static str, &str)> {
    let Links {
        first,
        previous,
        next,
        last,
    } = links;
    [
        ("first", first),
        ("previous", previous),
        ("next", next),
        ("last", last),
    ]
    .into_iter()
    .filter_map(|(relation, link)| Some((relation, link.as_deref()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(next: Option<&str>) -> Links {
        Links {
            next: next.map(str::to_owned),
            ..Links::default()
        }
    }

    #[test]
    fn last_page_has_empty_links() {
        let closed = |form| write_page_footer(Total::Exactly(0), &links(None), form);

        assert_eq!(closed(LinkForm::Object), r#"],"total_count":0,"links":{}}"#);
        assert_eq!(closed(LinkForm::List), r#"],"total_count":0,"links":[]}"#);
    }

    #[test]
    fn total_beyond_the_cap_says_so() {
        let closed = write_page_footer(
            Total::AtLeast(10_000),
            &links(Some("/api?cursor=x")),
            LinkForm::Object,
        );

        assert_eq!(
            closed,
            r#"],"total_count":10000,"total_count_relation":"gte","links":{"next":"/api?cursor=x"}}"#
        );
    }

    #[test]
    fn list_names_the_relations() {
        let links = Links {
            first: Some("/1".to_owned()),
            ..links(Some("/3"))
        };

        assert_eq!(
            write_page_footer(Total::Exactly(9), &links, LinkForm::List),
            r#"],"total_count":9,"links":[{"href":"/1","rel":"first"},{"href":"/3","rel":"next"}]}"#
        );
    }
}
