//! The compactor, with broken files under its prefix.

use anyhow::{Result, ensure};
use lake_files::{Source, convert};
use lake_schema::{
    FileId, Table,
    layout::{FileKind, LakeFile},
};
use serde_json::json;
use time::{Date, Duration, OffsetDateTime};

use crate::{lambda::Lambda, objects::Bucket, shapes::noise};

/// The compactor's memory in the template.
const COMPACTOR_MIB: u64 = 2048;
/// This many parts have some bytes changed, each at another position.
const CHANGED: u64 = 200;
const GOOD_EVENTS: usize = 2_000;

/// A part of good events of `day`.
fn good_part(day: Date) -> Result<Vec<u8>> {
    let event = |n: usize| {
        json!({
            "event": format!("e{}", n % 7), "userId": format!("u{n}"), "eventId": n.to_string(),
            "dateTime": format!("{day} 10:00:00"), "n": n,
        })
        .to_string()
    };
    let events: Vec<String> = (0..GOOD_EVENTS).map(event).collect();
    let events = events.join("\n");
    let source = Source {
        key: "raw/track/good.gz",
        arrival: day.midnight().assume_utc() + Duration::hours(12),
        first_day: day,
        delivery: None,
    };
    let mut converted = convert(
        &Table::product_events(),
        source,
        events.as_bytes(),
        Vec::new(),
    )?;
    ensure!(converted.parts.len() == 1 && converted.rejected_count == 0);
    Ok(converted.parts.remove(0).bytes)
}

/// Files that no compactor can read, by name.
fn broken(good: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let len = good.len();
    let with = |offset: usize, bytes: &[u8]| {
        let mut file = good.to_vec();
        file[offset..offset + bytes.len()].copy_from_slice(bytes);
        file
    };
    let footer_len =
        u32::from_le_bytes([good[len - 8], good[len - 7], good[len - 6], good[len - 5]]);
    let footer = len - 8 - usize::try_from(footer_len).unwrap();
    // A schema of 2^31 columns, in an otherwise invalid footer.
    let many = b"PAR1\x15\x02\x29\xfc\xff\xff\xff\xff\x07\x00\x08\x00\x00\x00PAR1";
    vec![
        ("empty", Vec::new()),
        ("text", b"{\"event\":\"e\"}\n".repeat(10_000)),
        ("zeros", vec![0; 100_000]),
        ("cut in the middle", good[..len / 2].to_vec()),
        ("without its last byte", good[..len - 1].to_vec()),
        ("without its beginning", good[len / 3..].to_vec()),
        ("a footer of 4 GiB", with(len - 8, &[0xff; 4])),
        (
            "half a footer",
            with(len - 8, &(footer_len / 2).to_le_bytes()),
        ),
        ("a footer of ones", with(footer, &[0xff; 64])),
        ("more columns than bytes", many.to_vec()),
        ("pages of ones", with(4, &vec![0xff; footer - 4])),
        ("pages of zeros", with(4, &vec![0; footer - 4])),
    ]
}

/// The file with 16 bytes changed somewhere, the same each time.
fn changed(good: &[u8], seed: u64) -> Vec<u8> {
    let mut file = good.to_vec();
    for random in noise(16 * 5, seed).chunks_exact(5) {
        let index = u32::from_le_bytes([random[0], random[1], random[2], random[3]]);
        let index = usize::try_from(index).unwrap() % file.len();
        file[index] = random[4];
    }
    file
}

#[tokio::test]
async fn compactor_survives_every_broken_file_and_compacts_what_is_beside_it() -> Result<()> {
    let bucket = Bucket::new().await?;
    let today = OffsetDateTime::now_utc().date();
    let day = today - Duration::days(3);
    let part = |name: &str| {
        let file = LakeFile {
            day,
            kind: FileKind::Part { at: today },
            id: FileId::of_part("product_events", day, name),
        };
        file.key("product_events")
    };
    let good = good_part(day)?;
    bucket.put(&part("good"), good.clone()).await?;
    let broken = broken(&good);
    let broken_count = broken.len();
    for (name, file) in broken {
        bucket.put(&part(name), file).await?;
    }
    for seed in 0..CHANGED {
        let name = format!("changed {seed}");
        bucket.put(&part(&name), changed(&good, seed)).await?;
    }

    let environment = [
        ("EVENTS_BUCKET", bucket.name.clone()),
        ("LAKE_FIRST_DAY", "2026-01-01".to_owned()),
        ("SETTLE_MINUTES", "0".to_owned()),
    ];
    let mut compactor = Lambda::start("compactor", COMPACTOR_MIB, &environment).await?;
    for _ in 0..3 {
        compactor.invoke(&json!({})).await?;
    }

    println!("compactor: peak {} MiB", compactor.peak_mib()?);
    let closed = bucket.keys("lake/product_events/closed/").await?;
    ensure!(closed.len() == 1, "{closed:?}");
    let rejected = bucket.keys("rejected/product_events/").await?;
    let files = rejected.iter().filter(|key| key.ends_with(".parquet"));
    let file_count = files.count();
    ensure!(file_count >= broken_count, "{file_count} of {broken_count}");
    let lines = rejected.iter().filter(|key| key.ends_with(".ndjson"));
    ensure!(lines.count() == file_count, "each has its reason");
    let left = bucket.keys("lake/product_events/new/").await?;
    let all = broken_count + usize::try_from(CHANGED)? + 1;
    ensure!(
        left.len() + file_count == all && left.contains(&part("good")),
        "{} and {file_count} of {all}",
        left.len()
    );
    Ok(())
}
