//! Email cases: SparkPost's webhook and the search.

mod search;

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use self::search::searches;
use super::run::{RANGE, Run};
use super::{elsewhere, raw};
use crate::stack::{gzip, repository_root};

const HOOK: &str = "/webhooks/sparkpost";
const SEARCH: &str = "/api/v1/events/message";

/// False for an unknown case.
#[expect(clippy::too_many_lines, reason = "a table, with an arm for each case")]
pub(super) async fn check(run: &mut Run<'_>) -> Result<bool> {
    let (_, case) = run.name.split_once('/').context("area and case")?;
    match case.split('-').next().unwrap_or_default() {
        "01" => tokens(run).await?,
        "02" => {
            let key = run.stack.file.keys.sparkpost.clone();
            for path in [HOOK, "/webhooks/sparkpost/", "//webhooks/sparkpost"] {
                run.ping(path, &key, 200).await?;
            }
        }
        "04" => probes(run).await?,
        "05" => transfers(run).await?,
        "06" => basic(run).await?,
        "07" => {
            for id in [
                "77c2b630-d712-11e4-9642-efc2723b99c1",
                "77c2b630-d712-11e4-9642-efc2723b99c2",
            ] {
                run.batch(
                    "batch.json",
                    &[("x-messagesystems-batch-id", id)],
                    "200, 27 received, 0 rejected",
                )
                .await?;
            }
            let second = "from=2016-04-18T14:25:07Z&to=2016-04-18T14:25:08Z";
            run.found(
                &format!("{second}&campaigns=c07%20Example&event_ids=92450000000000027"),
                22,
            )
            .await?;
            run.found(
                &format!("{second}&events=amp_open&event_ids=92450000000000027"),
                1,
            )
            .await?;
        }
        "09" => {
            run.batch("batch.json", &[], "200, 2 received, 0 rejected")
                .await?;
            for address in [
                "Kim.Berg@Rcpt.Example",
                "kim.berg@rcpt.example",
                "KIM.BERG@RCPT.EXAMPLE",
            ] {
                run.found(&format!("{RANGE}&recipients={address}"), 2)
                    .await?;
            }
            run.found(
                &format!("{RANGE}&campaigns=c09&recipient_domains=rcpt.example"),
                2,
            )
            .await?;
        }
        "10" => {
            let sample =
                std::fs::read(repository_root().join("events/sparkpost/quirk-addresses.json"))?;
            run.posted(sample, &[]).await?;
            run.found("from=2026-02-03T00:00&to=2026-02-04T00:00&recipients=o.brien@Example.ORG&event_ids=417305528140670124", 1).await?;
        }
        "11" => {
            run.batch("batch.json", &[], "200, 2 received, 0 rejected")
                .await?;
            let click = format!("{RANGE}&campaigns=c11&events=click");
            let lists = json!([{"user_id": "42"}, {"plan": "pro"}]);
            run.value(
                &format!("{SEARCH}?{click}"),
                "/results/0/rcpt_meta",
                200,
                lists,
            )
            .await?;
            run.value(
                &format!("{SEARCH}?{click}"),
                "/results/0/geo_ip",
                200,
                json!([]),
            )
            .await?;
            run.value(
                &format!("/api/v1/message-events?{click}"),
                "/results/0/rcpt_meta",
                200,
                json!({"0": {"user_id": "42"}, "1": {"plan": "pro"}}),
            )
            .await?;
            run.found(&format!("{RANGE}&campaigns=c11"), 2).await?;
            run.never_5xx("GET", &format!("{SEARCH}?{click}&format=csv"), &[])
                .await?;
        }
        "12" => {
            run.batch("batch.json", &[], "200, 2 received, 0 rejected")
                .await?;
            for (filter, found) in [
                ("reasons=5.1.1", 1),
                ("reasons=try%20550", 1),
                ("reason=nosuchuser", 1),
                ("mailbox_provider_regions=B2B%20-%20Filter", 1),
                ("mailbox_provider_regions=b2b", 1),
                ("mailbox_providers=GMAIL", 2),
                ("bounce_classes=10,22,90", 2),
            ] {
                run.found(&format!("{RANGE}&campaigns=c12&{filter}"), found)
                    .await?;
            }
        }
        "14" => {
            run.batch("batch.json", &[], "200, 5 received, 2 rejected")
                .await?;
            run.found(&format!("{RANGE}&campaigns=c14"), 3).await?;
            run.found(&format!("{RANGE}&campaigns=c14&tags=t1499"), 1)
                .await?;
            run.found(&format!("{RANGE}&campaigns=c14&events=click"), 1)
                .await?;
        }
        "15" => {
            run.batch("bird.json", &[], "200, 1 received, 1 rejected")
                .await?;
        }
        "17" => {
            run.batch("batch.json", &[], "200, 2 received, 0 rejected")
                .await?;
            run.found(&format!("{RANGE}&campaigns=c17&events=initial_click"), 1)
                .await?;
            run.found(
                &format!("{RANGE}&campaigns=c17&events=delivery,bounce,initial_click"),
                2,
            )
            .await?;
            let counts = format!("/api/v1/events/counts?{RANGE}&campaigns=c17&group_by=type");
            run.value(&counts, "/results/1/count", 200, json!(1))
                .await?;
        }
        "18" => {
            run.batch("batch.json", &[], "200, 4 received, 0 rejected")
                .await?;
            run.found(&format!("{RANGE}&campaigns=c18&subaccounts=0"), 3)
                .await?;
            let counts = format!("/api/v1/events/counts?{RANGE}&campaigns=c18&group_by=subaccount");
            run.value(&counts, "/results/0/count", 200, json!(3))
                .await?;
            run.value(&counts, "/results/2", 200, Value::Null).await?;
        }
        "20" => seed(run).await?,
        "21" | "22" | "23" | "27" | "30" | "31" | "32" | "33" | "34" | "36" | "37" => {
            seed(run).await?;
            searches(run, case.get(..2).unwrap_or_default()).await?;
        }
        "26" => {
            for path in [
                "/api/v1/account",
                "/api/v1/account/",
                "/api/v1/webhooks",
                "/api/v1/events/ingest",
            ] {
                run.value(path, "/errors/0/message", 404, json!("resource not found"))
                    .await?;
            }
            let document =
                std::fs::read_to_string(repository_root().join("docs/known-differences.md"))?;
            run.note(
                "docs/known-differences.md",
                "says so",
                "",
                document.contains("/api/v1/account"),
            );
        }
        "40" => {
            let key = run.stack.file.keys.sparkpost.clone();
            for query in ["?source=eu", "?source=eu%20west", "?a=%zz&b", "?"] {
                run.ping(&format!("{HOOK}{query}"), &key, 200).await?;
            }
        }
        _ => return elsewhere::check(run).await,
    }
    Ok(true)
}

