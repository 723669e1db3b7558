//! Points in time as SparkPost's API and its clients write them.

use event_model::Timestamp;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, PrimitiveDateTime, Time};

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

/// Writes `2022-02-24T22:27:01.000-05:00`, as the Message Events API answered in the zone that was asked for.
pub(crate) fn to_millis_with_offset(instant: Timestamp, zone: &Zone) -> String {
    zone.show(instant)
        .format(MILLIS_WITH_OFFSET)
        .expect("an instant of the years 0000 to 9999 has every component")
}

/// Reads `YYYY-MM-DDTHH:MM`, optionally with `:SS` and fractions of it, optionally with `Z` or an offset.
///
/// The API documents seconds and `Z` since October 2019; SparkPost's own app, its Python client and most connectors
/// still send minutes without a zone, so both are taken. `default_zone` rules where the text names none. A date alone
/// is its midnight. A space may stand for the `T`, and for the `+` of an offset that nobody encoded.
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
        }
    }
}
