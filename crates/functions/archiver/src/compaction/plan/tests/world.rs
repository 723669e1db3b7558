//! A lake in which all that matters happens: parts come, days are compacted, queries look. Times are in minutes.

use lake_schema::layout;
use proptest::prelude::*;

use super::*;

const START: OffsetDateTime = datetime!(2026-01-02 00:00 UTC);
const MINUTES: i64 = 6 * 24 * 60;

fn at(minute: i64) -> OffsetDateTime {
    START + Duration::minutes(minute)
}

fn is_listed(file: &LakeFile, minute: i64) -> bool {
    file.listed_until().is_none_or(|end| at(minute) < end)
}

/// Something that came, and went, if it did.
#[derive(Clone, Debug)]
struct Stay<T> {
    what: T,
    came: i64,
    went: Option<i64>,
}

impl<T> Stay<T> {
    const fn is_there(&self, minute: i64) -> bool {
        self.came <= minute && self.is_left(minute)
    }

    const fn is_left(&self, minute: i64) -> bool {
        match self.went {
            None => true,
            Some(went) => went > minute,
        }
    }
}

#[derive(Default)]
struct World {
    /// Each file with the events that it holds.
    files: BTreeMap<LakeFile, Stay<BTreeSet<usize>>>,
    /// The versions of the manifest.
    manifests: BTreeMap<u64, Stay<Manifest>>,
    compacted_at: BTreeMap<Date, OffsetDateTime>,
    /// The parts that were noted down as being in a compacted day.
    noted: BTreeSet<FileId>,
    /// When each event came, and in which part.
    events: Vec<(i64, LakeFile)>,
}

/// What happens at a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    /// An event of so many days from now.
    PartComes {
        days: i64,
    },
    /// An object is converted again, and its part is stored so many minutes after it was looked up in the notes.
    ConvertedAgain {
        event: usize,
        delay: i64,
    },
    StoredAgain {
        event: usize,
    },
    Compaction {
        effects: usize,
    },
}

impl World {
    /// Lets things happen in their order in time.
    fn run(&mut self, happenings: &[(i64, Happening)]) {
        let mut queue: BTreeSet<(i64, usize, Happening)> = happenings
            .iter()
            .enumerate()
            .map(|(order, (minute, what))| (*minute, order, *what))
            .collect();
        while let Some((minute, order, happening)) = queue.pop_first() {
            match happening {
                Happening::PartComes { days } => self.part_comes(minute, days),
                Happening::ConvertedAgain { event, delay } => {
                    let part = self.events.get(event).map(|(_, part)| part);
                    if part.is_some_and(|part| !self.noted.contains(&part.id)) {
                        queue.insert((minute + delay, order, Happening::StoredAgain { event }));
                    }
                }
                Happening::StoredAgain { event } => {
                    let part = &self.files[&self.events[event].1];
                    assert_eq!(part.went, None, "a part is stored that was removed");
                }
                Happening::Compaction { effects } => {
                    self.compact(minute, effects);
                }
            }
        }
    }

    fn part_comes(&mut self, minute: i64, days: i64) {
        let event = self.events.len();
        let today = at(minute).date();
        let part = part(today + Duration::days(days), today, &event.to_string());
        self.add_file(minute, part, [event].into());
        self.events.push((minute, part));
    }

    fn add_file(&mut self, minute: i64, file: LakeFile, events: BTreeSet<usize>) {
        self.files.entry(file).or_insert(Stay {
            what: events,
            came: minute,
            went: None,
        });
    }

    fn write_manifest(&mut self, minute: i64, manifest: &Manifest) {
        let stay = Stay {
            what: manifest.clone(),
            came: minute,
            went: None,
        };
        self.manifests.insert(manifest.version, stay);
    }

    /// One run of the compactor. It may stop before any of its effects: `None` then.
    fn compact(&mut self, minute: i64, mut effects: usize) -> Option<()> {
        let now = at(minute);
        let latest = self.manifests.last_key_value();
        let mut manifest = latest
            .map(|(_, stay)| stay.what.clone())
            .unwrap_or_default();
        let is_there = |(_, stay): &(&LakeFile, &Stay<BTreeSet<usize>>)| stay.is_there(minute);
        let files: Vec<LakeFile> = self
            .files
            .iter()
            .filter(is_there)
            .map(|(file, _)| *file)
            .collect();
        let steps = next_steps(&manifest, &files, &self.compacted_at, now);
        for file in &steps.remove {
            effects = effects.checked_sub(1)?;
            self.files.get_mut(file)?.went = Some(minute);
        }
        for (version, stay) in &mut self.manifests {
            let end =
                layout::state_listed_until(version_day(*version)?) + POLICY.query_grace_period;
            if *version != manifest.version && end <= now {
                effects = effects.checked_sub(1)?;
                stay.went.get_or_insert(minute);
            }
        }
        if let Some(next) = steps.manifest {
            effects = effects.checked_sub(1)?;
            self.write_manifest(minute, &next);
            manifest = next;
        }
        for day in &steps.write {
            let compaction = manifest.days.get_mut(day)?;
            let inputs = compaction.inputs.iter();
            let events = inputs
                .flat_map(|input| self.files[input].what.clone())
                .collect();
            let output = LakeFile {
                day: *day,
                kind: FileKind::CompactedDay,
                id: compaction.output,
            };
            let ids: Vec<FileId> = compaction.inputs.iter().map(|input| input.id).collect();
            (compaction.phase, compaction.since) = (Phase::Written, now);
            effects = effects.checked_sub(1)?;
            self.add_file(minute, output, events);
            effects = effects.checked_sub(1)?;
            self.compacted_at.insert(*day, now);
            self.noted.extend(ids);
        }
        if !steps.write.is_empty() {
            effects.checked_sub(1)?;
            manifest.version = version_after(manifest.version, now.date());
            self.write_manifest(minute, &manifest);
        }
        Some(())
    }

