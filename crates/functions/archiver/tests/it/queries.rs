//! Queries that never stop while days are compacted, reopened and compacted again, by compactors of which there are two and which are
//! killed at any moment. None may miss an object, see an event twice, or miss one.
//!
//! A query lists, waits and reads, as engines do. There are two kinds. One lists what the tables' projections have it list, and opens
//! all of that, hidden or not, as Athena does. The other lists everything, and opens what the latest manifest shows, as `cistern query`
//! does on this machine.
//!
//! Files go days after they were hidden, so a clock goes fast: a second of it is half an hour. All that must hold between times
//! holds between these. `make soak` has it go on for ten minutes (`CISTERN_SOAK_SECONDS`), which are twelve days.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{BuildHasher as _, RandomState},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use archiver::compact;
use aws_io::Aws;
use bytes::Bytes;
use lake_schema::{Period, layout};
use serde_json::Value;
use test_bucket::Bucket;
use time::{OffsetDateTime, macros::datetime};
use tokio::time::{sleep, timeout};

use crate::rig::{NONE, Rig};
use crate::rows::read;

/// So many times faster goes the clock.
const SPEED: i32 = 30 * 60;
/// Queries that take longer prove nothing, and are not counted.
const SETTLE: Duration = Duration::from_secs(6);
/// All that a query waits: of the time between two steps as much as Athena's longest query takes of it, two thirds.
const WAITING: Duration = Duration::from_secs(4);
/// So many days are compacted, some of them again, before it is enough.
const MERGES: usize = 4;
/// A loaded machine takes its time; what is waited for are merges, and the end of the day after the first.
const TIME_LIMIT: Duration = Duration::from_mins(5);
/// Four hours before a day ends.
const START: OffsetDateTime = datetime!(2026-03-01 20:00 UTC);

