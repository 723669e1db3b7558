//! Product events: from a tracker's request, or a raw object of any quality, to Athena's result.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use event_model::Pipeline;
use lake_schema::{FileId, arrival, layout};
use serde::Deserialize;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::lake::ensure_each_once;
use crate::stack::{ARRIVAL, Stack, eventually, fresh_id, gzip, repository_root, shared_data};

/// The day of the raw objects that tests store, and of their events.
const DAY: &str = "2026-01-02";

fn event(id: &str) -> String {
    format!(r#"{{"event":"e2e","userId":"u","eventId":"{id}","dateTime":"2026-01-02 10:00:00"}}"#)
}

/// A raw object of a test: its key, its bytes, and its expected rows and rejections, if known.
struct Raw {
    key: String,
    body: Vec<u8>,
    expected: Option<(usize, usize)>,
}

/// Each class of damage in the samples: ours with their results, and those beside the checkout.
fn dirty_objects(label: &str) -> Result<Vec<Raw>> {
    let samples = repository_root().join("events/track");
    let readme = std::fs::read_to_string(samples.join("README.md"))?;
    let key = |name: &str| format!("raw/track/dt={DAY}/hour=10/{label}/{name}");
    let mut objects = Vec::new();
    for line in readme.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let name = cells
            .get(1)
            .and_then(|cell| cell.strip_prefix("`dirty/")?.strip_suffix('`'));
        if let Some(name) = name {
            objects.push(Raw {
                key: key(name),
                body: std::fs::read(samples.join("dirty").join(name))?,
                expected: Some((cells[2].parse()?, cells[3].parse()?)),
            });
        }
    }
    if let Some(shared) = shared_data() {
        for entry in std::fs::read_dir(shared.join("track"))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            objects.push(Raw {
                key: key(&name),
                body: std::fs::read(&path)?,
                expected: None,
            });
        }
    }
    Ok(objects)
}

#[derive(Debug, Deserialize)]
struct Comparison {
    rows: usize,
    rejected: usize,
    missing: Vec<String>,
    unknown: Vec<String>,
}

