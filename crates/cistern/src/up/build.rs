//! The functions, built with plain cargo and put where the staged template expects them.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use tokio::process::Command;

use crate::{checkout::Checkout, data_dir::DataDir, process, progress::Step};

/// Builds the binaries of `functions` (by logical id) and gives the path of each.
///
/// Plain cargo and its dev profile: everything is shared with `cargo test`, and a `sam build` of all
/// functions takes ten times as long.
pub(crate) async fn build(
    checkout: &Checkout,
    data_dir: &DataDir,
    functions: &BTreeMap<String, String>,
    step: &Step,
) -> Result<BTreeMap<String, PathBuf>> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(checkout.root()).args([
        "build",
        "--message-format",
        "json-render-diagnostics",
    ]);
    for binary in functions.values() {
        cargo.args(["--package", binary, "--bin", binary]);
    }
    let messages = process::run(&mut cargo, &data_dir.log("cargo"), step).await?;
    let executables = executables(&messages);
    functions
        .iter()
        .map(|(function, binary)| {
            let path = executables
                .get(binary)
                .with_context(|| format!("cargo did not say where {binary} is"))?;
            Ok((function.clone(), path.clone()))
        })
        .collect()
}

/// Copies each binary to `<build>/<logical id>/bootstrap`, without what only a debugger reads: every
/// start uploads and unpacks it.
pub(crate) async fn stage(
    data_dir: &DataDir,
    binaries: &BTreeMap<String, PathBuf>,
    step: &Step,
) -> Result<()> {
    for (function, binary) in binaries {
        let folder = data_dir.build().join(function);
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        let bootstrap = folder.join("bootstrap");
        if is_newer(&bootstrap, binary) {
            continue;
        }
        let unfinished = folder.with_extension("unfinished");
        strip(binary, &unfinished, data_dir, step).await?;
        fs::rename(&unfinished, &bootstrap).context("staging a function")?;
    }
    Ok(())
}

async fn strip(binary: &Path, to: &Path, data_dir: &DataDir, step: &Step) -> Result<()> {
    // It comes with the C compiler that Rust links with, but one can do without.
    let mut strip = Command::new("strip");
    strip.args(["--strip-debug", "-o"]).arg(to).arg(binary);
    if process::run(&mut strip, &data_dir.log("strip"), step)
        .await
        .is_err()
    {
        fs::copy(binary, to).with_context(|| format!("copying {}", binary.display()))?;
    }
    Ok(())
}

/// Whether `staged` was made from `binary` as it is now.
fn is_newer(staged: &Path, binary: &Path) -> bool {
    let modified = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    modified(staged) > modified(binary)
}

/// Where cargo put each binary, from its messages
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
        // The other messages lack one of the two.
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
            r#"{"reason":"compiler-artifact","target":{"name":"boot"},"executable":null}"#,
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
