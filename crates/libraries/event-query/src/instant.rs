//! Points in time as SparkPost's API and its clients write them.

use event_model::Timestamp;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime, PrimitiveDateTime, Time};

use crate::zone::{self, Zone};

const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const TIME: &[BorrowedFormatItem<'_>] = format_description!(
    version = 2,
    "[hour]:[minute][optional [:[second][optional [.[subsecond]]]]]"
);

const MILLIS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// Writes `2022-02-25T03:27:01.000Z`, as in the Events API's responses; finer digits are dropped.
pub(crate) fn to_millis(instant: Timestamp) -> String {
    instant
        .to_time()
        .format(MILLIS)
        .expect("an instant of the years 0000 to 9999 has every component")
}

const MILLIS_WITH_OFFSET: &[BorrowedFormatItem<'_>] = format_description!(
    "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3][offset_hour sign:mandatory]:[offset_minute]"
);

/// Writes `2022-02-24T22:27:01.000-05:00`, as the Message Events API answered in the requested zone.
pub(crate) fn to_millis_with_offset(instant: Timestamp, zone: &Zone) -> String {
    zone.show(instant)
        .format(MILLIS_WITH_OFFSET)
        .expect("an instant of the years 0000 to 9999 has every component")
}

/// Reads `YYYY-MM-DDTHH:MM`, optionally with `:SS` and fractions of it, optionally with `Z` or an offset.
///
/// The API documents seconds and `Z` since October 2019; SparkPost's own app, its Python client and most connectors
/// still send minutes without a zone, so both are accepted. `default_zone` applies if the text has no zone. A date
/// alone is its midnight. A space may replace the `T`, and the `+` of an offset that was not encoded.
pub(crate) fn parse(text: &str, default_zone: &Zone) -> Option<Timestamp> {
    let text = text.trim();
    let (date, rest) = text.split_at_checked(10)?;
    let date = Date::parse(date, DATE).ok()?;
    if rest.is_empty() {
        return default_zone.at(date.midnight());
    }

    let time_and_zone = rest.strip_prefix(['T', 't', ' '])?;
    if let Some(time) = time_and_zone.strip_suffix(['Z', 'z']) {
        return Zone::UTC.at(parse_local(date, time)?);
    }
    match time_and_zone.find(['+', '-', ' ']) {
        Some(end) => {
            let (time, offset) = time_and_zone.split_at(end);
            Zone::Fixed(zone::parse_offset(offset)?).at(parse_local(date, time)?)
        }
        None => default_zone.at(parse_local(date, time_and_zone)?),
    }
}

/// Reads a time before `now`: `now`, or an age like `-30m`, `-24h`, `-7d` or `-2w`. A day is 24 hours. Cut to milliseconds,
/// which is what a link can say.
pub(crate) fn parse_relative(text: &str, now: OffsetDateTime) -> Option<Timestamp> {
    let text = text.trim();
    let age = if text == "now" {
        Duration::ZERO
    } else {
        let (number, unit) = text
            .strip_prefix('-')?
            .split_at_checked(text.len().checked_sub(2)?)?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let number: i64 = number.parse().ok().filter(|_| is_number)?;
        let minutes = match unit {
            "m" => 1,
            "h" => 60,
            "d" => 24 * 60,
            "w" => 7 * 24 * 60,
            _ => return None,
        };
        Duration::minutes(
            number
                .checked_mul(minutes)
                .filter(|age| *age <= MAX_AGE_MINUTES)?,
        )
    };
    Some(before(now, age))
}

/// A hundred years.
const MAX_AGE_MINUTES: i64 = 100 * 366 * 24 * 60;

/// The time of this age, cut to what a link can say of it.
pub(crate) fn before(now: OffsetDateTime, age: Duration) -> Timestamp {
    let instant = now - age;
    Timestamp::from_time(
        instant
            .replace_millisecond(instant.millisecond())
            .unwrap_or(instant),
    )
}

