//! `cistern senders`: senders of email events other than SparkPost, their secrets, and whether they work.

mod add;
mod address;
mod input;
mod list;
mod page;
mod recipes;
mod rotate;
mod trial;

use std::time::Duration;

use access_keys::MIN_AGE;
use anyhow::{Context as _, Result};
use email_senders::{Proof, Sender, Senders};

use self::input::Input;
use crate::{
    operator::target::{StackTarget, TargetArgs},
    progress::Step,
};

/// What to do with senders.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List the senders that are known, the addresses for their webhooks, and which have secrets
    #[command(
        after_help = "Secrets are never shown.\n\nExamples:\n  cistern senders list\n  cistern senders list --stack cistern --json"
    )]
    List(list::List),
    /// Store the first secret of a sender, and print what to enter in the provider's pages
    #[command(
        after_help = "Without --secret-file, the secret is read from stdin; on a terminal it is asked for and not shown. The password of \
                      Postmark is your own choice, so one is generated and printed once. Amazon SES posts by a topic of SNS, whose ARN takes \
                      the place of a secret. A sender that is not in the list comes with a recipe: docs/senders.md has its form, and \
                      docs/recipes has ready ones.\n\n\
                      Examples:\n  cistern senders add sendgrid\n  cistern senders add postmark --stack cistern\n  \
                      cistern senders add mailgun --secret-file signing-key.txt\n  cistern senders add stripe --recipe docs/recipes/stripe.json"
    )]
    Add(add::Add),
    /// Put a new secret beside the old one, or remove the old ones
    #[command(after_help = "Both secrets count until --finish.\n\n\
                      Examples:\n  cistern senders rotate resend\n  cistern senders rotate resend --finish")]
    Rotate(rotate::Rotate),
    /// Post the event of the provider's test button, and wait until it is found
    #[command(
        after_help = "The event is signed with the newest secret that is stored. Where that is a public key or the ARN of a topic, only the \
                      provider can sign: then a wrong proof is posted, which must be refused.\n\n\
                      Examples:\n  cistern senders test postmark\n  cistern senders test resend --stack cistern --json"
    )]
    Test(trial::Test),
}

/// The sender, and the stack.
#[derive(Clone, Debug, clap::Args)]
struct Selection {
    /// The sender, such as `sendgrid`; `cistern senders list` lists them
    #[arg(value_name = "NAME")]
    name: String,

    #[command(flatten)]
    target: TargetArgs,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Selection {
    /// The sender among those of the stack.
    ///
    /// # Errors
    /// No sender of this name posts.
    async fn sender(&self, target: &StackTarget) -> Result<(Senders, Posting)> {
        let senders = recipes::read(target).await?;
        let posting = posting(&senders, &self.name, &target.suffix).map_err(anyhow::Error::msg)?;
        Ok((senders, posting))
    }
}

/// A sender that posts to a webhook.
#[derive(Clone, Debug)]
struct Posting {
    sender: Sender,
    proof: Proof,
}

impl Posting {
    /// Checks a secret's form.
    ///
    /// # Errors
    /// What is expected instead, and where the provider shows it. The error has nothing of the secret.
    fn check(&self, secret: &str) -> Result<()> {
        let Self { sender, proof } = self;
        proof
            .check_secret(secret)
            .map_err(anyhow::Error::msg)
            .with_context(|| {
                format!(
                    "this is no secret of {}, which is {}; expected",
                    sender.label(),
                    proof.secret()
                )
            })
    }
}

/// The sender of a name. `suffix` is appended to commands, so that they mean the same stack.
///
/// # Errors
/// No sender of this name posts.
fn posting(senders: &Senders, name: &str, suffix: &str) -> Result<Posting, String> {
    let posting = senders.named(name).and_then(|sender| {
        let proof = sender.proof()?;
        Some(Posting { sender, proof })
    });
    posting.ok_or_else(|| {
        if name == "sparkpost" {
            return format!(
                "SparkPost's webhook has the key of the scope sparkpost, which `cistern keys{suffix}` prints"
            );
        }
        let known: Vec<String> = senders
            .all()
            .filter(|sender| sender.proof().is_some())
            .map(|sender| sender.name().to_owned())
            .collect();
        format!(
            "no sender is named {name}: use one of {}, or add another with `cistern senders add {name} --recipe FILE{suffix}`",
            known.join(", ")
        )
    })
}

pub(crate) async fn run(command: &Command) -> Result<()> {
    match command {
        Command::List(options) => options.run().await,
        Command::Add(options) => options.run().await,
        Command::Rotate(options) => options.run().await,
        Command::Test(options) => options.run().await,
    }
}

/// Waits until no function uses secrets from before a change.
async fn wait_until_known(step: Step, result: &str) {
    step.note("waiting until the secret is known everywhere");
    tokio::time::sleep(MIN_AGE + Duration::from_secs(1)).await;
    step.done(result);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_cannot_have_a_secret_says_why() {
        let posting = |name: &str| posting(&Senders::default(), name, "");
        assert_eq!(posting("resend").unwrap().sender.label(), "Resend");
        assert!(posting("sparkpost").unwrap_err().contains("cistern keys"));
        let error = posting("sendgird").unwrap_err();
        assert!(error.contains("sendgrid"), "{error}");
    }

    #[test]
    fn a_wrong_secret_is_refused_with_the_fix_and_without_its_text() {
        for (sender, secret, fix) in [
            ("sendgrid", "SG.planted", "this is an API key"),
            (
                "sendgrid",
                "-----BEGIN PUBLIC KEY-----planted",
                "without the lines",
            ),
            ("resend", "re_planted", "this is an API key"),
            ("mailgun", "planted", "at least 16 characters"),
            ("postmark", "planted", "at least 16 characters"),
            ("bird", "planted", "whsec_"),
            ("ses", "planted", "the ARN of a topic"),
            (
                "ses",
                "arn:aws:sns:eu-west-1:123456789012:a:planted",
                "a subscription's",
            ),
            (
                "ses",
                "arn:aws:sns:eu-west-1:123456789012:planted.fifo",
                "a standard topic",
            ),
        ] {
            let sender = posting(&Senders::default(), sender, "").unwrap();
            let error = sender.check(secret).unwrap_err();

            let text = format!("{error:#}");
            assert!(text.contains(fix) && !text.contains("planted"), "{text}");
        }
    }
}
