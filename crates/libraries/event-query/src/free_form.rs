//! The form of an answer to a free statement.

use crate::endpoint::Endpoint;
use crate::error::ParamError;
use crate::export::{Table, TableCell};
use crate::format::Format;
use crate::parameter::Parameter;
use crate::query::parse_format;
use crate::raw_params::RawParams;

/// `format` and `csv` of a request.
#[derive(Debug, Clone)]
pub struct FreeForm {
    format: Option<Format>,
    table: Table,
}

impl FreeForm {
    /// Reads the query string of a request, without the question mark.
    ///
    /// # Errors
    /// Names the first parameter that cannot be understood or obeyed.
    pub fn parse(query_string: &str) -> Result<Self, ParamError> {
        let given = RawParams::parse(query_string, Endpoint::Sql)?;
        Ok(Self {
            format: given
                .single(Parameter::Format)
                .map(parse_format)
                .transpose()?,
            table: Table::parse(&given)?,
        })
    }

    /// The format that was asked for by parameter.
    pub fn format(&self) -> Option<Format> {
        self.format
    }

    /// The first line of a table.
    pub fn header<'a>(&self, names: impl Iterator<Item = &'a str>) -> String {
        self.table.header_of(names)
    }

    /// A line of a table.
    pub fn line<'a>(&self, cells: impl Iterator<Item = TableCell<'a>>) -> String {
        self.table.line(cells)
    }
}
