//! The days of the story.

use time::{Duration, OffsetDateTime, Time, UtcOffset, Weekday};

use crate::random::Random;

/// How many days the story has. The last one is the day of its end.
pub const DAYS: u32 = 30;
/// The newsletter is sent on this day of the week.
const NEWSLETTER: Weekday = Weekday::Tuesday;
/// The number of days that the app exists, up to the end.
const DAYS_OF_THE_APP: u32 = 10;
/// The number of days from the first one with the broken tracker to the end.
const BROKEN_BEFORE_END: u32 = 6;
/// Of the newsletters, the one that was blocked, counted from the last.
const BLOCKED_FROM_LAST: usize = 2;

#[derive(Clone, Debug)]
pub(super) struct Calendar {
    /// Nothing happens at or after this time.
    end: OffsetDateTime,
    first_midnight: OffsetDateTime,
}

impl Calendar {
    pub(super) fn until(end: OffsetDateTime) -> Self {
        let end = end.to_offset(UtcOffset::UTC);
        let last_midnight = end.replace_time(Time::MIDNIGHT);
        Self {
            end,
            first_midnight: last_midnight - Duration::days(i64::from(DAYS) - 1),
        }
    }

    pub(super) fn midnight(&self, day: u32) -> OffsetDateTime {
        self.first_midnight + Duration::days(i64::from(day))
    }

    /// A time in seconds since 1970, unless the story has ended by then.
    pub(super) fn at(&self, day: u32, second_of_day: i64) -> Option<i64> {
        let at = self.midnight(day).unix_timestamp() + second_of_day;
        (at < self.end.unix_timestamp()).then_some(at)
    }

    /// A later time, unless the story has ended by then.
    pub(super) fn later(&self, at: i64, seconds: i64) -> Option<i64> {
        let later = at + seconds;
        (later < self.end.unix_timestamp()).then_some(later)
    }

    pub(super) fn is_newsletter_day(&self, day: u32) -> bool {
        self.midnight(day).weekday() == NEWSLETTER
    }

    pub(super) fn blocked_day(&self) -> u32 {
        let newsletters: Vec<u32> = (0..DAYS)
            .filter(|day| self.is_newsletter_day(*day))
            .collect();
        // Thirty days have at least four Tuesdays.
        newsletters[newsletters.len() - BLOCKED_FROM_LAST]
    }

    pub(super) fn broken_days() -> [u32; 2] {
        let first = DAYS - 1 - BROKEN_BEFORE_END;
        [first, first + 1]
    }

    pub(super) fn has_app(day: u32) -> bool {
        day >= DAYS - DAYS_OF_THE_APP
    }
}

/// A second of a day: few before seven, most at noon and in the evening.
pub(super) fn waking_second(random: &mut Random) -> i64 {
    const SHARES: [u64; 24] = [
        1, 1, 0, 0, 0, 1, 3, 6, 8, 8, 7, 8, 11, 9, 7, 6, 7, 8, 10, 13, 14, 12, 7, 3,
    ];
    let total = SHARES.iter().sum();
    let mut place = random.below(total);
    let mut hour = 0;
    for share in SHARES {
        if place < share {
            break;
        }
        place -= share;
        hour += 1;
    }
    hour * 3_600 + i64::try_from(random.below(3_600)).unwrap_or(0)
}

/// A number of seconds up to `limit`, short ones far more often.
pub(super) fn delay(random: &mut Random, limit: u64) -> i64 {
    let first = random.below(limit) + 1;
    let second = random.below(first) + 1;
    i64::try_from(random.below(second) + 1).unwrap_or(1)
}
