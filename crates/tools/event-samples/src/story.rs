//! Thirty days of a tea shop: its mail, its web shop and its app, with things that go wrong and can be found.
//!
//! The story is the same for every seed, and its people are not: newsletters on Tuesdays, a sale, welcome mails and order
//! confirmations; a mailbox provider that blocks one newsletter; a tracker that loses its fields for two days; customers of whom fewer and fewer
//! come back; an app in its first ten days.

mod app;
mod calendar;
mod mail;
mod people;
mod shop;

use event_model::Pipeline;
use time::{Date, OffsetDateTime};

pub use self::calendar::DAYS;
use self::{calendar::Calendar, people::People};

/// The events of a story, day by day. The same seed and end give the same bytes.
#[derive(Clone, Debug)]
pub struct Story {
    calendar: Calendar,
    people: People,
}

/// The body of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// Where it is posted.
    pub pipeline: Pipeline,
    /// How many events it has, including those that will be rejected.
    pub events: u32,
    pub bytes: Vec<u8>,
}

impl Story {
    /// A story whose last event happens before `end`.
    pub fn new(seed: u64, end: OffsetDateTime) -> Self {
        let calendar = Calendar::until(end);
        Self {
            people: People::new(seed),
            calendar,
        }
    }

    /// The requests of a day, from 0 to [`DAYS`] - 1. What a mail of the day causes later, such as an open, is among them.
    pub fn day(&self, day: u32) -> Vec<Body> {
        let mut bodies = mail::day(self, day);
        bodies.extend(shop::day(self, day));
        bodies.extend(app::day(self, day));
        bodies
    }

    /// The calendar day of a number from 0 to [`DAYS`] - 1, in UTC.
    pub fn date(&self, day: u32) -> Date {
        self.calendar.midnight(day).date()
    }

    /// The day on which a mailbox provider blocked the newsletter.
    pub fn blocked_day(&self) -> u32 {
        self.calendar.blocked_day()
    }

    /// The two days on which the tracker lost its fields.
    pub fn broken_days(&self) -> [u32; 2] {
        Calendar::broken_days()
    }

    /// The campaign that was blocked.
    pub fn blocked_campaign(&self) -> String {
        mail::newsletter(self.blocked_day())
    }
}

/// A provider whose servers refuse the newsletter of the blocked day.
pub const BLOCKING_PROVIDER: &str = "Hotmail / Outlook";

#[cfg(test)]
mod tests;
