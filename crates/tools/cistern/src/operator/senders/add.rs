//! `cistern senders add`.

use anyhow::{Error, Result, anyhow};
use serde_json::json;

use super::{Input, Selection, address, page, recipes::NewRecipe, wait_until_known};
use crate::{
    operator::keys_secret::{Change, KeysSecret, Versions},
    output::line,
    progress::Step,
};

/// Options of `cistern senders add`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Add {
    #[command(flatten)]
    selection: Selection,

    #[command(flatten)]
    input: Input,

    #[command(flatten)]
    recipe: NewRecipe,
}

impl Add {
    pub(super) async fn run(&self) -> Result<()> {
        let Selection { name, target, json } = &self.selection;
        let target = target.find().await?;
        let recipe = self.recipe.read(name, &target.suffix)?;
        let sender = match &recipe {
            Some(recipe) => recipe.posting()?,
            None => self.selection.sender(&target).await?.1,
        };
        let address = address::of(&target, name)?;
        let secret = KeysSecret::of(&target)?;
        if let Some(recipe) = recipe.as_ref().filter(|recipe| recipe.replaces) {
            recipe.store(&target).await?;
            return report_replaced(*json, name, &address);
        }
        if self.input.is_asked_for(&sender) {
            // Before a person is asked for nothing.
            if !secret.read().await?.current.sender(name).is_empty() {
                return Err(has_another(name, &target.suffix));
            }
            eprintln!("{}", page::steps(&sender, &address, "what to enter here"));
        }
        let new = self.input.read(&sender)?;
        if let Some(recipe) = &recipe {
            recipe.store(&target).await?;
        }

        let step = Step::start("add");
        let added = |versions: &Versions| {
            let is_stored = is_stored(versions, name, new.secret.expose(), &target.suffix)?;
            let documents = if is_stored {
                Vec::new()
            } else {
                versions.adding(name, new.secret.expose())?
            };
            Ok(Change {
                documents,
                outcome: (),
            })
        };
        secret.change(added).await?;
        wait_until_known(step, "the secret is stored").await;
        let named = page::named(&sender, &new);
        if *json {
            let secret = new.is_generated.then_some(named);
            let steps = sender.proof.setup().steps(&address, named);
            return line!(
                "{:#}",
                json!({ "sender": name, "address": address, "steps": steps, "generated_secret": secret })
            );
        }
        line!("{}", page::steps(&sender, &address, named))?;
        if new.is_generated {
            line!("The password is not shown again.")?;
        }
        line!(
            "Then try it: cistern senders test {name}{suffix}",
            suffix = target.suffix
        )
    }
}

fn report_replaced(json: bool, name: &str, address: &str) -> Result<()> {
    if json {
        let outcome = "recipe_replaced";
        return line!(
            "{:#}",
            json!({ "sender": name, "address": address, "outcome": outcome })
        );
    }
    line!(
        "The recipe of {name} is replaced, and counts at the latest in a minute. Its secrets and stored events stay as they are."
    )
}

/// Whether a secret is stored already.
///
/// # Errors
/// The sender has another one.
fn is_stored(versions: &Versions, name: &str, secret: &str, suffix: &str) -> Result<bool> {
    let stored = versions.current.sender(name);
    if stored.is_empty() || stored.contains(&secret) {
        Ok(!stored.is_empty())
    } else {
        Err(has_another(name, suffix))
    }
}

fn has_another(name: &str, suffix: &str) -> Error {
    anyhow!("{name} has a secret: `cistern senders rotate {name}{suffix}` puts a new one beside it")
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::operator::keys_secret::Document;

    #[test]
    fn only_the_same_secret_is_added_twice() {
        let document = SecretString::from(r#"{"senders":{"bird":["b"]}}"#);
        let versions = Versions::of(Document::parse(&document).unwrap(), None);

        assert!(!is_stored(&versions, "mailgun", "m", "").unwrap());
        assert!(is_stored(&versions, "bird", "b", "").unwrap());
        let error = is_stored(&versions, "bird", "planted", "").unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("rotate bird") && !text.contains("planted"),
            "{text}"
        );
    }
}
