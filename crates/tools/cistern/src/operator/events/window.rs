//! The range of time of a search.

use std::time::Duration;

use anyhow::{Context as _, Result};
use time::{
    OffsetDateTime, UtcOffset, format_description::StaticFormatDescription,
    macros::format_description,
};

/// A form in which the API takes times.
const TIME: StaticFormatDescription =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
/// An event of this second is found as well, although `to` is excluded.
const ONE_SECOND: Duration = Duration::from_secs(1);
/// Without `--since` and `--from`, as in the API.
pub(super) const DEFAULT_SINCE: Duration = Duration::from_hours(24);

/// Which events are searched, by their time.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub(super) from: String,
    pub(super) to: String,
}

impl Window {
    /// Of the options as they were given.
    pub(super) fn new(
        since: Option<Duration>,
        from: Option<&str>,
        to: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<Self> {
        let from = match from {
            Some(from) => from.to_owned(),
            None => text(now - since.unwrap_or(DEFAULT_SINCE))?,
        };
        let to = match to {
            Some(to) => to.to_owned(),
            None => text(now + ONE_SECOND)?,
        };
        Ok(Self { from, to })
    }

    pub(super) fn pairs(&self) -> Vec<(String, String)> {
        vec![
            ("from".to_owned(), self.from.clone()),
            ("to".to_owned(), self.to.clone()),
        ]
    }
}

/// The parameters for a range up to now.
pub(super) fn pairs(from: OffsetDateTime, now: OffsetDateTime) -> Result<Vec<(String, String)>> {
    let window = Window {
        from: text(from)?,
        to: text(now + ONE_SECOND)?,
    };
    Ok(window.pairs())
}

/// A time in UTC, without its fraction of a second.
pub(super) fn text(time: OffsetDateTime) -> Result<String> {
    time.to_offset(UtcOffset::UTC)
        .format(TIME)
        .context("writing a time")
}

/// What sorts before every timestamp of the API at or after a time, and after all others.
pub(super) fn bound(time: OffsetDateTime) -> Result<String> {
    let mut text = text(time)?;
    // With its `Z` it would sort after the fractions of its second.
    text.pop();
    Ok(text)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_window_ends_now_and_begins_as_asked() {
        let now = datetime!(2026-11-29 12:00:00.5 +1);
        let window = |since, from, to| {
            let window = Window::new(since, from, to, now).unwrap();
            format!("{} {}", window.from, window.to)
        };

        assert_eq!(
            window(None, None, None),
            "2026-11-28T11:00:00Z 2026-11-29T11:00:01Z"
        );
        assert_eq!(
            window(Some(Duration::from_hours(1)), None, Some("2027-01-01")),
            "2026-11-29T10:00:00Z 2027-01-01"
        );
        assert_eq!(
            window(None, Some("2026-01-01"), None),
            "2026-01-01 2026-11-29T11:00:01Z"
        );
    }

    #[test]
    fn a_bound_sorts_before_every_timestamp_of_its_second() {
        let bound = bound(datetime!(2026-11-29 12:00:00 UTC)).unwrap();

        assert!(bound.as_str() < "2026-11-29T12:00:00.000Z");
        assert!(bound.as_str() > "2026-11-29T11:59:59.999Z");
    }
}
