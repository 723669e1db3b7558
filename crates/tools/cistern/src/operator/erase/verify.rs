//! Checks a receipt, and looks again.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result, ensure};
use erasure::{Tombstones, read_key};
use serde_json::Value;

use super::{PersonArgs, receipt, search};
use crate::{operator::target::TargetArgs, output::line};

/// Options of `cistern erase verify`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Options {
    /// The receipt, as `--receipt` has written it or as the bucket has it
    #[arg(value_name = "RECEIPT")]
    receipt: PathBuf,

    #[command(flatten)]
    person: PersonArgs,

    #[command(flatten)]
    target: TargetArgs,

    /// Print what was found as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(options: &Options) -> Result<ExitCode> {
    let text = std::fs::read_to_string(&options.receipt)
        .with_context(|| format!("reading {}", options.receipt.display()))?;
    let signed: Value = serde_json::from_str(&text).context("the file is no receipt")?;
    let deep = signed["receipt"]["deep"].as_bool() == Some(true);
    let names = options.person.names(deep)?;
    let target = options.target.find().await?;
    let key = read_key(&target.aws.s3(), target.output("EventsBucketName")?).await?;
    let hashes = Tombstones::hashes(&key, &names.person()?)?;
    check(&signed, &key, &hashes)?;
    let searched = search(&target, &names).await?;
    let code = receipt::print(&searched, options.json, None)?;
    let left = receipt::found(&searched);
    let mentions = receipt::mentioned(&searched);
    if !options.json {
        line!(
            "the receipt is this stack's and unchanged; {left} items of the person are there now, and {mentions} of others that mention the person"
        )?;
    }
    Ok(if left > 0 || deep && mentions > 0 {
        ExitCode::from(receipt::INCOMPLETE)
    } else {
        code
    })
}

/// Whether the receipt is as it was signed, and about this person.
fn check(signed: &Value, key: &str, hashes: &[String]) -> Result<()> {
    let receipt = &signed["receipt"];
    let signature = Tombstones::sign(key, &receipt.to_string())?;
    ensure!(
        signed["signature"] == signature.as_str(),
        "the receipt was changed, or is another stack's"
    );
    let names = receipt["names"].as_array();
    let names = names.into_iter().flatten().filter_map(Value::as_str);
    ensure!(
        names.eq(hashes.iter().map(String::as_str)),
        "the receipt is about other names: give all those, and only those, that the erasure was given"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_receipt_is_refused_if_it_was_changed_or_is_about_somebody_else() {
        let key = "0f".repeat(32);
        let mut signed = json!({ "receipt": { "names": ["a", "b"], "is_complete": true } });
        let signature = Tombstones::sign(&key, &signed["receipt"].to_string()).unwrap();
        signed["signature"] = signature.into();
        let names = |names: [&str; 2]| names.map(str::to_owned);

        assert!(check(&signed, &key, &names(["a", "b"])).is_ok());
        assert!(check(&signed, &key, &names(["a", "c"])).is_err());
        assert!(check(&signed, &"0e".repeat(32), &names(["a", "b"])).is_err());
        signed["receipt"]["is_complete"] = false.into();
        assert!(check(&signed, &key, &names(["a", "b"])).is_err());
    }
}
