use std::collections::BTreeSet;

use proptest::prelude::*;
use time::macros::{date, datetime};

use super::*;

const POLICY: Policy = Policy {
    close_after: Duration::hours(3),
    reopen_after: Duration::hours(6),
    close_month_after: Duration::days(3),
    settle: Duration::minutes(45),
};

/// What to do about days.
fn next_steps(
    ledger: &Ledger,
    files: &[LakeFile],
    closed_at: &BTreeMap<Date, OffsetDateTime>,
    now: OffsetDateTime,
) -> Steps {
    let due = due_days("events", ledger, files, closed_at, now, POLICY);
    super::next_steps(ledger, due, now, POLICY.settle)
}

fn file(day: Date, kind: FileKind, source: &str) -> LakeFile {
    LakeFile {
        day,
        kind,
        id: FileId::of_part("events", day, source),
    }
}

#[test]
fn a_day_is_closed_some_hours_after_its_end_and_an_open_one_is_not() {
    let files = [
        file(date!(2026 - 01 - 01), FileKind::Part, "a"),
        file(date!(2026 - 01 - 02), FileKind::Part, "b"),
        file(date!(2026 - 01 - 03), FileKind::Part, "c"),
    ];
    let planned = |now| -> Vec<Date> {
        let steps = next_steps(&Ledger::default(), &files, &BTreeMap::new(), now);
        steps
            .ledger
            .map(|ledger| ledger.days.into_keys().collect())
            .unwrap_or_default()
    };

    assert_eq!(planned(datetime!(2026-01-02 02:59:59 UTC)), []);
    assert_eq!(
        planned(datetime!(2026-01-02 03:00 UTC)),
        [date!(2026 - 01 - 01)]
    );
    assert_eq!(
        planned(datetime!(2026-01-03 03:00 UTC)),
        [date!(2026 - 01 - 01), date!(2026 - 01 - 02)]
    );
}

#[test]
fn a_closed_day_is_left_alone_until_late_events_come_and_it_has_rested() {
    let day = date!(2026 - 01 - 01);
    let closed = file(day, FileKind::ClosedDay, "closed");
    let late = file(day, FileKind::Part, "late");
    let closed_at = BTreeMap::from([(day, datetime!(2026-01-02 06:00 UTC))]);
    let steps =
        |files: &[LakeFile], now| next_steps(&Ledger::default(), files, &closed_at, now).ledger;

    assert_eq!(steps(&[closed], datetime!(2026-02-01 00:00 UTC)), None);
    assert_eq!(
        steps(&[closed, late], datetime!(2026-01-02 11:59 UTC)),
        None
    );
    let ledger = steps(&[closed, late], datetime!(2026-01-02 12:00 UTC)).unwrap();
    let mut inputs = vec![closed, late];
    inputs.sort_unstable();
    assert_eq!(ledger.days[&day].inputs, inputs);
}

#[test]
fn a_day_moves_one_phase_at_a_time_and_never_before_queries_are_over() {
    let day = date!(2026 - 01 - 01);
    let part = file(day, FileKind::Part, "a");
    let start = datetime!(2026-01-02 03:00 UTC);
    let step = |ledger: &Ledger, now| next_steps(ledger, &[part], &BTreeMap::new(), now);

    let planned = step(&Ledger::default(), start).ledger.unwrap();
    assert_eq!(
        step(&planned, start + POLICY.settle - Duration::SECOND),
        Steps::default()
    );
    assert_eq!(step(&planned, start + POLICY.settle).write, [day]);

    let mut written = planned;
    let closing = written.days.get_mut(&day).unwrap();
    (closing.phase, closing.since) = (Phase::Written, start + Duration::HOUR);
    assert_eq!(step(&written, start + Duration::HOUR), Steps::default());
    let shown = step(&written, start + Duration::hours(2)).ledger.unwrap();
    assert_eq!((shown.version, shown.days[&day].phase), (2, Phase::Shown));

    let removing = step(&shown, start + Duration::hours(3));
    assert_eq!(removing.remove, [part]);
    let removed = removing.ledger.unwrap();
    assert_eq!(removed.days[&day].phase, Phase::Removed);

    let forgotten = next_steps(&removed, &[], &BTreeMap::new(), start + Duration::hours(4));
    assert_eq!(forgotten.ledger.unwrap().days, BTreeMap::new());
}

