//! Builds the functions with plain cargo and packs them where the staged template expects them.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use tokio::process::Command;

use super::template;
use crate::{
    progress::Step,
    stack::{checkout::Checkout, data_dir::DataDir, process},
};

/// Python's standard library writes zip files.
const PACK: &str = include_str!("../../../python/pack.py");

/// Builds the binaries of `functions` (by logical id) and returns the path of each.
///
/// Plain cargo and its dev profile share everything with `cargo test`. A `sam build` of all functions takes ten
/// times as long.
pub(crate) async fn build(
    checkout: &Checkout,
    data_dir: &DataDir,
    functions: &BTreeMap<String, String>,
    step: &Step,
) -> Result<BTreeMap<String, PathBuf>> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // The whole workspace determines the features of its dependencies, as in every other build. A single
    // package would select other features, and everything would be built twice.
    cargo
        .current_dir(checkout.root())
        .args(["build", "--workspace"])
        .args(["--message-format", "json-render-diagnostics"]);
    for binary in functions.values() {
        cargo.args(["--bin", binary]);
    }
    let messages = process::capture(&mut cargo, &data_dir.log("cargo"), step).await?;
    let executables = executables(&messages);
    functions
        .iter()
        .map(|(function, binary)| {
            let path = executables
                .get(binary)
                .with_context(|| format!("cargo did not report the path of {binary}"))?;
            Ok((function.clone(), path.clone()))
        })
        .collect()
}

/// Packs each binary that has changed into `<build>/<logical id>.zip`.
pub(crate) async fn pack(
    python: &Path,
    data_dir: &DataDir,
    binaries: &BTreeMap<String, PathBuf>,
    step: &Step,
) -> Result<()> {
    for (function, binary) in binaries {
        let package = template::package(&data_dir.build(), function);
        if is_newer(&package, binary) {
            continue;
        }
        step.note(format!("packing {function}"));
        let unfinished = package.with_extension("unfinished");
        let mut pack = Command::new(python);
        pack.args(["-c", PACK]).arg(binary).arg(&unfinished);
        process::run(&mut pack, &data_dir.log("pack"), step).await?;
        fs::rename(&unfinished, &package)
            .with_context(|| format!("writing {}", package.display()))?;
    }
    Ok(())
}

/// Whether `package` was made from the current `binary`.
fn is_newer(package: &Path, binary: &Path) -> bool {
    let modified = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    modified(package) > modified(binary)
}

/// The path of each binary, from cargo's messages
/// (<https://doc.rust-lang.org/cargo/reference/external-tools.html#artifact-messages>).
fn executables(messages: &str) -> BTreeMap<String, PathBuf> {
    #[derive(Deserialize)]
    struct Message {
        target: Target,
        executable: PathBuf,
    }
    #[derive(Deserialize)]
    struct Target {
        name: String,
    }
    messages
        .lines()
        // Other messages lack one of the two.
        .filter_map(|line| serde_json::from_str::<Message>(line).ok())
        .map(|message| (message.target.name, message.executable))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_found_among_cargos_messages() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"function_kit"},"executable":null}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"ingest"},"executable":"/t/ingest"}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );

        assert_eq!(
            executables(messages),
            [("ingest".to_owned(), PathBuf::from("/t/ingest"))].into()
        );
    }
}