fn parse_local(date: Date, time: &str) -> Option<PrimitiveDateTime> {
    Some(date.with_time(Time::parse(time, TIME).ok()?))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn parse(text: &str, default_zone: &Zone) -> Option<time::OffsetDateTime> {
        super::parse(text, default_zone).map(Timestamp::to_time)
    }

    #[test]
    fn every_form_that_clients_send() {
        let minute = datetime!(2022-02-25 03:27 UTC);
        let cases = [
            ("2022-02-25T03:27", minute),
            ("2022-02-25T03:27:00", minute),
            ("2022-02-25T03:27:00Z", minute),
            ("2022-02-25T03:27Z", minute),
            ("2022-02-25t03:27z", minute),
            ("2022-02-25 03:27:00", minute),
            (" 2022-02-25T03:27 ", minute),
            (
                "2022-02-25T03:27:01.5Z",
                datetime!(2022-02-25 03:27:01.5 UTC),
            ),
            (
                "2022-02-25T03:27:01.123Z",
                datetime!(2022-02-25 03:27:01.123 UTC),
            ),
            (
                "2022-02-25T03:27:01.123456",
                datetime!(2022-02-25 03:27:01.123456 UTC),
            ),
            ("2022-02-25T03:27:00.000+00:00", minute),
            ("2022-02-25T05:27:00+02:00", minute),
            ("2022-02-25T05:27:00 02:00", minute),
            ("2022-02-25T05:27+0200", minute),
            ("2022-02-25T05:27+02", minute),
            ("2022-02-24T21:57:00-05:30", minute),
            ("2022-02-25", datetime!(2022-02-25 00:00 UTC)),
        ];

        for (text, expected) in cases {
            assert_eq!(parse(text, &Zone::UTC), Some(expected), "{text}");
        }
    }

    #[test]
    fn zone_of_the_text_wins_over_the_default() {
        let new_york = Zone::parse("America/New_York").unwrap();

        assert_eq!(
            parse("2022-02-25T03:27", &new_york),
            Some(datetime!(2022-02-25 08:27 UTC))
        );
        assert_eq!(
            parse("2022-07-25T03:27", &new_york),
            Some(datetime!(2022-07-25 07:27 UTC))
        );
        assert_eq!(
            parse("2022-02-25", &new_york),
            Some(datetime!(2022-02-25 05:00 UTC))
        );
        assert_eq!(
            parse("2022-02-25T03:27Z", &new_york),
            Some(datetime!(2022-02-25 03:27 UTC))
        );
        assert_eq!(
            parse("2022-02-25T03:27+01:00", &new_york),
            Some(datetime!(2022-02-25 02:27 UTC))
        );
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        let cases = [
            "",
            "now",
            "yesterday",
            "1460989507",
            "2022-02",
            "2022-02-30T00:00",
            "2022-02-25T",
            "2022-02-25T24:00",
            "2022-02-25T03",
            "2022-02-25T03:60",
            "2022-02-25T03:27:00.",
            "2022-02-25T03:27:00+",
            "2022-02-25T03:27:00+25:00",
            "2022-02-25T03:27:00+02:60",
            "2022-02-25T03:27:00ZZ",
            "2022-02-25X03:27",
            "+12022-02-25T03:27",
            "-2022-02-25T03:27",
            "20220225T032700Z",
            "２０２２-02-25T03:27",
            "0000-01-01T00:00+23:59",
            "9999-12-31T23:59-23:59",
        ];

        for text in cases {
            assert_eq!(parse(text, &Zone::UTC), None, "{text}");
        }
    }

    #[test]
    fn ages_count_back_from_now() {
        let now = datetime!(2026-11-21 12:00:00.123_9 UTC);
        for (text, expected) in [
            ("now", datetime!(2026-11-21 12:00:00.123 UTC)),
            (" -0m ", datetime!(2026-11-21 12:00:00.123 UTC)),
            ("-90m", datetime!(2026-11-21 10:30:00.123 UTC)),
            ("-24h", datetime!(2026-11-20 12:00:00.123 UTC)),
            ("-7d", datetime!(2026-11-14 12:00:00.123 UTC)),
            ("-2w", datetime!(2026-11-07 12:00:00.123 UTC)),
        ] {
            let parsed = parse_relative(text, now).map(Timestamp::to_time);
            assert_eq!(parsed, Some(expected), "{text}");
        }
        for text in [
            "",
            "-",
            "d",
            "-d",
            "7d",
            "+7d",
            "-7",
            "-7y",
            "-7 d",
            "--7d",
            "-7dd",
            "-1.5d",
            "Now",
            "-99999999999999999999d",
            "-36601d",
            "-é",
            "-7é",
        ] {
            assert_eq!(parse_relative(text, now), None, "{text}");
        }
    }

    #[test]
    fn answers_have_milliseconds_and_never_round_up() {
        let written = |micros| to_millis(Timestamp::from_unix_micros(micros).unwrap());

        assert_eq!(written(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(written(1_460_989_507_999_999), "2016-04-18T14:25:07.999Z");
        assert_eq!(written(-1), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn zones_show_an_instant_with_their_offset_of_that_day() {
        let cases = [
            ("UTC", "2022-02-25T03:27:01.123+00:00"),
            ("America/New_York", "2022-02-24T22:27:01.123-05:00"),
            ("+05:30", "2022-02-25T08:57:01.123+05:30"),
            ("-00:30", "2022-02-25T02:57:01.123-00:30"),
            ("Asia/Kathmandu", "2022-02-25T09:12:01.123+05:45"),
        ];
        let winter = Timestamp::from_time(datetime!(2022-02-25 03:27:01.123_9 UTC));
        for (zone, written) in cases {
            let zone = Zone::parse(zone).unwrap();
            assert_eq!(to_millis_with_offset(winter, &zone), written);
        }
        let summer = Timestamp::from_time(datetime!(2022-07-25 03:27 UTC));
        let new_york = Zone::parse("America/New_York").unwrap();
        assert_eq!(
            to_millis_with_offset(summer, &new_york),
            "2022-07-24T23:27:00.000-04:00"
        );
        assert_eq!(
            to_millis_with_offset(Timestamp::MAX, &Zone::parse("+14").unwrap()),
            "9999-12-31T23:59:59.999+00:00"
        );
    }

    proptest::proptest! {
        #[test]
        fn what_a_zone_shows_is_read_back_as_the_same_instant(
            seconds in 0_i64..=4_102_444_800,
            zone in proptest::sample::select(&["UTC", "Europe/Berlin", "Asia/Kathmandu", "-03:30", "Africa/Monrovia"][..]),
        ) {
            let instant = Timestamp::from_unix_seconds(seconds).unwrap();
            let written = to_millis_with_offset(instant, &Zone::parse(zone).unwrap());

            proptest::prop_assert_eq!(parse(&written, &Zone::UTC), Some(instant.to_time()));
        }

        #[test]
        fn no_text_panics(text in "[0-9TZ:.+\\- ]{0,40}|\\PC*") {
            let _ = parse(&text, &Zone::parse("Europe/Berlin").unwrap());
            let _ = parse_relative(&text, datetime!(2026-11-21 12:00 UTC));
        }
    }
}
