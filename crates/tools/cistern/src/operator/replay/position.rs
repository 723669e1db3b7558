//! How far a replay has come: the content of its state file.

use aws_io::s3::listing::Listed;
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, serde::rfc3339};

/// Where a replay is. Objects are sent in the order of their keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// When the replay began, by this machine.
    #[serde(with = "rfc3339")]
    pub(super) began_at: OffsetDateTime,
    /// The same by Postgres, if it can be asked: what was loaded before that was loaded before the replay.
    pub(super) began_at_in_postgres: Option<String>,
    /// How many of the objects were in the lake when the replay began.
    pub(super) in_lake_before: usize,
    /// The last object that is sent, or need not be.
    pub(super) last_key: Option<String>,
    /// How many notifications or messages were accepted.
    pub(super) sent: usize,
}

impl Position {
    /// How many of the objects are done.
    pub(super) fn done(&self, objects: &[Listed]) -> usize {
        let last = self.last_key.as_deref();
        last.map_or(0, |last| {
            objects.partition_point(|object| object.key.as_str() <= last)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_up_to_the_last_key_are_done_even_if_it_is_gone() {
        let objects = ["b", "d", "f"].map(|key| Listed {
            key: key.to_owned(),
            size_bytes: 1,
            last_modified: None,
        });
        for (last_key, done) in [
            (None, 0),
            (Some("a"), 0),
            (Some("d"), 2),
            (Some("e"), 2),
            (Some("g"), 3),
        ] {
            let position = Position {
                began_at: OffsetDateTime::UNIX_EPOCH,
                began_at_in_postgres: None,
                in_lake_before: 0,
                last_key: last_key.map(str::to_owned),
                sent: 0,
            };
            assert_eq!(position.done(&objects), done, "{last_key:?}");
        }
    }
}
