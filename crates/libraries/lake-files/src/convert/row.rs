//! Reads JSON objects into rows.

mod current;

use jiter::Jiter;
use lake_schema::Table;

use self::current::{KeyCount, Row};
use super::{
    clock::{Clock, EventTime},
    fault::{Fault, Reason},
    shape::Shape,
    template::{FieldTarget, Templates},
};
use crate::columns::Columns;

/// Reads objects into columns.
///
/// A key that leads to no column goes to `_extra` with its value, as does a value that its column cannot take, and all
/// but one of several values for one column. So nothing of an object is lost, and a column never holds what was not sent. Which
/// value a column gets that has several sources is said in [`Contests`].
#[derive(Debug)]
pub(crate) struct RowReader {
    shape: Shape,
    clock: Clock,
    event_time: usize,
    arrival: Option<usize>,
    /// The paths that lead to the event's time.
    time_paths: Vec<String>,
    templates: Templates,
    row: Row,
    /// The parser's memory for strings with escapes.
    tape: Vec<u8>,
}

impl RowReader {
    pub(crate) fn new(table: &Table, clock: Clock) -> Self {
        let event_time = table.event_time();
        Self {
            shape: Shape::of(table),
            arrival: table.arrival(),
            time_paths: table.columns()[event_time].from.clone(),
            event_time,
            templates: Templates::default(),
            row: Row::new(table, clock.clone()),
            tape: Vec::new(),
            clock,
        }
    }

    /// The rows read so far.
    pub(crate) fn columns(&self) -> &Columns {
        &self.row.columns
    }

    /// Forgets the rows read so far.
    pub(crate) fn clear(&mut self) {
        self.row.columns.clear();
    }

    /// Reads the object at the start of `tail` into a row, and returns the object's length.
    pub(crate) fn read(&mut self, tail: &[u8]) -> Result<usize, Fault> {
        self.row.extra.clear();
        if let Some(len) = self.templates.find(tail, &mut self.row.fields) {
            if std::str::from_utf8(&tail[..len]).is_ok_and(|event| self.row.take_fields(event)) {
                self.finish_row(tail);
                return Ok(len);
            }
            self.row.columns.take_back_row();
            self.row.extra.clear();
        }
        let len = self.read_any(tail)?;
        self.finish_row(tail);
        Ok(len)
    }

    fn read_any(&mut self, tail: &[u8]) -> Result<usize, Fault> {
        self.row.is_typical = true;
        self.row.contests.begin();
        let (mut result, mut len) = self.parse(tail);
        if result.is_ok() && self.row.contests.decide() {
            self.row.columns.take_back_row();
            self.row.extra.clear();
            self.row.is_typical = false;
            (result, len) = self.parse(tail);
        }
        match result {
            // All it has is objects without members, as a webhook's ping.
            Ok(KeyCount::Some) if self.row.fields.is_empty() && self.row.extra.is_empty() => {
                Err(Fault::Useless {
                    len,
                    reason: Reason::EmptyObject,
                    detail: "an object without values",
                })
            }
            Ok(KeyCount::Some) => {
                if self.row.is_typical {
                    self.templates.learn(&tail[..len], &self.row.fields);
                }
                Ok(len)
            }
            Ok(KeyCount::None) => Err(Fault::Useless {
                len,
                reason: Reason::EmptyObject,
                detail: "an object without keys",
            }),
            Err(fault) => {
                self.row.columns.take_back_row();
                Err(fault)
            }
        }
    }

    fn parse(&mut self, tail: &[u8]) -> (Result<KeyCount, Fault>, usize) {
        let mut parser = Jiter::with_tape(tail, std::mem::take(&mut self.tape));
        self.row.fields.clear();
        let result = self.row.read_object(&self.shape, &mut parser);
        let len = parser.current_index();
        self.tape = parser.into_tape();
        (result, len)
    }

    fn finish_row(&mut self, tail: &[u8]) {
        let row = &mut self.row;
        let received = self
            .arrival
            .and_then(|column_index| row.columns.unfinished_instant(column_index));
        let sent = row.columns.unfinished_instant(self.event_time);
        let (time, is_clamped) = match self.clock.judge(sent, received) {
            EventTime::Sent(time) => (time, false),
            EventTime::Arrival(time) => (time, true),
        };
        if is_clamped
            && sent.is_some()
            && let Some((source, value)) = row.fields.iter().find_map(|field| match field.target {
                FieldTarget::Column {
                    column_index,
                    source,
                } if column_index == self.event_time && tail[field.value.clone()] != *b"null" => {
                    Some((source, field.value.clone()))
                }
                FieldTarget::Column { .. } | FieldTarget::Extra { .. } => None,
            })
        {
            let value = std::str::from_utf8(&tail[value]).expect("a time was read from it");
            row.extra.add(&self.time_paths[source], value);
        }
        row.columns.finish_row(row.extra.finish(), time, is_clamped);
    }
}
