//! The content of the secret, and what is written for a change of it.
//!
//! Two versions of the secret count, the current one and the previous one. Every version that is written makes the current one the previous
//! one, so a second change soon after a rotation would end the keys from before the rotation while senders still use them, and a secret that
//! is removed would count until the next change. Both are prevented by writing twice: first what shall be the previous version, then the
//! current one. In between, the first has a mark, so that a reader, or the next command after one that broke off, knows what it is.

use access_keys::SENDERS;
use anyhow::{Context as _, Result, ensure};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

/// Marks a document that stands for the previous version.
const MARK: &str = "is_previous";

/// One version of the secret. Members that are unknown here are kept.
#[derive(Clone, PartialEq)]
pub(crate) struct Document(Map<String, Value>);

impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Document")
    }
}

/// Both versions that count.
#[derive(Clone, Debug)]
pub(crate) struct Versions {
    pub(crate) current: Document,
    pub(crate) previous: Option<Document>,
    /// Whether a change broke off, or is running.
    is_unfinished: bool,
}

impl Document {
    /// # Errors
    /// The secret is not an object of JSON. The error has nothing of it.
    pub(crate) fn parse(secret: &SecretString) -> Result<Self> {
        let members: Map<String, Value> = serde_json::from_str(secret.expose_secret())
            .ok()
            .context("the stack's secret is not a JSON object")?;
        Ok(Self(members))
    }

    pub(crate) fn to_text(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }

    /// The secrets of a sender, the newest first.
    pub(crate) fn sender(&self, name: &str) -> Vec<&str> {
        match self.0.get(SENDERS).and_then(|senders| senders.get(name)) {
            Some(Value::String(secret)) => vec![secret],
            Some(Value::Array(secrets)) => secrets.iter().filter_map(Value::as_str).collect(),
            Some(_) | None => Vec::new(),
        }
    }

    /// The names of the senders that have a member.
    pub(crate) fn sender_names(&self) -> Vec<&str> {
        let senders = self.0.get(SENDERS).and_then(Value::as_object);
        senders
            .into_iter()
            .flat_map(Map::keys)
            .map(String::as_str)
            .collect()
    }

    /// # Errors
    /// The member with the senders is not an object.
    fn with_sender(&self, name: &str, secrets: &[&str]) -> Result<Self> {
        let mut changed = self.clone();
        let senders = changed.0.entry(SENDERS).or_insert_with(|| json!({}));
        ensure!(
            senders.is_object(),
            "the member {SENDERS} of the stack's secret is not an object such as {{\"sendgrid\": [\"…\"]}}: correct or remove it"
        );
        senders[name] = json!(secrets);
        Ok(changed)
    }

    fn with_signing_key(&self, signing_key: &str) -> Self {
        let mut changed = self.clone();
        changed
            .0
            .insert("signing_key".to_owned(), signing_key.into());
        changed
    }

    fn marked(mut self) -> Self {
        self.0.insert(MARK.to_owned(), true.into());
        self
    }

    fn without_mark(mut self) -> (Self, bool) {
        let is_marked = self.0.remove(MARK).is_some();
        (self, is_marked)
    }
}

impl Versions {
    pub(crate) fn of(current: Document, previous: Option<Document>) -> Self {
        let (current, is_unfinished) = current.without_mark();
        let previous = previous.map(|document| document.without_mark().0);
        match previous {
            Some(previous) if is_unfinished => Self {
                current: previous,
                previous: Some(current),
                is_unfinished,
            },
            previous => Self {
                current,
                previous,
                is_unfinished,
            },
        }
    }

    /// What to write so that a secret of a sender counts beside all that count now.
    ///
    /// # Errors
    /// As [`Document::with_sender`].
    pub(crate) fn adding(&self, name: &str, secret: &str) -> Result<Vec<Document>> {
        let secrets = [vec![secret], self.current.sender(name)].concat();
        let current = self.current.with_sender(name, &secrets)?;
        Ok(match &self.previous {
            Some(previous) if *previous != self.current => self.both(previous.clone(), current),
            Some(_) | None => vec![current],
        })
    }

    /// What to write so that no other secret of a sender counts any more.
    ///
    /// # Errors
    /// As [`Document::with_sender`].
    pub(crate) fn keeping_only(&self, name: &str, secret: &str) -> Result<Vec<Document>> {
        let previous = self.previous.as_ref().unwrap_or(&self.current);
        Ok(self.both(
            previous.with_sender(name, &[secret])?,
            self.current.with_sender(name, &[secret])?,
        ))
    }

