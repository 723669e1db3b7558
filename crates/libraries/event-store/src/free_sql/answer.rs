//! What a statement of a caller yields, within limits of rows and bytes.

use std::fmt;

use sqlx::{
    Row,
    postgres::{PgDatabaseError, PgErrorPosition, PgRow},
};

use crate::{ErrorKind, StoreError, error::Step, error_kind::Phase};

/// The rows of a statement.
#[derive(Clone, PartialEq, Eq)]
pub struct FreeAnswer {
    /// The columns, in their order. Names may repeat.
    pub columns: Vec<FreeColumn>,
    /// The rows, each with a text for each column as Postgres writes it, or none for null.
    pub rows: Vec<Vec<Option<String>>>,
    /// Whether there are more rows.
    pub is_truncated: bool,
    /// How many of the values were longer than is fetched.
    pub cut_values: u64,
}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreeColumn {
    /// Its name.
    pub name: String,
    /// Postgres's name of its type, such as `int8`.
    pub type_name: String,
}

// Rows are full of addresses: a debug line must not carry them.
impl fmt::Debug for FreeAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FreeAnswer")
            .field("columns", &self.columns.len())
            .field("rows", &self.rows.len())
            .finish_non_exhaustive()
    }
}

/// Why a statement of a caller has no answer.
#[derive(thiserror::Error)]
pub enum FreeSqlError {
    /// The database is not there, or not as it should be.
    #[error(transparent)]
    Store(#[from] StoreError),

    /// Postgres does not take the statement. What it says may quote data, so it is for the caller and for no log.
    #[error("the statement failed with SQLSTATE {code}")]
    Statement {
        /// The SQLSTATE.
        code: String,
        /// What Postgres says.
        message: String,
        /// What Postgres advises.
        hint: Option<String>,
        /// The character at fault, from 1.
        position: Option<usize>,
        /// What kind of error it is.
        kind: ErrorKind,
    },

    /// A statement without columns, such as `select from email_events`.
    #[error("the statement yields no columns")]
    NoColumns,

    /// Placeholders such as `$1`, for which nobody gives values.
    #[error("the statement has parameters, such as $1; write their values into it")]
    Parameters,

    /// More columns than an answer may have.
    #[error("the statement yields more than {most} columns")]
    TooManyColumns {
        /// How many there may be.
        most: usize,
    },

    /// Other statements take all of the turns.
    #[error("too many statements are running")]
    Busy,

    /// The login may change data or reach the server's files.
    #[error(
        "the login for statements of callers can do more than read: give SQL_DATABASE_URL one that cannot, such as the role cistern_sql"
    )]
    LoginCanWrite,
}

// As with `StoreError`: the details may quote a row.
impl fmt::Debug for FreeSqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FreeSqlError {
    /// An error that was met while a statement of a caller was prepared or run.
    pub(super) fn of(error: sqlx::Error) -> Self {
        let said = match &error {
            sqlx::Error::Database(said) => said.try_downcast_ref::<PgDatabaseError>(),
            _ => None,
        };
        let Some(said) = said else {
            return Self::Store(StoreError::Statement {
                step: "running a statement of a caller",
                source: error,
            });
        };
        Self::Statement {
            code: said.code().to_owned(),
            message: said.message().to_owned(),
            hint: said.hint().map(str::to_owned),
            position: match said.position() {
                Some(PgErrorPosition::Original(position)) => Some(position),
                Some(PgErrorPosition::Internal { .. }) | None => None,
            },
            kind: ErrorKind::of_code(said.code(), Phase::Working),
        }
    }
}

/// An answer in the making.
pub(super) struct AnswerBuilder {
    max_rows: usize,
    max_bytes: usize,
    max_cell_chars: usize,
    rows: Vec<Vec<Option<String>>>,
    bytes: usize,
    is_truncated: bool,
    cut_values: u64,
}

impl AnswerBuilder {
    pub(super) fn new(max_rows: usize, max_bytes: usize, max_cell_chars: usize) -> Self {
        Self {
            max_rows,
            max_bytes,
            max_cell_chars,
            rows: Vec::new(),
            bytes: 0,
            is_truncated: false,
            cut_values: 0,
        }
    }

    pub(super) fn max_rows(&self) -> usize {
        self.max_rows
    }

    /// Adds a row; false when it no longer fits.
    pub(super) fn push(&mut self, row: &PgRow) -> Result<bool, StoreError> {
        let mut cells = Vec::with_capacity(row.len());
        for index in 0..row.len() {
            // The columns of a report are texts of several types.
            let cell: Option<String> = row
                .try_get_unchecked(index)
                .step("reading a row of a statement of a caller")?;
            let (cell, is_cut) = shorten(cell, self.max_cell_chars);
            self.cut_values += u64::from(is_cut);
            self.bytes += cell.as_ref().map_or(4, |text| text.len() + 4);
            cells.push(cell);
        }
        // The first row is always taken: an answer without any would say that there is none.
        let is_too_many = self.rows.len() >= self.max_rows
            || (self.bytes > self.max_bytes && !self.rows.is_empty());
        if is_too_many {
            self.is_truncated = true;
            return Ok(false);
        }
        self.rows.push(cells);
        Ok(true)
    }

    pub(super) fn finish(self, columns: Vec<FreeColumn>) -> FreeAnswer {
        FreeAnswer {
            columns,
            rows: self.rows,
            is_truncated: self.is_truncated,
            cut_values: self.cut_values,
        }
    }
}

fn shorten(cell: Option<String>, max_chars: usize) -> (Option<String>, bool) {
    let Some(mut text) = cell else {
        return (None, false);
    };
    let end = text.char_indices().nth(max_chars).map(|(end, _)| end);
    if let Some(end) = end {
        text.truncate(end);
    }
    (Some(text), end.is_some())
}
