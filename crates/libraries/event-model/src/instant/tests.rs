use proptest::prelude::*;
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339, macros::datetime};

use super::*;

#[test]
fn forms_that_programs_write() {
    let morning = datetime!(2026-11-28 09:30 UTC);
    for (text, expected) in [
        ("2026-11-28 09:30:00", morning),
        ("2026-11-28", datetime!(2026-11-28 00:00 UTC)),
        ("2026-11-28T09:30:00Z", morning),
        (
            "2026-11-28t09:30:00.067z",
            datetime!(2026-11-28 09:30:00.067 UTC),
        ),
        (
            "2026-11-28T09:30:00.067999999123",
            datetime!(2026-11-28 09:30:00.067_999 UTC),
        ),
        (
            "2026-11-28T11:30:00,5+02:00",
            datetime!(2026-11-28 09:30:00.5 UTC),
        ),
        ("2026-11-28T06:00-0330", morning),
        ("2026-11-28T10:30+01", morning),
        ("2026-11-28 09:30:00 UTC", morning),
        ("2026-11-28 09:30:00.000 UTC", morning),
        ("2026-11-28 09:30:00 +00:00", morning),
        ("2026-11-28 09:30:00 +0000", morning),
        ("2026-11-28 09:30:00 GMT", morning),
        ("2026-11-28 10:30:00 +0100 CET", morning),
        (
            "2026-11-28 09:30:00.000000001 +0000 UTC m=+0.000012345",
            morning,
        ),
        ("2026-11-28 12:30:00 +0300 +03", morning),
        ("2026-11-28T10:30:00+01:00[Europe/Berlin]", morning),
        ("2026-11-28T09:30:00Z[UTC]", morning),
        ("20261128T093000Z", morning),
        ("20261128T093000", morning),
        ("20261128T1030+01", morning),
        (
            "20261128T103000.5+0100",
            datetime!(2026-11-28 09:30:00.5 UTC),
        ),
        ("Sat, 28 Nov 2026 09:30:00 GMT", morning),
        ("Sat, 28 Nov 2026 10:30:00 +0100", morning),
        ("28 Nov 2026 09:30:00 +0000", morning),
        ("28 November 2026 09:30 UTC", morning),
        ("Saturday, 28-Nov-26 09:30:00 GMT", morning),
        ("Sat Nov 28 09:30:00 2026", morning),
        ("Sun Nov  1 09:30:00 2026", datetime!(2026-11-01 09:30 UTC)),
        ("Sat Nov 28 09:30:00 UTC 2026", morning),
        ("Sat Nov 28 10:30:00 +0100 2026", morning),
        (
            "Sat Nov 28 2026 10:30:00 GMT+0100 (Mitteleuropäische Normalzeit)",
            morning,
        ),
        ("1460989507", datetime!(2016-04-18 14:25:07 UTC)),
        ("1460989507.25", datetime!(2016-04-18 14:25:07.25 UTC)),
        ("1460989507250", datetime!(2016-04-18 14:25:07.25 UTC)),
        ("1460989507250.5", datetime!(2016-04-18 14:25:07.250_5 UTC)),
        (
            "1460989507250001",
            datetime!(2016-04-18 14:25:07.250_001 UTC),
        ),
        (
            "1460989507250001999",
            datetime!(2016-04-18 14:25:07.250_001 UTC),
        ),
        ("2016-12-31T23:59:60Z", datetime!(2017-01-01 00:00 UTC)),
    ] {
        assert_eq!(
            read_instant(text),
            Some(Timestamp::from_time(expected)),
            "{text}"
        );
    }
}

