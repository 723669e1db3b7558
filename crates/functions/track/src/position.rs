//! Positions of events in a body. Pure.

use std::fmt;

/// The position of an event in its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    outer: Outer,
    /// The position in the list of an envelope, counted from 1.
    inner: Option<usize>,
}

/// The position of an object in a body, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outer {
    /// The line that it begins in.
    Line(usize),
    /// The element of the array.
    Item(usize),
}

impl Position {
    pub(crate) fn of(outer: Outer) -> Self {
        Self { outer, inner: None }
    }

    /// The position of an element of the list that is at this position.
    pub(crate) fn element(self, number: usize) -> Self {
        Self {
            inner: Some(number),
            ..self
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(number) = self.inner {
            write!(f, "event {number} of the list in ")?;
        }
        match self.outer {
            Outer::Line(number) => write!(f, "line {number}"),
            Outer::Item(number) => write!(f, "item {number}"),
        }
    }
}
