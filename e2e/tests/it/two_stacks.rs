//! Two stacks of one template in one account: each receives the events of all three pipelines, and neither has any data
//! of the other.

use std::future::IntoFuture as _;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, ensure};
use axum::{Router, extract::State, http::StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::console::session_opens_nothing_elsewhere;
use crate::forwarding::rig::{Forwarding, screen_views};
use crate::function::Function;
use crate::logs::log_lines;
use crate::neighbour::Neighbour;
use crate::stack::{ARRIVAL, Stack, eventually, fresh_id};

/// Functions that write metrics, one or more of each pipeline.
const COUNTING: [&str; 4] = ["ingest", "loader", "forwarder", "archiver"];

/// The prefixes of the pipelines' raw objects, and of the files made from them.
const RAW: [&str; 3] = ["raw/sparkpost/", "raw/mparticle/", "raw/track/"];
const LAKE: [&str; 3] = [
    "lake/email_events/",
    "lake/app_events/",
    "lake/product_events/",
];

#[tokio::test]
async fn staging_and_production_share_nothing() -> Result<()> {
    let forwarding = Forwarding::with(&[]).await?;
    let (destination_url, bodies) = start_destination().await?;
    let staging = Neighbour::deploy(
        &forwarding.stack,
        "staging",
        &[
            ("Destination", "http"),
            ("DestinationUrl", &destination_url),
            ("CanarySchedule", "rate(1 day)"),
        ],
    )
    .await?;
    let outcome = Box::pin(check(&forwarding, &staging.stack, &bodies)).await;
    staging.remove().await?;
    outcome
}

async fn check(forwarding: &Forwarding, staging: &Stack, bodies: &Bodies) -> Result<()> {
    let production = &forwarding.stack;
    let (ours, theirs) = (fresh_id("production"), fresh_id("staging"));

    keys_open_nothing_elsewhere(production, staging).await?;
    keys_open_nothing_elsewhere(staging, production).await?;
    session_opens_nothing_elsewhere(production, staging).await?;

    take_one_of_each(production, &ours).await?;
    take_one_of_each(staging, &theirs).await?;
    forwarding.drain().await?;
    drain(staging).await?;

    let arrived = forwarding.arrived().await?;
    ensure!(arrived.contains_key(&ours) && !arrived.contains_key(&theirs));
    let bodies = bodies.lock().expect("nobody panicked").concat();
    ensure!(bodies.contains(&theirs) && !bodies.contains(&ours));

    for (stack, own, foreign) in [(production, &ours, &theirs), (staging, &theirs, &ours)] {
        let (own, foreign) = (found(stack, own).await?, found(stack, foreign).await?);
        ensure!(
            (own, foreign) == (1, 0),
            "{own} own, {foreign} foreign events"
        );
    }
    all_is_archived(staging, &theirs, &ours).await?;
    eventually(
        "the event to be in production's lake",
        ARRIVAL,
        async || {
            Ok(production
                .seen(&ours)
                .await?
                .contains_key(&ours)
                .then_some(()))
        },
    )
    .await?;
    ensure!(production.seen(&theirs).await?.is_empty());

    numbers_are_of(staging, "Cistern/staging").await?;
    numbers_are_of(production, "Cistern/cistern").await?;
    canary_returns(staging).await
}

/// The keys of one stack are refused by the other.
async fn keys_open_nothing_elsewhere(of: &Stack, elsewhere: &Stack) -> Result<()> {
    let (keys, file) = (&of.file.keys, &elsewhere.file);
    let search = format!("{}/api/v1/events/message", file.base_url);
    let requests = [
        elsewhere
            .http
            .post(&file.sparkpost_webhook_url)
            .header("authorization", &keys.sparkpost),
        elsewhere
            .http
            .post(&file.mparticle_webhook_url)
            .header("authorization", &keys.mparticle),
        elsewhere
            .http
            .post(&file.track_url)
            .header("x-api-key", &keys.track),
        elsewhere
            .http
            .get(search)
            .header("authorization", &keys.query),
    ];
    for request in requests {
        let answer = request
            .header("content-type", "application/json")
            .send()
            .await?;
        // A key that grants nothing: an authorizer's refusals are 403, those of functions that check keys 401.
        ensure!(
            [401, 403].contains(&answer.status().as_u16()),
            "{}: {}",
            answer.url(),
            answer.status()
        );
    }
    Ok(())
}

/// An email event, a product event and an app event with the same id.
async fn take_one_of_each(stack: &Stack, id: &str) -> Result<()> {
    // A search without a range ends with the minute before this one.
    let at = time::OffsetDateTime::now_utc().unix_timestamp() - 120;
    let email = json!([{"msys": {"message_event": {
        "type": "delivery", "event_id": id, "timestamp": at.to_string(), "rcpt_to": format!("{id}@example.com"),
    }}}]);
    let accounts = stack.deliver(id, email.to_string().into_bytes()).await?;
    ensure!(accounts.inserted == 1, "{accounts:?}");
    let product =
        json!({"event": "e2e", "userId": "u", "eventId": id, "dateTime": "2026-01-03 10:00:00"});
    ensure!(stack.track(&[], product.to_string()).await? == 204);
    let app = stack
        .http
        .post(&stack.file.mparticle_webhook_url)
        .header("authorization", &stack.file.keys.mparticle)
        .header("content-type", "application/json")
        .body(screen_views(id, &[id.to_owned()]))
        .send()
        .await?;
    ensure!(app.status() == 200, "mParticle's webhook: {}", app.status());
    Ok(())
}

/// Forwards until the queue is empty.
async fn drain(stack: &Stack) -> Result<()> {
    let forwarder = Function::named(stack, "forwarder")?;
    eventually("the queue to be empty", ARRIVAL, async || {
        forwarder.tick().await?.context("the forwarder failed")?;
        let depth = stack.queue_depth(&stack.file.queues.forward).await?;
        Ok((depth == 0).then_some(()))
    })
    .await
}

/// The number of events that a search for the recipient finds.
async fn found(stack: &Stack, id: &str) -> Result<u64> {
    let (status, page) = stack
        .get(&format!(
            "/api/v1/events/message?recipients={id}@example.com"
        ))
        .await?;
    ensure!(status == 200, "{status} {page}");
    page["total_count"].as_u64().context("a count")
}

/// Each pipeline has its raw object and its file, and none is from the other stack.
async fn all_is_archived(stack: &Stack, own: &str, foreign: &str) -> Result<()> {
    for prefix in RAW.iter().chain(&LAKE) {
        let what = format!("something under {prefix}");
        let keys = eventually(&what, ARRIVAL, async || {
            let keys = stack.keys_under(prefix).await?;
            Ok((!keys.is_empty()).then_some(keys))
        })
        .await?;
        if LAKE.contains(prefix) {
            continue;
        }
        let mut has_own = false;
        for key in keys {
            let text = plain(&stack.object(&key).await?)?;
            ensure!(!text.contains(foreign), "{key} is of the other stack");
            has_own |= text.contains(own);
        }
        ensure!(has_own, "the event is not under {prefix}");
    }
    Ok(())
}

/// An object's text; the emulator compresses less than Firehose does.
fn plain(object: &[u8]) -> Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    if object.starts_with(&[0x1f, 0x8b]) {
        flate2::read::MultiGzDecoder::new(object).read_to_string(&mut text)?;
    } else {
        text = String::from_utf8(object.to_vec())?;
    }
    Ok(text)
}

