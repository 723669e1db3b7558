//! Writing to stdout. A reader that stops early, such as `head`, ends the program quietly: `println!` would panic.

use std::{
    fmt::Arguments,
    io::{self, ErrorKind, Write as _, stdout},
};

use anyhow::{Context as _, Result};

/// Nobody reads stdout any more.
#[derive(Debug)]
pub(crate) struct ReaderGone;

impl std::fmt::Display for ReaderGone {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the reader of the output has ended")
    }
}

impl std::error::Error for ReaderGone {}

/// Writes a line. Write through [`line!`](crate::output::line).
///
/// # Errors
/// [`ReaderGone`], or stdout cannot be written.
pub(crate) fn write_line(text: Arguments<'_>) -> Result<()> {
    let mut out = stdout().lock();
    checked(writeln!(out, "{text}").and_then(|()| out.flush()))
}

/// Writes bytes unchanged.
///
/// # Errors
/// As [`write_line`].
pub(crate) fn write_bytes(bytes: &[u8]) -> Result<()> {
    let mut out = stdout().lock();
    checked(out.write_all(bytes).and_then(|()| out.flush()))
}

fn checked(written: io::Result<()>) -> Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(ReaderGone.into()),
        written => written.context("writing to stdout"),
    }
}

/// What was written by a command that goes on when nobody reads its output any more: it changes something, which must not stop
/// half-way, or its exit code is the answer.
///
/// # Errors
/// What went wrong but [`ReaderGone`].
pub(crate) fn still_running(written: Result<()>) -> Result<()> {
    match written {
        Err(error) if error.is::<ReaderGone>() => Ok(()),
        written => written,
    }
}

/// Like `println!`, but returns what went wrong.
macro_rules! line {
    ($($text:tt)*) => {
        $crate::output::write_line(format_args!($($text)*))
    };
}
pub(crate) use line;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_ended_is_told_from_a_full_disk() {
        let outcome = |kind: ErrorKind| checked(Err(kind.into())).unwrap_err();

        assert!(outcome(ErrorKind::BrokenPipe).is::<ReaderGone>());
        assert!(!outcome(ErrorKind::StorageFull).is::<ReaderGone>());
        assert!(checked(Ok(())).is_ok());
        assert!(still_running(checked(Err(ErrorKind::BrokenPipe.into()))).is_ok());
        assert!(still_running(checked(Err(ErrorKind::StorageFull.into()))).is_err());
    }
}
