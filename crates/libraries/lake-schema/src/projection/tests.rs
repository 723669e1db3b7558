use proptest::prelude::*;
use time::macros::datetime;

use super::*;
use crate::{FileId, Table, glue, layout};

const NOW: OffsetDateTime = datetime!(2026-11-21 23:30 UTC);

fn properties(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    std::iter::once(&("projection.enabled", "true"))
        .chain(pairs)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn values(pairs: &[(&str, &str)]) -> Result<Vec<String>, ProjectionError> {
    let projection = Projection::from_properties("s3://b/t", &["k"], &properties(pairs))?;
    let partitions = projection.partitions(NOW, &BTreeMap::new(), |_, _| true)?;
    Ok(partitions
        .into_iter()
        .map(|partition| {
            let [value] = partition.values.try_into().unwrap();
            assert_eq!(partition.location, format!("s3://b/t/k={value}/"));
            value
        })
        .collect())
}

fn dates(format: &str, range: &str, more: &[(&str, &str)]) -> Vec<String> {
    let pairs = [
        ("projection.k.type", "date"),
        ("projection.k.format", format),
        ("projection.k.range", range),
    ];
    values(&[&pairs[..], more].concat()).unwrap()
}

// The examples of the page that this module's text names.
#[test]
fn enumerated_values_keep_their_white_space() {
    let pairs = [
        ("projection.k.type", " ENUM "),
        ("projection.k.values", "A,B, C,Unknown"),
    ];

    assert_eq!(values(&pairs).unwrap(), ["A", "B", " C", "Unknown"]);
}

#[test]
fn integers_step_and_pad() {
    let integers = |range, more: &[(&str, &str)]| {
        let pairs = [
            ("projection.k.type", "integer"),
            ("projection.k.range", range),
        ];
        values(&[&pairs[..], more].concat()).unwrap()
    };

    assert_eq!(integers("1,3", &[]), ["1", "2", "3"]);
    assert_eq!(integers(" -1 , 1 ", &[]), ["-1", "0", "1"]);
    assert_eq!(
        integers("1,3", &[("projection.k.interval", "2")]),
        ["1", "3"]
    );
    assert_eq!(
        integers("1,3", &[("projection.k.digits", "2")]),
        ["01", "02", "03"]
    );
    assert_eq!(integers("0001,0003", &[]), ["1", "2", "3"]);
    assert_eq!(integers("3,1", &[]), Vec::<String>::new());
    assert_eq!(
        integers("9223372036854775806,9223372036854775807", &[]).len(),
        2
    );
}

#[test]
fn dates_step_by_what_their_format_shows() {
    assert_eq!(
        dates("yyyyMM", "201811,201902", &[]),
        ["201811", "201812", "201901", "201902"]
    );
    assert_eq!(
        dates("dd-MM-yyyy", "31-12-2018,01-01-2019", &[]),
        ["31-12-2018", "01-01-2019"]
    );
    assert_eq!(
        dates(
            "yyyy/MM/dd/HH",
            "2021/01/01/22,2021/01/02/00",
            &[("projection.k.interval.unit", "HOURS")]
        ),
        ["2021/01/01/22", "2021/01/01/23", "2021/01/02/00"]
    );
    assert_eq!(
        dates(
            "yyyy-MM-dd'T'HH:mm",
            "2021-01-01T00:00,2021-01-01T01:00",
            &[
                ("projection.k.interval", "30"),
                ("projection.k.interval.unit", "minutes")
            ]
        ),
        ["2021-01-01T00:00", "2021-01-01T00:30", "2021-01-01T01:00"]
    );
}

#[test]
fn now_moves_with_the_query_and_is_as_precise_as_the_format() {
    assert_eq!(
        dates("yyyy-MM-dd", "NOW-1DAY , NOW", &[]),
        ["2026-11-20", "2026-11-21"]
    );
    assert_eq!(
        dates("yyyy-MM-dd", "2026-11-21,NOW+1DAYS", &[]),
        ["2026-11-21", "2026-11-22"]
    );
    assert_eq!(
        dates("yyyyMM", "NOW-1MONTH,NOW+1MONTHS", &[]),
        ["202610", "202611", "202612"]
    );
    assert_eq!(
        dates(
            "yyyy",
            "NOW - 2 YEARS,NOW",
            &[("projection.k.interval.unit", "YEARS")]
        )
        .len(),
        3
    );
    assert_eq!(
        dates("yyyy-MM-dd", "2026-11-22,NOW", &[]),
        Vec::<String>::new()
    );
}

#[test]
fn a_step_of_months_ends_where_the_month_does() {
    assert_eq!(
        dates(
            "yyyy-MM-dd",
            "2024-01-31,2024-04-30",
            &[("projection.k.interval.unit", "MONTHS")]
        ),
        ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]
    );
}

