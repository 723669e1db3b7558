//! Cases from bug reports, client libraries and connectors: what is sent, the expected result and the actual one. They
//! are beside the checkout; without them there is nothing to run.
//!
//! Every folder there has a row here. A case that does not pass yet is in `cases/pending.txt` with the reason: the test
//! fails if one of those passes, and if any other fails.

mod app;
mod elsewhere;
mod email;
mod postgres;
mod raw;
mod run;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use self::run::Run;
use crate::forwarding::rig::PIPELINE;
use crate::stack::{Stack, repository_root};

const PENDING: &str = include_str!("cases/pending.txt");

/// The folder of cases beside the checkout, if it exists.
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("CISTERN_SHARED_CASES")
        .map_or_else(|| repository_root().join("../shared/cases"), PathBuf::from);
    folder.is_dir().then_some(folder)
}

/// Names of cases with the reasons why they do not pass yet.
fn pending() -> Result<BTreeMap<&'static str, &'static str>> {
    PENDING
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            line.split_once(": ")
                .with_context(|| format!("no reason: {line}"))
        })
        .collect()
}

fn cases_in(folder: &std::path::Path, area: &str) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder.join(area))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            let name = entry.file_name().into_string();
            names.insert(format!("{area}/{}", name.ok().context("a name is text")?));
        }
    }
    Ok(names)
}

#[tokio::test]
async fn every_case_has_its_right_outcome() -> Result<()> {
    let Some(folder) = folder() else {
        return Ok(());
    };
    // Some cases send app events, which tests of the forwarder would count.
    let _alone = PIPELINE.lock().await;
    let (stack, _weather) = Stack::shared().await?;
    let pending = pending()?;
    let (mut broken, mut unknown) = (Vec::new(), Vec::new());
    for area in ["email", "app"] {
        for name in cases_in(&folder, area)? {
            let mut run = Run::new(&stack, &folder, &name);
            let outcome = match area {
                "email" => email::check(&mut run).await,
                _ => app::check(&mut run).await,
            };
            match outcome {
                Ok(true) => {}
                Ok(false) => unknown.push(name.clone()),
                Err(error) => run.failed(&error),
            }
            run.print();
            match (run.is_right(), pending.get(name.as_str())) {
                (true, Some(reason)) => {
                    broken.push(format!("{name} is right now, and pending: {reason}"));
                }
                (false, None) => broken.push(format!("{name} is not right")),
                (true, None) | (false, Some(_)) => {}
            }
        }
    }
    let all: BTreeSet<String> = cases_in(&folder, "email")?
        .union(&cases_in(&folder, "app")?)
        .cloned()
        .collect();
    let gone: Vec<_> = pending
        .keys()
        .filter(|name| !all.contains(**name))
        .collect();
    ensure!(unknown.is_empty(), "no row knows {unknown:?}");
    ensure!(gone.is_empty(), "pending and not there: {gone:?}");
    ensure!(broken.is_empty(), "{broken:#?}");
    Ok(())
}
