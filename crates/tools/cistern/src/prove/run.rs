//! A run: send and disturb, come to rest, compare.

mod posting;

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use event_model::Pipeline;
use serde_json::Value;
use tokio::time::sleep;

use self::posting::{Senders, send_all};
use super::{
    Options,
    compare::{Comparison, Found, Role, compare},
    ledger::Ledger,
    outcomes,
    plan::Plan,
    publish, quiet,
    report::{Disturbances, Report, StoreResult},
    rig::Rig,
    stored::Stores,
};
use crate::{
    http,
    progress::Step,
    stack::{Stack, data_dir::DataDir},
};

/// How long faults that found no call yet may still find one.
const LAST_FAULTS: Duration = Duration::from_secs(40);
const POLL: Duration = Duration::from_millis(500);

pub(super) async fn prove(
    options: &Options,
    plan: &Plan,
    data_dir: &DataDir,
    stack: Stack,
    commit: Option<String>,
) -> Result<ExitCode> {
    let started = Instant::now();
    let rig = Rig::around(stack, plan.seed).await?;
    let senders = Arc::new(Senders::new(plan));
    let (mut compactions, forwarder_runs) =
        Box::pin(disturbed(options, plan, &rig, &senders)).await?;

    let disturber = &rig.disturber;
    let step = Step::start("compaction").reported();
    let (stack, functions) = (&disturber.stack, &disturber.functions);
    let runs = quiet::compaction(stack, functions, rig.s3(), options.timeout(), &step).await?;
    compactions += runs;
    step.done(format!("{runs} runs"));

    let step = Step::start("comparison").reported();
    let stores = Stores {
        data_dir,
        stack,
        s3: disturber.s3.clone(),
    };
    let ledger = senders.ledger().clone();
    let results = compare_all(plan, &ledger, &stores, &step).await?;
    let mut lines = Vec::new();
    for pipeline in Pipeline::ALL {
        let of_pipeline = results.iter().filter(|result| result.pipeline == pipeline);
        let comparisons: Vec<&Comparison> = of_pipeline.map(|result| &result.comparison).collect();
        lines.extend(outcomes::outcomes(
            pipeline,
            &ledger.entries(plan, pipeline),
            &comparisons,
        ));
    }
    lines.sort_unstable();
    let deliveries = *senders.deliveries();
    step.note("looking for the person");
    let sent = ledger.sent_of_person(plan);
    let erasure = senders.erasure.result(&stores, sent).await?;
    let report = Report {
        plan,
        commit,
        stores: results,
        outcomes: lines,
        deliveries,
        erasure,
        disturbances: disturbances(&rig, compactions, forwarder_runs).await?,
        rejections: stores.reasons().await?,
        dead: dead_letters(&rig).await?,
        seconds: started.elapsed().as_secs_f64(),
    };
    step.done(if report.holds() {
        "holds"
    } else {
        "does not hold"
    });
    publish(options, &report)
}

