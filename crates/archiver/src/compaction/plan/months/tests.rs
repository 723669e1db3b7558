use std::collections::BTreeSet;

use proptest::prelude::*;
use time::macros::{date, datetime};

use super::*;
use crate::compaction::{
    ledger::{Closing, Phase},
    plan::{Steps, next_steps},
};

const TABLE: &str = "events_months";
const MONTH: Date = date!(2026 - 01 - 01);
const POLICY: Policy = Policy {
    close_after: Duration::hours(3),
    reopen_after: Duration::hours(6),
    close_month_after: Duration::days(3),
    settle: Duration::minutes(45),
};
const DUE: OffsetDateTime = datetime!(2026-02-04 00:00 UTC);

fn file(day: Date, kind: FileKind, source: &str) -> LakeFile {
    LakeFile {
        day,
        kind,
        id: FileId::of_part("events", day, source),
    }
}

fn sizes(files: &[LakeFile]) -> BTreeMap<LakeFile, u64> {
    files.iter().map(|file| (*file, 1000)).collect()
}

/// Days that are being closed.
fn closing(days: &[Date]) -> Ledger {
    let closing = |day: &Date| Closing {
        phase: Phase::Planned,
        since: DUE,
        output: FileId::of_closed_day("events", *day, &[]),
        inputs: Vec::new(),
    };
    Ledger {
        version: 1,
        days: days.iter().map(|day| (*day, closing(day))).collect(),
    }
}

fn due(
    days: &BTreeMap<Date, DaysOfMonth>,
    files: &[LakeFile],
    now: OffsetDateTime,
) -> BTreeMap<Date, Due> {
    due_months(TABLE, &Ledger::default(), files, days, now, POLICY).months
}

#[test]
fn a_month_is_closed_days_after_its_end_when_none_of_its_days_is_open() {
    let closed = [
        file(date!(2026 - 01 - 30), FileKind::ClosedDay, "a"),
        file(date!(2026 - 01 - 31), FileKind::ClosedDay, "b"),
        file(date!(2026 - 02 - 01), FileKind::ClosedDay, "c"),
    ];
    let late = file(date!(2026 - 01 - 02), FileKind::Part, "late");
    let with_late: Vec<LakeFile> = closed.iter().chain([&late]).copied().collect();
    let days = |files: &[LakeFile], ledger: &Ledger| days_by_month(&sizes(files), ledger, MONTH);
    let months = |days: &BTreeMap<Date, DaysOfMonth>, now| -> Vec<Date> {
        due(days, &[], now).into_keys().collect()
    };
    let none = Ledger::default();

    assert_eq!(months(&days(&closed, &none), DUE - Duration::SECOND), []);
    assert_eq!(months(&days(&closed, &none), DUE), [MONTH]);
    assert_eq!(months(&days(&with_late, &none), DUE), []);
    let busy = closing(&[date!(2026 - 01 - 30)]);
    assert_eq!(months(&days(&closed, &busy), DUE), []);
    let other_busy = closing(&[date!(2026 - 02 - 01)]);
    assert_eq!(months(&days(&closed, &other_busy), DUE), [MONTH]);
    assert_eq!(months(&days(&[late], &none), DUE), [], "nothing is closed");
}

#[test]
fn a_closed_month_is_closed_again_only_when_its_days_are_others() {
    let closed = [
        file(date!(2026 - 01 - 30), FileKind::ClosedDay, "a"),
        file(date!(2026 - 01 - 31), FileKind::ClosedDay, "b"),
    ];
    let days = days_by_month(&sizes(&closed), &Ledger::default(), MONTH);
    let month = |id| LakeFile {
        day: MONTH,
        kind: FileKind::ClosedMonth,
        id,
    };
    let current = month(days[&MONTH].output(TABLE, MONTH));
    let older = month(FileId::of_closed_month(TABLE, MONTH, &[closed[0].id]));

    assert_eq!(due(&days, &[current], DUE), BTreeMap::new());
    let again = due(&days, &[older], DUE);
    assert_eq!(
        again[&MONTH],
        Due {
            output: current.id,
            inputs: vec![older]
        }
    );
}

#[test]
fn days_before_the_first_are_in_no_month() {
    let before = file(date!(2026 - 01 - 14), FileKind::ClosedDay, "a");
    let first = file(date!(2026 - 01 - 15), FileKind::ClosedDay, "b");

    let months = days_by_month(&sizes(&[before, first]), &Ledger::default(), first.day);

    assert_eq!(months[&MONTH].closed, [first]);
}

