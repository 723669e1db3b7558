//! The keys of a secret: derived from its signing key, or given as members.

use std::{collections::HashMap, time::SystemTime};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::{Scope, token};

const SIGNING_KEY: &str = "signing_key";
/// The member with the secrets of senders: `{"sendgrid": ["…"]}`.
pub const SENDERS: &str = "senders";

/// One version of the secret.
#[derive(Debug)]
pub struct KeyDocument {
    signing_key: SecretString,
    given: HashMap<&'static str, SecretString>,
    senders: HashMap<String, Vec<SecretString>>,
}

/// A secret that is not a document of keys. The text contains nothing of the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyDocumentError {
    /// Not a JSON object.
    #[error("the secret is not a JSON object")]
    NotAnObject,
    /// A member that is not text, or is empty: an empty key would open a route to everybody.
    #[error("member {0} of the secret is not text of at least one character")]
    Member(&'static str),
}

impl KeyDocument {
    /// Reads one version of the secret. Members that are neither the signing key nor a scope are ignored.
    pub fn parse(secret: &SecretString) -> Result<Self, KeyDocumentError> {
        let Ok(Value::Object(members)) = serde_json::from_str(secret.expose_secret()) else {
            return Err(KeyDocumentError::NotAnObject);
        };
        let text = |name| match members.get(name) {
            Some(Value::String(key)) if !key.is_empty() => Ok(SecretString::from(key.as_str())),
            Some(_) | None => Err(KeyDocumentError::Member(name)),
        };
        let given = Scope::ALL
            .into_iter()
            .map(Scope::as_str)
            .filter(|name| members.contains_key(*name))
            .map(|name| Ok((name, text(name)?)))
            .collect::<Result<_, KeyDocumentError>>()?;
        Ok(Self {
            signing_key: text(SIGNING_KEY)?,
            given,
            senders: members.get(SENDERS).map(read_senders).unwrap_or_default(),
        })
    }

    /// The secrets with which a sender proves its requests, in their order.
    pub fn sender_secrets(&self, sender: &str) -> &[SecretString] {
        self.senders.get(sender).map_or(&[], Vec::as_slice)
    }

    /// The key that grants `scope`.
    pub fn key(&self, scope: Scope) -> SecretString {
        self.given
            .get(scope.as_str())
            .cloned()
            .unwrap_or_else(|| made_key(&self.signing_key, scope))
    }
}

/// A sender's secrets are a text or a list of texts. Anything else is none, so that a mistake with one sender locks out nobody else.
fn read_senders(senders: &Value) -> HashMap<String, Vec<SecretString>> {
    let texts = |secrets: &Value| -> Vec<SecretString> {
        let texts = match secrets {
            Value::String(text) => vec![text.as_str()],
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let given = texts.into_iter().filter(|text| !text.is_empty());
        given.map(SecretString::from).collect()
    };
    let members = senders.as_object().into_iter().flatten();
    members
        .map(|(sender, secrets)| (sender.clone(), texts(secrets)))
        .collect()
}

/// The lower-case hex of HMAC-SHA256 of the scope's name under the signing key's text.
fn made_key(signing_key: &SecretString, scope: Scope) -> SecretString {
    let mut mac = Hmac::<Sha256>::new_from_slice(signing_key.expose_secret().as_bytes())
        .expect("HMAC takes keys of any length");
    mac.update(scope.as_str().as_bytes());
    SecretString::from(hex::encode(mac.finalize().into_bytes()))
}

/// What a presented key grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It grants the scope.
    Opens,
    /// It is valid and grants another scope.
    OfAnotherScope,
    /// It grants nothing: it is unknown or no longer valid.
    Unknown,
}

/// The valid keys: those of the current version and of the previous one.
#[derive(Debug)]
pub(crate) struct AcceptedKeys {
    current: KeyDocument,
    previous: Option<KeyDocument>,
}

impl AcceptedKeys {
    pub(crate) fn new(current: KeyDocument, previous: Option<KeyDocument>) -> Self {
        Self { current, previous }
    }

    /// The secrets of a sender in the current version, then those of the previous one.
    pub(crate) fn sender_secrets(&self, sender: &str) -> Vec<SecretString> {
        let documents = std::iter::once(&self.current).chain(&self.previous);
        let secrets = documents.flat_map(|document| document.sender_secrets(sender));
        secrets.cloned().collect()
    }

    /// What `credential`, a key or a token made with one, grants for `scope`, in a time that does not depend on the
    /// keys.
    pub(crate) fn admit(
        &self,
        scope: Scope,
        credential: &SecretString,
        now: SystemTime,
    ) -> Admission {
        // All of them are compared, so that the time does not reveal the scope either.
        let others = Scope::ALL.into_iter().filter(|other| *other != scope);
        let is_of_another = others.fold(Choice::from(0), |found, other| {
            found | self.opens(other, credential, now)
        });
        if self.opens(scope, credential, now).into() {
            Admission::Opens
        } else if is_of_another.into() {
            Admission::OfAnotherScope
        } else {
            Admission::Unknown
        }
    }

    fn opens(&self, scope: Scope, credential: &SecretString, now: SystemTime) -> Choice {
        let matches = |document: &KeyDocument| {
            let key = document.key(scope);
            let token = token::expected(&key, credential, now);
            let is_token = token.map_or(Choice::from(0), |token| is_same(&token, credential));
            is_same(&key, credential) | is_token
        };
        let current = matches(&self.current);
        let previous = self.previous.as_ref().map_or(Choice::from(0), matches);
        current | previous
    }
}

/// Compares digests, so that the time reveals neither the length of a key nor the first different byte.
fn is_same(key: &SecretString, credential: &SecretString) -> Choice {
    digest(key).ct_eq(&digest(credential))
}

fn digest(secret: &SecretString) -> [u8; 32] {
    Sha256::digest(secret.expose_secret().as_bytes()).into()
}

#[cfg(test)]
mod tests;
