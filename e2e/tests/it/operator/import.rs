//! `cistern import`: files of several systems become raw objects, once.

use std::path::Path;
use std::process::Output;

use anyhow::{Context as _, Result, ensure};
use aws_io::Aws;
use aws_io::s3::listing;
use serde_json::Value;
use time::OffsetDateTime;

use super::{cistern, command};
use crate::stack::{ARRIVAL, Stack, eventually, fresh_id, gzip};

async fn import(folder: &Path, more: &[&str]) -> Result<(Output, Vec<Value>)> {
    let folder = folder.to_str().context("a path is UTF-8")?;
    let output = command(&[&["import", folder][..], more].concat())?
        .output()
        .await?;
    let lines = String::from_utf8(output.stdout.clone())?;
    let lines = lines
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>();
    let notes = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok((output, lines.with_context(|| notes)?))
}

/// The report of a file and the outcome, which is the last line.
fn report<'a>(lines: &'a [Value], name: &str) -> Result<&'a Value> {
    lines
        .iter()
        .find(|line| {
            line["file"]
                .as_str()
                .is_some_and(|file| file.ends_with(name))
        })
        .with_context(|| format!("no report of {name}"))
}

#[tokio::test]
async fn files_of_several_systems_are_stored_once_however_often_they_are_imported() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let id = fresh_id("import");
    let now = OffsetDateTime::now_utc().unix_timestamp() - 3_600;
    let at = OffsetDateTime::from_unix_timestamp(now)?
        .format(&time::format_description::well_known::Rfc3339)?;
    let folder = tempfile::tempdir()?;
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes);
    let webhook = format!(
        r#"[{{"msys":{{"message_event":{{"type":"bounce","event_id":"{id}-1","timestamp":"{now}"}}}}}},
            {{"msys":{{"message_event":{{"type":"bounce","event_id":"{id}-2"}}}}}}]"#
    );
    write("1-batch.json", webhook.as_bytes())?;
    // The same event by another way, and one more.
    let page = format!(
        r#"{{"results":[{{"type":"bounce","event_id":"{id}-1","timestamp":"{at}","customer_id":1}},
            {{"type":"click","event_id":"{id}-3","timestamp":"{at}","customer_id":1}}],"links":{{}}}}"#
    );
    write("2-page.json", page.as_bytes())?;
    let app = format!(
        r#"{{"events":[{{"event_type":"screen_view","data":{{"source_message_id":"{id}-4","screen_name":"Home"}}}}],"mpid":"1"}}"#
    );
    write("3-export.txt", app.as_bytes())?;
    let product = format!(
        "{{\"id\":\"{id}-5\",\"event\":\"imported\"}}\nnot JSON\n{{\"event\":\"{id}-6\"}}\n"
    );
    write("4-old.ndjson.gz", &gzip(product.as_bytes())?)?;
    write("5-photo.zip", b"PK\x03\x04 and more")?;

    let (_, dry) = import(folder.path(), &["--dry-run"]).await?;
    let (output, lines) = import(folder.path(), &[]).await?;

    ensure!(output.status.code() == Some(3), "{lines:?}");
    for (name, taken_for, items, rejected) in [
        ("1-batch.json", "email", 2, "item 2"),
        ("2-page.json", "email", 2, ""),
        ("3-export.txt", "app", 1, ""),
        ("4-old.ndjson.gz", "product", 2, "not JSON from column"),
    ] {
        for lines in [&dry, &lines] {
            let report = report(lines, name)?;
            ensure!(
                report["taken_for"] == taken_for && report["items"] == items,
                "{report}"
            );
            let reasons = report["rejected"]
                .to_string()
                .replace(r#"{"item":2"#, "item 2");
            ensure!(
                (reasons == "[]") == rejected.is_empty() && reasons.contains(rejected),
                "{report}"
            );
        }
        ensure!(
            report(&dry, name)?["new_objects"] == 0 && report(&lines, name)?["new_objects"] == 1,
            "{lines:?}"
        );
    }
    ensure!(
        report(&lines, "5-photo.zip")?["taken_for"].is_null(),
        "{lines:?}"
    );
    let outcome = lines.last().context("an outcome")?;
    let events = &outcome["events"];
    ensure!(
        events["received"] == 4
            && events["stored"] == 2
            && events["duplicate"] == 1
            && events["rejected"] == 1,
        "{outcome}"
    );

    let (_, again) = import(folder.path(), &[]).await?;

    let new: i64 = again
        .iter()
        .filter_map(|line| line["new_objects"].as_i64())
        .sum();
    ensure!(new == 0, "{again:?}");
    let outcome = again.last().context("an outcome")?;
    ensure!(
        outcome["done"] == 0 && outcome["done_before"] == 2,
        "{outcome}"
    );
    archived_once(&stack, &id).await
}

/// App and product events are in the lake.
async fn archived_once(stack: &Stack, id: &str) -> Result<()> {
    let s3 = Aws::local(&stack.file.aws_endpoint_url).await.s3();
    let bucket = &stack.file.bucket;
    for prefix in ["raw/track/", "raw/mparticle/"] {
        let listed = listing::list(&s3, bucket, prefix, ARRIVAL).await?;
        let imported: Vec<_> = listed
            .into_iter()
            .filter(|object| object.key.contains("/import-"))
            .collect();
        let mut keys = Vec::new();
        for object in imported {
            let body = s3
                .get_object()
                .bucket(bucket)
                .key(&object.key)
                .send()
                .await?;
            let bytes = body.body.collect().await?.to_vec();
            let text = aws_io::gzip::decode_capped(&bytes, 1 << 20)?;
            if String::from_utf8_lossy(&text).contains(id) {
                keys.push(object.key);
            }
        }
        ensure!(keys.len() == 1, "{keys:?}");
        eventually("the imported object to be archived", ARRIVAL, async || {
            let dry = cistern(&["replay", &keys[0], "--into", "lake"]).await?;
            Ok((dry["done_before"] == 1).then_some(()))
        })
        .await?;
    }
    Ok(())
}