#[test]
fn a_month_that_is_too_large_for_one_file_stays_in_days() {
    let days = [
        file(date!(2026 - 01 - 01), FileKind::ClosedDay, "a"),
        file(date!(2026 - 01 - 02), FileKind::ClosedDay, "b"),
    ];
    let found = |size_bytes| {
        let sizes = days.iter().map(|day| (*day, size_bytes)).collect();
        let days = days_by_month(&sizes, &Ledger::default(), MONTH);
        due_months(TABLE, &Ledger::default(), &[], &days, DUE, POLICY)
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
    /// When each file of the days came and went.
    days: BTreeMap<LakeFile, (i64, i64)>,
    /// From when to when each day is in the ledger of the days.
    closing: Vec<(Date, i64, i64)>,
    /// Each file of the months: of which days it was made, when it came and when it went.
    files: BTreeMap<LakeFile, (Vec<LakeFile>, i64, Option<i64>)>,
    /// Each version of the months' ledger and when it was written.
    ledgers: Vec<(i64, Ledger)>,
}

/// What happens at a minute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Run {
        effects: usize,
        delay: i64,
    },
    /// A run has made the file that it read the days for.
    Made {
        made: Vec<LakeFile>,
        id: FileId,
        version: u64,
        effects: usize,
    },
}

const FOREVER: i64 = i64::MAX;

impl World {
    /// Three days, closed before the month is over; late events reopen them.
    fn new(late: &[(i64, usize)]) -> Self {
        let mut world = Self::default();
        let mut current: Vec<LakeFile> = (0..3)
            .map(|n| file(MONTH + Duration::days(n), FileKind::ClosedDay, "first"))
            .collect();
        for file in &current {
            world.days.insert(*file, (-1000, FOREVER));
        }
        let mut late: Vec<_> = late.to_vec();
        late.sort_unstable();
        let mut free_from = [0; 3];
        for (minute, place) in late {
            if minute < free_from[place] {
                continue;
            }
            // As days are closed: planned after an hour, written after two, shown after three, removed after four.
            let old = current[place];
            let part = file(old.day, FileKind::Part, &minute.to_string());
            let new = file(old.day, FileKind::ClosedDay, &minute.to_string());
            world.days.insert(part, (minute, minute + 240));
            world.days.insert(new, (minute + 120, FOREVER));
            world.days.get_mut(&old).unwrap().1 = minute + 240;
            world.closing.push((old.day, minute + 60, minute + 300));
            current[place] = new;
            free_from[place] = minute + 301;
        }
        world
    }

    fn run(&mut self, runs: &[(i64, usize, i64)]) {
        let mut queue: BTreeSet<(i64, usize, Happening)> = runs
            .iter()
            .enumerate()
            .map(|(place, (minute, effects, delay))| {
                let (effects, delay) = (*effects, *delay);
                (*minute, place, Happening::Run { effects, delay })
            })
            .collect();
        while let Some((minute, place, happening)) = queue.pop_first() {
            match happening {
                Happening::Run { effects, delay } => {
                    if let Some(made) = self.begin(minute, effects) {
                        queue.insert((minute + delay, place, made));
                    }
                }
                Happening::Made {
                    made,
                    id,
                    version,
                    effects,
                } => self.finish(minute, made, id, version, effects),
            }
        }
    }

    fn days_at(&self, minute: i64) -> BTreeMap<Date, DaysOfMonth> {
        let is_there =
            |(_, (came, went)): &(&LakeFile, &(i64, i64))| *came <= minute && *went > minute;
        let files: Vec<LakeFile> = self
            .days
            .iter()
            .filter(is_there)
            .map(|(file, _)| *file)
            .collect();
        let is_closing = |(_, from, to): &&(Date, i64, i64)| *from <= minute && *to > minute;
        let days: Vec<Date> = self
            .closing
            .iter()
            .filter(is_closing)
            .map(|(day, ..)| *day)
            .collect();
        days_by_month(&sizes(&files), &closing(&days), MONTH)
    }

    fn ledger_at(&self, minute: i64) -> Ledger {
        let written = self.ledgers.iter().rev().find(|(when, _)| *when <= minute);
        written
            .map(|(_, ledger)| ledger.clone())
            .unwrap_or_default()
    }

    fn files_at(&self, minute: i64) -> Vec<LakeFile> {
        let is_there = |(_, (_, came, went)): &(&LakeFile, &(Vec<LakeFile>, i64, Option<i64>))| {
            *came <= minute && went.is_none_or(|went| went > minute)
        };
        self.files
            .iter()
            .filter(is_there)
            .map(|(file, _)| *file)
            .collect()
    }

    /// A version is written once: the second who tries has to give way.
    fn write_ledger(&mut self, minute: i64, ledger: Ledger) -> bool {
        let is_new = self
            .ledgers
            .iter()
            .all(|(_, other)| other.version < ledger.version);
        if is_new {
            self.ledgers.push((minute, ledger));
        }
        is_new
    }