async fn seed(run: &mut Run<'_>) -> Result<()> {
    let file = run.path("../20-seed/batch.json");
    let came = run.posted(std::fs::read(file)?, &[]).await?;
    run.expect("seven deliveries", "200, 7 received, 0 rejected", came);
    run.found(&format!("{RANGE}&campaigns=c20"), 7).await
}

async fn tokens(run: &mut Run<'_>) -> Result<()> {
    let key = SecretString::from(run.stack.file.keys.sparkpost.clone());
    let issued =
        |age: u64| access_keys::token::issue(&key, SystemTime::now() - Duration::from_secs(age));
    for (age, expected) in [(0, 200), (7_200, 401)] {
        let bearer = format!("Bearer {}", issued(age).expose_secret());
        run.ping(HOOK, &bearer, expected).await?;
    }
    run.ping(HOOK, "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x", 401)
        .await
}

async fn probes(run: &mut Run<'_>) -> Result<()> {
    let origin = ("origin", "https://app.example");
    let wants_get = ("access-control-request-method", "GET");
    for method in ["GET", "HEAD", "OPTIONS", "PUT"] {
        run.never_5xx(method, HOOK, &[origin, wants_get]).await?;
    }
    let wants_key = ("access-control-request-headers", "authorization");
    run.never_5xx("OPTIONS", SEARCH, &[origin, wants_get, wants_key])
        .await?;
    let key = run.stack.file.keys.query.clone();
    let (status, _) = raw::send(
        run.stack,
        "HEAD",
        &format!("{SEARCH}?per_page=1"),
        &[("authorization", &key)],
    )
    .await?;
    run.expect("HEAD search", 200, status);
    Ok(())
}

async fn transfers(run: &mut Run<'_>) -> Result<()> {
    let id = ("x-messagesystems-batch-id", "0505-shapes");
    let right = "200, 1 received, 0 rejected";
    let chunked = ("transfer-encoding", "chunked");
    run.batch("batch.json", &[id], right).await?;
    run.batch("batch.json", &[id, chunked], right).await?;
    run.batch(
        "batch.json",
        &[id, chunked, ("expect", "100-continue")],
        right,
    )
    .await?;
    run.batch("batch.json", &[id, ("content-encoding", "gzip")], right)
        .await?;
    run.batch(
        "batch.json",
        &[id, ("content-type", "application/json; charset=utf-8")],
        right,
    )
    .await?;
    let packed = gzip(&run.read("batch.json")?)?;
    let came = run
        .posted(packed, &[id, ("content-encoding", "gzip")])
        .await?;
    run.expect("gzip", right, came);
    run.found(&format!("{RANGE}&campaigns=c05"), 1).await
}

async fn basic(run: &mut Run<'_>) -> Result<()> {
    let key = run.stack.file.keys.sparkpost.clone();
    let right = STANDARD.encode(format!("any:{key}"));
    for (scheme, expected) in [
        (format!("basic {right}"), 200),
        (format!("BASIC {right}"), 200),
        (format!("Basic  {right}"), 200),
        (format!("Basic {}", STANDARD.encode(format!("{key}:"))), 200),
        (
            format!("Basic {}", STANDARD.encode(format!("a:b:{key}"))),
            401,
        ),
        ("Basic ***".to_owned(), 401),
        (format!("Basic {}", STANDARD.encode(b"\xff\xfe:\xff")), 401),
        ("Basic".to_owned(), 401),
        (format!("Token {key}"), 401),
        (r#"Digest username="a""#.to_owned(), 401),
    ] {
        run.ping(HOOK, &scheme, expected).await?;
    }
    Ok(())
}