/// Sends everything while the plan's disruptions happen, lets the last faults find their calls, and waits for empty queues.
async fn disturbed(
    options: &Options,
    plan: &Plan,
    rig: &Rig,
    senders: &Arc<Senders>,
) -> Result<(u64, u64)> {
    let disturber = &rig.disturber;
    let no_compactor = AtomicBool::new(false);
    let (no_forwarder, no_eraser) = (AtomicBool::new(false), AtomicBool::new(false));
    let main = async {
        let outcome: Result<usize> = async {
            send_all(options, plan, rig, senders).await?;

            let step = Step::start("last faults").reported();
            let give_up = Instant::now() + LAST_FAULTS;
            while disturber.faults.waiting() > 0 && Instant::now() < give_up {
                step.note(format!("{} wait for a call", disturber.faults.waiting()));
                sleep(POLL).await;
            }
            disturber.is_over.store(true, Ordering::SeqCst);
            let unused = disturber.faults.calm();
            rig.destination_fails(0.0, plan.seed).await?;
            rig.calm_forwarder().await?;
            step.done(format!("{unused} found no call"));

            no_compactor.store(true, Ordering::SeqCst);
            let step = Step::start("rest").reported();
            quiet::queues(&disturber.stack, rig.sqs(), options.timeout(), &step).await?;
            step.done("the queues are empty");

            let step = Step::start("erasure").reported();
            let erasure = &senders.erasure;
            erasure.finish(disturber, options.timeout(), &step).await?;
            step.done("the receipt is written, and no noted object is left");
            Ok(unused)
        }
        .await;
        no_compactor.store(true, Ordering::SeqCst);
        no_forwarder.store(true, Ordering::SeqCst);
        no_eraser.store(true, Ordering::SeqCst);
        outcome
    };
    let (outcome, compactions, forwarder_runs, ()) = tokio::join!(
        main,
        disturber.keep_running("compactor", &no_compactor),
        disturber.keep_running("forwarder", &no_forwarder),
        senders.erasure.keep_running(disturber, &no_eraser),
    );
    let unused = outcome?;
    let unused = u64::try_from(unused).unwrap_or(u64::MAX);
    disturber.missed_kills.fetch_add(unused, Ordering::SeqCst);
    Ok((compactions, forwarder_runs))
}

/// Compares every id with every store.
async fn compare_all(
    plan: &Plan,
    ledger: &Ledger,
    stores: &Stores<'_>,
    step: &Step,
) -> Result<Vec<StoreResult>> {
    let mut results = Vec::new();
    let mut add = |pipeline, store, found: &Found, role| {
        let entries = ledger.entries(plan, pipeline);
        results.push(StoreResult {
            pipeline,
            store,
            comparison: compare(&entries, found, role),
        });
    };
    step.note("reading Postgres");
    let email = Pipeline::EmailEvents;
    add(
        email,
        "Postgres",
        &stores.postgres().await?,
        Role::ExactlyOnce,
    );
    add(
        email,
        "rejections",
        &stores.postgres_rejections().await?,
        Role::Rejections,
    );
    step.note("asking the destination");
    let app = Pipeline::AppEvents;
    add(
        app,
        "destination",
        &stores.destination().await?,
        Role::Destination,
    );
    for pipeline in Pipeline::ALL {
        step.note(format!("reading the lake, {}", pipeline.name()));
        add(
            pipeline,
            "lake",
            &stores.lake(pipeline).await?,
            Role::ExactlyOnce,
        );
        add(
            pipeline,
            "lake, months",
            &stores.months(pipeline).await?,
            Role::ExactlyOnce,
        );
    }
    results.sort_by_key(|result| result.pipeline.name());
    Ok(results)
}

async fn disturbances(rig: &Rig, compactions: u64, forwarder_runs: u64) -> Result<Disturbances> {
    let disturber = &rig.disturber;
    let mut kills = BTreeMap::new();
    for (name, count) in disturber.callers.kills() {
        let function = disturber
            .functions
            .crate_of(&name)
            .unwrap_or("another")
            .to_owned();
        *kills.entry(function).or_default() += count;
    }
    let url = format!("{}/_received", disturber.stack.iterable_url);
    let answer = http::client(Duration::from_secs(10))?.get(url).send().await;
    let counts: Value = answer.context("asking the destination")?.json().await?;
    let of_destination = counts["faults"].as_object().into_iter().flatten();
    Ok(Disturbances {
        injected: disturber.faults.injected(),
        of_destination: of_destination
            .map(|(name, count)| (name.clone(), count.as_u64().unwrap_or(0)))
            .collect(),
        kills,
        notifications: disturber.notifications.load(Ordering::SeqCst),
        compactions,
        forwarder_runs,
        unused: disturber.missed_kills.load(Ordering::SeqCst),
    })
}

async fn dead_letters(rig: &Rig) -> Result<BTreeMap<String, u64>> {
    let depths = quiet::depths(&rig.disturber.stack, rig.sqs()).await?;
    let dead = depths
        .into_iter()
        .filter(|(name, _)| name.ends_with("_dlq"));
    Ok(dead.map(|(name, depth)| (name.to_owned(), depth)).collect())
}