/// Downloads the files and has the plain reader and DuckDB compare them with the raw objects.
async fn compare(stack: &Stack, objects: &[Raw], files: &[String]) -> Result<Comparison> {
    let folder = tempfile::tempdir()?;
    let mut paths = Vec::new();
    for file in files {
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().context("a key has folders")?)?;
        std::fs::write(&path, stack.object(file).await?)?;
        paths.push(path);
    }
    let mut raw = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        let path = folder.path().join(format!("raw-{number}"));
        std::fs::write(&path, &object.body)?;
        let arrival = arrival::from_key(&object.key).context("the key tells an hour")?;
        raw.push(json!({ "path": path, "arrival": arrival.unix_timestamp() * 1000 }));
    }
    let question = json!({ "objects": raw, "files": paths });
    let python = repository_root().join(".local/tools/clients/duckdb/bin/python");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/duckdb/compare.py");
    let mut process = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting DuckDB: .ci/test-tools installs it")?;
    let mut input = process.stdin.take().context("a pipe")?;
    input.write_all(question.to_string().as_bytes()).await?;
    drop(input);
    let output = process.wait_with_output().await?;
    ensure!(output.status.success(), "compare.py failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The files of an object, among those that exist, and its rejected lines.
async fn outcome(
    stack: &Stack,
    key: &str,
    files: &BTreeSet<String>,
) -> Result<(Vec<String>, usize)> {
    let arrived = arrival::from_key(key)
        .context("the key tells an hour")?
        .date();
    let id = FileId::of_part("product_events", arrived, key);
    let rejected = layout::rejected_key(Pipeline::ProductEvents, arrived, id);
    let lines = match stack.keys_under(&rejected).await?.first() {
        Some(key) => {
            stack
                .object(key)
                .await?
                .split(|byte| *byte == b'\n')
                .count()
                - 1
        }
        None => 0,
    };
    let is_of_object = |file: &&String| {
        let file = layout::LakeFile::from_key("product_events", file);
        file.is_some_and(|file| file.id == FileId::of_part("product_events", file.day, key))
    };
    Ok((files.iter().filter(is_of_object).cloned().collect(), lines))
}

#[tokio::test]
async fn every_class_of_damage_becomes_rows_and_rejections_and_duckdb_reads_the_same() -> Result<()>
{
    let (stack, _weather) = Stack::shared().await?;
    let label = fresh_id("dirty");
    let mut objects = dirty_objects(&label)?;
    let many: Vec<String> = (0..5_000)
        .map(|n| {
            let id = format!("{label}-{n}");
            match n % 4 {
                0 => event(&id),
                1 => format!(r#"{{"eventId":"{id}","ts":{},"geo":{{"city":"Z\u00fcrich","zip":{n}}},"n":{n}.50}}"#, 1_767_350_000_000_u64 + n),
                2 => format!(r#"{{"dateTime":"2026-01-02T10:00:00.{:03}+01:00","event":{n},"userId":null}}"#, n % 1000),
                _ => format!(r#"{{"Event":"big","USERID":"ü{n}","url":"https://example.com/?q={n}","props":{{"a":[1,{{}}]}}}}"#),
            }
        })
        .collect();
    objects.push(Raw {
        key: format!("raw/track/dt={DAY}/hour=10/{label}/many.gz"),
        body: gzip(many.join("\n").as_bytes())?,
        expected: Some((many.len(), 0)),
    });
    // A bucket with the older layout, copied.
    objects.push(Raw {
        key: format!("analytics_raw/2026/01/02/10/{label}-1-2026-01-02-10-00-00-x"),
        body: [
            event(&format!("{label}-old-1")),
            event(&format!("{label}-old-2")),
        ]
        .concat()
        .into_bytes(),
        expected: Some((2, 0)),
    });
    for object in &objects {
        stack.put_raw(&object.key, object.body.clone()).await?;
    }
    let files = async || -> Result<BTreeSet<String>> {
        Ok(stack
            .keys_under("lake/product_events/")
            .await?
            .into_iter()
            .collect())
    };
    eventually("every object to become a file", ARRIVAL, async || {
        let files = files().await?;
        for object in &objects {
            if outcome(&stack, &object.key, &files).await?.0.is_empty() {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
    .await?;
    stack.archived(ARRIVAL).await?;

    let files = files().await?;
    let mut all_parts = Vec::new();
    let mut all_rejected = 0;
    for object in &objects {
        let (parts, rejected) = outcome(&stack, &object.key, &files).await?;
        let comparison = compare(&stack, std::slice::from_ref(object), &parts).await?;
        ensure!(
            comparison.missing.is_empty()
                && comparison.unknown.is_empty()
                && comparison.rejected == rejected,
            "{}: {rejected} rejected, {comparison:#?}",
            object.key
        );
        if let Some(expected) = object.expected {
            ensure!(
                (comparison.rows, rejected) == expected,
                "{}: {comparison:?}",
                object.key
            );
        }
        all_parts.extend(parts);
        all_rejected += rejected;
    }
    let comparison = compare(&stack, &objects, &all_parts).await?;
    ensure!(
        comparison.missing.is_empty() && comparison.unknown.is_empty(),
        "{comparison:?}"
    );
    ensure!(comparison.rejected == all_rejected && all_rejected > 0);
    Ok(())
}

#[tokio::test]
async fn what_trackers_post_is_what_athena_counts() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let label = fresh_id("posted");
    let id = |n: usize| format!("{label}-{n}");
    let lines =
        |range: std::ops::Range<usize>| range.map(|n| event(&id(n)) + "\n").collect::<String>();

    let statuses = [
        stack.track(&[], event(&id(0))).await?,
        stack
            .track(
                &[("content-type", "application/json")],
                format!("[{},{}]", event(&id(1)), event(&id(2))),
            )
            .await?,
        stack
            .track(&[("content-type", "application/x-ndjson")], lines(3..103))
            .await?,
        stack
            .track(
                &[("content-encoding", "gzip"), ("content-type", "text/plain")],
                gzip(lines(103..1103).as_bytes())?,
            )
            .await?,
    ];
    ensure!(statuses == [204; 4], "{statuses:?}");
    let refused = stack
        .track(&[], format!("{}\nhello", event(&id(9_999))))
        .await?;
    ensure!(refused == 400, "{refused}");

    let ids: BTreeSet<String> = (0..1103).map(id).collect();
    stack.all_arrived(&label, &ids).await?;
    ensure_each_once(&stack.seen(&label).await?, &ids)?;
    let received = stack
        .athena(&format!(
            "select count(*) from product_events where eventid like '{label}%' and receivedat > timestamp '2026-01-02 10:00:00' and not _clamped"
        ))
        .await?;
    ensure!(received == [[Some("1103".to_owned())]], "{received:?}");
    Ok(())
}

/// The gateway answers preflights, and the emulator does not apply `CorsConfiguration`.
#[tokio::test]
async fn only_the_key_of_track_opens_track() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let post = async |header: Option<(&str, &str)>| -> Result<u16> {
        let mut request = stack.http.post(&stack.file.track_url).body(event("key"));
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        Ok(request.send().await?.status().as_u16())
    };

    ensure!(post(None).await? == 401);
    ensure!(post(Some(("x-api-key", &stack.file.keys.query))).await? == 403);
    ensure!(post(Some(("authorization", "Bearer wrong"))).await? == 401);
    let bearer = format!("Bearer {}", stack.file.keys.track);
    ensure!(post(Some(("authorization", &bearer))).await? == 204);
    Ok(())
}

/// Days are compacted, and compacted again after late events, while queries run.
#[tokio::test]
async fn queries_in_a_loop_see_every_event_once_while_days_are_closed() -> Result<()> {
    let (stack, _weather) = Stack::exclusive().await?;
    let label = fresh_id("closing");
    let mut ids = BTreeSet::new();
    for round in 0..2 {
        for file in 0..3 {
            let events: Vec<String> = (0..20)
                .map(|n| format!("{label}-{round}-{file}-{n}"))
                .collect();
            let body: String = events.iter().map(|id| event(id) + "\n").collect();
            let key = format!("raw/track/dt={DAY}/hour=10/{label}/{round}-{file}");
            stack.put_raw(&key, body.into_bytes()).await?;
            ids.extend(events);
        }
        stack.all_arrived(&label, &ids).await?;
        stack.archived(ARRIVAL).await?;

        stack
            .close_days(async || {
                for _ in 0..3 {
                    ensure_each_once(&stack.seen(&label).await?, &ids)?;
                }
                Ok(())
            })
            .await?;
    }
    let closed = format!("lake/product_events/closed/dt={DAY}/");
    let files = stack.keys_under(&closed).await?;
    ensure!(files.len() >= 2, "one for each round: {files:?}");
    Ok(())
}
