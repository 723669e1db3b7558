//! The envelope around the events of a page: `{"results":[…],"total_count":…,"links":{…}}`.
//!
//! It is written in pieces, as a page is cut by its size while it is being written.

use crate::query::Total;
use crate::shape::write_text;

/// What comes before the first event; the events are separated by commas.
pub const OPENING: &str = r#"{"results":["#;

/// What comes after the last event. `next` is absent on the last page.
///
/// Where counting stopped early, `total_count_relation` says `gte`, a member that SparkPost's answers do not have.
pub fn closing(total: Total, next: Option<&str>) -> String {
    let mut out = match total {
        Total::Exactly(count) => format!(r#"],"total_count":{count},"links":{{"#),
        Total::AtLeast(count) => {
            format!(r#"],"total_count":{count},"total_count_relation":"gte","links":{{"#)
        }
    }
    .into_bytes();
    if let Some(next) = next {
        out.extend_from_slice(br#""next":"#);
        write_text(&mut out, next);
    }
    out.extend_from_slice(b"}}");
    String::from_utf8(out).expect("made of text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_page_has_empty_links() {
        assert_eq!(
            format!("{OPENING}{}", closing(Total::Exactly(0), None)),
            r#"{"results":[],"total_count":0,"links":{}}"#
        );
    }

    #[test]
    fn total_beyond_the_cap_says_so() {
        assert_eq!(
            closing(
                Total::AtLeast(10_000),
                Some("/api/v1/events/message?cursor=x")
            ),
            concat!(
                r#"],"total_count":10000,"total_count_relation":"gte","#,
                r#""links":{"next":"/api/v1/events/message?cursor=x"}}"#
            )
        );
    }
}
