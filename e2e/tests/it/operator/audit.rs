//! `cistern audit`: what is taken away by hand is named.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use aws_io::{Aws, S3Client, s3::listing};
use lake_schema::layout::LakeFile;
use serde_json::Value;
use std::time::Duration;

use super::look::command;
use crate::stack::{ARRIVAL, Stack, eventually, fresh_id};

const LIMIT: Duration = Duration::from_secs(10);

/// The findings about one object, and whether the audit failed.
async fn audit(day: &str, about: &[&str]) -> Result<(BTreeSet<(String, String)>, bool)> {
    let output = command(&["audit", "--day", day, "--settle", "0", "--json"])?
        .output()
        .await?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let answer: Value = serde_json::from_slice(&output.stdout).context(errors)?;
    let findings = answer["report"]["findings"]
        .as_array()
        .context("findings")?;
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let found = findings
        .iter()
        .filter(|finding| {
            about
                .iter()
                .any(|part| text(finding, "object").contains(part))
        })
        .map(|finding| (text(finding, "side"), text(finding, "what")))
        .collect();
    Ok((found, !output.status.success()))
}

/// The keys under a prefix.
async fn keys(s3: &S3Client, bucket: &str, prefix: &str) -> Result<Vec<String>> {
    let listed = listing::list(s3, bucket, prefix, LIMIT).await?;
    Ok(listed.into_iter().map(|object| object.key).collect())
}

#[tokio::test]
async fn audit_names_the_object_row_file_and_rejection_that_were_taken_away() -> Result<()> {
    let (stack, _weather) = Stack::exclusive().await?;
    let s3 = Aws::local(&stack.file.aws_endpoint_url).await.s3();
    let bucket = stack.file.bucket.clone();
    let id = fresh_id("audited");
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let event = |event_id: &str, time: &str| {
        format!(
            r#"{{"msys":{{"message_event":{{"type":"bounce","event_id":"{event_id}","timestamp":"{time}","rcpt_to":"a@b.example"}}}}}}"#
        )
    };
    let body = format!(
        "[{},{},{},7]",
        event(&format!("{id}-a"), &now.to_string()),
        event(&format!("{id}-b"), &now.to_string()),
        event(&format!("{id}-c"), "soon"),
    );
    let before: BTreeSet<String> = keys(&s3, &bucket, "lake/email_events/new/")
        .await?
        .into_iter()
        .collect();
    let batch = stack.deliver(&id, body.into_bytes()).await?.batch_key;
    let raw = keys(&s3, &bucket, "raw/sparkpost/").await?;
    let raw = raw
        .into_iter()
        .find(|key| key.contains(&batch))
        .context("the raw object is there")?;
    let day = raw
        .split_once("dt=")
        .and_then(|(_, rest)| rest.split('/').next())
        .context("a day")?
        .to_owned();
    let part = eventually("the part of the lake", ARRIVAL, async || {
        let parts = keys(&s3, &bucket, "lake/email_events/new/").await?;
        let mut new = parts.into_iter().filter(|key| !before.contains(key));
        Ok(new.next())
    })
    .await?;
    ensure!(
        LakeFile::from_key("email_events", &part).is_some(),
        "{part}"
    );
    eventually("the rejection of the lake", ARRIVAL, async || {
        let (found, _) = audit(&day, &[&raw, &batch]).await?;
        Ok(found.is_empty().then_some(()))
    })
    .await?;

    let remove = async |key: &str| s3.delete_object().bucket(&bucket).key(key).send().await;
    let pair = |side: &str, what: &str| (side.to_owned(), what.to_owned());
    sqlx::query("delete from email_events where event->>'event_id' = $1")
        .bind(format!("{id}-a"))
        .execute(&stack.db)
        .await?;
    let (row, row_fails) = audit(&day, &[&raw]).await?;
    sqlx::query("delete from email_events_rejected where batch_key = $1 and ordinal = 3")
        .bind(&batch)
        .execute(&stack.db)
        .await?;
    let (rejection, _) = audit(&day, &[&raw]).await?;
    remove(&part).await?;
    let (file, _) = audit(&day, &[&raw]).await?;
    remove(&raw).await?;
    let (object, _) = audit(&day, &[&batch]).await?;
    // What has no source any more must not be among the open items of other tests.
    sqlx::query("delete from email_events_rejected where batch_key = $1")
        .bind(&batch)
        .execute(&stack.db)
        .await?;

    ensure!(
        row_fails && row == [pair("postgres", "row_missing")].into(),
        "{row:?}"
    );
    ensure!(
        rejection.contains(&pair("postgres", "rejection_missing")),
        "{rejection:?}"
    );
    let lake = file.iter().filter(|(side, _)| side == "lake").count();
    ensure!(lake == 1, "{file:?}");
    ensure!(
        object.contains(&pair("postgres", "object_missing")),
        "{object:?}"
    );
    Ok(())
}