#[test]
fn only_so_many_days_are_closed_at_once() {
    let files: Vec<LakeFile> = (0..100)
        .map(|n| {
            file(
                date!(2025 - 01 - 01) + Duration::days(n),
                FileKind::Part,
                "a",
            )
        })
        .collect();
    let now = datetime!(2026-01-02 03:00 UTC);

    let ledger = next_steps(&Ledger::default(), &files, &BTreeMap::new(), now)
        .ledger
        .unwrap();

    assert_eq!(ledger.days.len(), MAX_CLOSING);
    assert_eq!(
        ledger.days.first_key_value().unwrap().0,
        &date!(2025 - 01 - 01)
    );
}

/// A lake in which all that matters happens: parts come, days are closed, queries look. Times are in minutes.
#[derive(Default)]
struct World {
    /// Each file, what events it holds, when it came and when it went.
    files: BTreeMap<LakeFile, (BTreeSet<u32>, i64, Option<i64>)>,
    /// Each version of the ledger and when it was written.
    ledgers: Vec<(i64, Ledger)>,
    closed_at: BTreeMap<Date, OffsetDateTime>,
    /// The parts that were noted down as being in a closed day.
    noted: BTreeSet<FileId>,
    /// When each event came.
    events: BTreeMap<u32, i64>,
}

const START: OffsetDateTime = datetime!(2026-01-02 03:00 UTC);

fn at(minute: i64) -> OffsetDateTime {
    START + Duration::minutes(minute)
}

/// What happens at a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    PartComes,
    /// An object is converted again, and its part is stored so many minutes after it was looked up in the notes.
    ConvertedAgain {
        event: u32,
        delay: i64,
    },
    StoredAgain {
        event: u32,
    },
    Compaction {
        effects: usize,
    },
}

fn part_of(event: u32) -> LakeFile {
    file(date!(2026 - 01 - 01), FileKind::Part, &event.to_string())
}

impl World {
    /// Lets things happen in their order in time.
    fn run(&mut self, happenings: &[(i64, Happening)]) {
        let mut queue: BTreeSet<(i64, usize, Happening)> = happenings
            .iter()
            .enumerate()
            .map(|(place, (minute, what))| (*minute, place, *what))
            .collect();
        while let Some((minute, place, happening)) = queue.pop_first() {
            match happening {
                Happening::PartComes => self.part_comes(minute),
                Happening::ConvertedAgain { event, delay } => {
                    let has_come = self.events.contains_key(&event);
                    if has_come && !self.noted.contains(&part_of(event).id) {
                        queue.insert((minute + delay, place, Happening::StoredAgain { event }));
                    }
                }
                Happening::StoredAgain { event } => {
                    let (_, _, went) = &self.files[&part_of(event)];
                    assert_eq!(*went, None, "a part is stored that was removed");
                }
                Happening::Compaction { effects } => self.compact(minute, effects),
            }
        }
    }

    fn part_comes(&mut self, minute: i64) {
        let event = u32::try_from(self.events.len()).unwrap();
        let events = BTreeSet::from([event]);
        self.files.insert(part_of(event), (events, minute, None));
        self.events.insert(event, minute);
    }

    fn ledger_at(&self, minute: i64) -> Ledger {
        let written = self.ledgers.iter().rev().find(|(when, _)| *when <= minute);
        written
            .map(|(_, ledger)| ledger.clone())
            .unwrap_or_default()
    }

    fn files_at(&self, minute: i64) -> Vec<LakeFile> {
        let is_there = |(_, (_, came, went)): &(&LakeFile, &(BTreeSet<u32>, i64, Option<i64>))| {
            *came <= minute && went.is_none_or(|went| went > minute)
        };
        self.files
            .iter()
            .filter(is_there)
            .map(|(file, _)| *file)
            .collect()
    }

