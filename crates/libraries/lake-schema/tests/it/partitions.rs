//! Every key that the archiver and the compactor write is in a partition that queries list.

use lake_schema::{
    FileId, Period, Table,
    layout::{self, FileKind, LakeFile},
};
use proptest::prelude::*;
use time::{
    Date, Duration,
    macros::{date, datetime},
};

use crate::{
    projection::{Partition, Projection},
    template::{BUCKET, table_resource},
};

const EPOCH: Date = date!(2020 - 01 - 01);

fn holding<'a>(partitions: &'a [Partition], key: &str) -> Vec<&'a Partition> {
    let url = format!("s3://{BUCKET}/{key}");
    partitions
        .iter()
        .filter(|partition| url.starts_with(&partition.location))
        .collect()
}

#[test]
fn days_are_listed_from_the_first_one_to_tomorrow() {
    let files = table_resource(&Table::product_events(), "FilesTable");

    let listed =
        Projection::of(files, date!(2026 - 11 - 20)).partitions(datetime!(2026-11-21 23:30 UTC));

    let locations: Vec<&str> = listed.iter().map(|each| each.location.as_str()).collect();
    assert_eq!(
        locations,
        [
            "s3://bucket/lake/product_events/closed/dt=2026-11-20/",
            "s3://bucket/lake/product_events/closed/dt=2026-11-21/",
            "s3://bucket/lake/product_events/closed/dt=2026-11-22/",
        ]
    );
}

#[test]
fn months_are_listed_from_that_of_the_first_day_to_the_current_one() {
    let files = table_resource(&Table::app_events().monthly_copies(), "FilesTable");

    let listed =
        Projection::of(files, date!(2025 - 12 - 31)).partitions(datetime!(2026-02-01 00:00 UTC));

    let values: Vec<&str> = listed.iter().map(|each| each.values[0].as_str()).collect();
    assert_eq!(values, ["2025-12", "2026-01", "2026-02"]);
}

#[test]
fn each_table_lists_its_own_prefix() {
    let day = date!(2026 - 01 - 31);
    let now = datetime!(2026-01-31 12:00 UTC);
    for table in Table::all() {
        let name = table.name();
        let files = Projection::of(table_resource(&table, "FilesTable"), day).partitions(now);
        let parts = Projection::of(table_resource(&table, "PartsTable"), day).partitions(now);
        let id = FileId::of_part(name, day, "x");
        for (partitions, kind) in [
            (&files, FileKind::CompactedDay),
            (&parts, FileKind::Part { at: day }),
        ] {
            let key = LakeFile { day, kind, id }.key(name);
            assert_eq!(holding(partitions, &key).len(), 1, "{key}");
        }
    }
    for table in Table::all_with_months() {
        let state = Projection::of(table_resource(&table, "StateTable"), day).partitions(now);
        let key = layout::state_key(table.name(), day, 1);
        assert_eq!(holding(&state, &key).len(), 1, "{key}");
    }
}

proptest! {
    /// Queries list compacted days from the first day on, under the day that they name, and nothing else.
    #[test]
    fn compacted_days_are_in_the_partition_of_their_day(
        first in 0_i64..2_000,
        age in 0_i64..400,
        seconds in 0_i64..86_400,
    ) {
        let first_day = EPOCH + Duration::days(first);
        let day = first_day + Duration::days(age);
        // The archiver accepts events up to a day ahead of the clock.
        let now = day.midnight().assume_utc() - Duration::DAY + Duration::seconds(seconds);
        let table = Table::product_events();
        let file = LakeFile {
            day,
            kind: FileKind::CompactedDay,
            id: FileId::of_part("product_events", day, "x"),
        };

        let partitions = Projection::of(table_resource(&table, "FilesTable"), first_day).partitions(now);

        let holding = holding(&partitions, &file.key(table.name()));
        prop_assert_eq!(holding.len(), 1);
        prop_assert_eq!(&holding[0].values, &vec![layout::format_day(day)]);
        prop_assert_eq!(partitions.len(), usize::try_from(age).unwrap() + 1);
    }

    /// Queries list a part as long as [`LakeFile::listed_until`] says, if its day is recent.
    #[test]
    fn parts_are_listed_until_the_end_of_the_day_after_their_arrival(
        first in 0_i64..2_000,
        seconds in 0_i64..86_400,
        filed_before in 0_i64..4,
        days_ago in 0_i64..40,
    ) {
        let day = EPOCH + Duration::days(first);
        let now = day.midnight().assume_utc() + Duration::seconds(seconds) + Duration::days(days_ago - 1);
        let table = Table::product_events();
        let at = now.date() - Duration::days(filed_before);
        let file = LakeFile {
            day,
            kind: FileKind::Part { at },
            id: FileId::of_part("product_events", day, "x"),
        };

        let partitions = Projection::of(table_resource(&table, "PartsTable"), EPOCH).partitions(now);

        let holding = holding(&partitions, &file.key(table.name()));
        let is_recent = now.date() - day <= Duration::days(layout::PARTS_DAYS_BEFORE);
        let is_listed = now < file.listed_until().unwrap() && is_recent;
        prop_assert_eq!(holding.len(), usize::from(is_listed));
        if is_listed {
            prop_assert_eq!(&holding[0].values, &vec![layout::format_day(at), layout::format_day(day)]);
        }
        prop_assert_eq!(partitions.len(), 2 * 32);
    }

    /// Queries list a version of the manifest as long as [`layout::state_listed_until`] says.
    #[test]
    fn manifests_are_listed_for_two_more_days(
        first in 0_i64..2_000,
        seconds in 0_i64..86_400,
        days_ago in 0_i64..5,
    ) {
        let at = EPOCH + Duration::days(first);
        let now = at.midnight().assume_utc() + Duration::days(days_ago) + Duration::seconds(seconds);
        let table = Table::email_events();

        let partitions = Projection::of(table_resource(&table, "StateTable"), EPOCH).partitions(now);

        let holding = holding(&partitions, &layout::state_key(table.name(), at, 7));
        prop_assert_eq!(holding.len(), usize::from(now < layout::state_listed_until(at)));
    }

    /// Queries list the copy of a month that has ended under the month that they name.
    #[test]
    fn monthly_copies_are_in_the_partition_of_their_month(
        first in 0_i64..2_000,
        age in 0_i64..400,
        seconds in 0_i64..86_400 * 80,
    ) {
        let first_day = EPOCH + Duration::days(first);
        let month = layout::first_of_month(first_day + Duration::days(age));
        let end = month + Duration::days(month.month().length(month.year()).into());
        let now = end.midnight().assume_utc() + Duration::seconds(seconds);
        let table = Table::product_events().monthly_copies();
        let file = LakeFile {
            day: month,
            kind: FileKind::MonthlyCopy,
            id: FileId::of_monthly_copy("product_events_months", month, &[]),
        };

        let partitions = Projection::of(table_resource(&table, "FilesTable"), first_day).partitions(now);

        let holding = holding(&partitions, &file.key(table.name()));
        prop_assert_eq!(holding.len(), 1);
        prop_assert_eq!(&holding[0].values, &vec![layout::format_partition(Period::Month, month)]);
        let months = |date: Date| date.year() * 12 + i32::from(u8::from(date.month()));
        let expected = months(now.date()) - months(first_day) + 1;
        prop_assert_eq!(partitions.len(), usize::try_from(expected).unwrap());
    }
}
