use std::collections::BTreeSet;

use time::macros::{date, datetime};

use super::*;

mod world;

const POLICY: Policy = Policy {
    compact_after: Duration::hours(3),
    recompact_after: Duration::hours(24),
    copy_month_after: Duration::days(3),
    query_grace_period: Duration::minutes(45),
};

/// What to do about days.
fn next_steps(
    manifest: &Manifest,
    files: &[LakeFile],
    compacted_at: &BTreeMap<Date, OffsetDateTime>,
    now: OffsetDateTime,
) -> Steps {
    let due = due_days("product_events", manifest, files, compacted_at, now, POLICY);
    super::next_steps(manifest, files, due, now, POLICY.query_grace_period)
}

fn part(day: Date, at: Date, source: &str) -> LakeFile {
    LakeFile {
        day,
        kind: FileKind::Part { at },
        id: FileId::of_part("product_events", day, source),
    }
}

fn planned(files: &[LakeFile], now: OffsetDateTime) -> Vec<Date> {
    let steps = next_steps(&Manifest::default(), files, &BTreeMap::new(), now);
    let manifest = steps.manifest.unwrap_or_default();
    manifest.days.into_keys().collect()
}

#[test]
fn day_is_due_some_hours_after_its_end() {
    let days = [
        date!(2026 - 01 - 01),
        date!(2026 - 01 - 02),
        date!(2026 - 01 - 03),
    ];
    let files = days.map(|day| part(day, day, "a"));

    assert_eq!(planned(&files, datetime!(2026-01-02 02:59:59 UTC)), []);
    assert_eq!(planned(&files, datetime!(2026-01-02 03:00 UTC)), [days[0]]);
    assert_eq!(
        planned(&files, datetime!(2026-01-03 03:00 UTC)),
        [days[0], days[1]]
    );
}

#[test]
fn all_that_came_on_a_day_is_planned_some_hours_after_its_end_whatever_day_it_is_of() {
    let at = date!(2026 - 01 - 02);
    let files = [
        part(date!(2025 - 11 - 30), at, "late"),
        part(at, at, "in time"),
        part(date!(2026 - 01 - 03), at, "by a clock that is ahead"),
    ];
    let days = files.map(|file| file.day);
    let compacted_at = days
        .map(|day| (day, datetime!(2026-01-02 20:00 UTC)))
        .into();
    let steps = |now| next_steps(&Manifest::default(), &files, &compacted_at, now);

    assert_eq!(steps(datetime!(2026-01-03 02:59:59 UTC)), Steps::default());
    let manifest = steps(datetime!(2026-01-03 03:00 UTC)).manifest.unwrap();
    assert!(manifest.days.keys().eq(&days), "{manifest:?}");
    let left = files[0].listed_until().unwrap() - datetime!(2026-01-03 03:00 UTC);
    assert!(
        left > POLICY.query_grace_period * 10,
        "time to be late with it"
    );
}

#[test]
fn compacted_day_waits_before_more_is_merged_into_it() {
    let day = date!(2026 - 01 - 01);
    let late = part(day, date!(2026 - 01 - 05), "late");
    let compacted_at = BTreeMap::from([(day, datetime!(2026-01-04 22:00 UTC))]);
    let steps = |now| next_steps(&Manifest::default(), &[late], &compacted_at, now).manifest;

    assert_eq!(steps(datetime!(2026-01-05 21:59 UTC)), None);
    let manifest = steps(datetime!(2026-01-05 22:00 UTC)).unwrap();
    assert_eq!(manifest.days[&day].inputs, [late]);
}

#[test]
fn a_day_moves_one_step_at_a_time_and_never_before_queries_are_over() {
    let day = date!(2026 - 01 - 01);
    let file = part(day, day, "a");
    let start = datetime!(2026-01-02 03:00 UTC);
    let step = |manifest: &Manifest, now| next_steps(manifest, &[file], &BTreeMap::new(), now);

    let planned = step(&Manifest::default(), start).manifest.unwrap();
    assert_eq!(
        step(
            &planned,
            start + POLICY.query_grace_period - Duration::SECOND
        ),
        Steps::default()
    );
    assert_eq!(
        step(&planned, start + POLICY.query_grace_period).write,
        [day]
    );

    let mut written = planned;
    let compaction = written.days.get_mut(&day).unwrap();
    (compaction.phase, compaction.since) = (Phase::Written, start + Duration::HOUR);
    assert_eq!(step(&written, start + Duration::HOUR), Steps::default());
    let shown = step(&written, start + Duration::hours(2)).manifest.unwrap();
    assert_eq!(shown.days, BTreeMap::new());
    assert_eq!(shown.merged, [file].into());

    let unlisted = datetime!(2026-01-03 00:00 UTC);
    let before = unlisted - Duration::SECOND;
    assert_eq!(step(&shown, before).remove, [], "queries may list it");
    let queries_run = unlisted + POLICY.query_grace_period - Duration::SECOND;
    assert_eq!(step(&shown, queries_run).remove, []);
    let removing = step(&shown, unlisted + POLICY.query_grace_period);
    assert_eq!(removing.remove, [file]);
    assert_eq!(removing.manifest.unwrap().merged, [file].into());

    let gone = |now| next_steps(&shown, &[], &BTreeMap::new(), now).manifest;
    let still_hidden = gone(unlisted + POLICY.query_grace_period).unwrap();
    assert_eq!(still_hidden.merged, [file].into());
    let forgotten = gone(unlisted + POLICY.query_grace_period * 2).unwrap();
    assert_eq!(forgotten.merged, BTreeSet::new());
}

#[test]
fn a_manifest_is_written_each_day_as_long_as_it_says_anything() {
    let at = date!(2026 - 01 - 01);
    let merged = Manifest {
        version: version_after(0, at),
        merged: [part(at, at, "a")].into(),
        ..Manifest::default()
    };
    let nothing = Manifest {
        version: merged.version,
        ..Manifest::default()
    };
    let files = Vec::from_iter(merged.merged.clone());
    let steps = |manifest: &Manifest, now| {
        super::next_steps(
            manifest,
            &files,
            BTreeMap::new(),
            now,
            POLICY.query_grace_period,
        )
        .manifest
    };

    assert_eq!(steps(&merged, datetime!(2026-01-01 23:59 UTC)), None);
    let next = steps(&merged, datetime!(2026-01-02 00:01 UTC)).unwrap();
    assert_eq!(version_day(next.version), Some(date!(2026 - 01 - 02)));
    assert_eq!(next.merged, merged.merged);
    assert_eq!(steps(&nothing, datetime!(2026-01-02 00:01 UTC)), None);
}

#[test]
fn number_of_days_in_progress_is_limited() {
    let at = date!(2026 - 01 - 01);
    let days = i64::try_from(MAX_IN_PROGRESS).unwrap() + 10;
    let files: Vec<LakeFile> = (0..days)
        .map(|n| part(date!(2020 - 01 - 01) + Duration::days(n), at, "a"))
        .collect();
    let now = datetime!(2026-01-02 03:00 UTC);

    let planned = planned(&files, now);

    assert_eq!(planned.len(), MAX_IN_PROGRESS);
    assert_eq!(planned[0], date!(2020 - 01 - 01));
}
