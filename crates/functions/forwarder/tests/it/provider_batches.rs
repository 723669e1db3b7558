//! Batches from public sources, which are not part of this repository; if the folder exists, all of them must be
//! accounted for.

use std::{env, fs, path::PathBuf};

use crate::{accounting::assert_accounted, rig::Rig};

const EVERYTHING: &str = r#"{"scope":"everything","environments":["production","development","unknown","absent"],
    "identity":{"without":"placeholder"}}"#;

fn bodies() -> Vec<String> {
    let named = env::var_os("CISTERN_SHARED_DATA").map(PathBuf::from);
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data");
    let folder = named.unwrap_or_else(beside).join("mparticle");
    let mut bodies = Vec::new();
    for (inner, ending) in [
        ("", "json"),
        ("derived", "jsonl"),
        ("firehose-format", "json"),
    ] {
        let Ok(files) = fs::read_dir(folder.join(inner)) else {
            continue;
        };
        let paths = files.map(|entry| entry.unwrap().path());
        for path in paths.filter(|path| path.extension().is_some_and(|found| found == ending)) {
            let text = fs::read_to_string(path).unwrap();
            match ending {
                "jsonl" => bodies.extend(text.lines().map(str::to_owned)),
                _ => bodies.push(text),
            }
        }
    }
    bodies
}

#[tokio::test]
async fn published_batches_are_accounted_for() {
    for mapping in ["{}", EVERYTHING] {
        let rig = Rig::new().await.with_mapping(mapping);
        let bodies = bodies();
        for body in &bodies {
            rig.send(body).await;
        }

        let report = rig.run().await;

        assert_eq!(report.messages.deleted, bodies.len() as u64);
        assert_accounted(&rig, report.events.received()).await;
    }
}
