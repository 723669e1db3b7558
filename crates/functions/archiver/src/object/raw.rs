//! What a raw object is: its table, its name in the lake, and when it arrived.

use aws_io::s3::ObjectRef;
use event_model::Pipeline;
use lake_schema::{Table, arrival};
use time::OffsetDateTime;

use super::error::ObjectError;
use crate::Deps;

/// A raw object, as far as its conversion depends on it.
#[derive(Clone, Debug)]
pub(super) struct RawObject<'a> {
    /// The table of its events.
    pub(super) table: &'a Table,
    /// Its name in the names of its files, in rejected lines and in errors: the key, with the bucket if that is another one.
    pub(super) source_key: String,
    /// When it arrived.
    pub(super) arrival: OffsetDateTime,
    /// Whether it is in the function's own bucket.
    pub(super) is_own: bool,
}

impl<'a> RawObject<'a> {
    /// The object `name`. It arrived when its key says, else when it was last modified, else now.
    ///
    /// # Errors
    /// When it arrived before the first day of the tables.
    pub(super) fn new(
        deps: &Deps,
        table: &'a Table,
        name: &ObjectRef,
        last_modified: Option<OffsetDateTime>,
    ) -> Result<Self, ObjectError> {
        let is_own = name.bucket == deps.config.bucket;
        let source_key = if is_own {
            name.key.clone()
        } else {
            name.to_string()
        };
        let arrival = arrival::from_key(&name.key)
            .or(last_modified)
            .unwrap_or_else(|| (deps.clock)());
        let first_day = deps.config.first_day;
        if arrival.date() < first_day {
            return Err(ObjectError::BeforeFirstDay {
                key: source_key,
                arrival_day: arrival.date(),
                first_day,
            });
        }
        Ok(Self {
            table,
            source_key,
            arrival,
            is_own,
        })
    }
}

/// The table of the events of a raw object, by the prefix of its key.
pub(super) fn table_of<'a>(deps: &'a Deps, key: &str) -> Result<&'a Table, ObjectError> {
    let pipeline = Pipeline::of_raw_key(key);
    let table = deps
        .tables
        .iter()
        .find(|table| table.pipeline() == pipeline);
    table.ok_or_else(|| ObjectError::NoTable {
        key: key.to_owned(),
        table: pipeline.name(),
    })
}
