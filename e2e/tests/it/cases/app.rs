//! App events and product events.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::run::Run;
use super::{elsewhere, raw};
use crate::operator::cistern;
use crate::stack::{ARRIVAL, eventually, fresh_id, gzip};

/// False for an unknown case.
#[expect(clippy::too_many_lines, reason = "a table, with an arm for each case")]
pub(super) async fn check(run: &mut Run<'_>) -> Result<bool> {
    let (_, case) = run.name.split_once('/').context("area and case")?;
    match case.split('-').next().unwrap_or_default() {
        "01" => {
            let ids = tracked(run, "events.ndjson").await?;
            for (index, column, expected) in [
                (0, "cast(datetime as varchar)", "2026-11-28 09:30:00"),
                (1, "cast(datetime as varchar)", "2026-11-28 09:30:00"),
                (2, "useragent", "Mozilla/5.0"),
            ] {
                lake(run, &ids[index], column, expected).await?;
            }
        }
        "02" | "03" | "05" => app_events(run, case).await?,
        "08" => {
            let report = run.dry_run("batch.json", &[]).await?;
            let ids = request_ids(&report);
            let is_allowed = |id: &String| {
                !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            };
            let are_right = !ids.is_empty() && ids.iter().all(is_allowed);
            run.note(
                "dry run",
                "ids of letters, digits and hyphens",
                format!("{ids:?}"),
                are_right,
            );
        }
        "10" => {
            for file in ["event.json", "numeric.json"] {
                let body = run.read(file)?;
                run.tracks(&[], body.clone(), 204).await?;
                run.tracks(&[], body, 204).await?;
            }
            for (condition, id) in [
                ("event = 'Signed Up' and userid = 'u1'", "ajs-next-77"),
                ("event = 'Order Paid'", "4711"),
            ] {
                let sql = format!(
                    "select count(distinct eventid) as n from product_events where {condition} and eventid = '{id}'"
                );
                rows(run, &sql, "1").await?;
            }
        }
        "11" => {
            for (file, events) in [("segment.json", 2), ("ga4.json", 2)] {
                let label = fresh_id("envelope");
                let body = String::from_utf8(run.read(file)?)?;
                let body = body
                    .replace("Signed Up", &label)
                    .replace("Logged In", &label);
                let body = body.replace("login", &label).replace("purchase", &label);
                run.tracks(&[], body.into_bytes(), 204).await?;
                let sql =
                    format!("select count(*) as n from product_events where event = '{label}'");
                rows(run, &sql, &events.to_string()).await?;
            }
        }
        "12" => {
            let body = run.read("event.json")?;
            let path = format!("/track/{}", run.stack.file.keys.page);
            let headers = [
                ("content-type", "text/plain;charset=UTF-8"),
                ("origin", "https://shop.example.com"),
            ];
            let (status, _) = raw::exchange(run.stack, "POST", &path, &headers, &body).await?;
            run.expect("a beacon, the key in the path", 204, status);
        }
        "13" => {
            let headers = [
                ("origin", "http://localhost:3000"),
                ("access-control-request-method", "POST"),
                ("access-control-request-headers", "content-type,x-api-key"),
            ];
            let (status, _) = raw::send(run.stack, "OPTIONS", "/track", &headers).await?;
            run.note("preflight", "2xx", status, (200..300).contains(&status));
        }
        "14" => {
            let ids = tracked(run, "events.ndjson").await?;
            for id in ids.iter().take(5) {
                lake(
                    run,
                    id,
                    "cast(cast(datetime as date) as varchar)",
                    "2026-11-28",
                )
                .await?;
            }
        }
        "16" => {
            let packed = gzip(&run.read("event.json")?)?;
            run.tracks(&[("content-type", "text/plain")], packed.clone(), 204)
                .await?;
            run.tracks(&[], [packed.clone(), packed].concat(), 204)
                .await?;
        }
        "17" => {
            let basic = format!(
                "Basic {}",
                STANDARD.encode(format!("{}:", run.stack.file.keys.track))
            );
            let body = run.read("event.json")?;
            let (status, _) = raw::exchange(
                run.stack,
                "POST",
                "/track",
                &[("authorization", &basic)],
                &body,
            )
            .await?;
            run.expect("basic, the key as user", 204, status);
        }
        "18" => {
            let form = [("content-type", "application/x-www-form-urlencoded")];
            let body = run.read("body.txt")?;
            run.tracks(&form, body, 400).await?;
            let (status, _) = raw::send(run.stack, "GET", "/track?data=x", &[]).await?;
            run.note("GET /track", "4xx", status, (400..500).contains(&status));
        }
        "19" => {
            let body = run.read("events.ndjson")?;
            run.tracks(&[], body, 400).await?;
        }
        "20" => {
            let ids = tracked(run, "events.ndjson").await?;
            for (index, expected) in [(0, "true"), (1, "true"), (2, "false")] {
                lake(run, &ids[index], "cast(_clamped as varchar)", expected).await?;
            }
        }
        "23" | "25" | "26" | "27" | "28" => objects(run, case).await?,
        "29" => {
            let mapping = run.path("mapping.json").display().to_string();
            let report = run.dry_run("batch.json", &["--mapping", &mapping]).await?;
            let fields = report
                .pointer("/events/0/request/dataFields")
                .cloned()
                .unwrap_or_default();
            let reserved = [
                "email",
                "createdAt",
                "userId",
                "campaignId",
                "_private",
                "price,eur",
                "#tag",
                "123",
                "product.price",
            ];
            let sent: Vec<_> = reserved
                .into_iter()
                .filter(|name| fields.get(name).is_some())
                .collect();
            run.note(
                "dry run",
                "no field that the destination forbids",
                format!("{sent:?}"),
                sent.is_empty() && fields.is_object(),
            );
        }
        "31" => {
            let report = run.dry_run("batch.json", &[]).await?;
            let trailing = report.to_string().contains(r#""userId":"c-1001 ""#);
            run.note(
                "dry run",
                "no user id with a space behind it",
                trailing,
                !trailing,
            );
        }
        "32" => {
            let mapping = run.path("mapping.json").display().to_string();
            let report = run
                .dry_run("batch.json", &["--mapping", &mapping])
                .await?
                .to_string();
            let is_told = report.contains("purchase_as_event")
                && (report.contains("field_left_out") || report.contains("1,299.00"));
            run.note("dry run", "the price kept or noted", is_told, is_told);
        }
        "34" => {
            let body = run.read("batch.json")?;
            for (kind, expected) in [
                ("application/json", 200),
                ("application/json; charset=utf-8", 200),
                ("text/plain", 503),
            ] {
                let key = run.stack.file.keys.mparticle.clone();
                let headers = [("authorization", key.as_str()), ("content-type", kind)];
                let (status, _) =
                    raw::exchange(run.stack, "POST", "/webhooks/mparticle", &headers, &body)
                        .await?;
                run.expect(kind, expected, status);
            }
        }
        "39" => {
            let (status, _) = raw::send(run.stack, "POST", "/v1/batch", &[]).await?;
            // The path exists since the trackers' libraries are supported; without a key it is refused.
            run.expect("POST /v1/batch", 401, status);
        }
        _ => return elsewhere::check(run).await,
    }
    Ok(true)
}

impl Run<'_> {
    /// Posts product events.
    async fn tracks(
        &mut self,
        headers: &[(&str, &str)],
        body: Vec<u8>,
        expected: u16,
    ) -> Result<()> {
        let status = self.stack.track(headers, body).await?;
        self.expect(format!("POST /track {headers:?}"), expected, status);
        Ok(())
    }
}