fn fast_now() -> OffsetDateTime {
    static START_OF_CLOCK: OnceLock<Instant> = OnceLock::new();
    let started = START_OF_CLOCK.get_or_init(Instant::now);
    START + time::Duration::try_from(started.elapsed()).unwrap() * SPEED
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opens {
    /// What the latest manifest shows.
    Shown,
    /// Whatever it has listed.
    Listed,
}

/// What became of a query.
#[derive(Debug)]
enum Answer {
    /// The ids that were found, each as often as it was.
    Found(Vec<String>),
    /// An object that it had listed, and had to read, was gone.
    Gone(String),
}

/// How queries of one kind ended.
#[derive(Debug, Default)]
struct Tally {
    answered: usize,
    gone: Vec<String>,
    too_slow: usize,
}

/// A number below `limit`, any.
fn any(limit: u64) -> u64 {
    RandomState::new().hash_one(()) % limit
}

async fn wait() {
    let most = u64::try_from(WAITING.as_millis()).unwrap() / 3;
    sleep(Duration::from_millis(any(most))).await;
}

struct Querier {
    bucket: Bucket,
    opens: Opens,
}

impl Querier {
    /// Lists, waits, reads the manifest, waits and reads files, or the other way round.
    async fn query(&self) -> Answer {
        let files_first = any(2) == 0;
        let (files, manifests);
        if files_first {
            files = self.list_files().await;
            wait().await;
            manifests = self.list_manifests().await;
        } else {
            manifests = self.list_manifests().await;
            wait().await;
            files = self.list_files().await;
        }
        wait().await;
        let hidden = match self.hidden(&manifests).await {
            Ok(hidden) => hidden,
            Err(gone) => return Answer::Gone(gone),
        };
        wait().await;
        let is_opened = |key: &&String| {
            self.opens == Opens::Listed || !hidden.iter().any(|id| key.contains(id))
        };
        match self.read_all(files.iter().filter(is_opened)).await {
            Ok(contents) => Answer::Found(
                contents
                    .into_values()
                    .flat_map(read)
                    .filter(|row| !hidden.contains(row["_file"].as_str().unwrap()))
                    .map(|row| row["eventid"].as_str().unwrap().to_owned())
                    .collect(),
            ),
            Err(gone) => Answer::Gone(gone),
        }
    }

    async fn list_files(&self) -> Vec<String> {
        let parts = layout::parts_prefix("product_events");
        let prefixes = match self.opens {
            Opens::Shown => vec![layout::table_prefix("product_events")],
            Opens::Listed => layout::listed_days(fast_now())
                .map(|day| format!("{parts}at={day}/"))
                .chain([layout::compacted_prefix("product_events", Period::Day)])
                .collect(),
        };
        let mut files = Vec::new();
        for prefix in prefixes {
            files.extend(self.bucket.keys(&prefix).await);
        }
        files
    }

    async fn list_manifests(&self) -> Vec<String> {
        let now = fast_now();
        let prefix = layout::state_prefix("product_events");
        let mut manifests = self.bucket.keys(&prefix).await;
        manifests.retain(|key| {
            let (_, day) = layout::state_version("product_events", key).unwrap();
            self.opens == Opens::Shown || now < layout::state_listed_until(day)
        });
        manifests
    }

    async fn hidden(&self, manifests: &[String]) -> Result<BTreeSet<String>, String> {
        let opened = match self.opens {
            Opens::Shown => manifests.iter().rev().take(1),
            Opens::Listed => manifests.iter().rev().take(usize::MAX),
        };
        let read = self.read_all(opened).await?;
        let Some((_, latest)) = read.last_key_value() else {
            return Ok(BTreeSet::new());
        };
        let lines = latest
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        Ok(lines
            .map(|line| serde_json::from_slice::<Value>(line).unwrap())
            .filter(|line| line["hidden"] == true)
            .map(|line| line["file"].as_str().unwrap().to_owned())
            .collect())
    }

    /// The objects, or the first that is gone.
    async fn read_all<'a>(
        &self,
        keys: impl Iterator<Item = &'a String>,
    ) -> Result<BTreeMap<String, Bytes>, String> {
        let mut contents = BTreeMap::new();
        for key in keys {
            match self.bucket.object(key).await {
                Some(bytes) => contents.insert(key.clone(), bytes),
                None => return Err(key.clone()),
            };
        }
        Ok(contents)
    }
}

/// What compactors that were not killed have done.
#[derive(Debug, Default)]
struct Done {
    merged: AtomicU32,
    removed: AtomicU32,
}

/// What all of them share.
#[derive(Default)]
struct Progress {
    /// How many events there are, of which all with lower numbers are in the lake.
    arrived: AtomicU32,
    is_over: AtomicBool,
}

impl Progress {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }
}

async fn query_until_the_end(querier: Querier, progress: Arc<Progress>) -> Tally {
    let mut tally = Tally::default();
    while !progress.is_over() {
        let (started, before) = (Instant::now(), progress.arrived.load(Ordering::SeqCst));
        let answer = querier.query().await;
        if started.elapsed() >= SETTLE {
            tally.too_slow += 1;
            continue;
        }
        match answer {
            Answer::Gone(key) => tally.gone.push(key),
            Answer::Found(ids) => {
                let different: BTreeSet<&String> = ids.iter().collect();
                assert_eq!(different.len(), ids.len(), "an event is seen twice");
                for id in 0..before {
                    assert!(
                        different.contains(&id.to_string()),
                        "event {id} is not seen"
                    );
                }
                tally.answered += 1;
            }
        }
    }
    tally
}

