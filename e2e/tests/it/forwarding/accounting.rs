//! `received = sent + skipped + rejected`, by the metrics, by the destination and by the rejected lines.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use event_mapping::{Arrival, Mapper, MappingConfig, dry_run};
use serde_json::Value;
use time::OffsetDateTime;

use crate::forwarding::rig::{
    EVERYTHING, Forwarding, Sums, TIME_LIMIT, own_samples, public_samples,
};
use crate::function::Function;
use crate::logs::log_lines;
use crate::stack::eventually;

#[tokio::test]
async fn every_batch_is_accounted_for() -> Result<()> {
    let mut bodies = own_samples()?;
    bodies.extend(public_samples()?);
    ensure!(bodies.len() > 30, "only {} bodies were found", bodies.len());
    for mapping in ["{}", EVERYTHING] {
        let forwarding = Forwarding::with(&[("MAPPING", mapping)]).await?;
        let rejected_before = forwarding.rejected_keys().await?;
        let metrics_before = metrics(&forwarding).await?;

        for (name, body) in &bodies {
            let status = forwarding.post(body.as_str()).await?;
            ensure!(status == 200, "{name} was answered {status}");
        }
        let sums = forwarding.drain().await?;

        let expected = expected(mapping, &bodies)?;
        ensure!(
            is_as_expected(&sums, &expected),
            "{mapping}: {sums:?} instead of {expected:?}"
        );
        let by_metrics = eventually("the metrics of all runs", TIME_LIMIT, async || {
            let now = metrics(&forwarding).await?.minus(&metrics_before);
            Ok((now.received >= sums.received).then_some(now))
        })
        .await?;
        ensure!(
            by_metrics == sums,
            "{mapping}: the metrics tell {by_metrics:?}"
        );
        check_destination(&forwarding, &sums).await?;
        let written = rejected_lines(&forwarding, &rejected_before).await?;
        ensure!(
            written == sums.rejected,
            "{mapping}: {written} rejections are written down"
        );
        ensure!(forwarding.dead().await? == 0, "{mapping}: dead letters");
        forwarding.restore().await?;
    }
    Ok(())
}

/// A duplicate event is sent once and skipped the second time.
fn is_as_expected(sums: &Sums, expected: &Sums) -> bool {
    (sums.received, sums.rejected, sums.messages)
        == (expected.received, expected.rejected, expected.messages)
        && sums.received == sums.sent + sums.skipped + sums.rejected
        && sums.sent <= expected.sent
}

/// The result of the mapping alone.
fn expected(mapping: &str, bodies: &[(String, String)]) -> Result<Sums> {
    let mapper = Mapper::new(MappingConfig::from_json(mapping)?)?;
    let now_ms = i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000)?;
    let arrival = Arrival {
        sent_at_ms: now_ms,
        now_ms,
        max_age_ms: None,
    };
    let mut sums = Sums::default();
    for (_, body) in bodies {
        let one = dry_run(&mapper, body, &arrival);
        sums.received += one.event_count;
        sums.sent += one.sent;
        sums.skipped += one.skipped.values().sum::<u64>();
        sums.rejected += one.rejected.values().sum::<u64>();
        sums.messages += 1;
    }
    ensure!(sums.received == sums.sent + sums.skipped + sums.rejected);
    Ok(sums)
}

/// The destination accepted as many as were sent. Changes of attributes become updates of profiles, which it counts by
/// user.
async fn check_destination(forwarding: &Forwarding, sums: &Sums) -> Result<()> {
    let counts = forwarding.received("").await?;
    let number = |name: &str| counts[name].as_u64().unwrap_or(0);
    let taken = number("event_deliveries") + number("purchase_deliveries");
    let updates = counts["users"].as_u64().unwrap_or(0);
    ensure!(
        taken == sums.sent || (updates > 0 && taken < sums.sent),
        "{taken} were taken of {} sent: {counts}",
        sums.sent
    );
    for (path, answers) in counts["answers"].as_object().into_iter().flatten() {
        ensure!(
            answers
                .as_object()
                .is_some_and(|answers| answers.keys().all(|status| status == "200")),
            "{path} was answered {answers}: what was sent is not what Iterable's Swagger file asks for"
        );
    }
    Ok(())
}

async fn rejected_lines(forwarding: &Forwarding, before: &BTreeSet<String>) -> Result<u64> {
    let mut lines = 0;
    for key in forwarding.rejected_keys().await?.difference(before) {
        let text = String::from_utf8(forwarding.object(key).await?)?;
        for line in text.lines() {
            let record: Value = serde_json::from_str(line)?;
            ensure!(
                record["reason"]
                    .as_str()
                    .is_some_and(|reason| !reason.is_empty()),
                "{line}"
            );
            lines += 1;
        }
    }
    Ok(lines)
}

/// The sums over all metrics that the forwarder has printed.
async fn metrics(forwarding: &Forwarding) -> Result<Sums> {
    let function = Function::named(&forwarding.stack, "forwarder")?;
    let mut sums = Sums::default();
    for line in log_lines(&forwarding.stack, &function.log_group().await?).await? {
        let Ok(line) = serde_json::from_str::<Value>(&line) else {
            continue;
        };
        if line["pipeline"] == "app_events" {
            let number = |name: &str| line[name].as_u64().unwrap_or(0);
            sums.received += number("received");
            sums.sent += number("sent");
            sums.skipped += number("skipped");
            sums.rejected += number("rejected");
            sums.messages += number("messages_archived");
        }
    }
    Ok(sums)
}

impl Sums {
    fn minus(&self, earlier: &Self) -> Self {
        Self {
            received: self.received - earlier.received,
            sent: self.sent - earlier.sent,
            skipped: self.skipped - earlier.skipped,
            rejected: self.rejected - earlier.rejected,
            messages: self.messages - earlier.messages,
        }
    }
}