    /// One run of the compactor. It may stop after any of its effects.
    fn compact(&mut self, minute: i64, effects: usize) {
        let now = at(minute);
        let ledger = self.ledger_at(minute);
        let steps = next_steps(&ledger, &self.files_at(minute), &self.closed_at, now);
        let mut left = effects;
        let mut may_go_on = || {
            left = left.saturating_sub(1);
            left > 0
        };
        for file in steps.remove {
            if !may_go_on() {
                return;
            }
            self.files.get_mut(&file).unwrap().2 = Some(minute);
        }
        let mut ledger = ledger;
        if let Some(next) = steps.ledger {
            if !may_go_on() {
                return;
            }
            ledger = next;
            self.ledgers.push((minute, ledger.clone()));
        }
        for day in steps.write {
            if !may_go_on() {
                return;
            }
            let closing = ledger.days.get_mut(&day).unwrap();
            let events = closing
                .inputs
                .iter()
                .flat_map(|input| self.files[input].0.clone())
                .collect();
            let output = LakeFile {
                day,
                kind: FileKind::ClosedDay,
                id: closing.output,
            };
            self.files.entry(output).or_insert((events, minute, None));
            if !may_go_on() {
                return;
            }
            if !may_go_on() {
                return;
            }
            self.closed_at.insert(day, now);
            self.noted
                .extend(closing.inputs.iter().map(|input| input.id));
            self.noted
                .extend(closing.inputs.iter().map(|input| input.id));
            if !may_go_on() {
                return;
            }
            (closing.phase, closing.since) = (Phase::Written, now);
            ledger.version += 1;
            self.ledgers.push((minute, ledger.clone()));
        }
    }

    /// What a query sees that begins at `begin`, lists at `list`, reads the ledger at `read` and ends at `end`.
    fn check_query(&self, begin: i64, list: i64, read: i64, end: i64) {
        let hidden: BTreeSet<FileId> = self.ledger_at(read).hidden().collect();
        let mut seen: BTreeMap<u32, u32> = BTreeMap::new();
        for file in self.files_at(list) {
            if hidden.contains(&file.id) {
                continue;
            }
            let (events, _, went) = &self.files[&file];
            assert!(
                went.is_none_or(|went| went > end),
                "a file is gone while a query reads it"
            );
            for event in events {
                *seen.entry(*event).or_default() += 1;
            }
        }
        for (event, came) in &self.events {
            let count = seen.get(event).copied().unwrap_or(0);
            assert!(count <= 1, "event {event} is seen {count} times");
            assert!(count == 1 || *came > begin, "event {event} is not seen");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Parts come at any time, late ones too; objects are converted again; the compactor runs at any time, and stops
    /// anywhere; and every query that takes less than the settling time sees each event exactly once.
    #[test]
    fn every_query_sees_every_event_once(
        parts in proptest::collection::vec(0_i64..1500, 1..20),
        again in proptest::collection::vec((0_i64..1500, 0_u32..20, 0_i64..45), 0..40),
        runs in proptest::collection::vec((0_i64..1500, 1_usize..9), 5..60),
        queries in proptest::collection::vec((0_i64..1500, 0_i64..45, 0_i64..45, 0_i64..45), 100),
    ) {
        let mut happenings: Vec<(i64, Happening)> = Vec::new();
        happenings.extend(parts.iter().map(|minute| (*minute, Happening::PartComes)));
        happenings.extend(again.iter().map(|(minute, event, delay)| {
            (*minute, Happening::ConvertedAgain { event: *event, delay: *delay })
        }));
        happenings.extend(runs.iter().map(|(minute, effects)| (*minute, Happening::Compaction { effects: *effects })));
        let mut world = World::default();

        world.run(&happenings);

        for (begin, list, read, end) in queries {
            let end = [list, read, end].into_iter().max().unwrap();
            world.check_query(begin, begin + list, begin + read, begin + end);
        }
    }
}
