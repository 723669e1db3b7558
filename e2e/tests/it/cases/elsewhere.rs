//! Cases about files: those that a deployment reads, and those that the archiver writes.

use std::fs::File;
use std::io::Write as _;

use anyhow::{Context as _, Result};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::FileReader as _;
use parquet::file::serialized_reader::{ReadOptionsBuilder, SerializedFileReader};
use serde_json::json;

use super::postgres;
use super::run::Run;
use crate::interop;
use crate::stack::{ARRIVAL, fresh_id, repository_root};

/// False for an unknown case.
pub(super) async fn check(run: &mut Run<'_>) -> Result<bool> {
    match run.name {
        "email/50-postgres-behind-a-pooler" => postgres::pooler(run).await?,
        "email/51-sam-build-cached-over-the-whole-checkout" => without_setting(run, "cached")?,
        "email/52-iam-login-fails-now-and-then" => postgres::iam(run).await?,
        "email/53-two-sam-build-pitfalls-avoided" => {
            without_setting(run, "parallel")?;
            binaries(run)?;
        }
        "email/55-disk-full-read-only-and-failover" => postgres::full_and_failing_over(run).await?,
        "app/09-parquet-no-encoding-stats" | "app/35-parquet-created-by" => footers(run).await?,
        "app/37-parquet-timestamps" | "app/38-parquet-awkward-chunks" => {
            interop::compare_readers(interop::FEW_EVENTS).await?;
            run.expect("readers of other makes", "equal", "equal");
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// `sam build` does without this option, which would go wrong.
fn without_setting(run: &mut Run<'_>, setting: &str) -> Result<()> {
    let settings = std::fs::read_to_string(repository_root().join("samconfig.toml"))?;
    let line = settings
        .lines()
        .find(|line| line.split('=').next().map(str::trim) == Some(setting))
        .filter(|line| line.contains("true"));
    run.expect("samconfig.toml", "not set", line.unwrap_or("not set"));
    Ok(())
}

/// Every function that SAM builds names an existing program.
fn binaries(run: &mut Run<'_>) -> Result<()> {
    let template = std::fs::read_to_string(repository_root().join("template.yaml"))?;
    let named: Vec<_> = template
        .lines()
        .filter_map(|line| line.split_once("Binary: "))
        .map(|(_, name)| name.trim_end_matches('}'))
        .collect();
    let built = template
        .lines()
        .filter(|line| line.trim() == "BuildMethod: rust-cargolambda")
        .count();
    run.expect("functions with a program's name", built, named.len());
    let functions = repository_root().join("crates/functions");
    for name in named {
        let is_there = functions.join(name).join("src/main.rs").exists()
            || std::fs::read_dir(&functions)?
                .filter_map(|entry| Some(entry.ok()?.path().join(format!("src/bin/{name}.rs"))))
                .any(|path| path.exists());
        run.note(name, "a program", is_there, is_there);
    }
    Ok(())
}

/// The footer of a file of the deployed archiver: its writer, and the pages of its dictionaries.
async fn footers(run: &mut Run<'_>) -> Result<()> {
    let label = fresh_id("footer");
    let lines: Vec<_> = (0..500)
        .map(|n| json!({ "event": label, "userId": format!("u{}", n % 3) }).to_string())
        .collect();
    let events = lines.join("\n");
    let status = run.stack.track(&[], events.into_bytes()).await?;
    run.expect("POST /track", 204, status);
    run.stack.archived(ARRIVAL).await?;
    let keys = run.stack.keys_under("lake/").await?;
    let files: Vec<_> = keys
        .iter()
        .filter(|key| key.ends_with(".parquet"))
        .collect();
    run.note("files of the lake", "some", files.len(), !files.is_empty());
    for key in files.into_iter().rev().take(20) {
        let mut file = tempfile::tempfile()?;
        file.write_all(&run.stack.object(key).await?)?;
        footer(run, key, file).with_context(|| key.clone())?;
    }
    Ok(())
}

fn footer(run: &mut Run<'_>, key: &str, file: File) -> Result<()> {
    let options = ReadOptionsBuilder::new()
        .with_encoding_stats_as_mask(false)
        .build();
    let reader = SerializedFileReader::new_with_options(file, options)?;
    let created_by = reader.metadata().file_metadata().created_by();
    let created_by = created_by.unwrap_or_default();
    // As parquet-java parses it: a name, a version, and a build.
    let numbers = created_by
        .strip_prefix("cistern version ")
        .and_then(|rest| rest.split_once(" (build "))
        .map(|(version, _)| {
            version
                .split('.')
                .filter(|part| part.parse::<u32>().is_ok())
                .count()
        });
    run.note(
        key,
        "cistern version 0.x.y (build …)",
        created_by,
        numbers == Some(3),
    );
    let groups = reader.metadata().row_groups();
    let chunks: Vec<_> = groups.iter().flat_map(RowGroupMetaData::columns).collect();
    let told = chunks.iter().filter(|chunk| {
        chunk
            .page_encoding_stats()
            .is_some_and(|pages| !pages.is_empty())
    });
    run.expect(
        format!("{key}: chunks with encoding stats"),
        chunks.len(),
        told.count(),
    );
    Ok(())
}
