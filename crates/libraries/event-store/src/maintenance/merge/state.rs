//! The progress of a merge, and its next step.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::choice::Part;
use crate::{StoreError, error::Step};

/// A merge in progress.
#[derive(Debug)]
pub(super) struct State {
    pub(super) target: String,
    /// None if one of them was truncated: the target is then useless.
    sources: Vec<Source>,
    lacks_index: bool,
    has_changes: bool,
    is_finished: bool,
}

#[derive(Debug)]
struct Source {
    name: String,
    bytes: i64,
    is_watched: bool,
    is_copied: bool,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Start to record changes of a source.
    Watch { source: String },
    /// Copy a source into the target.
    Copy { source: String, bytes: u64 },
    /// Build or drop an index of the target.
    Index,
    /// Vacuum and analyse the target.
    Finish,
    /// Apply the recorded changes to the target.
    Apply,
    /// Replace the sources by the target.
    Swap,
    /// Abort: the target is useless.
    Abandon,
}

impl State {
    pub(super) fn next(&self) -> Next {
        // A source was truncated or repartitioned.
        if self.sources.len() < 2 {
            return Next::Abandon;
        }
        for source in &self.sources {
            let name = source.name.clone();
            if !source.is_watched {
                return Next::Watch { source: name };
            }
            if !source.is_copied {
                let bytes = u64::try_from(source.bytes).unwrap_or(0);
                return Next::Copy {
                    source: name,
                    bytes,
                };
            }
        }
        if self.lacks_index {
            Next::Index
        } else if !self.is_finished {
            Next::Finish
        } else if self.has_changes {
            Next::Apply
        } else {
            Next::Swap
        }
    }
}

/// The merge in progress.
pub(super) async fn running(connection: &mut PgConnection) -> Result<Option<State>, StoreError> {
    const STEP: &str = "looking how far a merge is";

    let merge = sqlx::query!(
        r#"
        select
            target,
            is_finished,
            -- The swap brings in a few by itself.
            (select count(*) > 100 from (select from merging_changes limit 101) as few) as "has_changes!",
            coalesce(next_index.to_create, next_index.to_drop) is not null as "lacks_index!"
        from merging, merge_next_index() as next_index
        "#
    )
    .fetch_optional(&mut *connection)
    .await
    .step(STEP)?;
    let Some(merge) = merge else {
        return Ok(None);
    };
    let sources = sqlx::query_as!(
        Source,
        r#"
        select
            name as "name!",
            coalesce(pg_total_relation_size(to_regclass(quote_ident(name))), 0) as "bytes!",
            is_watched as "is_watched!",
            is_copied as "is_copied!"
        from merge_sources(), merging
        where not merging.is_spoiled
        "#
    )
    .fetch_all(connection)
    .await
    .step(STEP)?;
    Ok(Some(State {
        target: merge.target,
        sources,
        lacks_index: merge.lacks_index,
        has_changes: merge.has_changes,
        is_finished: merge.is_finished,
    }))
}

/// All partitions, and detached tables, in the order of time.
pub(super) async fn parts(connection: &mut PgConnection) -> Result<Vec<Part>, StoreError> {
    struct Row {
        start: OffsetDateTime,
        end: OffsetDateTime,
        bytes: i64,
        is_whole: bool,
    }
    let rows = sqlx::query_as!(
        Row,
        r#"
        select
            greatest(lo, '0001-01-01Z') as "start!",
            least(hi, '9999-12-31Z') as "end!",
            coalesce(pg_total_relation_size(to_regclass(quote_ident(name))), 0) as "bytes!",
            is_attached and not is_detaching as "is_whole!"
        from event_partitions()
        order by lo
        "#
    )
    .fetch_all(connection)
    .await
    .step("listing partitions and their sizes")?;
    Ok(rows
        .into_iter()
        .map(|row| Part {
            start: row.start,
            end: row.end,
            bytes: u64::try_from(row.bytes).unwrap_or(0),
            is_whole: row.is_whole,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(is_watched: bool, is_copied: bool) -> Source {
        Source {
            name: "s".to_owned(),
            bytes: 1,
            is_watched,
            is_copied,
        }
    }

    fn state(sources: Vec<Source>) -> State {
        State {
            target: "t".to_owned(),
            sources,
            lacks_index: false,
            has_changes: false,
            is_finished: true,
        }
    }

    #[test]
    fn steps_follow_one_another() {
        let copied = || source(true, true);
        let ready = || state(vec![copied(), copied()]);
        let watch = Next::Watch {
            source: "s".to_owned(),
        };
        let copy = Next::Copy {
            source: "s".to_owned(),
            bytes: 1,
        };

        let unwatched = state(vec![copied(), source(false, false)]);
        assert_eq!(unwatched.next(), watch);
        // A source that lost its trigger, or was added after the others were copied, is recorded first.
        let uncopied = state(vec![source(true, false), source(false, true)]);
        assert_eq!(uncopied.next(), copy);
        let lacks_index = State {
            lacks_index: true,
            is_finished: false,
            ..ready()
        };
        assert_eq!(lacks_index.next(), Next::Index);
        let unfinished = State {
            is_finished: false,
            ..ready()
        };
        assert_eq!(unfinished.next(), Next::Finish);
        let changed = State {
            has_changes: true,
            ..ready()
        };
        assert_eq!(changed.next(), Next::Apply);
        assert_eq!(ready().next(), Next::Swap);
        assert_eq!(state(Vec::new()).next(), Next::Abandon);
        assert_eq!(state(vec![copied()]).next(), Next::Abandon);
    }
}
