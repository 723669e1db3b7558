//! When an event counts as having happened.

use std::ops::RangeInclusive;

use time::{Date, Duration, OffsetDateTime};

use super::instant;

/// A client's clock may run ahead by a time zone it forgot. Further, and the event would sit in a day that nobody looks at
/// until it comes; a day ahead is also where the table's partitions end.
const MAX_AHEAD: Duration = Duration::DAY;

/// The times that are believed for the events of one raw object. All in milliseconds since the epoch.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    arrival: i64,
    believed: RangeInclusive<i64>,
}

/// What an event's time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventTime {
    /// What the event says.
    Sent(i64),
    /// Its arrival, as it says nothing believable.
    Arrival(i64),
}

impl Clock {
    /// For an object that arrived at `arrival`, in a table whose partitions begin with `first_day`: an earlier row would be
    /// one that no query sees.
    pub(crate) fn new(first_day: Date, arrival: OffsetDateTime) -> Self {
        let arrival = instant::from_time(arrival).min(instant::LAST);
        let latest = arrival
            .saturating_add(instant::from_duration(MAX_AHEAD))
            .min(instant::LAST);
        Self {
            arrival,
            believed: instant::start_of(first_day)..=latest,
        }
    }

    /// For objects whose events have a time only if somebody who knows better believed it.
    pub(crate) fn of_judged_times(first_day: Date, arrival: OffsetDateTime) -> Self {
        Self {
            arrival: instant::from_time(arrival).min(instant::LAST),
            believed: instant::start_of(first_day)..=instant::LAST,
        }
    }

    /// Decides by what the event says of when it happened and of when it was received.
    pub(crate) fn judge(&self, sent: Option<i64>, received: Option<i64>) -> EventTime {
        let is_believed = |time: &i64| self.believed.contains(time);
        match sent.filter(is_believed) {
            Some(time) => EventTime::Sent(time),
            None => EventTime::Arrival(received.filter(is_believed).unwrap_or(self.arrival)),
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    const DAY: i64 = 86_400_000;

    fn clock() -> Clock {
        Clock::new(date!(2020 - 01 - 01), datetime!(2026-01-01 12:00 UTC))
    }

    #[test]
    fn believable_times_count() {
        let clock = clock();

        for sent in [
            instant::start_of(date!(2020 - 01 - 01)),
            clock.arrival - DAY,
            clock.arrival + DAY,
        ] {
            assert_eq!(clock.judge(Some(sent), None), EventTime::Sent(sent));
        }
    }

    #[test]
    fn absurd_or_missing_times_give_way_to_the_arrival() {
        let clock = clock();

        for sent in [
            None,
            Some(0),
            Some(instant::start_of(date!(2020 - 01 - 01)) - 1),
            Some(clock.arrival + DAY + 1),
            Some(i64::MAX),
        ] {
            assert_eq!(
                clock.judge(sent, None),
                EventTime::Arrival(clock.arrival),
                "{sent:?}"
            );
        }
    }

    #[test]
    fn the_events_own_arrival_goes_before_the_objects_unless_it_is_absurd_too() {
        let clock = clock();
        let received = clock.arrival - 5000;

        assert_eq!(
            clock.judge(None, Some(received)),
            EventTime::Arrival(received)
        );
        assert_eq!(
            clock.judge(None, Some(0)),
            EventTime::Arrival(clock.arrival)
        );
        assert_eq!(
            clock.judge(None, Some(i64::MAX)),
            EventTime::Arrival(clock.arrival)
        );
    }

    #[test]
    fn no_row_is_beyond_four_digits_of_a_year() {
        let clock = Clock::new(date!(2020 - 01 - 01), datetime!(9999-12-31 23:00 UTC));

        assert_eq!(
            clock.judge(Some(i64::MAX), None),
            EventTime::Arrival(clock.arrival)
        );
        assert_eq!(*clock.believed.end(), instant::LAST);
    }
}
