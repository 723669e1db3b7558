//! Cases about the search.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::SEARCH;
use crate::cases::run::{RANGE, Run};

#[expect(clippy::too_many_lines, reason = "a table, with an arm for each case")]
pub(super) async fn searches(run: &mut Run<'_>, case: &str) -> Result<()> {
    match case {
        "21" => {
            for range in [
                "cursor=initial&per_page=10000&from=2026-11-29+15%3A30%3A00%2B05%3A30&to=2026-11-29+16%3A00%3A00%2B05%3A30",
                "cursor=initial&per_page=10000&from=2026-11-29%2015:30:00+05:30&to=2026-11-29%2016:00:00+05:30",
                "from=2026-11-29T10:00:00Z&to=2026-11-29T16:00:00%2B05:30",
            ] {
                run.found(&format!("{range}&campaigns=c20"), 7).await?;
            }
        }
        "22" => dates(run).await?,
        "23" => {
            for (zone, from, expected) in [
                ("America/New_York", "05", "2026-11-29T05:00:41.000-05:00"),
                ("UTC", "10", "2026-11-29T10:00:41.000+00:00"),
            ] {
                let query = format!(
                    "/api/v1/message-events?timezone={zone}&recipients=u1@rcpt.example&from=2026-11-29T{from}:00&to=2026-11-29T{from}:30"
                );
                run.value(&query, "/results/0/timestamp", 200, json!(expected))
                    .await?;
                run.value(
                    &query,
                    "/results/0/tdate",
                    200,
                    json!("2026-11-29T10:00:41.000Z"),
                )
                .await?;
            }
        }
        "27" => walk(run).await?,
        "30" => {
            let page = |page: &str| {
                format!("/api/v1/message-events?{RANGE}&campaign_ids=c20&per_page=3&page={page}")
            };
            for (number, last) in [("1", 2), ("2", 2), ("3", 0)] {
                let pointer = format!("/results/{last}/campaign_id");
                run.value(&page(number), &pointer, 200, json!("c20"))
                    .await?;
            }
            for beyond in ["4", "25"] {
                run.value(&page(beyond), "/results", 200, json!([])).await?;
            }
            for wrong in ["0", "-1", "1.0", "abc"] {
                run.value(&page(wrong), "/errors/0/param", 400, json!("page"))
                    .await?;
            }
        }
        "31" => {
            let query = format!("per_page=1&campaigns=c20&{RANGE}");
            for path in [
                "//api/v1/events/message",
                "/api/v1//events/message",
                "/api/v1/events/message/",
            ] {
                run.value(&format!("{path}?{query}"), "/total_count", 200, json!(7))
                    .await?;
            }
            for path in [
                "/api/v1//api/v1/events/message",
                "/api/v1/Events/Message",
                "/v1/events/message",
            ] {
                let (status, answer) = run.get(&format!("{path}?{query}")).await?;
                run.note(
                    path,
                    "404 that says so",
                    format!("{status} {answer}"),
                    status == 404 && answer.is_object(),
                );
            }
        }
        "32" => {
            for (query, found) in [
                (
                    "campaigns=c20%7Cnone&delimiter=%7C&subjects=Hi%2C%20there",
                    2,
                ),
                ("campaigns=c20&subjects=Hi,,there", 2),
                (
                    "campaigns=c20%7C%7Cnone&delimiter=%7C%7C&subjects=Other%2C%20one",
                    5,
                ),
                ("campaigns=c20&delimiter=+&subjects=Hi%2C+there", 2),
            ] {
                run.found(&format!("{RANGE}&{query}"), found).await?;
            }
        }
        "33" => {
            run.found("from=2026-11-29T10:00&to=2026-11-29T10:00", 0)
                .await?;
            run.found("to=2026-01-01T00:00", 0).await?;
            run.found("from=2027-11-29T10:00", 0).await?;
            run.found(
                "campaigns=c20&from=2026-11-29T10:00&to=2099-01-01T00:00&per_page=1",
                7,
            )
            .await?;
            run.found(
                "campaigns=c20&from=1970-01-01T00:00&to=9999-12-31T23:59&per_page=1",
                7,
            )
            .await?;
            run.value(
                &format!("{SEARCH}?from=2026-11-29T11:00&to=2026-11-29T10:00"),
                "/errors/0/param",
                400,
                json!("from"),
            )
            .await?;
        }
        "34" => {
            let range = "from=2026-11-29T09:00&to=2026-11-29T11:00";
            run.found(
                &format!("campaign_ids=c20&transmission_ids=771100000000000001&{range}&per_page=2"),
                7,
            )
            .await?;
            run.found(&format!("campaign_ids=none&{range}"), 0).await?;
            run.found(
                &format!("campaign_ids=none&campaigns=c20&{range}&per_page=1"),
                7,
            )
            .await?;
        }
        "36" => {
            let recipients = |count: u32| {
                let addresses: Vec<_> = (1..=count)
                    .map(|number| format!("u{number}@rcpt.example"))
                    .collect();
                addresses.join(",")
            };
            run.found(&format!("{RANGE}&recipients={}", recipients(150)), 6)
                .await?;
            let long = format!("{SEARCH}?{RANGE}&recipients={}", recipients(300));
            run.value(&long, "/errors/0/message", 414, json!("uri too long"))
                .await?;
        }
        _ => zones(run).await?,
    }
    Ok(())
}

