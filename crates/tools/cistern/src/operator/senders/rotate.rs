//! `cistern senders rotate`.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};

use super::{Input, Posting, Selection, address, page, wait_until_known};
use crate::{
    operator::{
        keys_secret::{Change, KeysSecret, Versions},
        target::StackTarget,
    },
    output::line,
    progress::Step,
};

/// Options of `cistern senders rotate`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Rotate {
    #[command(flatten)]
    selection: Selection,

    #[command(flatten)]
    input: Input,

    /// Remove all secrets but the newest, which the provider must use by now
    #[arg(long, conflicts_with = "secret_file")]
    finish: bool,
}

impl Rotate {
    pub(super) async fn run(&self) -> Result<()> {
        let target = self.selection.target.find().await?;
        let (_, sender) = self.selection.sender(&target).await?;
        if self.finish {
            self.finish(&target, &sender).await
        } else {
            self.begin(&target, &sender).await
        }
    }

    async fn begin(&self, target: &StackTarget, sender: &Posting) -> Result<()> {
        let json = self.selection.json;
        let (name, suffix) = (sender.sender.name(), &target.suffix);
        let address = address::of(target, name)?;
        let secret = KeysSecret::of(target)?;
        if secret.read().await?.current.sender(name).is_empty() {
            bail!(
                "{name} has no secret yet: `cistern senders add {name}{suffix}` stores the first one"
            );
        }
        let new = self.input.read(sender)?;

        let step = Step::start("rotate");
        let rotated = |versions: &Versions| {
            let new = new.secret.expose();
            let stored = versions.current.sender(name);
            let (documents, count) = if stored.contains(&new) {
                (Vec::new(), stored.len())
            } else {
                (versions.adding(name, new)?, stored.len() + 1)
            };
            Ok(Change {
                documents,
                outcome: count,
            })
        };
        let count = secret.change(rotated).await?;
        wait_until_known(step, "the new secret counts beside the old one").await;
        let named = page::named(sender, &new);
        let old_may_go = old_may_go_at(sender, OffsetDateTime::now_utc());
        if json {
            let secret = new.is_generated.then_some(named);
            let at = old_may_go.map(|at| at.format(&Rfc3339)).transpose()?;
            let steps = sender.proof.setup().steps(&address, named);
            return line!(
                "{:#}",
                json!({
                    "sender": name, "address": address, "steps": steps, "secrets": count,
                    "generated_secret": secret, "old_may_go_at": at,
                })
            );
        }
        line!("{count} secrets of {name} count now. Give the provider the new one.")?;
        line!("{}", page::steps(sender, &address, named))?;
        if new.is_generated {
            line!("The password is not shown again.")?;
        }
        line!("{}", advice(sender, old_may_go, suffix)?)
    }

    async fn finish(&self, target: &StackTarget, sender: &Posting) -> Result<()> {
        let json = self.selection.json;
        let (name, suffix) = (sender.sender.name(), &target.suffix);
        let step = Step::start("finish");
        let finished = |versions: &Versions| {
            let stored = versions.current.sender(name);
            let Some(newest) = stored.first() else {
                bail!("{name} has no secret: `cistern senders add {name}{suffix}` stores one");
            };
            let before = versions.previous.as_ref();
            let older = before.map_or_else(Vec::new, |document| document.sender(name));
            let others = stored
                .iter()
                .chain(&older)
                .filter(|secret| *secret != newest);
            let removed: std::collections::BTreeSet<_> = others.collect();
            let documents = if removed.is_empty() {
                Vec::new()
            } else {
                versions.keeping_only(name, newest)?
            };
            Ok(Change {
                documents,
                outcome: removed.len(),
            })
        };
        let removed = KeysSecret::of(target)?.change(finished).await?;
        step.done(format!("{removed} removed"));
        if json {
            return line!(
                "{:#}",
                json!({ "sender": name, "secrets": 1, "removed": removed })
            );
        }
        line!(
            "{removed} secrets of {name} were removed, and the newest counts alone, at the latest in five minutes."
        )
    }
}

/// When no delivery that was signed with the old secret is repeated any more, if the provider changes to the new one now.
fn old_may_go_at(sender: &Posting, now: OffsetDateTime) -> Option<OffsetDateTime> {
    let hours = sender.proof.setup().repeats_for_hours?;
    Some(now + Duration::from_secs(u64::from(hours) * 3_600))
}

fn advice(sender: &Posting, old_may_go: Option<OffsetDateTime>, suffix: &str) -> Result<String> {
    let name = sender.sender.name();
    let minutes = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    let when = match (old_may_go, sender.proof.setup().repeats_for_hours) {
        (Some(at), Some(hours)) => format!(
            "{} repeats a delivery for {hours} hours, so the old one may go from {} if the provider changes now",
            sender.sender.label(),
            at.format(minutes)?
        ),
        _ => format!(
            "the old one may go when {} repeats no delivery from before the change any more; for how long it does is not documented",
            sender.sender.label()
        ),
    };
    Ok(format!(
        "Then try it with `cistern senders test {name}{suffix}`.\n{when}: cistern senders rotate {name}{suffix} --finish"
    ))
}

#[cfg(test)]
mod tests {
    use email_senders::Senders;
    use time::macros::datetime;

    use super::*;
    use crate::operator::senders::posting;

    #[test]
    fn the_old_secret_may_go_when_the_last_delivery_was_repeated() {
        let now = datetime!(2026-11-30 12:00 UTC);
        let text = |name: &str| {
            let sender = posting(&Senders::default(), name, "").unwrap();
            advice(&sender, old_may_go_at(&sender, now), "").unwrap()
        };

        assert!(
            text("sendgrid").contains("from 2026-12-01 12:00 UTC"),
            "{}",
            text("sendgrid")
        );
        assert!(text("bird").contains("not documented"), "{}", text("bird"));
    }
}
