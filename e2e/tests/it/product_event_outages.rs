//! Firehose refuses, and archivers are killed: every acknowledged event is in the lake once.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::function::Function;
use crate::lake::ensure_each_once;
use crate::outages::signal;
use crate::refusing_firehose::{self, Refusal};
use crate::stack::{ARRIVAL, Stack, fresh_id};
use crate::visibility::with_visibility;

const DAY: &str = "2026-01-03";

fn event(id: &str, padding: usize) -> String {
    let padding = "x".repeat(padding);
    format!(
        r#"{{"event":"e2e","userId":"u","eventId":"{id}","dateTime":"{DAY} 10:00:00","padding":"{padding}"}}"#
    )
}

/// Each request is repeated until it is acknowledged, like a tracker does.
#[tokio::test]
async fn firehose_refusing_some_all_or_being_away_loses_and_doubles_nothing() -> Result<()> {
    let (stack, _weather) = Stack::exclusive().await?;
    let track = Function::named(&stack, "track")?;
    let environment = track.environment().await?;
    let label = fresh_id("refused");
    let ids = |request: usize| (0..8).map(move |n| (request, n));
    let body = |request: usize| -> String {
        // Four records of 500 KB, and four events in the last: parts of a request can be refused.
        ids(request)
            .map(|(request, n)| {
                event(
                    &format!("{label}-{request}-{n}"),
                    if n < 3 { 500_000 } else { 10 },
                )
            })
            .collect()
    };
    let moods: [&'static [Refusal]; 4] = [
        &[Refusal::Half, Refusal::All, Refusal::Half, Refusal::None],
        &[Refusal::LostAnswer, Refusal::None],
        &[Refusal::All],
        &[Refusal::Half, Refusal::All, Refusal::All, Refusal::All],
    ];

    let mut statuses = Vec::new();
    for (request, refusals) in moods.into_iter().enumerate() {
        let url = refusing_firehose::start(&stack.file, refusals).await?;
        let mut behind_it = environment.clone();
        behind_it["AWS_ENDPOINT_URL_FIREHOSE"] = json!(url);
        behind_it["PUT_DEADLINE_MS"] = json!("2000");
        track.set_environment(&behind_it).await?;
        statuses.push(stack.track(&[], body(request)).await?);
    }
    let mut away = environment.clone();
    away["AWS_ENDPOINT_URL_FIREHOSE"] = json!("http://127.0.0.1:9");
    away["PUT_DEADLINE_MS"] = json!("2000");
    track.set_environment(&away).await?;
    statuses.push(stack.track(&[], body(4)).await?);
    track.set_environment(&environment).await?;
    ensure!(statuses == [204, 204, 503, 503, 503], "{statuses:?}");
    for request in 2..5 {
        ensure!(stack.track(&[], body(request)).await? == 204);
    }

    let all: BTreeSet<String> = (0..5)
        .flat_map(ids)
        .map(|(request, n)| format!("{label}-{request}-{n}"))
        .collect();
    stack.all_arrived(&label, &all).await?;
    stack.archived(ARRIVAL).await?;
    stack.close_days(async || Ok(())).await?;
    ensure_each_once(&stack.seen(&label).await?, &all)
}

/// How many objects arrive, each with a notification twice.
const OBJECTS: usize = 2_000;

/// Debug builds on a busy machine.
const TIME_LIMIT: Duration = Duration::from_mins(10);

/// The visibility timeout of a notification that a killed archiver had received.
const VISIBILITY_SECONDS: u32 = 30;

#[tokio::test]
async fn killing_archivers_at_random_loses_and_doubles_nothing() -> Result<()> {
    let (stack, _weather) = Stack::exclusive().await?;
    let label = fresh_id("killed");
    let killed_count = AtomicUsize::new(0);

    let disorder = Box::pin(async {
        tokio::select! {
            outcome = let_objects_arrive(&stack, &label) => outcome,
            outcome = keep_killing(&stack, &killed_count) => outcome.map(|never| match never {}),
        }
    });
    let queue = &stack.file.queues.archive;
    with_visibility(&stack, queue, VISIBILITY_SECONDS, disorder).await?;

    let killed_count = killed_count.into_inner();
    ensure!(
        killed_count >= 3,
        "only {killed_count} archivers were killed"
    );
    let all: BTreeSet<String> = (0..OBJECTS).map(|n| format!("{label}-{n}")).collect();
    ensure_each_once(&stack.seen(&label).await?, &all)
}

/// Stores objects, sends a second notification of each, and waits until no notification is left.
async fn let_objects_arrive(stack: &Stack, label: &str) -> Result<()> {
    let sqs = stack.sqs().await;
    for n in 0..OBJECTS {
        let key = format!("raw/track/dt={DAY}/hour=10/{label}/{n}.json");
        let body = event(&format!("{label}-{n}"), 10);
        stack.put_raw(&key, body.into_bytes()).await?;
        let notification = json!({"Records": [{
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": stack.file.bucket}, "object": {"key": key}},
        }]});
        aws_io::queue::send(&sqs, &stack.file.queues.archive, &notification.to_string()).await?;
    }
    stack.archived(TIME_LIMIT).await
}

/// Kills one archiver after the other at any moment.
async fn keep_killing(stack: &Stack, killed_count: &AtomicUsize) -> Result<Infallible> {
    let archiver = Function::named(stack, "archiver")?;
    let mut pause = tokio::time::interval(Duration::from_millis(1_500));
    loop {
        pause.tick().await;
        let archivers = archiver.processes()?;
        let number = killed_count.load(Ordering::SeqCst);
        if let Some(archiver) = archivers.get(number % archivers.len().max(1)) {
            // One that has ended meanwhile was not killed.
            if signal("KILL", *archiver).is_ok() {
                killed_count.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}
