//! Reads the `timestamp` of an event, in the forms that webhooks send.

use std::borrow::Cow;

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::reject_reason::{RejectReason, excerpt};
use crate::Timestamp;

/// Events before 2010-01-01 are rejected: SparkPost is younger, so their time comes from a wrong clock.
pub const ACCEPTED_FROM: Timestamp = match Timestamp::from_unix_seconds(1_262_304_000) {
    Some(timestamp) => timestamp,
    None => Timestamp::MIN,
};

/// Events further in the future than this are rejected. Smaller differences come from clocks and time zones.
pub const ACCEPTED_AHEAD: Duration = Duration::days(2);

/// The accepted times of events, both ends included.
pub(super) struct AcceptedTimes {
    latest: Timestamp,
}

impl AcceptedTimes {
    pub(super) fn at(now: OffsetDateTime) -> Self {
        Self {
            latest: Timestamp::from_time(now.saturating_add(ACCEPTED_AHEAD)),
        }
    }

    /// Reads a timestamp: seconds since 1970, also with decimals, or RFC 3339.
    ///
    /// Decimals are dropped: a webhook has the second of an event and the Events API its milliseconds, and the time is
    /// part of the key that identifies the event. The payload is unchanged.
    ///
    /// Milliseconds since 1970 are rejected with a hint and not guessed: no SparkPost payload is known to have them.
    pub(super) fn read(&self, sent: Option<Cow<'_, str>>) -> Result<Timestamp, RejectReason> {
        let sent = sent.ok_or(RejectReason::MissingTimestamp)?;
        let micros = micros(&sent).ok_or_else(|| RejectReason::UnreadableTimestamp {
            value: excerpt(&sent),
        })?;
        self.accept(micros)
            .map(Timestamp::to_second)
            .ok_or_else(|| RejectReason::TimestampOutOfRange {
                value: excerpt(&sent),
                earliest: ACCEPTED_FROM,
                latest: self.latest,
                looks_like_milliseconds: self.accept(micros / 1_000).is_some(),
            })
    }

    fn accept(&self, micros: i64) -> Option<Timestamp> {
        let timestamp = Timestamp::from_unix_micros(micros)?;
        (ACCEPTED_FROM..=self.latest)
            .contains(&timestamp)
            .then_some(timestamp)
    }
}

/// The instant of a text in one of the forms of events.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    Timestamp::from_unix_micros(micros(text)?)
}

fn micros(text: &str) -> Option<i64> {
    epoch_micros(text).or_else(|| iso_micros(text))
}

/// Decimal seconds as microseconds, clamped to the range of `i64`; further decimals are dropped. `None` for other
/// texts.
fn epoch_micros(text: &str) -> Option<i64> {
    let (sign, magnitude) = match text.strip_prefix('-') {
        Some(magnitude) => (-1, magnitude),
        None => (1, text),
    };
    let (seconds, decimals) = magnitude.split_once('.').unwrap_or((magnitude, "0"));
    let all_digits =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(seconds) || !all_digits(decimals) {
        return None;
    }
    // Digits alone fail to parse only if there are too many.
    let seconds = seconds.parse().unwrap_or(i64::MAX);
    let micros = decimals.bytes().chain(std::iter::repeat(b'0')).take(6);
    let micros = micros.fold(0, |micros, digit| micros * 10 + i64::from(digit - b'0'));
    Some(sign * seconds.saturating_mul(1_000_000).saturating_add(micros))
}

fn iso_micros(text: &str) -> Option<i64> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    Some(Timestamp::from_time(time).unix_micros())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 12:00 UTC);

    fn read(sent: &str) -> Result<Timestamp, RejectReason> {
        AcceptedTimes::at(NOW).read(Some(Cow::Borrowed(sent)))
    }

    #[test]
    fn forms_that_webhooks_send_are_read() {
        for (sent, instant) in [
            ("1454442600", datetime!(2016-02-02 19:50 UTC)),
            ("1454442600.25", datetime!(2016-02-02 19:50 UTC)),
            ("1454442600.999999999", datetime!(2016-02-02 19:50 UTC)),
            ("2016-02-02T19:50:00.999Z", datetime!(2016-02-02 19:50 UTC)),
            ("2016-02-02T19:50:00Z", datetime!(2016-02-02 19:50 UTC)),
            ("2016-02-02T19:50:00.000Z", datetime!(2016-02-02 19:50 UTC)),
            (
                "2016-02-02T19:50:00.000+00:00",
                datetime!(2016-02-02 19:50 UTC),
            ),
            ("2016-02-02T21:50:00+02:00", datetime!(2016-02-02 19:50 UTC)),
        ] {
            assert_eq!(read(sent), Ok(Timestamp::from_time(instant)), "{sent}");
        }
    }

    #[test]
    fn other_texts_are_not_guessed_at() {
        for sent in [
            "yesterday",
            "1454442600s",
            "1e9",
            ".5",
            "5.",
            "-",
            "+1454442600",
            "2016-02-02",
            "2016-02-02T19:50:00",
        ] {
            let reason = read(sent).expect_err(sent);
            assert_eq!(
                reason,
                RejectReason::UnreadableTimestamp {
                    value: sent.to_owned()
                }
            );
        }
    }

    #[test]
    fn accepted_range_includes_both_ends() {
        for sent in ["2010-01-01T00:00:00Z", "1262304000", "2026-11-23T12:00:00Z"] {
            assert!(read(sent).is_ok(), "{sent}");
        }
        for sent in [
            "2009-12-31T23:59:59.999999Z",
            "1262303999",
            "2026-11-23T12:00:00.000001Z",
            "0",
            "-1",
            "9".repeat(99).as_str(),
        ] {
            assert_eq!(read(sent).expect_err(sent).code(), "timestamp_out_of_range");
        }
    }

    #[test]
    fn reasons_name_the_value_and_what_is_accepted() {
        let reasons = ["0", "4102444800", "1454442600000", "2016-02-02T19:50:00"]
            .map(|sent| read(sent).unwrap_err().to_string());

        insta::assert_snapshot!(reasons.join("\n"), @r#"
        `timestamp` "0" is not between 2010-01-01T00:00:00Z and 2026-11-23T12:00:00Z
        `timestamp` "4102444800" is not between 2010-01-01T00:00:00Z and 2026-11-23T12:00:00Z
        `timestamp` "1454442600000" is not between 2010-01-01T00:00:00Z and 2026-11-23T12:00:00Z (it looks like milliseconds; seconds are expected)
        `timestamp` "2016-02-02T19:50:00" is neither seconds since 1970 nor a date and time with zone like 2026-01-31T12:00:00Z
        "#);
        assert_eq!(
            AcceptedTimes::at(NOW).read(None),
            Err(RejectReason::MissingTimestamp)
        );
    }
}
