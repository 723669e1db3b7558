//! Times that a command is given.

use lake_schema::layout::parse_day;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Reads a time, or a day, which is its start.
///
/// # Errors
/// Says what would be right.
pub(crate) fn parse(text: &str) -> Result<OffsetDateTime, String> {
    if let Some(day) = parse_day(text) {
        return Ok(day.midnight().assume_utc());
    }
    OffsetDateTime::parse(text, &Rfc3339).map_err(|_| {
        "expected a day such as 2026-01-31, or a time such as 2026-01-31T12:00:00Z".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_day_is_its_start_and_other_texts_are_refused() {
        assert_eq!(parse("2026-01-31"), Ok(datetime!(2026-01-31 0:00 UTC)));
        assert_eq!(
            parse("2026-01-31T12:00:00+01:00").unwrap(),
            datetime!(2026-01-31 11:00 UTC)
        );
        assert!(parse("yesterday").unwrap_err().contains("2026-01-31"));
    }
}
