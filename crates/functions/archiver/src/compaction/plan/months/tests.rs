use std::collections::BTreeSet;

use proptest::prelude::*;
use time::macros::{date, datetime};

use super::*;
use crate::{
    compaction::plan::next_steps,
    manifest::{Compaction, Phase, version_after},
};

const TABLE: &str = "product_events_months";
const MONTH: Date = date!(2026 - 01 - 01);
const POLICY: Policy = Policy {
    compact_after: Duration::hours(3),
    recompact_after: Duration::hours(24),
    copy_month_after: Duration::days(3),
    query_grace_period: Duration::minutes(45),
};
const DUE: OffsetDateTime = datetime!(2026-02-04 00:00 UTC);
const PART: FileKind = FileKind::Part {
    at: date!(2026 - 02 - 03),
};

fn file(day: Date, kind: FileKind, source: &str) -> LakeFile {
    LakeFile {
        day,
        kind,
        id: FileId::of_part("product_events", day, source),
    }
}

fn sizes(files: &[LakeFile]) -> BTreeMap<LakeFile, u64> {
    files.iter().map(|file| (*file, 1000)).collect()
}

/// A manifest of days that are being compacted.
fn in_progress(days: &[Date]) -> Manifest {
    let compaction = |day: &Date| Compaction {
        phase: Phase::Planned,
        since: DUE,
        output: FileId::of_compacted_day("product_events", *day, &[]),
        inputs: Vec::new(),
    };
    Manifest {
        version: 1,
        days: days.iter().map(|day| (*day, compaction(day))).collect(),
        ..Manifest::default()
    }
}

fn due(
    days: &BTreeMap<Date, DaysOfMonth>,
    copied: &[LakeFile],
    now: OffsetDateTime,
) -> BTreeMap<Date, Due> {
    let copied = BTreeMap::from([(MONTH, copied.iter().map(|day| day.id).collect())]);
    due_months(TABLE, &Manifest::default(), &copied, days, now, POLICY).months
}

#[test]
fn month_is_due_days_after_its_end_when_all_of_its_days_are_compacted() {
    let compacted = [
        file(date!(2026 - 01 - 30), FileKind::CompactedDay, "a"),
        file(date!(2026 - 01 - 31), FileKind::CompactedDay, "b"),
        file(date!(2026 - 02 - 01), FileKind::CompactedDay, "c"),
    ];
    let late = file(date!(2026 - 01 - 02), PART, "late");
    let with_late: Vec<LakeFile> = compacted.iter().chain([&late]).copied().collect();
    let days =
        |files: &[LakeFile], manifest: &Manifest| days_by_month(&sizes(files), manifest, MONTH);
    let months = |days: &BTreeMap<Date, DaysOfMonth>, now| -> Vec<Date> {
        due(days, &[], now).into_keys().collect()
    };
    let none = Manifest::default();

    assert_eq!(months(&days(&compacted, &none), DUE - Duration::SECOND), []);
    assert_eq!(months(&days(&compacted, &none), DUE), [MONTH]);
    assert_eq!(months(&days(&with_late, &none), DUE), []);
    let merged = Manifest {
        merged: [late].into(),
        ..Manifest::default()
    };
    assert_eq!(months(&days(&with_late, &merged), DUE), [MONTH]);
    let busy = in_progress(&[date!(2026 - 01 - 30)]);
    assert_eq!(months(&days(&compacted, &busy), DUE), []);
    let other_busy = in_progress(&[date!(2026 - 02 - 01)]);
    assert_eq!(months(&days(&compacted, &other_busy), DUE), [MONTH]);
    assert_eq!(
        months(&days(&[late], &none), DUE),
        [],
        "nothing is compacted"
    );
}