    /// A query that begins at `begin`, lists files at `list` and versions of the manifest at `read`, and has opened all of them, hidden
    /// or not, at `end`.
    fn check_query(&self, begin: i64, list: i64, read: i64, end: i64) {
        let mut latest = None;
        for (version, stay) in &self.manifests {
            let day = version_day(*version).unwrap();
            if stay.is_there(read) && at(read) < layout::state_listed_until(day) {
                assert!(stay.is_left(end), "a manifest goes under a query");
                latest = Some(&stay.what);
            }
        }
        let hidden: BTreeSet<FileId> = latest.into_iter().flat_map(Manifest::hidden).collect();
        let mut seen = vec![0; self.events.len()];
        for (file, stay) in &self.files {
            if !stay.is_there(list) || !is_listed(file, list) {
                continue;
            }
            assert!(stay.is_left(end), "a file goes under a query");
            if !hidden.contains(&file.id) {
                stay.what.iter().for_each(|event| seen[*event] += 1);
            }
        }
        for ((came, part), count) in self.events.iter().zip(seen) {
            assert!(count <= 1, "{part:?} is seen {count} times");
            assert!(count == 1 || *came > begin, "{part:?} is not seen");
        }
    }

    fn check_queries(&self, queries: &[(i64, i64, i64, i64)]) {
        for (begin, list, read, end) in queries {
            let end = *[list, read, end].into_iter().max().unwrap();
            self.check_query(*begin, begin + list, begin + read, begin + end);
        }
    }
}

fn parts() -> impl Strategy<Value = Vec<(i64, Happening)>> {
    let part =
        (0..MINUTES, -2_i64..=1).prop_map(|(minute, days)| (minute, Happening::PartComes { days }));
    proptest::collection::vec(part, 1..25)
}

fn repeats() -> impl Strategy<Value = Vec<(i64, Happening)>> {
    let again = (0..MINUTES, 0_usize..25, 0_i64..45)
        .prop_map(|(minute, event, delay)| (minute, Happening::ConvertedAgain { event, delay }));
    proptest::collection::vec(again, 0..40)
}

/// Runs that stop anywhere, at any time.
fn killed() -> impl Strategy<Value = Vec<(i64, Happening)>> {
    let run = (0..MINUTES, 0_usize..12)
        .prop_map(|(minute, effects)| (minute, Happening::Compaction { effects }));
    proptest::collection::vec(run, 0..60)
}

/// Times of a query, at places that come often and at those where something changes: a grace period around midnight.
fn queries() -> impl Strategy<Value = Vec<(i64, i64, i64, i64)>> {
    let begin = prop_oneof![
        0..MINUTES,
        (1_i64..7, -60_i64..60).prop_map(|(day, minute)| day * 24 * 60 + minute),
    ];
    proptest::collection::vec((begin, 0_i64..45, 0_i64..45, 0_i64..45), 150)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Parts come at any time and of any day; objects are converted again; the compactor runs once an hour, and at other times,
    /// and is killed anywhere. Every query that takes less than the grace period, and opens all that it lists, finds all of it
    /// and sees each event exactly once.
    #[test]
    fn every_query_sees_every_event_once_and_finds_every_file(
        (parts, again, killed) in (parts(), repeats(), killed()),
        minute in 0_i64..60,
        queries in queries(),
    ) {
        let hourly = (0..MINUTES / 60)
            .map(|hour| (hour * 60 + minute, Happening::Compaction { effects: usize::MAX }));
        let mut world = World::default();

        world.run(&[parts, again, killed, hourly.collect()].concat());

        world.check_queries(&queries);
    }

    /// A compactor that dies some day for good: what has come since is left out in the end, but nothing is seen twice, and nothing
    /// is missing before the day after next.
    #[test]
    fn without_a_compactor_nothing_is_seen_twice(
        (parts, killed) in (parts(), killed()),
        death in 0..MINUTES,
        queries in queries(),
    ) {
        let hourly = (0..MINUTES / 60).map(|hour| (hour * 60, Happening::Compaction { effects: usize::MAX }));
        let is_alive = |(minute, what): &(i64, Happening)| {
            *minute < death || !matches!(what, Happening::Compaction { .. })
        };
        let happenings = [parts, killed, hourly.collect()].concat();
        let mut world = World::default();

        world.run(&happenings.into_iter().filter(is_alive).collect::<Vec<_>>());

        let death_day = death / (24 * 60);
        for (begin, list, read, end) in queries {
            let end = [list, read, end].into_iter().max().unwrap();
            let last = (begin + end) / (24 * 60);
            if last <= death_day + 1 && death % (24 * 60) > 6 * 60 {
                world.check_query(begin, begin + list, begin + read, begin + end);
            } else {
                world.check_once(begin + list, begin + read);
            }
        }
    }
}

impl World {
    /// No event is seen twice by a query that lists at `list` and reads the manifest at `read`.
    fn check_once(&self, list: i64, read: i64) {
        let latest = self.manifests.iter().rev().find(|(version, stay)| {
            let end = layout::state_listed_until(version_day(**version).unwrap());
            stay.is_there(read) && at(read) < end
        });
        let hidden: BTreeSet<FileId> = latest
            .iter()
            .flat_map(|(_, stay)| stay.what.hidden())
            .collect();
        let mut seen = BTreeSet::new();
        for (file, stay) in &self.files {
            if stay.is_there(list) && is_listed(file, list) && !hidden.contains(&file.id) {
                for event in &stay.what {
                    assert!(
                        seen.insert(*event),
                        "{file:?} has an event that is seen twice"
                    );
                }
            }
        }
    }
}