#[test]
fn injected_values_come_from_the_query() {
    let properties = properties(&[("projection.k.type", "injected")]);
    let projection = Projection::from_properties("s3://b/t/", &["k"], &properties).unwrap();
    let given = BTreeMap::from([("k".to_owned(), vec!["x".to_owned()])]);

    let partitions = projection.partitions(NOW, &given, |_, _| true).unwrap();

    assert_eq!(partitions[0].location, "s3://b/t/k=x/");
    assert_eq!(
        projection.partitions(NOW, &BTreeMap::new(), |_, _| true),
        Err(ProjectionError::NoValue {
            key: "k".to_owned()
        })
    );
}

#[test]
fn keys_combine_in_the_template() {
    let properties = properties(&[
        ("projection.day.type", "date"),
        ("projection.day.format", "yyyy/MM/dd"),
        ("projection.day.range", "2021/01/01,2021/01/02"),
        ("projection.hour.type", "integer"),
        ("projection.hour.range", "0,23"),
        ("projection.hour.digits", "2"),
        ("storage.location.template", "s3://b/p/${day}/${hour}"),
    ]);
    let projection =
        Projection::from_properties("s3://b/p/", &["day", "hour"], &properties).unwrap();

    let partitions = projection
        .partitions(NOW, &BTreeMap::new(), |key, value| {
            key != "hour" || value > "21"
        })
        .unwrap();

    let locations: Vec<&str> = partitions
        .iter()
        .map(|found| found.location.as_str())
        .collect();
    assert_eq!(
        locations,
        [
            "s3://b/p/2021/01/01/22/",
            "s3://b/p/2021/01/01/23/",
            "s3://b/p/2021/01/02/22/",
            "s3://b/p/2021/01/02/23/"
        ]
    );
}

#[test]
fn properties_that_project_nothing_are_named() {
    let error = |pairs: &[(&str, &str)]| values(pairs).unwrap_err().to_string();

    assert_eq!(error(&[]), "projection.k.type is missing");
    assert_eq!(
        error(&[("projection.k.type", "dat")]),
        r#"projection.k.type is "dat": expected enum, integer, date or injected"#
    );
    let date = |format, range, more: &[(&str, &str)]| {
        let pairs = [
            ("projection.k.type", "date"),
            ("projection.k.format", format),
            ("projection.k.range", range),
        ];
        error(&[&pairs[..], more].concat())
    };
    assert!(date("yyyy-MM-dd-HH", "NOW,NOW", &[]).starts_with("projection.k.interval.unit is"));
    assert!(date("MM-dd", "NOW,NOW", &[]).starts_with("projection.k.format is"));
    assert!(date("yyyy-qq", "NOW,NOW", &[]).starts_with("projection.k.format is"));
    assert!(date("yyyy-MM-dd", "2026-01-32,NOW", &[]).starts_with("projection.k.range is"));
    assert!(
        date("yyyy-MM-dd", "2026-01-01,NOW+1FORTNIGHT", &[]).starts_with("projection.k.range is")
    );
    assert!(date("yyyy-MM-dd", "2026-01-01", &[]).starts_with("projection.k.range is"));
    assert!(
        date("yyyy-MM-dd", "NOW,NOW", &[("projection.k.interval", "0")])
            .starts_with("projection.k.interval is")
    );

    let missing = Projection::from_properties("s3://b/t", &["k"], &BTreeMap::new());
    assert_eq!(missing, Err(ProjectionError::NotEnabled));
    let template = properties(&[
        ("projection.k.type", "injected"),
        ("storage.location.template", "s3://b/t/"),
    ]);
    assert_eq!(
        Projection::from_properties("s3://b/t", &["k"], &template),
        Err(ProjectionError::NotInTemplate {
            key: "k".to_owned()
        })
    );
}

