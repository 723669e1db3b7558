//! The events of one response, in the requested format.

use event_model::Timestamp;

use crate::dialect::Dialect;
use crate::envelope::OPENING;
use crate::export::Table;
use crate::format::Format;
use crate::query::EventQuery;
use crate::render::{self, EventStyle, RenderError};
use crate::shortened;

/// Writes the events of one response.
#[derive(Debug, Clone)]
pub struct EventWriter {
    style: EventStyle,
    format: Format,
    table: Table,
}

impl EventQuery {
    /// The writer for the events of this search.
    pub fn writer(&self, dialect: Dialect, format: Format) -> EventWriter {
        EventWriter {
            style: EventStyle {
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
        self.style.dialect
    }

    pub const fn format(&self) -> Format {
        self.format
    }

    /// The text before the first event.
    pub fn opening(&self) -> String {
        match self.format {
            Format::Json => OPENING.to_owned(),
            Format::Ndjson => String::new(),
            Format::Csv => self.table.header(),
        }
    }

    /// Appends a stored event to `out`. `ts` is its stored time.
    ///
    /// # Errors
    /// When the stored text is not a JSON object.
    pub fn write_event(
        &self,
        out: &mut Vec<u8>,
        ts: Timestamp,
        stored: &str,
    ) -> Result<(), RenderError> {
        match self.format {
            Format::Json => render::write_event(out, &self.style, ts, stored),
            Format::Ndjson => {
                render::write_event(out, &self.style, ts, stored)?;
                out.push(b'\n');
                Ok(())
            }
            Format::Csv => self.table.write_row(out, &self.style, ts, stored),
        }
    }

    /// Appends a stored event without its longest members: the fields that searches know are kept, of the others only as much as
    /// `kept_bytes`, and `cistern_truncated` and `cistern_bytes` say that it is not whole and how long it is.
    ///
    /// # Errors
    /// When the stored text is not a JSON object.
    pub fn write_shortened(
        &self,
        out: &mut Vec<u8>,
        ts: Timestamp,
        stored: &str,
        kept_bytes: usize,
    ) -> Result<(), RenderError> {
        self.write_event(out, ts, &shortened::shorten(stored, kept_bytes)?)
    }
}
