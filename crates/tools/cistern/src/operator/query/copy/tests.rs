use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use aws_io::Aws;
use axum::{
    Router,
    extract::{Path as PathOf, Query, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::get,
};

use super::*;

/// A bucket of two requests: list and get. What happens between the two can be told.
#[derive(Default)]
struct Bucket {
    objects: BTreeMap<String, String>,
    /// What the objects are after the next listings of files, one after the other: what compaction does meanwhile.
    afterwards: Vec<BTreeMap<String, String>>,
    gets: Vec<String>,
}

type Shared = Arc<Mutex<Bucket>>;

async fn list(
    State(bucket): State<Shared>,
    Query(query): Query<BTreeMap<String, String>>,
) -> String {
    let mut bucket = bucket.lock().unwrap();
    let prefix = &query["prefix"];
    let contents: Vec<String> = bucket
        .objects
        .iter()
        .filter(|(key, _)| key.starts_with(prefix))
        .map(|(key, text)| {
            format!(
                "<Contents><Key>{key}</Key><Size>{}</Size></Contents>",
                text.len()
            )
        })
        .collect();
    if prefix.starts_with("lake/") && !bucket.afterwards.is_empty() {
        bucket.objects = bucket.afterwards.remove(0);
    }
    format!("<ListBucketResult>{}</ListBucketResult>", contents.concat())
}

async fn object(State(bucket): State<Shared>, PathOf(key): PathOf<String>) -> Response {
    let mut bucket = bucket.lock().unwrap();
    bucket.gets.push(key.clone());
    match bucket.objects.get(&key) {
        Some(text) => text.clone().into_response(),
        None => (
            StatusCode::NOT_FOUND,
            "<Error><Code>NoSuchKey</Code></Error>",
        )
            .into_response(),
    }
}

struct Rig {
    copy: LakeCopy,
    bucket: Shared,
    _folder: tempfile::TempDir,
}

impl Rig {
    async fn new(objects: BTreeMap<String, String>) -> Self {
        let bucket: Shared = Arc::default();
        bucket.lock().unwrap().objects = objects;
        let app = Router::new()
            .route("/b", get(list))
            .route("/b/", get(list))
            .route("/b/{*key}", get(object))
            .with_state(Arc::clone(&bucket));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let folder = tempfile::tempdir().unwrap();
        let copy = LakeCopy {
            s3: Aws::local(&url).await.s3(),
            bucket: "b".to_owned(),
            folder: folder.path().join("lake"),
        };
        Self {
            copy,
            bucket,
            _folder: folder,
        }
    }

    async fn update(&self) -> Result<Vec<String>> {
        let step = Step::start("test");
        let copy = self.copy.update(&Table::product_events(), &step).await?;
        let all = copy.files.iter().chain(&copy.parts).chain(&copy.states);
        Ok(all
            .map(|path| {
                assert!(path.is_file(), "{}", path.display());
                let key = path.strip_prefix(&self.copy.folder).unwrap();
                key.to_str().unwrap().to_owned()
            })
            .collect())
    }

    /// All files of the copy, whatever they are.
    fn on_disk(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.copy.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let key = path.strip_prefix(&self.copy.folder).unwrap();
                    found.push(key.to_str().unwrap().to_owned());
                }
            }
        }
        found.sort();
        found
    }
}

fn file(kind: &str, number: u32) -> String {
    let folder = match kind {
        "part" => "new/at=2026-01-02",
        _ => "closed",
    };
    format!("lake/product_events/{folder}/dt=2026-01-01/{kind}-{number:032x}.parquet")
}

fn state(version: u64) -> String {
    layout::state_key(
        "product_events",
        time::macros::date!(2026 - 01 - 02),
        version,
    )
}

fn manifest(version: u64, hidden: &[u32]) -> String {
    let header = format!("{{\"version\":{version},\"file\":\"\",\"hidden\":false}}\n");
    let files = hidden.iter().map(|number| {
        format!("{{\"version\":{version},\"file\":\"{number:032x}\",\"hidden\":true}}\n")
    });
    std::iter::once(header)
        .chain(files)
        .collect::<Vec<_>>()
        .concat()
}

fn objects(all: &[(String, String)]) -> BTreeMap<String, String> {
    all.iter().cloned().collect()
}

fn with_files(files: &[String]) -> BTreeMap<String, String> {
    files
        .iter()
        .map(|key| (key.clone(), "rows".to_owned()))
        .collect()
}

#[tokio::test]
async fn only_what_the_latest_manifest_shows_is_copied() {
    let rig = Rig::new(objects(&[
        (file("part", 1), "rows".to_owned()),
        (file("day", 2), "rows".to_owned()),
        (state(9), manifest(9, &[2])),
        (state(10), manifest(10, &[1])),
    ]))
    .await;

    let copied = rig.update().await.unwrap();

    assert_eq!(copied, [file("day", 2), state(10)]);
    let gets = rig.bucket.lock().unwrap().gets.clone();
    assert!(
        !gets.contains(&file("part", 1)) && !gets.contains(&state(9)),
        "{gets:?}"
    );
}

#[tokio::test]
async fn a_file_that_is_gone_since_it_was_listed_has_the_lake_looked_at_anew() {
    let rig = Rig::new(with_files(&[file("part", 1), file("part", 2)])).await;
    rig.bucket.lock().unwrap().afterwards = vec![with_files(&[file("day", 3)])];

    let copied = rig.update().await.unwrap();

    assert_eq!(copied, [file("day", 3)]);
    assert_eq!(rig.on_disk(), copied);
}

#[tokio::test]
async fn files_that_are_always_gone_are_an_error_and_never_left_out() {
    let rig = Rig::new(with_files(&[file("part", 1)])).await;
    rig.bucket.lock().unwrap().afterwards = (2..20)
        .map(|number| with_files(&[file("part", number)]))
        .collect();

    let error = rig.update().await.unwrap_err();

    assert!(error.to_string().contains("removed faster"), "{error}");
}

#[tokio::test]
async fn what_is_here_is_not_read_again_and_what_is_gone_from_the_bucket_goes() {
    let rig = Rig::new(with_files(&[file("part", 1), file("part", 2)])).await;
    rig.update().await.unwrap();
    let other_table = rig.copy.folder.join("lake/email_events/dt=2026-01-01");
    fs::create_dir_all(&other_table).unwrap();
    fs::write(other_table.join("kept"), "").unwrap();
    rig.bucket.lock().unwrap().objects = with_files(&[file("part", 2), file("part", 3)]);
    rig.bucket.lock().unwrap().gets.clear();

    let copied = rig.update().await.unwrap();

    assert_eq!(copied, [file("part", 2), file("part", 3)]);
    assert_eq!(rig.bucket.lock().unwrap().gets, [file("part", 3)]);
    let kept = "lake/email_events/dt=2026-01-01/kept".to_owned();
    assert_eq!(rig.on_disk(), [vec![kept], copied].concat());
}

#[test]
fn a_manifest_that_cannot_be_read_hides_nothing_by_accident() {
    assert!(hidden_files(b"{}\n").is_err());
    assert!(hidden_files(b"{\"file\":\"x\",\"hidden\":true}\n").is_err());
    assert_eq!(hidden_files(manifest(1, &[]).as_bytes()).unwrap().len(), 0);
}
