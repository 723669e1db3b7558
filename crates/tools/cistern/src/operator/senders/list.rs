//! `cistern senders list`.

use anyhow::Result;
use email_senders::{Sender, Senders};
use serde::Serialize;

use super::{address, recipes};
use crate::{
    operator::{
        keys_secret::{KeysSecret, Versions},
        target::{StackTarget, TargetArgs},
    },
    output::line,
    table::{Align, lay_out, printable},
};

/// Options of `cistern senders list`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct List {
    #[command(flatten)]
    target: TargetArgs,

    /// Print the senders as JSON
    #[arg(long)]
    json: bool,
}

/// A sender and the state of its secrets.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Row {
    name: String,
    /// None of a name that is no sender's.
    label: Option<String>,
    /// Whether a recipe describes it.
    is_by_recipe: bool,
    /// None of a name that is no sender's.
    address: Option<String>,
    /// How many secrets the current version of the stack's secret has.
    secrets: usize,
    /// How many of them have another form than the sender's, so that they prove nothing.
    unusable: usize,
    /// How many count only because the previous version of the stack's secret has them.
    previous: usize,
}

impl List {
    pub(super) async fn run(&self) -> Result<()> {
        let target = self.target.find().await?;
        let versions = KeysSecret::of(&target)?.read().await?;
        let senders = recipes::read(&target).await?;
        let rows = rows(&target, &senders, &versions)?;
        if self.json {
            return line!("{}", serde_json::to_string_pretty(&rows)?);
        }
        line!("{}", text(&rows))
    }
}

fn rows(target: &StackTarget, senders: &Senders, versions: &Versions) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for sender in senders.all() {
        let name = sender.name();
        let posts = sender.proof().is_some();
        let address = posts.then(|| address::of(target, name)).transpose()?;
        rows.push(row(name, Some(&sender), address, versions));
    }
    let names = versions.current.sender_names();
    let unknown = names.iter().filter(|name| senders.named(name).is_none());
    rows.extend(unknown.map(|name| row(name, None, None, versions)));
    Ok(rows)
}

fn row(name: &str, sender: Option<&Sender>, address: Option<String>, versions: &Versions) -> Row {
    let secrets = versions.current.sender(name);
    let proof = sender.and_then(Sender::proof);
    let is_usable = |secret: &&&str| {
        proof
            .as_ref()
            .is_some_and(|proof| proof.check_secret(secret).is_ok())
    };
    let previous = versions
        .previous
        .as_ref()
        .map_or_else(Vec::new, |document| document.sender(name));
    Row {
        name: name.to_owned(),
        label: sender.map(|sender| sender.label().to_owned()),
        is_by_recipe: sender.is_some_and(|sender| sender.recipe().is_some()),
        address,
        secrets: secrets.len(),
        unusable: secrets.len() - secrets.iter().filter(is_usable).count(),
        previous: previous
            .iter()
            .filter(|secret| !secrets.contains(secret))
            .count(),
    }
}

fn text(rows: &[Row]) -> String {
    let header = ["sender", "secrets", "address"].map(str::to_owned);
    let mut cells = vec![header.to_vec()];
    cells.extend(rows.iter().map(|row| {
        let unknown = "no sender has this name";
        let address = row.address.as_deref().unwrap_or(unknown).to_owned();
        let recipe = if row.is_by_recipe { " (recipe)" } else { "" };
        let name = format!("{}{recipe}", printable(&row.name));
        vec![name, secrets(row), address]
    }));
    lay_out(&cells, |_| Align::Left)
}

fn secrets(row: &Row) -> String {
    let mut text = match row.secrets {
        0 => "-".to_owned(),
        count => count.to_string(),
    };
    for (count, meaning) in [
        (row.unusable, "malformed"),
        (row.previous, "only in the previous version of the secret"),
    ] {
        if count > 0 {
            text = format!("{text}, {count} {meaning}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::operator::keys_secret::Document;

    #[test]
    fn secrets_are_counted_and_never_shown() {
        let document = |text: &str| Document::parse(&SecretString::from(text)).unwrap();
        let versions = Versions::of(
            document(
                r#"{"senders":{"postmark":["planted-planted-1","short"],"sendgird":"planted"}}"#,
            ),
            Some(document(r#"{"senders":{"postmark":"planted-planted-2"}}"#)),
        );
        let postmark = row(
            "postmark",
            Senders::default().named("postmark").as_ref(),
            Some("https://a.example/webhooks/postmark".to_owned()),
            &versions,
        );
        let unknown = row("sendgird", None, None, &versions);

        assert_eq!(
            (postmark.secrets, postmark.unusable, postmark.previous),
            (2, 1, 1)
        );
        let shown = text(&[postmark, unknown]);
        assert!(!shown.contains("planted"), "{shown}");
        assert!(
            shown.contains("2, 1 malformed, 1 only in the previous version of the secret"),
            "{shown}"
        );
        assert!(shown.contains("no sender has this name"), "{shown}");
    }
}