/// Compacts again and again, and is interrupted in every fourth run, wherever that is. Returns how many days it has merged, and how
/// often it was interrupted.
async fn compact_until_the_end(rig: Rig, progress: Arc<Progress>, done: Arc<Done>) -> usize {
    let mut killed = 0;
    while !progress.is_over() {
        let until = tokio::time::Instant::now() + Duration::from_mins(1);
        let run = compact(&rig.deps, until);
        if any(4) == 0 {
            killed += usize::from(timeout(Duration::from_millis(any(300)), run).await.is_err());
        } else {
            // Nothing is counted where the other compactor was faster.
            let report = run.await;
            let count = |number: usize| u32::try_from(number).unwrap();
            done.merged
                .fetch_add(count(report.merged.len()), Ordering::SeqCst);
            done.removed
                .fetch_add(count(report.removed_count), Ordering::SeqCst);
        }
        sleep(Duration::from_millis(any(500))).await;
    }
    killed
}

/// Brings an event, of yesterday or the day before. The archiver is interrupted now and then, and gets the object again.
async fn arrive(rig: &Rig, id: u32) {
    let now = fast_now();
    let day = now.date() - time::Duration::days(1 + i64::from(id % 2));
    let key = format!(
        "raw/track/dt={}/hour={:02}/{id}.json",
        now.date(),
        now.hour()
    );
    let event = format!(
        "{{\"event\":\"e\",\"userId\":\"u\",\"eventId\":\"{id}\",\"dateTime\":\"{day} 10:00:00\"}}"
    );
    rig.put(&key, event).await;
    if any(4) == 0 {
        let _ = timeout(Duration::from_millis(any(50)), rig.deliver(&[&key])).await;
    }
    assert_eq!(rig.deliver(&[&key]).await, NONE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn queries_in_a_loop_see_every_event_exactly_once_and_miss_no_file() {
    let soak = std::env::var("CISTERN_SOAK_SECONDS").map_or(Duration::ZERO, |seconds| {
        Duration::from_secs(seconds.parse().unwrap())
    });
    let mut rig = Rig::with_clock(fast_now).await;
    rig.deps.config.policy.query_grace_period = time::Duration::try_from(SETTLE).unwrap() * SPEED;
    rig.deps.config.policy.recompact_after = time::Duration::ZERO;
    let url = std::env::var("AWS_ENDPOINT_URL").unwrap();
    let progress = Arc::new(Progress::default());
    let done = Arc::new(Done::default());
    let mut queriers = Vec::new();
    for opens in [Opens::Shown, Opens::Listed, Opens::Listed] {
        let querier = Querier {
            bucket: Bucket {
                s3: Aws::local(&url).await.s3(),
                name: rig.bucket().name.clone(),
            },
            opens,
        };
        let loops = query_until_the_end(querier, Arc::clone(&progress));
        queriers.push((opens, tokio::spawn(loops)));
    }
    let compactors: Vec<_> = (0..2)
        .map(|_| compact_until_the_end(rig.clone(), Arc::clone(&progress), Arc::clone(&done)))
        .map(tokio::spawn)
        .collect();

    let started = Instant::now();
    let is_enough = || {
        let count = |number: &AtomicU32| usize::try_from(number.load(Ordering::SeqCst)).unwrap();
        let has_worked = count(&done.merged) >= MERGES && count(&done.removed) > 0;
        has_worked && started.elapsed() >= soak
    };
    while !is_enough() && !queriers.iter().any(|(_, querier)| querier.is_finished()) {
        assert!(
            started.elapsed() < soak + TIME_LIMIT,
            "the days are not closed"
        );
        let id = progress.arrived.load(Ordering::SeqCst);
        arrive(&rig, id).await;
        progress.arrived.store(id + 1, Ordering::SeqCst);
        sleep(Duration::from_millis(any(3000))).await;
    }
    progress.is_over.store(true, Ordering::SeqCst);

    let mut killed = 0;
    for compactor in compactors {
        killed += compactor.await.unwrap();
    }
    for (opens, querier) in queriers {
        let tally = querier.await.unwrap();
        println!(
            "{opens:?}: {tally:?}; {killed} kills, {} events, {done:?}",
            progress.arrived.load(Ordering::SeqCst)
        );
        assert!(tally.answered > 0, "no query was fast enough to count");
        assert_eq!(tally.gone, [] as [String; 0], "a file was removed too soon");
    }
}