    /// A run of the compactor up to the point where it makes a file. It may stop after any of its effects.
    fn begin(&mut self, minute: i64, mut effects: usize) -> Option<Happening> {
        let days = self.days_at(minute);
        let mut ledger = self.ledger_at(minute);
        let now = DUE + Duration::minutes(minute);
        let due = due_months(TABLE, &ledger, &self.files_at(minute), &days, now, POLICY);
        let Steps {
            remove,
            ledger: next,
            write,
        } = next_steps(&ledger, due.months, now, POLICY.settle);
        for file in remove {
            effects = effects.checked_sub(1)?;
            if let Some((_, _, went)) = self.files.get_mut(&file) {
                went.get_or_insert(minute);
            }
        }
        if let Some(next) = next {
            effects = effects.checked_sub(1)?;
            if !self.write_ledger(minute, next.clone()) {
                return None;
            }
            ledger = next;
        }
        let month = write.first()?;
        let closing = ledger.days.get_mut(month)?;
        let id = closing.output;
        if days[month].output(TABLE, *month) != id {
            effects.checked_sub(1)?;
            closing.abandon(*month, now);
            ledger.version += 1;
            self.write_ledger(minute, ledger);
            return None;
        }
        Some(Happening::Made {
            made: days[month].closed.clone(),
            id,
            version: ledger.version,
            effects,
        })
    }

    fn finish(
        &mut self,
        minute: i64,
        made: Vec<LakeFile>,
        id: FileId,
        version: u64,
        effects: usize,
    ) {
        if effects < 1 {
            return;
        }
        let file = LakeFile {
            day: MONTH,
            kind: FileKind::ClosedMonth,
            id,
        };
        let (_, _, went) = self.files.entry(file).or_insert((made, minute, None));
        assert_eq!(*went, None, "a file is stored that was removed");
        if effects < 2 {
            return;
        }
        // The ledger as the run knows it: with that version it is the only one.
        let known = self
            .ledgers
            .iter()
            .find(|(_, ledger)| ledger.version == version);
        let mut ledger = known.map(|(_, ledger)| ledger.clone()).unwrap_or_default();
        let closing = ledger.days.get_mut(&MONTH).unwrap();
        (closing.phase, closing.since) = (Phase::Written, DUE + Duration::minutes(minute));
        ledger.version += 1;
        self.write_ledger(minute, ledger);
    }

    /// The files that a query sees that lists at `list` and reads the ledger at `read`.
    fn seen(&self, list: i64, read: i64) -> Vec<LakeFile> {
        let hidden: BTreeSet<FileId> = self.ledger_at(read).hidden().collect();
        let mut files = self.files_at(list);
        files.retain(|file| !hidden.contains(&file.id));
        files
    }

    /// When the month was seen for the first time.
    fn first_shown(&self) -> Option<i64> {
        let shows = |(_, ledger): &&(i64, Ledger)| {
            let closing = ledger.days.get(&MONTH);
            closing.is_some_and(|closing| {
                closing.phase == Phase::Shown && closing.output != FileId::NONE
            })
        };
        self.ledgers.iter().find(shows).map(|(minute, _)| *minute)
    }

    fn check_query(&self, begin: i64, list: i64, read: i64, end: i64) {
        let seen = self.seen(list, read);
        assert!(seen.len() <= 1, "the month is seen {} times", seen.len());
        let was_shown = self.first_shown().is_some_and(|minute| minute < begin);
        assert!(!was_shown || seen.len() == 1, "the month is gone");
        for file in seen {
            let (_, _, went) = self.files[&file];
            assert!(
                went.is_none_or(|went| went > end),
                "a file is gone while a query reads it"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Late events reopen days, runs overlap, take their time and stop anywhere; and every query that takes less than the
    /// settling time sees the month in one file. In the end that is its days as they are then.
    #[test]
    fn every_query_sees_every_month_once(
        late in proptest::collection::vec((0_i64..3000, 0_usize..3), 0..12),
        runs in proptest::collection::vec((0_i64..4000, 0_usize..7, 0_i64..15), 5..120),
        queries in proptest::collection::vec((0_i64..4000, 0_i64..45, 0_i64..45, 0_i64..45), 100),
    ) {
        let mut world = World::new(&late);
        let hourly: Vec<(i64, usize, i64)> = (0..24).map(|hour| (4000 + hour * 60, 9, 5)).collect();

        world.run(&[&runs[..], &hourly[..]].concat());

        for (begin, list, read, end) in queries {
            let end = [list, read, end].into_iter().max().unwrap();
            world.check_query(begin, begin + list, begin + read, begin + end);
        }
        let last = 4000 + 24 * 60;
        let [file] = world.seen(last, last).try_into().unwrap();
        prop_assert_eq!(&world.files[&file].0, &world.days_at(last)[&MONTH].closed);
    }
}
