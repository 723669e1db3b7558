//! What the console shows of app events and of the queues, against what was sent and against SQS.

use anyhow::{Context as _, Result, ensure};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    client::Client,
    figures::{number, table},
};
use crate::forwarding::rig::{EVERYTHING, Forwarding, screen_views};
use crate::stack::{ARRIVAL, eventually, fresh_id};

#[tokio::test]
async fn app_events_are_summed_up_as_they_were_sent_and_rejected() -> Result<()> {
    let rig = Forwarding::with(&[("MAPPING", EVERYTHING)]).await?;
    let checks = async {
        // A whole second in which no other test has sent anything.
        let start = OffsetDateTime::now_utc().replace_nanosecond(0)? + Duration::SECOND;
        eventually("the second to begin", ARRIVAL, async || {
            Ok((OffsetDateTime::now_utc() >= start).then_some(()))
        })
        .await?;
        let from = start.format(&Rfc3339)?;
        let id = fresh_id("console-app");
        let ids: Vec<String> = (0..7).map(|n| format!("{id}-{n}")).collect();
        rig.deliver(screen_views(&id, &ids)).await?;
        rig.deliver("no JSON").await?;
        let sums = rig.drain().await?;
        ensure!((sums.sent, sums.rejected) == (7, 1), "{sums:?}");
        let client = Client::signed_in(&rig.stack).await?;
        let path = format!("/console/app-events?from={from}");

        // The emulator keeps a log line a moment after it is written.
        let page = eventually("the page to have the run", ARRIVAL, async || {
            let page = client.get(&path).await?;
            ensure!(page.status == 200, "{}", page.body);
            let told = table(&page.body, "Sums of app events")?;
            let row = told.get(1).context("a row of sums")?;
            Ok((number(&row[0]) == sums.received).then_some(page))
        })
        .await?;

        let sums_row = table(&page.body, "Sums of app events")?.remove(1);
        let told: Vec<u64> = sums_row[..4].iter().map(|cell| number(cell)).collect();
        ensure!(
            told == [sums.received, sums.sent, sums.skipped, sums.rejected],
            "{told:?}, not {sums:?}"
        );
        ensure!(sums_row[4].starts_with('0'), "{sums_row:?}");
        let reasons = table(&page.body, "aria-label=\"Rejected by reason\"")?;
        ensure!(
            reasons[1][0] == "malformed json" && number(&reasons[1][2]) == 1,
            "{reasons:?}"
        );
        let runs = table(&page.body, "aria-label=\"Runs\"")?;
        ensure!(
            runs[1..].iter().any(|run| run[1] == "everything was sent"),
            "{runs:?}"
        );
        let sent: u64 = runs[1..].iter().map(|run| number(&run[3])).sum();
        ensure!(sent == sums.sent, "{runs:?}");
        let plot = table(&page.body, "Numbers of this plot")?;
        let plotted: u64 = plot[1..].iter().map(|row| number(&row[1])).sum();
        ensure!(plotted == sums.sent, "{plot:?}");
        anyhow::Ok(())
    };
    let outcome = Box::pin(checks).await;
    rig.restore().await?;
    outcome
}

#[tokio::test]
async fn queues_are_those_of_sqs_with_their_dead_letters() -> Result<()> {
    let rig = Forwarding::with(&[]).await?;
    let sqs = rig.stack.sqs().await;
    let queues = &rig.stack.file.queues;
    for _ in 0..3 {
        let dead = sqs.send_message().queue_url(&queues.forward_dlq);
        dead.message_body("{}").send().await?;
    }
    let client = Client::signed_in(&rig.stack).await?;

    let page = client.get("/console").await?;
    sqs.purge_queue()
        .queue_url(&queues.forward_dlq)
        .send()
        .await?;

    ensure!(page.status == 200, "{}", page.status);
    let told = table(&page.body, "aria-label=\"Queues\"")?;
    let functions: Vec<&str> = told[1..].iter().map(|row| row[4].as_str()).collect();
    ensure!(functions == ["loader", "forwarder", "archiver"], "{told:?}");
    ensure!(number(&told[2][3]) == 3, "{told:?}");
    ensure!(page.body.contains("set it aside"), "{}", page.body);
    Ok(())
}
