//! The events of one answer, written in the form that was asked for.

use event_model::Timestamp;

use crate::answer::OPENING;
use crate::dialect::Dialect;
use crate::export::Table;
use crate::format::Format;
use crate::query::EventQuery;
use crate::shape::{self, Shape, ShapeError};

/// Writes the events of one answer.
#[derive(Debug, Clone)]
pub struct EventWriter {
    shape: Shape,
    format: Format,
    table: Table,
}

impl EventQuery {
    /// What writes the events of this search.
    pub fn writer(&self, dialect: Dialect, format: Format) -> EventWriter {
        EventWriter {
            shape: Shape {
                dialect,
                zone: self.zone().clone(),
            },
            format,
            table: self.table().clone(),
        }
    }
}

impl EventWriter {
    pub const fn dialect(&self) -> Dialect {
        self.shape.dialect
    }

    pub const fn format(&self) -> Format {
        self.format
    }

    /// What comes before the first event.
    pub fn opening(&self) -> String {
        match self.format {
            Format::Json => OPENING.to_owned(),
            Format::Ndjson => String::new(),
            Format::Csv => self.table.header(),
        }
    }

    /// Appends a stored event to `out`. `ts` is the time it is stored under.
    ///
    /// # Errors
    /// When the stored text is no JSON object.
    pub fn write_event(
        &self,
        out: &mut Vec<u8>,
        ts: Timestamp,
        stored: &str,
    ) -> Result<(), ShapeError> {
        match self.format {
            Format::Json => shape::write_event(out, &self.shape, ts, stored),
            Format::Ndjson => {
                shape::write_event(out, &self.shape, ts, stored)?;
                out.push(b'\n');
                Ok(())
            }
            Format::Csv => self.table.write_row(out, &self.shape, ts, stored),
        }
    }
}
