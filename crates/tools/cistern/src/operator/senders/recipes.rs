//! The recipes of a stack.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use aws_io::s3::conditional_put::WriteOutcome;
use email_senders::{DocumentError, Recipe, Senders};

use super::{Posting, posting};
use crate::operator::target::StackTarget;

/// How often a document is read again that somebody else has changed meanwhile.
const MAX_ATTEMPTS: usize = 5;

/// Where the recipe of a new sender is.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct NewRecipe {
    /// A file with the recipe of a sender that `cistern senders list` does not have; see docs/senders.md
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,

    /// Replace the recipe of this name, and leave its secrets as they are
    #[arg(long, requires = "recipe", conflicts_with = "secret_file")]
    replace: bool,
}

/// A recipe to be stored.
#[derive(Debug)]
pub(super) struct GivenRecipe {
    recipe: Recipe,
    pub(super) replaces: bool,
}

impl NewRecipe {
    /// Reads the recipe, if one is given. `suffix` is appended to commands, so that they mean the same stack.
    ///
    /// # Errors
    /// It cannot be read, is not a recipe, or is one of another sender.
    pub(super) fn read(&self, name: &str, suffix: &str) -> Result<Option<GivenRecipe>> {
        let Some(file) = &self.recipe else {
            return Ok(None);
        };
        let json = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
        let recipe = Recipe::parse(&json)
            .with_context(|| format!("reading the recipe {}", file.display()))?;
        ensure!(
            recipe.name() == name,
            "{} is the recipe of {}: `cistern senders add {}{suffix}` stores it",
            file.display(),
            recipe.name(),
            recipe.name()
        );
        Ok(Some(GivenRecipe {
            recipe,
            replaces: self.replace,
        }))
    }
}

impl GivenRecipe {
    /// The sender that it describes.
    ///
    /// # Errors
    /// Never: every recipe describes a sender that posts.
    pub(super) fn posting(&self) -> Result<Posting> {
        let senders = Senders::default().with(self.recipe.clone(), false)?;
        posting(&senders, self.recipe.name(), "").map_err(anyhow::Error::msg)
    }

    /// Stores it beside the others, unless it is stored already.
    ///
    /// # Errors
    /// There is another one of its name that is not to be replaced, or too many.
    pub(super) async fn store(&self, target: &StackTarget) -> Result<()> {
        let (s3, bucket) = (target.aws.s3(), target.output("EventsBucketName")?);
        for _ in 0..MAX_ATTEMPTS {
            let (senders, version) = sender_recipes::read(&s3, bucket).await?;
            let name = self.recipe.name();
            let stored = senders.named(name);
            if stored.is_some_and(|stored| stored.recipe() == Some(&self.recipe)) {
                return Ok(());
            }
            let senders = match senders.with(self.recipe.clone(), self.replaces) {
                Err(DocumentError::Another) => bail!(
                    "{name} has another recipe: --replace replaces it. If the new recipe changes an event's id or type, a replay stores that event a second \
                     time"
                ),
                senders => senders?,
            };
            match sender_recipes::write(&s3, bucket, &senders, &version).await? {
                WriteOutcome::Written => return Ok(()),
                WriteOutcome::Changed => {}
            }
        }
        Err(anyhow!(
            "somebody else changes the recipes: try again, nothing was stored"
        ))
    }
}

/// The senders of a stack.
///
/// # Errors
/// Their recipes cannot be read.
pub(super) async fn read(target: &StackTarget) -> Result<Senders> {
    let bucket = target.output("EventsBucketName")?;
    let (senders, _) = sender_recipes::read(&target.aws.s3(), bucket).await?;
    Ok(senders)
}