#[test]
fn what_means_no_instant_or_more_than_one_is_no_time() {
    for text in [
        "",
        "yesterday",
        "2026-1-2",
        "2026-02-30",
        "2026-13-01",
        "2026-01-02 ",
        "2026-01-02T",
        "2026-01-02T24:00",
        "2026-01-02T03:60",
        "2026-01-02T03:04:60",
        "2026-01-02T03:04:05.",
        "2026-01-02T03:04:05  Z",
        "2026-01-02T03:04:05+25:00",
        "2026-01-02T03:04:05+1",
        "2026-01-02T03:04:05 CET",
        "2026-01-02T03:04:05 IST",
        "2026-01-02T03:04:05[Europe/Berlin]",
        "2026-01-02T03:04:05 +0100 UTC",
        "2026/01/02",
        "01/02/2026 03:04:05",
        "1.2.2026 03:04",
        "20260102",
        "202601020304",
        "1460989507.2.5",
        "1460989507 s",
        "+026-01-02",
        "\0\0\0\0\0\0\0\0\0\0",
        "2026-01-02x03:04",
        "２０２６-01-02",
        "Mon, 28 Nov 2026 09:30:00 GMT",
        "Sat, 28 Nov 2026 09:30:00",
        "Sat, 28 Nov 26 09:30:00 GMT",
        "Sat, 28 Nov 2026 09:30:00 EST",
        "Sat Nov 28 09:30:00 CST 2026",
        "Nov 28 09:30:00 2026",
        "Nov 28",
    ] {
        let is_time = read_instant(text);
        // Digits alone are a number, whatever their meaning; this one is before 1973.
        if text == "202601020304" {
            assert!(
                is_time > Timestamp::from_unix_seconds(200_000_000),
                "{text}"
            );
        } else {
            assert_eq!(is_time, None, "{text}");
        }
    }
}

#[test]
fn a_wrong_date_is_not_remembered() {
    let mut reader = InstantReader::default();

    assert_eq!(reader.read("2026-02-30 00:00:00"), None);
    assert_eq!(reader.read("2026-02-30 00:00:00"), None);
    assert_eq!(reader.read("2026-02-28"), reader.read("2026-02-28 00:00"));
}

#[test]
fn numbers_tell_their_unit_by_their_size() {
    let micros = |number| instant_from_number(number).map(Timestamp::unix_micros);
    assert_eq!(micros(1_767_225_600.0), Some(1_767_225_600_000_000));
    assert_eq!(micros(1_767_225_600.123), Some(1_767_225_600_123_000));
    assert_eq!(micros(1_767_225_600_250.0), Some(1_767_225_600_250_000));
    assert_eq!(micros(1_767_225_600_250_001.0), Some(1_767_225_600_250_001));
    assert_eq!(
        micros(1_767_225_600_250_000_000.0),
        Some(1_767_225_600_250_000)
    );
    assert_eq!(micros(0.0), Some(0));
    assert_eq!(micros(-1.5), Some(-1_500_000));
    assert_eq!(micros(1e300), None);
    assert_eq!(micros(f64::NAN), None);
    assert_eq!(micros(f64::NEG_INFINITY), None);
}

const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
const MONTH_NAMES: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// An instant in every form that has seconds, each with its truncated microseconds.
#[expect(clippy::too_many_lines, reason = "a list of forms")]
fn every_form(instant: OffsetDateTime, offset_minutes: i16) -> Vec<(String, i64)> {
    let offset = UtcOffset::from_whole_seconds(i32::from(offset_minutes) * 60).unwrap();
    let local = instant.to_offset(offset);
    let [day, month, year] = [
        i32::from(local.day()),
        i32::from(u8::from(local.month())),
        local.year(),
    ];
    let time = format!(
        "{:02}:{:02}:{:02}",
        local.hour(),
        local.minute(),
        local.second()
    );
    let utc_time = format!(
        "{:02}:{:02}:{:02}",
        instant.hour(),
        instant.minute(),
        instant.second()
    );
    let sign = if offset_minutes < 0 { '-' } else { '+' };
    let (hours, minutes) = (offset_minutes.abs() / 60, offset_minutes.abs() % 60);
    let colon = format!("{sign}{hours:02}:{minutes:02}");
    let plain = format!("{sign}{hours:02}{minutes:02}");
    let nanos = format!("{:09}", local.nanosecond());
    let date = format!("{year:04}-{month:02}-{day:02}");
    let weekday = DAYS[usize::from(local.weekday().number_days_from_sunday())];
    let short = &weekday[..3];
    let name = MONTH_NAMES[usize::from(u8::from(local.month())) - 1];
    let utc_weekday = &DAYS[usize::from(instant.weekday().number_days_from_sunday())];
    let utc_name = MONTH_NAMES[usize::from(u8::from(instant.month())) - 1];
    let (utc_day, utc_year) = (instant.day(), format!("{:04}", instant.year()));
    let year = format!("{year:04}");
    let utc_date = format!("{utc_year}-{:02}-{utc_day:02}", u8::from(instant.month()));
    let micros = i64::try_from(instant.unix_timestamp_nanos().div_euclid(1_000)).unwrap();
    let second = instant.unix_timestamp() * 1_000_000;

    let mut forms = vec![
        (local.format(&Rfc3339).unwrap(), micros),
        (format!("{date}T{time}.{nanos}{colon}"), micros),
        (format!("{date}T{time}.{nanos}123{plain}"), micros),
        (format!("{date} {time},{nanos} {colon}"), micros),
        (format!("{date} {time} {plain}"), second),
        (format!("{date} {time}.{nanos} {plain} XYZ"), micros),
        (format!("{date}T{time}.{nanos}{colon}[Area/City]"), micros),
        (format!("{utc_date} {utc_time}.{nanos} UTC"), micros),
        (format!("{utc_date} {utc_time}.{nanos}"), micros),
        (format!("{utc_date}T{utc_time}Z"), second),
        (format!("{utc_date} {utc_time} GMT"), second),
        (
            format!(
                "{}T{}.{nanos}{plain}",
                date.replace('-', ""),
                time.replace(':', "")
            ),
            micros,
        ),
        (
            format!("{short}, {day:02} {name} {year} {time} {plain}"),
            second,
        ),
        (format!("{day} {name} {year} {time} {plain}"), second),
        (
            format!("{short} {name} {day:02} {time} {plain} {year}"),
            second,
        ),
        (
            format!("{short} {name} {day:02} {year} {time} GMT{plain} (Zone)"),
            second,
        ),
        (
            format!(
                "{}, {utc_day:02} {utc_name} {utc_year} {utc_time} GMT",
                &utc_weekday[..3]
            ),
            second,
        ),
        (
            format!(
                "{} {utc_name} {utc_day:>2} {utc_time} {utc_year}",
                &utc_weekday[..3]
            ),
            second,
        ),
        (
            format!(
                "{} {utc_name} {utc_day:>2} {utc_time} UTC {utc_year}",
                &utc_weekday[..3]
            ),
            second,
        ),
    ];
    if (1970..2070).contains(&instant.year()) {
        forms.push((
            format!(
                "{utc_weekday}, {utc_day:02}-{utc_name}-{:02} {utc_time} GMT",
                instant.year() % 100
            ),
            second,
        ));
    }
    forms.extend(every_number(instant));
    forms
}