/// Posts the lines of a file with new ids, which identify them.
async fn tracked(run: &mut Run<'_>, file: &str) -> Result<Vec<String>> {
    let label = fresh_id("case");
    let ahead = time::OffsetDateTime::now_utc() + time::Duration::hours(25);
    let ahead = ahead.format(&time::format_description::well_known::Rfc3339)?;
    let text = String::from_utf8(run.read(file)?)?.replace("<now+25h>", &ahead);
    let mut ids = Vec::new();
    let mut lines = String::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let id = format!("{label}-{}", ids.len());
        let rest = line.trim().strip_prefix('{').context("an object a line")?;
        let _infallible = writeln!(lines, "{{\"eventId\":\"{id}\",{rest}");
        ids.push(id);
    }
    run.tracks(&[], lines.into_bytes(), 204).await?;
    Ok(ids)
}

/// A column of one product event.
async fn lake(run: &mut Run<'_>, id: &str, column: &str, expected: &str) -> Result<()> {
    rows(
        run,
        &format!("select {column} as n from product_events where eventid = '{id}'"),
        expected,
    )
    .await
}

/// The one cell of a query, once a row is as expected; or the last result.
async fn rows(run: &mut Run<'_>, sql: &str, expected: &str) -> Result<()> {
    run.stack.archived(ARRIVAL).await?;
    let ask = async || {
        let answer = cistern(&["query", sql]).await?;
        let cell = answer.pointer("/rows/0/0").cloned();
        anyhow::Ok(cell.map(|cell| match cell {
            Value::String(text) => text,
            other => other.to_string(),
        }))
    };
    let time_limit = std::time::Duration::from_secs(5);
    let right = async || Ok(ask().await?.filter(|cell| cell == expected));
    let came = match eventually("a row", time_limit, right).await {
        Ok(cell) => Some(cell),
        Err(_) => ask().await?,
    };
    run.expect(sql, expected, came.unwrap_or_else(|| "no row".to_owned()));
    Ok(())
}

