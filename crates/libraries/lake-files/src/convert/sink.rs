//! What [`super::records`] finds in an input, and who receives it.

use std::borrow::Cow;

use super::fault::{Fault, Reason};

/// The largest record. Firehose accepts 1,000 KiB at once, so its records are far smaller.
pub(crate) const MAX_RECORD_BYTES: usize = 4 << 20;

/// Receives records and rejections.
pub(crate) trait Sink {
    /// Takes the object that begins at the first byte of `tail`, `offset` bytes from the start of the input, and returns its
    /// length.
    fn object(&mut self, tail: &[u8], offset: u64) -> Result<usize, Fault>;

    /// Takes a piece that cannot become a row.
    fn reject(&mut self, rejected: Rejected<'_>);

    /// Whether records have to be written out before more are passed.
    fn is_full(&self) -> bool {
        false
    }
}

/// A piece of the input that cannot become a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejected<'a> {
    /// Where it begins, in bytes from the start of the input, expanded.
    pub(crate) offset: u64,
    /// Its bytes.
    pub(crate) bytes: &'a [u8],
    /// Why.
    pub(crate) reason: Reason,
    /// Details for a person; contains none of the bytes.
    pub(crate) detail: Cow<'static, str>,
}

/// What follows the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WindowEnd {
    /// More may follow: a record that reaches the end of the window is left for the next window.
    Open,
    /// The window ends where the input does.
    End,
}