    /// Both versions, unless the first is written already.
    fn both(&self, previous: Document, current: Document) -> Vec<Document> {
        if self.is_unfinished && self.previous.as_ref() == Some(&previous) {
            vec![current]
        } else {
            vec![previous.marked(), current]
        }
    }

    /// What to write so that the keys are derived from another signing key, and those of now stay valid.
    pub(crate) fn rotating(&self, signing_key: &str) -> Vec<Document> {
        let rotated = self.current.with_signing_key(signing_key);
        if self.is_unfinished {
            vec![self.current.clone(), rotated]
        } else {
            vec![rotated]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document::parse(&SecretString::from(text)).unwrap()
    }

    /// Writes documents on top of two versions.
    fn write(stored: &mut Vec<Document>, written: Vec<Document>) -> Versions {
        stored.extend(written);
        let (current, before) = stored.split_last().unwrap();
        Versions::of(current.clone(), before.last().cloned())
    }

    #[test]
    fn a_new_secret_stands_first_and_ends_nothing() {
        let old = document(r#"{"signing_key":"old","senders":{"resend":["r"]}}"#);
        let mut stored = vec![
            old.clone(),
            document(r#"{"signing_key":"new","note":1,"senders":{"bird":"b","mailgun":["m"]}}"#),
        ];
        let versions = write(&mut stored, Vec::new());

        let after = write(&mut stored, versions.adding("bird", "c").unwrap());

        let expected =
            r#"{"signing_key":"new","note":1,"senders":{"bird":["c","b"],"mailgun":["m"]}}"#;
        assert_eq!(after.current.to_text(), document(expected).to_text());
        assert_eq!(after.previous, Some(old));
    }

    #[test]
    fn the_first_secret_is_written_once() {
        let versions = Versions::of(document(r#"{"signing_key":"k"}"#), None);

        let written = versions.adding("bird", "b").unwrap();

        assert_eq!(written.len(), 1);
        assert_eq!(written[0].sender("bird"), ["b"]);
        assert!(versions.current.sender_names().is_empty());
    }

    #[test]
    fn a_removed_secret_counts_in_neither_version() {
        let current = document(r#"{"signing_key":"new","senders":{"bird":["c","b"]}}"#);
        let previous = document(r#"{"signing_key":"old","senders":{"bird":["b"]}}"#);
        for mut stored in [vec![current.clone()], vec![previous, current]] {
            let has_old_keys = stored.len() == 2;
            let versions = write(&mut stored, Vec::new());

            let after = write(&mut stored, versions.keeping_only("bird", "c").unwrap());

            let kept = after.previous.unwrap();
            assert_eq!(after.current.sender("bird"), ["c"]);
            assert_eq!(kept.sender("bird"), ["c"]);
            assert_eq!(kept.to_text().contains("old"), has_old_keys);
        }
    }

    #[test]
    fn a_change_that_broke_off_is_completed_by_the_next() {
        let (old, new) = (
            document(r#"{"signing_key":"old"}"#),
            document(r#"{"signing_key":"new"}"#),
        );
        let mut stored = vec![old.clone(), new.clone()];
        let versions = write(&mut stored, Vec::new());
        let mut first = versions.adding("bird", "b").unwrap();
        first.truncate(1);
        let broken_off = write(&mut stored, first);
        assert_eq!(
            (&broken_off.current, &broken_off.previous),
            (&new, &Some(old.clone()))
        );

        let added = write(
            &mut stored.clone(),
            broken_off.adding("mailgun", "m").unwrap(),
        );
        let rotated = write(&mut stored, broken_off.rotating("newest"));

        assert_eq!(added.current.sender("mailgun"), ["m"]);
        assert!(added.current.to_text().contains("new"));
        assert_eq!(added.previous, Some(old));
        assert!(rotated.current.to_text().contains("newest"));
        assert_eq!(rotated.previous, Some(new));
    }

    #[test]
    fn a_secret_that_is_no_document_is_an_error_without_its_text() {
        let error = Document::parse(&SecretString::from("planted")).unwrap_err();
        assert!(!format!("{error:#}").contains("planted"));

        let odd = Versions::of(document(r#"{"senders":"planted"}"#), None);
        let error = odd.adding("bird", "b").unwrap_err();
        assert!(!format!("{error:#}").contains("planted"));
    }
}