/// Ids of the requests that a dry run would send.
fn request_ids(report: &Value) -> Vec<String> {
    let events = report["events"].as_array().into_iter().flatten();
    events
        .filter_map(|event| event.pointer("/request/id")?.as_str().map(str::to_owned))
        .collect()
}

/// The lake's rows of mParticle's events.
async fn app_events(run: &mut Run<'_>, case: &str) -> Result<()> {
    let label = fresh_id("case");
    let body = String::from_utf8(run.read("batch.json")?)?;
    let body = body.replace("0b7a6f2e-1111-4222-8333-444455556666", &label);
    let key = run.stack.file.keys.mparticle.clone();
    let headers = [
        ("authorization", key.as_str()),
        ("content-type", "application/json"),
    ];
    let times = if case.starts_with("05") { 2 } else { 1 };
    for _ in 0..times {
        let (status, _) = raw::exchange(
            run.stack,
            "POST",
            "/webhooks/mparticle",
            &headers,
            body.as_bytes(),
        )
        .await?;
        run.expect("POST /webhooks/mparticle", 200, status);
    }
    cistern(&["forward"]).await?;
    let (column, expected) = match case.get(..2) {
        Some("02") => ("event_name", "Home"),
        Some("03") => ("cast(mpid as varchar)", "-7316234817231237841"),
        _ => ("cast(count(distinct event_key) as varchar)", "1"),
    };
    let sql = format!("select {column} as n from app_events where _extra like '%{label}%'");
    rows(run, &sql, expected).await
}

/// Raw objects from other writers: their events become rows, and nothing stays in the queue.
async fn objects(run: &mut Run<'_>, case: &str) -> Result<()> {
    let label = fresh_id("object");
    let (files, expected): (&[&str], &str) = match case.get(..2) {
        Some("23") => (&["x.zst", "x.snappy"], "0"),
        Some("25") => (&["_SUCCESS"], "0"),
        Some("26") => (&["x.json"], "0"),
        Some("27") => (&["x.json"], "1"),
        _ => (&["my file+1 ü.json"], "1"),
    };
    for file in files {
        let body = run.read(file)?;
        // The event's id identifies the rows of this run.
        let body = match String::from_utf8(body.clone()) {
            Ok(text) => text
                .replacen(
                    r#"{"event":"x""#,
                    &format!(r#"{{"eventId":"{label}","event":"x""#),
                    1,
                )
                .into_bytes(),
            Err(_) => body,
        };
        run.stack
            .put_raw(
                &format!("raw/track/dt=2026-11-27/hour=08/{label}/{file}"),
                body,
            )
            .await?;
    }
    let sql = format!("select count(*) as n from product_events where eventid = '{label}'");
    rows(run, &sql, expected).await?;
    let dead = run
        .stack
        .queue_depth(&run.stack.file.queues.archive_dlq)
        .await?;
    run.expect("dead letters", json!(0), dead);
    Ok(())
}
