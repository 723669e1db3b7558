//! Times that a command is given.

use lake_schema::layout::parse_day;
use time::{
    OffsetDateTime, PrimitiveDateTime, format_description::well_known::Rfc3339,
    macros::format_description,
};

use super::events::span;

/// A time, and how it was given: an age is another time whenever the command is run, and yet the same command.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    pub(crate) at: OffsetDateTime,
    pub(crate) given: String,
}

impl Moment {
    /// As [`parse`].
    ///
    /// # Errors
    /// As [`parse`].
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let at = parse(text)?;
        let given = text.to_owned();
        Ok(Self { at, given })
    }
}

/// Reads a time: a day, which is its start; a time in UTC or with an offset; or an age such as `-7d`, before the present time of this machine.
///
/// # Errors
/// Says what would be right.
pub(crate) fn parse(text: &str) -> Result<OffsetDateTime, String> {
    parse_at(text, OffsetDateTime::now_utc())
}

fn parse_at(text: &str, now: OffsetDateTime) -> Result<OffsetDateTime, String> {
    if let Some(age) = text.strip_prefix('-') {
        let age = span::parse(age)?;
        return Ok(now - age);
    }
    if let Some(day) = parse_day(text) {
        return Ok(day.midnight().assume_utc());
    }
    if let Ok(time) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(time);
    }
    // Without the seconds, and without the offset.
    let minute = format_description!("[year]-[month]-[day]T[hour]:[minute]");
    let second = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    let local = text.strip_suffix('Z').unwrap_or(text);
    PrimitiveDateTime::parse(local, minute)
        .or_else(|_| PrimitiveDateTime::parse(local, second))
        .map(PrimitiveDateTime::assume_utc)
        .map_err(|_| {
            "expected a day such as 2026-01-31, a time such as 2026-01-31T12:00 (UTC) or 2026-01-31T12:00:00+01:00, or an age such as -7d"
                .to_owned()
        })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_day_is_its_start_and_an_age_is_before_now() {
        let now = datetime!(2026-02-07 12:30 UTC);
        for (text, expected) in [
            ("2026-01-31", Some(datetime!(2026-01-31 0:00 UTC))),
            ("2026-01-31T12:00", Some(datetime!(2026-01-31 12:00 UTC))),
            ("2026-01-31T12:00Z", Some(datetime!(2026-01-31 12:00 UTC))),
            (
                "2026-01-31T12:00:05",
                Some(datetime!(2026-01-31 12:00:05 UTC)),
            ),
            (
                "2026-01-31T12:00:00+01:00",
                Some(datetime!(2026-01-31 11:00 UTC)),
            ),
            ("-7d", Some(datetime!(2026-01-31 12:30 UTC))),
            ("7d", None),
            ("-7", None),
            ("yesterday", None),
            ("2026-02-30", None),
        ] {
            assert_eq!(parse_at(text, now).ok(), expected, "{text}");
        }
        assert!(parse("yesterday").unwrap_err().contains("2026-01-31"));
    }
}
