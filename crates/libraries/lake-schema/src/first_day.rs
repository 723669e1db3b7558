//! The first day of the lake, as a setting.

use std::str::FromStr;

use time::{Date, macros::date};

use crate::layout::parse_day;

/// The first day on which an object can have arrived, written as `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstDay(pub Date);

impl FirstDay {
    /// That of a stack that names no other.
    pub const DEFAULT: Self = Self(date!(2026 - 01 - 01));
}

impl FromStr for FirstDay {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_day(text).map(Self).ok_or("not a day")
    }
}
