//! Queries that never stop while days are closed, reopened and closed again.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use aws_io::{Aws, S3Client};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::{sync::Notify, time::timeout_at};

use crate::rig::{NONE, Rig, objects};
use crate::rows::read;

/// Queries that take longer prove nothing, and are not counted.
const SETTLE: Duration = Duration::from_millis(2500);

/// The ids that a query finds, each as often as it does. Lists first or reads the ledger first.
async fn query(s3: &S3Client, bucket: &str, lists_first: bool) -> Vec<String> {
    let ledger = async || {
        let states = objects(s3, bucket, "state/lake/events/files/").await;
        let Some((_, latest)) = states.last_key_value() else {
            return BTreeSet::new();
        };
        let lines = latest
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        lines
            .map(|line| serde_json::from_slice::<Value>(line).unwrap())
            .filter(|line| line["hidden"] == true)
            .map(|line| line["file"].as_str().unwrap().to_owned())
            .collect()
    };
    let (files, hidden) = if lists_first {
        let files = objects(s3, bucket, "lake/events/").await;
        (files, ledger().await)
    } else {
        let hidden = ledger().await;
        (objects(s3, bucket, "lake/events/").await, hidden)
    };
    files
        .into_values()
        .flat_map(read)
        .filter(|row| !hidden.contains(row["_file"].as_str().unwrap()))
        .map(|row| row["eventid"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn queries_in_a_loop_see_every_event_exactly_once() {
    let mut rig = Rig::with_clock(OffsetDateTime::now_utc).await;
    rig.deps.config.policy.settle = SETTLE.try_into().unwrap();
    rig.deps.config.policy.reopen_after = time::Duration::ZERO;
    // How many events there are, of which all with lower numbers are in the lake.
    let arrived = Arc::new(AtomicU32::new(0));
    let query_ended = Arc::new(Notify::new());
    let is_over = Arc::new(AtomicBool::new(false));
    let url = std::env::var("AWS_ENDPOINT_URL").unwrap();
    let loops: Vec<_> = [true, false]
        .map(|lists_first| {
            let (arrived, is_over) = (Arc::clone(&arrived), Arc::clone(&is_over));
            let query_ended = Arc::clone(&query_ended);
            let (url, bucket) = (url.clone(), rig.bucket().to_owned());
            tokio::spawn(async move {
                let s3 = Aws::local(&url).await.s3();
                let mut counted = 0;
                while !is_over.load(Ordering::SeqCst) {
                    let (started, before) = (Instant::now(), arrived.load(Ordering::SeqCst));
                    let found = query(&s3, &bucket, lists_first).await;
                    query_ended.notify_one();
                    if started.elapsed() >= SETTLE {
                        continue;
                    }
                    let different: BTreeSet<&String> = found.iter().collect();
                    assert_eq!(different.len(), found.len(), "an event is seen twice");
                    for id in 0..before {
                        assert!(
                            different.contains(&id.to_string()),
                            "event {id} is not seen"
                        );
                    }
                    counted += 1;
                }
                counted
            })
        })
        .into();

    let day = OffsetDateTime::now_utc().date() - time::Duration::days(3);
    let mut merge_count = 0;
    let deadline = Instant::now() + Duration::from_mins(1);
    // Twice through all phases, with events arriving all the while.
    while merge_count < 2 {
        assert!(Instant::now() < deadline, "the day is not closed");
        let id = arrived.load(Ordering::SeqCst);
        if id < 40 {
            let key = format!("raw/track/dt={day}/hour=10/{id}.json");
            let event = format!(
                "{{\"event\":\"e\",\"userId\":\"u\",\"eventId\":\"{id}\",\"dateTime\":\"{day} 10:00:00\"}}"
            );
            rig.put(&key, event).await;
            assert_eq!(rig.deliver(&[&key]).await, NONE);
            arrived.store(id + 1, Ordering::SeqCst);
        }
        merge_count += rig.compact().await.merged.len();
        // A query for each step, or few of them would be fast enough to count.
        timeout_at(deadline.into(), query_ended.notified())
            .await
            .expect("a query ends");
    }
    is_over.store(true, Ordering::SeqCst);

    for queries in loops {
        assert!(
            queries.await.unwrap() > 0,
            "no query was fast enough to count"
        );
    }
}
