//! The lake's files as seen by readers that share no code with their writer: parts, days and months of all tables.
//!
//! `make test` compares a few readers on a few thousand rows; `make interop` all of them on many more
//! (`CISTERN_INTEROP_PYTHON`, `CISTERN_INTEROP_EVENTS`).

use std::{
    collections::BTreeMap,
    fs::{self, File},
    num::NonZeroU64,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use event_samples::{mparticle, sparkpost, track};
use lake_files::{Merge, MonthFile, Source, convert};
use lake_schema::{
    FileId, Table,
    layout::{FileKind, LakeFile},
};
use serde::Deserialize;
use serde_json::{Value, json};
use time::{Date, macros::date};
use tokio::process::Command;

use crate::stack::repository_root;

const FIRST_DAY: Date = date!(2026 - 01 - 01);
const DAY: Date = date!(2026 - 02 - 03);
const COLUMN_BYTES: usize = 64 << 20;
pub(crate) const FEW_EVENTS: usize = 2_000;

#[derive(Debug, Deserialize)]
struct Comparison {
    readers: Vec<String>,
    rows: usize,
    files: BTreeMap<PathBuf, Compared>,
}

#[derive(Debug, Deserialize)]
struct Compared {
    rows: usize,
    differences: BTreeMap<String, Value>,
}

/// Raw objects of one table.
struct Raw {
    table: Table,
    objects: Vec<Vec<u8>>,
}

/// Events that no generator makes: of all lengths, and with every value of a column.
fn awkward_events() -> Vec<Vec<u8>> {
    let event = |members: Value| {
        let mut event = members;
        event["dateTime"] = json!(format!("{DAY} 10:00:00.123"));
        format!("{event}\n")
    };
    let texts = [
        "", "\0", "\u{ffff}", "😀", "e\u{301}", "שלום", " x ", "\"\\\n",
    ];
    let odd: String = texts
        .iter()
        .map(|text| event(json!({ "event": text, "userId": text, "x": text })))
        .collect();
    let long = event(json!({ "event": "😀".repeat(70), "userId": "x".repeat(70_000) }));
    let changing: String = (0..3_000)
        .map(|n| {
            let user = (n % 7 != 0).then(|| format!("u{}-{}", n % 5, "y".repeat(n % 90)));
            event(json!({ "event": format!("e{}", n % 3), "userId": user, "eventId": n }))
        })
        .collect();
    // Every string new, and more than a page of them: no dictionary.
    let new: String = (0..12_000)
        .map(|n| event(json!({ "event": "e", "userId": format!("{n}-{}", "z".repeat(90)) })))
        .collect();
    let one = event(json!({}));
    [odd, long, changing, new, one]
        .map(String::into_bytes)
        .into()
}

fn product_events(shape: track::Shape, count: usize) -> Vec<u8> {
    let options = track::GeneratorOptions {
        shape,
        people: NonZeroU64::new(500).unwrap_or(NonZeroU64::MIN),
        start: DAY.midnight().assume_utc(),
        span: Duration::from_hours(40),
        total: count as u64,
    };
    track::Generator::new(1, options).batch(count)
}

fn raw(count: usize) -> Result<Vec<Raw>> {
    let mut events = awkward_events();
    events.push(product_events(track::Shape::Article, count));
    events.push(product_events(track::Shape::Click, count));

    let options = || sparkpost::GeneratorOptions {
        start: DAY.midnight().assume_utc(),
        span: Duration::from_hours(40),
        total: count as u64,
    };
    let email_events = sparkpost::Generator::new(1, options()).batch(count);
    let mut app_events = vec![mparticle::Generator::new(1, options()).batch(count / 10)];
    let samples = repository_root().join("events/mparticle");
    for entry in fs::read_dir(&samples).context("reading samples")? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            app_events.push(fs::read(path)?);
        }
    }
    Ok(vec![
        Raw {
            table: Table::product_events(),
            objects: events,
        },
        Raw {
            table: Table::email_events(),
            objects: vec![email_events],
        },
        Raw {
            table: Table::app_events(),
            objects: app_events,
        },
    ])
}

