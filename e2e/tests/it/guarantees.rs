//! docs/guarantees.md and README.md name the tests that show what they promise: each of them exists.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::stack::repository_root;

/// The names of functions in all sources, proptest's included.
fn functions_in(folder: &Path, names: &mut BTreeSet<String>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("{}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            functions_in(&path, names)?;
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path)?;
            for line in text.lines() {
                let name = line.trim().trim_start_matches("async ").strip_prefix("fn ");
                let end = |character: char| !character.is_alphanumeric() && character != '_';
                names.extend(
                    name.and_then(|rest| rest.split(end).next())
                        .map(str::to_owned),
                );
            }
        }
    }
    Ok(())
}

/// What stands in backticks and has the form of a test's name.
fn tests_named_in(text: &str) -> impl Iterator<Item = &str> {
    let in_backticks = text.split('`').skip(1).step_by(2);
    in_backticks.filter(|name| {
        let is_name = name.chars().all(|character| {
            character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_'
        });
        is_name && name.matches('_').count() >= 3
    })
}

/// The rows of the table of faults: number and the cell with tests or a reason.
fn faults(text: &str) -> Vec<(u32, &str)> {
    let table = text.split("## Thirty faults").nth(1).unwrap_or_default();
    table
        .lines()
        .filter_map(|line| {
            let mut cells = line.trim_matches('|').split(" | ");
            let number = cells.next()?.trim().parse().ok()?;
            Some((number, cells.nth(1)?.trim()))
        })
        .collect()
}

#[test]
fn every_test_that_a_guarantee_names_exists() -> Result<()> {
    let mut functions = BTreeSet::new();
    for folder in ["crates", "e2e/tests"] {
        functions_in(&repository_root().join(folder), &mut functions)?;
    }
    for page in ["docs/guarantees.md", "README.md"] {
        let text = std::fs::read_to_string(repository_root().join(page))?;
        let named: Vec<&str> = tests_named_in(&text).collect();
        ensure!(named.len() > 20, "{page} names {} tests only", named.len());
        for name in named {
            ensure!(
                functions.contains(name),
                "{page} names {name}, which is nowhere"
            );
        }
    }
    Ok(())
}

#[test]
fn each_of_the_thirty_faults_has_a_test_or_a_reason() -> Result<()> {
    let text = std::fs::read_to_string(repository_root().join("docs/guarantees.md"))?;
    let faults = faults(&text);
    let numbers: Vec<u32> = faults.iter().map(|(number, _)| *number).collect();
    ensure!(numbers == (1..=30).collect::<Vec<_>>(), "{numbers:?}");
    for (number, tests) in faults {
        let is_shown = tests_named_in(tests).next().is_some();
        ensure!(
            is_shown || tests.starts_with("cannot "),
            "fault {number}: {tests}"
        );
    }
    Ok(())
}