#[test]
fn only_days_that_are_not_in_the_month_yet_are_copied() {
    let compacted = [
        file(date!(2026 - 01 - 30), FileKind::CompactedDay, "a"),
        file(date!(2026 - 01 - 31), FileKind::CompactedDay, "b"),
    ];
    let late = file(date!(2026 - 01 - 30), FileKind::CompactedDay, "late");
    let days = |files: &[LakeFile]| days_by_month(&sizes(files), &Manifest::default(), MONTH);

    assert_eq!(due(&days(&compacted), &compacted, DUE), BTreeMap::new());
    let again = due(&days(&[compacted[0], compacted[1], late]), &compacted, DUE);
    let output = FileId::of_monthly_copy(TABLE, MONTH, &[late.id]);
    let inputs = vec![late];
    assert_eq!(again[&MONTH], Due { output, inputs });
}

#[test]
fn days_before_the_first_are_in_no_month() {
    let before = file(date!(2026 - 01 - 14), FileKind::CompactedDay, "a");
    let first = file(date!(2026 - 01 - 15), FileKind::CompactedDay, "b");

    let months = days_by_month(&sizes(&[before, first]), &Manifest::default(), first.day);

    assert_eq!(months[&MONTH].compacted, sizes(&[first]));
}

#[test]
fn a_month_that_is_too_large_for_one_file_stays_in_days() {
    let days = [
        file(date!(2026 - 01 - 01), FileKind::CompactedDay, "a"),
        file(date!(2026 - 01 - 02), FileKind::CompactedDay, "b"),
    ];
    let found = |size_bytes| {
        let sizes = days.iter().map(|day| (*day, size_bytes)).collect();
        let days = days_by_month(&sizes, &Manifest::default(), MONTH);
        due_months(
            TABLE,
            &Manifest::default(),
            &BTreeMap::new(),
            &days,
            DUE,
            POLICY,
        )
    };

    let fits = found(MAX_MONTH_BYTES / 2);
    assert_eq!((fits.months.len(), fits.too_large.len()), (1, 0));
    let too_large = found(MAX_MONTH_BYTES / 2 + 1);
    assert_eq!(too_large.months, BTreeMap::new());
    assert_eq!(too_large.too_large, [MONTH]);
}

/// A table's days and months in which all that matters happens. Times are in minutes.
#[derive(Default)]
struct World {
    /// When each compacted day came.
    days: BTreeMap<LakeFile, i64>,
    /// From when to when a day is in the manifest of the days.
    compaction: Vec<(Date, i64, i64)>,
    /// Each file of the months: of which days it was made, and when it came.
    files: BTreeMap<FileId, (Vec<LakeFile>, i64)>,
    copied: BTreeSet<FileId>,
    /// Each version of the months' manifest and when it was written.
    manifests: BTreeMap<u64, (i64, Manifest)>,
}

impl World {
    /// Three days, compacted before the month has ended, and late ones.
    fn new(late: &[(i64, i64)]) -> Self {
        let mut world = Self::default();
        for n in 0..3 {
            let day = file(MONTH + Duration::days(n), FileKind::CompactedDay, "first");
            world.days.insert(day, -1000);
        }
        for (minute, n) in late {
            let day = MONTH + Duration::days(*n);
            let compacted = file(day, FileKind::CompactedDay, &minute.to_string());
            // Planned at once, written after one hour, shown after two.
            world.days.insert(compacted, minute + 60);
            world.compaction.push((day, *minute, minute + 120));
        }
        world
    }