proptest! {
    /// The rule on which every query rests: what the archiver writes is where a query looks, under the day that the
    /// query names; and a query looks nowhere else.
    #[test]
    fn every_key_of_the_lake_is_in_the_partition_of_its_day(
        first in 0_i32..2_000,
        age in 0_i32..400,
        seconds in 0_i64..86_400,
        closed: bool,
        (filed_before, days_ago) in (0_i64..4, 0_i64..40),
    ) {
        let epoch = time::macros::date!(2020 - 01 - 01);
        let first_day = epoch + time::Duration::days(first.into());
        let day = first_day + time::Duration::days(age.into());
        // The archiver takes events up to a day ahead of the clock.
        let now = day.midnight().assume_utc() - time::Duration::DAY + time::Duration::seconds(seconds)
            + time::Duration::days(if closed { 0 } else { days_ago });
        let table = Table::product_events();
        let at = now.date() - time::Duration::days(filed_before);
        let file = layout::LakeFile {
            day,
            kind: if closed { layout::FileKind::ClosedDay } else { layout::FileKind::Part { at } },
            id: FileId::of_part("product_events", day, "x"),
        };
        let (location, keys, properties) = if closed {
            let properties = glue::properties(&table, "bucket", first_day);
            (glue::location(&table, "bucket"), vec![crate::DAY], properties)
        } else {
            let properties = glue::parts_properties(&table, "bucket");
            (glue::parts_location(&table, "bucket"), vec![glue::COMING.name, crate::DAY], properties)
        };
        let projection = Projection::from_properties(
            &location,
            &keys,
            &properties.into_iter().collect(),
        ).unwrap();

        let partitions = projection.partitions(now, &BTreeMap::new(), |_, _| true).unwrap();

        let url = format!("s3://bucket/{}", file.key(table.name()));
        let holding: Vec<&Partition> =
            partitions.iter().filter(|found| url.starts_with(&found.location)).collect();
        let days = usize::try_from(age).unwrap() + 1;
        if closed {
            prop_assert_eq!(holding.len(), 1);
            prop_assert_eq!(&holding[0].values, &vec![layout::format_day(day)]);
            prop_assert_eq!(partitions.len(), days);
        } else {
            let is_recent = now.date() - day <= time::Duration::days(layout::PARTS_DAYS_BEFORE);
            let is_listed = now < file.listed_until().unwrap() && is_recent;
            prop_assert_eq!(holding.len(), usize::from(is_listed));
            if is_listed {
                prop_assert_eq!(&holding[0].values, &vec![layout::format_day(at), layout::format_day(day)]);
            }
            prop_assert_eq!(partitions.len(), 2 * 32);
        }
    }

    /// The same for closed months: the file of a month that is over is where a query looks, under the month that it names.
    #[test]
    fn every_key_of_closed_months_is_in_the_partition_of_its_month(
        first in 0_i32..2_000,
        age in 0_i32..400,
        seconds in 0_i64..86_400 * 80,
    ) {
        let epoch = time::macros::date!(2020 - 01 - 01);
        let first_day = epoch + time::Duration::days(first.into());
        let month = layout::first_of_month(first_day + time::Duration::days(age.into()));
        let end = month + time::Duration::days(month.month().length(month.year()).into());
        let now = end.midnight().assume_utc() + time::Duration::seconds(seconds);
        let table = Table::product_events().closed_months();
        let file = layout::LakeFile {
            day: month,
            kind: layout::FileKind::ClosedMonth,
            id: FileId::of_closed_month("product_events_months", month, &[]),
        };
        let projection = Projection::from_properties(
            &glue::location(&table, "bucket"),
            &[crate::MONTH],
            &glue::properties(&table, "bucket", first_day).into_iter().collect(),
        ).unwrap();

        let partitions = projection.partitions(now, &BTreeMap::new(), |_, _| true).unwrap();

        let url = format!("s3://bucket/{}", file.key(table.name()));
        let holding: Vec<&Partition> =
            partitions.iter().filter(|found| url.starts_with(&found.location)).collect();
        prop_assert_eq!(holding.len(), 1);
        let name = layout::format_partition(crate::Period::Month, month);
        prop_assert_eq!(&holding[0].values, &vec![name]);
        let months = |date: time::Date| date.year() * 12 + i32::from(u8::from(date.month()));
        let expected = months(now.date()) - months(first_day) + 1;
        prop_assert_eq!(partitions.len(), usize::try_from(expected).unwrap());
    }
}