/// Writes parts, a compacted file of each day, and a month of them, below `folder`. Returns the expected number of rows
/// of each.
fn write_files(raw: &Raw, folder: &Path) -> Result<BTreeMap<PathBuf, usize>> {
    let table = &raw.table;
    let mut written = BTreeMap::new();
    let mut write = |key: String, bytes: &[u8], rows: u64| -> Result<PathBuf> {
        let path = folder.join(key);
        fs::create_dir_all(path.parent().context("a key has folders")?)?;
        fs::write(&path, bytes)?;
        written.insert(path.clone(), usize::try_from(rows)?);
        Ok(path)
    };
    let mut days: BTreeMap<Date, Vec<PathBuf>> = BTreeMap::new();
    for (number, object) in raw.objects.iter().enumerate() {
        let key = format!("raw/{}/{number}", table.name());
        let source = Source {
            key: &key,
            arrival: DAY.midnight().assume_utc() + Duration::from_hours(44),
            first_day: FIRST_DAY,
            delivery: None,
        };
        for part in convert(table, source, &object[..], std::io::sink())?.parts {
            let path = write(part.file.key(table.name()), &part.bytes, part.row_count)?;
            days.entry(part.file.day).or_default().push(path);
        }
    }
    let mut closed = Vec::new();
    for (day, parts) in days {
        let mut merge = Merge::new(table.clone(), folder.to_owned(), COLUMN_BYTES);
        for part in parts {
            merge.add(File::open(part)?)?;
        }
        let file = LakeFile {
            day,
            kind: FileKind::CompactedDay,
            id: FileId::of_compacted_day(table.name(), day, &[]),
        };
        let (bytes, merged) = merge.finish(Vec::new(), file.id)?;
        closed.push((
            day,
            write(file.key(table.name()), &bytes, merged.row_count)?,
        ));
    }
    let months = table.monthly_copies();
    let file = LakeFile {
        day: DAY.replace_day(1)?,
        kind: FileKind::MonthlyCopy,
        id: FileId::of_monthly_copy(months.name(), DAY, &[]),
    };
    let mut month = MonthFile::new(Vec::new(), table, folder.to_owned(), COLUMN_BYTES, file.id)?;
    for (day, path) in closed {
        month.add(day, File::open(path)?)?;
    }
    let (bytes, row_count) = month.finish()?;
    write(file.key(months.name()), &bytes, row_count)?;
    Ok(written)
}

#[tokio::test]
async fn readers_of_other_makes_find_the_same_in_parts_days_and_months() -> Result<()> {
    let count = match std::env::var("CISTERN_INTEROP_EVENTS") {
        Ok(count) => count.parse()?,
        Err(_) => FEW_EVENTS,
    };
    compare_readers(count).await
}

/// Writes files of `count` generated events and of unusual ones; fails unless all readers find the same in them.
pub(crate) async fn compare_readers(count: usize) -> Result<()> {
    let root = repository_root();
    let python = std::env::var("CISTERN_INTEROP_PYTHON")
        .unwrap_or_else(|_| ".local/tools/clients/duckdb/bin/python".to_owned());
    let folder = tempfile::tempdir()?;
    let mut written = BTreeMap::new();
    for raw in raw(count)? {
        written.extend(write_files(&raw, folder.path())?);
    }

    let output = Command::new(root.join(python))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/readers/compare.py"))
        .args(written.keys())
        .output()
        .await
        .context("starting the readers: .ci/test-tools installs them")?;

    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{errors}");
    let compared: Comparison =
        serde_json::from_slice(&output.stdout).context(errors.into_owned())?;
    println!(
        "{} rows in {} files, read by {}",
        compared.rows,
        compared.files.len(),
        compared.readers.join(", ")
    );
    ensure!(compared.readers.len() >= 3, "{:?}", compared.readers);
    ensure!(compared.files.len() == written.len());
    for (path, file) in &compared.files {
        let name = path.strip_prefix(folder.path())?.display();
        ensure!(file.differences.is_empty(), "{name}: {file:?}");
        ensure!(written.get(path) == Some(&file.rows), "{name}: {file:?}");
    }
    Ok(())
}
