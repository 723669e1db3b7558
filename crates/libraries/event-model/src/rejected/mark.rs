//! Marks: what was done about rejected items.

use serde::{Deserialize, Serialize};
use time::Date;

use crate::Pipeline;

/// A line of an object under `state/rejected/`: what was done about one item. The last mark of an item counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The item's [`RejectedId`](super::RejectedId), as text.
    pub id: String,
    /// What was done.
    pub status: MarkStatus,
    /// When: RFC 3339 in UTC.
    pub at: String,
    /// Why, in somebody's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What it was sent again as: the key of a raw object, or the name of a queue's pipeline for a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retried_as: Option<String>,
}

/// What was done about an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MarkStatus {
    /// It was sent through its pipeline again. If it is rejected again, that is another item.
    Retried,
    /// Nothing more is to be done about it.
    Settled,
}

impl MarkStatus {
    /// The name in answers and parameters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retried => "retried",
            Self::Settled => "settled",
        }
    }
}

/// Where all marks are, with a folder for each pipeline.
pub const MARKS_PREFIX: &str = "state/rejected/";

/// Where the marks of the items are that are listed under `day`. The names of the objects are in the order of time.
pub fn marks_prefix(pipeline: Pipeline, day: Date) -> String {
    format!("{MARKS_PREFIX}{}/dt={day}/", pipeline.name())
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn marks_are_read_as_they_were_written_and_with_members_of_later_versions() {
        let mark = Mark {
            id: "row.2026-11-20.3.b".to_owned(),
            status: MarkStatus::Settled,
            at: "2026-11-21T00:00:00Z".to_owned(),
            note: Some("a test".to_owned()),
            retried_as: None,
        };

        let line = serde_json::to_string(&mark).unwrap();

        assert_eq!(
            line,
            r#"{"id":"row.2026-11-20.3.b","status":"settled","at":"2026-11-21T00:00:00Z","note":"a test"}"#
        );
        let later = line.replace('{', r#"{"by":"ada","#);
        assert_eq!(serde_json::from_str::<Mark>(&later).unwrap(), mark);
        assert_eq!(
            marks_prefix(Pipeline::AppEvents, date!(2026 - 11 - 20)),
            "state/rejected/app_events/dt=2026-11-20/"
        );
    }
}
