//! An erasure: who, how far it is, and what was found.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, serde::rfc3339};

/// How many names of objects are kept. All are counted.
const MAX_NAMES: usize = 10_000;

/// What is kept of an erasure while it is going on: `state/erasures/<id>/state.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) id: String,
    /// Nothing is changed.
    pub(crate) is_dry_run: bool,
    /// Items of others go too that mention the person.
    #[serde(default)]
    pub(crate) is_deep: bool,
    #[serde(with = "rfc3339")]
    pub(crate) requested_at: OffsetDateTime,
    /// Who asked for it, as the caller says.
    pub(crate) requested_by: Option<String>,
    /// The hashes of the names.
    pub(crate) names: Vec<String>,
    /// Nothing is searched before.
    #[serde(with = "rfc3339")]
    pub(crate) not_before: OffsetDateTime,
    /// The pass that is going on, or is next.
    pub(crate) pass: Pass,
    /// Those that have ended.
    pub(crate) passes: Vec<Pass>,
    /// Objects that were changed.
    pub(crate) objects: Names,
}

/// One search of all places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pass {
    /// From 1.
    pub(crate) number: u32,
    #[serde(
        default,
        with = "rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) started_at: Option<OffsetDateTime>,
    #[serde(
        default,
        with = "rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) ended_at: Option<OffsetDateTime>,
    /// The index of the place that is searched, and the last of what was searched in it.
    pub(crate) place: usize,
    pub(crate) after: String,
    /// By place.
    pub(crate) counts: BTreeMap<String, Count>,
    /// Objects in which the person may remain.
    pub(crate) problems: Vec<Problem>,
    /// Objects of others that mention the person.
    pub(crate) mentions: Names,
}

/// What was found in one place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Count {
    /// Objects or rows that were looked at.
    pub(crate) searched: u64,
    /// Items of the person.
    pub(crate) found: u64,
    /// Objects or rows that were changed or deleted.
    pub(crate) changed: u64,
    /// Items of others that mention the person.
    pub(crate) mentioned: u64,
    /// Of these, those that go, as the person's items do.
    #[serde(default)]
    pub(crate) mentions_erased: u64,
    /// Items of the person in raw objects that arrived since the first search began. Every function leaves them out and notes the object,
    /// so they are no sign that another pass is needed.
    #[serde(default)]
    pub(crate) late: u64,
}

impl Count {
    /// The same of an object that arrived since the first search began. Nothing leaves mentions out, so they ask for another pass.
    #[must_use]
    pub(crate) const fn arrived_late(self) -> Self {
        Self {
            found: 0,
            late: self.found,
            ..self
        }
    }
}

/// An object in which the person may remain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Problem {
    pub(crate) object: String,
    pub(crate) why: String,
}

/// Names of objects, of which the first are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Names {
    pub(crate) count: u64,
    pub(crate) first: Vec<String>,
}

impl Names {
    pub(crate) fn add(&mut self, name: &str) {
        self.count += 1;
        if self.first.len() < MAX_NAMES {
            self.first.push(name.to_owned());
        }
    }
}

impl Job {
    /// Whether the last pass left nothing; in a dry run, whether it could look everywhere.
    pub(crate) fn is_complete(&self) -> bool {
        let last = self.passes.last();
        last.is_some_and(|pass| {
            pass.problems.is_empty()
                && (self.is_dry_run || pass.found() == 0)
                && (!self.is_deep || self.is_dry_run || pass.mentioned() == 0)
        })
    }
}

impl Pass {
    pub(crate) fn new(number: u32) -> Self {
        Self {
            number,
            started_at: None,
            ended_at: None,
            place: 0,
            after: String::new(),
            counts: BTreeMap::new(),
            problems: Vec::new(),
            mentions: Names::default(),
        }
    }

    /// Items of the person that this pass found, and items of others that go.
    pub(crate) fn found(&self) -> u64 {
        let counts = self.counts.values();
        counts
            .map(|count| count.found + count.mentions_erased)
            .sum()
    }

    /// Items of others that this pass found to mention the person.
    fn mentioned(&self) -> u64 {
        self.counts.values().map(|count| count.mentioned).sum()
    }
}

/// What was found in an object or some rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) count: Count,
    pub(crate) problem: Option<String>,
}

impl Finding {
    /// An object in which the person may remain.
    pub(crate) fn problem(why: impl Into<String>) -> Self {
        Self {
            count: Count {
                searched: 1,
                ..Count::default()
            },
            problem: Some(why.into()),
        }
    }
}

impl Job {
    /// When the first search began. No function works with an older list since then.
    pub(crate) fn first_search(&self) -> Option<OffsetDateTime> {
        self.passes.first().unwrap_or(&self.pass).started_at
    }

    /// Adds what was found in an object, or in rows if it has no name.
    pub(crate) fn add(&mut self, place: &str, object: Option<&str>, finding: Finding) {
        let Finding { count, problem } = finding;
        let sum = self.pass.counts.entry(place.to_owned()).or_default();
        sum.searched += count.searched;
        sum.found += count.found;
        sum.changed += count.changed;
        sum.mentioned += count.mentioned;
        sum.mentions_erased += count.mentions_erased;
        sum.late += count.late;
        let Some(object) = object else { return };
        if count.changed > 0 {
            self.objects.add(object);
        }
        if count.mentioned > 0 {
            self.pass.mentions.add(object);
        }
        if let Some(why) = problem
            && self.pass.problems.len() < MAX_NAMES
        {
            self.pass.problems.push(Problem {
                object: object.to_owned(),
                why,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrived_since_the_first_search_began_asks_for_no_other_pass() {
        let found = Count {
            searched: 1,
            found: 2,
            changed: 1,
            ..Count::default()
        };
        let mut pass = Pass::new(2);

        pass.counts
            .insert("raw/track/".to_owned(), found.arrived_late());
        assert_eq!((pass.found(), pass.counts["raw/track/"].late), (0, 2));

        pass.counts.insert("raw/email/".to_owned(), found);
        assert_eq!(pass.found(), 2);

        let mention = Count {
            searched: 1,
            mentioned: 1,
            mentions_erased: 1,
            ..Count::default()
        };
        pass.counts
            .insert("raw/sparkpost/".to_owned(), mention.arrived_late());
        assert_eq!(pass.found(), 3);
    }
}
