//! `cistern env`: the local stack's URLs and keys as shell variables.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::stack::{Stack, data_dir::DataDir};

/// Options of `cistern env`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Where the stack keeps its data [default: .local in the checkout]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let data_dir = DataDir::resolve(options.data_dir.as_deref())?;
    let stack = Stack::read(&data_dir.stack_json())?
        .context("no stack is up: start one with `cistern up`")?;
    print!("{}", exports(&stack)?);
    Ok(())
}

/// One `export` per line. `KEY` is the key of searches, which most commands need.
fn exports(stack: &Stack) -> Result<String> {
    let variables = [
        ("URL", stack.base_url.as_str()),
        ("KEY", stack.key("query")?.expose()),
        ("SPARKPOST_KEY", stack.key("sparkpost")?.expose()),
        ("MPARTICLE_KEY", stack.key("mparticle")?.expose()),
        ("TRACK_KEY", stack.key("track")?.expose()),
        ("ITERABLE_URL", stack.iterable_url.as_str()),
        ("DATABASE_URL", stack.database_url.expose()),
    ];
    let lines = variables.map(|(name, value)| format!("export {name}={}\n", quoted(value)));
    Ok(lines.concat())
}

/// A word that a POSIX shell reads unchanged.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_shell_reads_every_value_as_it_is(value in "[^\0]{0,40}") {
            let script = format!("export VALUE={}\nprintf %s \"$VALUE\"", quoted(&value));
            let shell = Command::new("sh").args(["-c", &script]).output().unwrap();
            prop_assert_eq!(String::from_utf8(shell.stdout).unwrap(), value);
        }
    }
}