/// Every metric that a function has written so far is in the stack's namespace.
async fn numbers_are_of(stack: &Stack, namespace: &str) -> Result<()> {
    for name in COUNTING {
        let group = Function::named(stack, name)?.log_group().await?;
        let lines = log_lines(stack, &group).await?;
        let namespaces: Vec<Value> = lines
            .iter()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .flat_map(|line| {
                let metrics = line["_aws"]["CloudWatchMetrics"].as_array().cloned();
                metrics.unwrap_or_default()
            })
            .map(|metric| metric["Namespace"].clone())
            .collect();
        ensure!(!namespaces.is_empty(), "{name} has counted nothing");
        for found in namespaces {
            ensure!(
                found == namespace,
                "{name} counts in {found}, not in {namespace}"
            );
        }
    }
    Ok(())
}

/// The canary, which the local stack does not run, posts and finds its event.
async fn canary_returns(stack: &Stack) -> Result<()> {
    let canary = Function::named(stack, "canary")?;
    let mut environment = canary.environment().await?;
    environment["WEBHOOK_URL"] = json!(stack.file.sparkpost_webhook_url);
    environment["QUERY_URL"] = json!(format!("{}/api/v1/events/message", stack.file.base_url));
    canary.set_environment(&environment).await?;
    let report = canary.tick().await?;
    ensure!(report.is_some(), "the canary did not find its event");
    Ok(())
}

/// The requests that a destination received.
type Bodies = Arc<Mutex<Vec<String>>>;

/// A destination that accepts everything; returns its URL.
async fn start_destination() -> Result<(String, Bodies)> {
    async fn take(State(bodies): State<Bodies>, body: String) -> StatusCode {
        bodies.lock().expect("nobody panicked").push(body);
        StatusCode::OK
    }
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let bodies = Bodies::default();
    let router = Router::new().fallback(take).with_state(Arc::clone(&bodies));
    tokio::spawn(axum::serve(listener, router).into_future());
    Ok((url, bodies))
}