/// An instant as a number in each unit, except before 1973, where the units overlap.
fn every_number(instant: OffsetDateTime) -> Vec<(String, i64)> {
    let seconds = instant.unix_timestamp();
    if seconds < 100_000_000 {
        return Vec::new();
    }
    let micros = i64::try_from(instant.unix_timestamp_nanos().div_euclid(1_000)).unwrap();
    let nanos = format!("{:09}", instant.nanosecond());
    vec![
        (seconds.to_string(), seconds * 1_000_000),
        (format!("{seconds}.{nanos}"), micros),
        (
            format!("{seconds}{}", &nanos[..3]),
            micros.div_euclid(1_000) * 1_000,
        ),
        (format!("{seconds}{}.{}", &nanos[..3], &nanos[3..]), micros),
        (format!("{seconds}{}", &nanos[..6]), micros),
        (format!("{seconds}{nanos}"), micros),
    ]
}

proptest! {
    #[test]
    fn every_instant_in_every_form_is_read_back(
        seconds in prop_oneof![-62_135_596_800_i64..99_999_999_999, 100_000_000_i64..2_000_000_000],
        nanos in 0_u32..1_000_000_000,
        offset_minutes in -14_i16 * 60..=14 * 60,
    ) {
        let instant = OffsetDateTime::from_unix_timestamp(seconds).unwrap().replace_nanosecond(nanos).unwrap();
        // The units are distinguishable from 1973 on.
        prop_assume!(!(0..100_000_000).contains(&seconds));
        let first = OffsetDateTime::from_unix_timestamp(-62_135_500_000).unwrap();
        prop_assume!(instant > first);

        for (text, micros) in every_form(instant, offset_minutes) {
            prop_assert_eq!(read_instant(&text).map(Timestamp::unix_micros), Some(micros), "{}", text);
        }
    }

    #[test]
    fn numbers_are_read_back_in_every_unit(ms in 100_000_000_000_i64..4_000_000_000_000) {
        #[expect(clippy::cast_precision_loss, reason = "within 2^53")]
        let number = ms as f64;
        for written in [number / 1e3, number, number * 1e3, number * 1e6] {
            prop_assert_eq!(instant_from_number(written).map(Timestamp::unix_millis), Some(ms), "{}", written);
        }
    }

    #[test]
    fn any_text_is_read_without_panic(text in "[-0-9:TZ.+, A-Za-z()]{0,60}|.{0,40}") {
        read_instant(&text);
    }
}
