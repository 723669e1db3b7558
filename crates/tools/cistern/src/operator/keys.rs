//! `cistern keys`: prints the key of each scope, or rotates the keys.

use std::{fs::File, io::Read as _};

use access_keys::MIN_AGE;
use anyhow::{Context as _, Result};
use aws_io::secrets::VersionStage;
use serde_json::json;

use crate::output::line;
use crate::{
    operator::{
        keys_secret::{Change, KeysSecret, Versions},
        target::{StackTarget, TargetArgs},
    },
    progress::Step,
    stack::keys::{self, Keys},
    table::{Align, lay_out},
};

/// What `cistern keys` is asked to do.
#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Option<Action>,

    #[command(flatten)]
    show: Common,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Action {
    /// Create new keys; the current ones stay valid until the next rotation
    #[command(
        long_about = "Creates new keys. The current ones stay valid until the next rotation, so that senders can be changed \
                      one by one; those from before the last rotation become invalid now. A key that is set in the secret \
                      instead of being derived from it does not change.",
        after_help = "Examples:\n  cistern keys rotate\n  cistern keys rotate --stack cistern --json"
    )]
    Rotate(Common),
}

#[derive(Clone, Debug, clap::Args)]
struct Common {
    #[command(flatten)]
    target: TargetArgs,

    /// Print the keys as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    let (common, is_rotated) = match &options.action {
        Some(Action::Rotate(common)) => (common, true),
        None => (&options.show, false),
    };
    let target = common.target.find().await?;
    let client = target.aws.secrets();
    let secret_arn = target.output("KeysSecretArn")?;
    if is_rotated {
        rotate(&KeysSecret::of(&target)?).await?;
    }
    let current = keys::of_version(&client, secret_arn, VersionStage::Current)
        .await?
        .context("the stack's secret is empty")?;
    let previous = keys::of_version(&client, secret_arn, VersionStage::Previous).await?;
    if is_rotated {
        update_local_stack(target, &current)?;
    }
    if common.json {
        line!(
            "{}",
            serde_json::to_string_pretty(&json!({"current": current, "previous": previous}))?
        )?;
    } else {
        line!("{}", text(&current, previous.as_ref()))?;
    }
    Ok(())
}

async fn rotate(secret: &KeysSecret) -> Result<()> {
    let step = Step::start("rotate");
    let signing_key = random_key()?;
    let rotated = |versions: &Versions| {
        Ok(Change {
            documents: versions.rotating(&signing_key),
            outcome: (),
        })
    };
    secret.change(rotated).await?;
    // A gateway caches a denied key for a minute, so the new keys are printed only when they are known everywhere.
    step.note("waiting until the new keys are known everywhere");
    tokio::time::sleep(MIN_AGE).await;
    step.done("the previous keys stay valid until the next rotation");
    Ok(())
}

/// 256 bits in hexadecimal, as long as the key that the template generates.
pub(super) fn random_key() -> Result<String> {
    let mut random = [0; 32];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut random))
        .context("reading random bytes")?;
    Ok(hex::encode(random))
}

/// Keeps the keys in `stack.json` current.
fn update_local_stack(target: StackTarget, current: &Keys) -> Result<()> {
    if let Some((data_dir, mut stack)) = target.local {
        stack.keys.clone_from(current);
        stack.write(&data_dir.stack_json())?;
    }
    Ok(())
}

fn text(current: &Keys, previous: Option<&Keys>) -> String {
    let mut rows = vec![vec!["scope".to_owned(), "key".to_owned()]];
    rows.extend(
        current
            .iter()
            .map(|(scope, key)| vec![scope.clone(), key.expose().to_owned()]),
    );
    let table = lay_out(&rows, |_| Align::Left);
    match previous {
        Some(_) => format!(
            "{table}\n\nThe keys from before the last rotation are valid until the next one (--json prints them)."
        ),
        None => table,
    }
}

#[cfg(test)]
mod tests {
    use secrecy::{ExposeSecret as _, SecretString};

    use super::*;
    use crate::{operator::keys_secret::Document, stack::Secret};

    #[test]
    fn rotation_changes_made_keys_and_leaves_given_ones() {
        let old = SecretString::from(r#"{"signing_key":"old","query":"my own key","note":"x"}"#);
        let versions = Versions::of(Document::parse(&old).unwrap(), None);

        let written = versions.rotating(&random_key().unwrap());
        let new = SecretString::from(written.first().unwrap().to_text());

        let (before, after) = (keys::derive(&old).unwrap(), keys::derive(&new).unwrap());
        assert_ne!(before["sparkpost"].expose(), after["sparkpost"].expose());
        assert_eq!(after["query"].expose(), "my own key");
        assert!(new.expose_secret().contains(r#""note":"x""#));
    }

    #[test]
    fn two_random_keys_differ_and_are_as_long_as_the_made_one() {
        let (one, other) = (random_key().unwrap(), random_key().unwrap());

        assert_ne!(one, other);
        assert_eq!(one.len(), 64);
    }

    #[test]
    fn text_says_when_older_keys_are_valid_too() {
        let keys: Keys = [("query".to_owned(), Secret::new("k"))].into();

        assert!(!text(&keys, None).contains("rotation"));
        assert!(text(&keys, Some(&keys)).contains("until the next one"));
    }
}
