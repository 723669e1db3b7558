//! Every sample batch, from the parser into the database.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use event_model::{BatchKey, Counts, sparkpost::parse_batch};
use event_store::{LoadOutcome, Store};
use sqlx::PgPool;
use time::OffsetDateTime;

use crate::support::*;

/// The repository's own samples.
fn own_samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../events/sparkpost")
}

/// Batches of providers and their documentation, which are not part of the repository: those that `CISTERN_SHARED_DATA`
/// names, which must then exist, or those beside the repository.
fn provider_samples() -> Option<PathBuf> {
    if let Some(named) = env::var_os("CISTERN_SHARED_DATA") {
        let folder = Path::new(&named).join("sparkpost");
        assert!(
            folder.is_dir(),
            "CISTERN_SHARED_DATA has no folder sparkpost"
        );
        return Some(folder);
    }
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data/sparkpost");
    beside.is_dir().then_some(beside)
}

fn bodies(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    files
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, fs::read(&path).unwrap())
        })
        .collect()
}

/// Loads a body twice and returns how many rows it added.
async fn load_twice(store: &Store, name: &str, body: &[u8]) -> u64 {
    let batch = parse_batch(body, OffsetDateTime::now_utc());
    let received = u64::try_from(batch.received()).unwrap();

    let first = store
        .load_batch(&BatchKey::new(Some(name), body), &batch)
        .await
        .unwrap();
    let LoadOutcome::Loaded(Counts {
        stored: inserted,
        duplicate,
        rejected,
        erased: 0,
    }) = first
    else {
        panic!("{name}: {first:?}");
    };
    assert_eq!(inserted + duplicate + rejected, received, "{name}");

    let other_id = format!("{name}-again");
    let second = store
        .load_batch(&BatchKey::new(Some(&other_id), body), &batch)
        .await
        .unwrap();
    assert_eq!(second, loaded(0, inserted + duplicate, rejected), "{name}");
    inserted
}

async fn every_sample_of(folder: &Path, pool: &PgPool) {
    let store = store(pool);
    let bodies = bodies(folder);
    assert!(!bodies.is_empty(), "no samples in {}", folder.display());

    let mut inserted = 0;
    for (name, body) in &bodies {
        inserted += load_twice(&store, name, body).await;
    }

    assert_eq!(u64::try_from(event_count(pool).await).unwrap(), inserted);
    let sums_that_are_off = "
        select count(*)
        from batches
        left join lateral (
            select count(*) as kept
            from email_events_rejected
            where email_events_rejected.batch_key = batches.batch_key
        ) as rejections on true
        where batches.rejected <> rejections.kept";
    assert_eq!(number(pool, sums_that_are_off).await, 0);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn own_samples_add_up(pool: PgPool) {
    every_sample_of(&own_samples(), &pool).await;
}

#[sqlx::test(migrations = "../../../migrations")]
async fn provider_samples_add_up(pool: PgPool) {
    if let Some(folder) = provider_samples() {
        every_sample_of(&folder, &pool).await;
    }
}