/// Forms of dates are accepted, or refused by name.
async fn dates(run: &mut Run<'_>) -> Result<()> {
    for (from, is_understood) in [
        ("2026-11-29", true),
        ("2026-11-29T09:00:00.123Z", true),
        ("2026-11-29T09:00:00.000000Z", true),
        ("2026-11-29T09:00:00.000%2B0000", true),
        ("now", false),
        ("1795946400", false),
        ("1795946400000", false),
        ("2026-11-29T24:00", false),
        ("11/29/2026", false),
    ] {
        let query = format!("{SEARCH}?from={from}&to=2026-11-30T00:00&campaigns=c20");
        if is_understood {
            run.value(&query, "/total_count", 200, json!(7)).await?;
        } else {
            run.value(&query, "/errors/0/param", 400, json!("from"))
                .await?;
        }
    }
    Ok(())
}

/// The link of a page leads to the next one.
async fn walk(run: &mut Run<'_>) -> Result<()> {
    let mut next = format!(
        "{SEARCH}?cursor=initial&per_page=3&from=2026-11-29T09:00&to=2026-11-29T11:00&campaigns=c20"
    );
    let (mut ids, mut sizes) = (BTreeSet::new(), Vec::new());
    for _ in 0..5 {
        let (status, page) = run.get(&next).await?;
        let results = page["results"]
            .as_array()
            .with_context(|| format!("{status} {page}"))?;
        sizes.push(results.len());
        ids.extend(results.iter().map(|event| event["event_id"].to_string()));
        match page["links"]["next"].as_str() {
            Some(link) => link.clone_into(&mut next),
            None => break,
        }
    }
    run.expect(
        "the walk",
        "pages [3, 3, 1] of 7",
        format!("pages {sizes:?} of {}", ids.len()),
    );
    Ok(())
}

/// Days in the zone, or a 400 that names it.
async fn zones(run: &mut Run<'_>) -> Result<()> {
    for zone in [
        "UTC",
        "America/New_York",
        "US/Eastern",
        "Asia/Calcutta",
        "Europe/Kyiv",
        "America/Coyhaique",
        "Asia/Kathmandu",
        "+05:30",
        "%2B05:30",
        "-0930",
        "GMT",
        "EST5EDT",
        "Etc/GMT%2B5",
        "Mars/Olympus",
        "utc",
        "europe/berlin",
    ] {
        let query =
            format!("/api/v1/events/counts?{RANGE}&campaigns=c20&group_by=hour&timezone={zone}");
        let (status, answer) = run.get(&query).await?;
        let is_counted = status == 200 && answer["results"][0]["count"] == 7;
        let is_refused = status == 400 && answer["errors"][0]["param"] == "timezone";
        run.note(
            zone,
            "7 in an hour, or 400 for timezone",
            format!("{status} {answer}"),
            is_counted || is_refused,
        );
    }
    Ok(())
}