    /// A run of the compactor, which may stop before any of its effects, and takes `delay` minutes to make a file.
    fn run(&mut self, minute: i64, mut effects: usize, delay: i64) -> Option<()> {
        let now = DUE + Duration::minutes(minute);
        let files: Vec<LakeFile> = self
            .days
            .iter()
            .filter(|(_, came)| **came <= minute)
            .map(|(file, _)| *file)
            .collect();
        let busy: Vec<Date> = self
            .compaction
            .iter()
            .filter(|(_, from, to)| *from <= minute && *to > minute)
            .map(|(day, ..)| *day)
            .collect();
        let days = days_by_month(&sizes(&files), &in_progress(&busy), MONTH);
        let mut manifest = self.manifest_at(minute);
        let copied = BTreeMap::from([(MONTH, self.copied.clone())]);
        let due = due_months(TABLE, &manifest, &copied, &days, now, POLICY);
        let steps = next_steps(&manifest, &[], due.months, now, POLICY.query_grace_period);
        assert_eq!(steps.remove, [], "nothing of a month goes");
        if let Some(next) = steps.manifest {
            effects = effects.checked_sub(1)?;
            self.write_manifest(minute, &next)?;
            manifest = next;
        }
        for month in steps.write {
            let compaction = manifest.days.get_mut(&month)?;
            effects = effects.checked_sub(1)?;
            let made = (compaction.inputs.clone(), minute + delay);
            self.files.entry(compaction.output).or_insert(made);
            effects = effects.checked_sub(1)?;
            self.copied
                .extend(compaction.inputs.iter().map(|day| day.id));
            (compaction.phase, compaction.since) = (Phase::Written, now + Duration::minutes(delay));
            effects = effects.checked_sub(1)?;
            manifest.version = version_after(manifest.version, now.date());
            self.write_manifest(minute + delay, &manifest)?;
        }
        Some(())
    }

    fn manifest_at(&self, minute: i64) -> Manifest {
        let mut written = self.manifests.values().rev();
        written
            .find(|(when, _)| *when <= minute)
            .map(|(_, manifest)| manifest.clone())
            .unwrap_or_default()
    }

    /// A version is written once: the second who tries has to give way.
    fn write_manifest(&mut self, minute: i64, manifest: &Manifest) -> Option<()> {
        if self.manifests.contains_key(&manifest.version) {
            return None;
        }
        self.manifests
            .insert(manifest.version, (minute, manifest.clone()));
        Some(())
    }

    /// The days that a query sees that lists at `list` and reads the manifest at `read`, each once.
    fn seen(&self, list: i64, read: i64) -> BTreeSet<LakeFile> {
        let hidden: BTreeSet<FileId> = self.manifest_at(read).hidden().collect();
        let mut seen = BTreeSet::new();
        for (file, (days, came)) in &self.files {
            if *came <= list && !hidden.contains(file) {
                for day in days {
                    assert!(seen.insert(*day), "{day:?} is seen twice");
                }
            }
        }
        seen
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Days come late, runs overlap, take their time and stop anywhere; and every query that takes less than the grace period
    /// sees no day twice, and all days that a query before it saw. In the end it sees all.
    #[test]
    fn every_query_sees_every_day_once_and_none_again_missing(
        late in proptest::collection::vec((0_i64..3000, 0_i64..3), 0..12),
        runs in proptest::collection::vec((0_i64..4000, 0_usize..7, 0_i64..15), 5..120),
        queries in proptest::collection::vec((0_i64..5000, 0_i64..45, 0_i64..45), 100),
    ) {
        let mut world = World::new(&late);
        let hourly = (0..24).map(|hour| (4000 + hour * 60, 9, 5));
        let mut runs: Vec<(i64, usize, i64)> = runs.into_iter().chain(hourly).collect();
        runs.sort_unstable();

        for (minute, effects, delay) in runs {
            world.run(minute, effects, delay);
        }

        let mut queries = queries;
        queries.sort_unstable();
        let mut before: Vec<(i64, BTreeSet<LakeFile>)> = Vec::new();
        for (begin, list, read) in queries {
            let seen = world.seen(begin + list, begin + read);
            for (end, earlier) in &before {
                prop_assert!(*end > begin || earlier.is_subset(&seen));
            }
            before.push((begin + list.max(read), seen));
        }
        let last = 4000 + 24 * 60;
        prop_assert!(world.seen(last, last).iter().eq(world.days.keys()));
    }
}
