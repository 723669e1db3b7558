//! The keys in a secret: made from its signing key, or given in it.

use std::{collections::HashMap, time::SystemTime};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::{Scope, token};

const SIGNING_KEY: &str = "signing_key";

/// One version of the secret.
#[derive(Debug)]
pub struct KeyDocument {
    signing_key: SecretString,
    given: HashMap<&'static str, SecretString>,
}

/// A secret that is not a document of keys. The text never holds any of it.
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
    /// Reads one version of the secret. Members that are neither the signing key nor a scope are left alone.
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
        })
    }

    /// The key that opens `scope`.
    pub fn key(&self, scope: Scope) -> SecretString {
        self.given
            .get(scope.as_str())
            .cloned()
            .unwrap_or_else(|| made_key(&self.signing_key, scope))
    }
}

/// The lower-case hex of HMAC-SHA256 of the scope's name under the signing key's text.
fn made_key(signing_key: &SecretString, scope: Scope) -> SecretString {
    let mut mac = Hmac::<Sha256>::new_from_slice(signing_key.expose_secret().as_bytes())
        .expect("HMAC takes keys of any length");
    mac.update(scope.as_str().as_bytes());
    SecretString::from(hex::encode(mac.finalize().into_bytes()))
}

/// What a key that somebody presents is worth to a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It opens the scope.
    Opens,
    /// It is good, and opens another scope.
    OfAnotherScope,
    /// It opens nothing: it was never a key, or no longer is one.
    Unknown,
}

/// The keys that open things now: those of the current version, and those of the one before.
#[derive(Debug)]
pub(crate) struct AcceptedKeys {
    current: KeyDocument,
    previous: Option<KeyDocument>,
}

impl AcceptedKeys {
    pub(crate) fn new(current: KeyDocument, previous: Option<KeyDocument>) -> Self {
        Self { current, previous }
    }

    /// What `credential`, a key or a token made with one, is worth to `scope`, in a time that does not depend on the keys.
    pub(crate) fn admit(
        &self,
        scope: Scope,
        credential: &SecretString,
        now: SystemTime,
    ) -> Admission {
        // All of them are compared, so that the time tells no scope either.
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

/// Compares digests, so that neither the length of a key nor where it differs shows in the time it takes.
fn is_same(key: &SecretString, credential: &SecretString) -> Choice {
    digest(key).ct_eq(&digest(credential))
}

fn digest(secret: &SecretString) -> [u8; 32] {
    Sha256::digest(secret.expose_secret().as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(json: &str) -> Result<KeyDocument, KeyDocumentError> {
        KeyDocument::parse(&SecretString::from(json))
    }

    fn key(json: &str, scope: Scope) -> String {
        document(json)
            .unwrap()
            .key(scope)
            .expose_secret()
            .to_owned()
    }

    #[test]
    fn key_is_the_hmac_of_the_scope() {
        // printf %s query | openssl dgst -sha256 -hmac secret
        assert_eq!(
            key(r#"{"signing_key":"secret"}"#, Scope::Query),
            "cb92cef40efaad2dcb30b787cfa23fdc45f680d8d6092d4965f80a9eb201b11b"
        );
        assert_eq!(
            key(r#"{"signing_key":"secret"}"#, Scope::Sparkpost),
            "10f9bacabcca9fba65280e60644725d1062f8d26d0a48c957ad554c3566335ed"
        );
    }

    #[test]
    fn given_key_replaces_the_made_one_of_its_scope_alone() {
        let json = r#"{"signing_key":"secret","sparkpost":"my own key","later_scope":7}"#;

        assert_eq!(key(json, Scope::Sparkpost), "my own key");
        assert_eq!(
            key(json, Scope::Query),
            key(r#"{"signing_key":"secret"}"#, Scope::Query)
        );
    }

    #[test]
    fn documents_that_would_open_too_much_are_errors_without_content() {
        let table = [
            ("planted", KeyDocumentError::NotAnObject),
            (r#""planted""#, KeyDocumentError::NotAnObject),
            ("{}", KeyDocumentError::Member("signing_key")),
            (
                r#"{"signing_key":""}"#,
                KeyDocumentError::Member("signing_key"),
            ),
            (
                r#"{"signing_key":["planted"]}"#,
                KeyDocumentError::Member("signing_key"),
            ),
            (
                r#"{"signing_key":"planted","query":""}"#,
                KeyDocumentError::Member("query"),
            ),
            (
                r#"{"signing_key":"planted","query":null}"#,
                KeyDocumentError::Member("query"),
            ),
        ];

        for (json, expected) in table {
            let error = document(json).unwrap_err();
            assert_eq!(error, expected, "{json}");
            assert!(!format!("{error} {error:?}").contains("planted"));
        }
    }

    #[test]
    fn current_and_previous_keys_open_their_own_scope() {
        let keys = AcceptedKeys::new(
            document(r#"{"signing_key":"new"}"#).unwrap(),
            Some(document(r#"{"signing_key":"old","query":"old query"}"#).unwrap()),
        );
        let now = SystemTime::UNIX_EPOCH;
        let admit = |scope, presented: &str| keys.admit(scope, &SecretString::from(presented), now);
        let opens = |scope, presented: &str| admit(scope, presented) == Admission::Opens;

        assert!(opens(
            Scope::Query,
            &key(r#"{"signing_key":"new"}"#, Scope::Query)
        ));
        assert!(opens(
            Scope::Sparkpost,
            &key(r#"{"signing_key":"old"}"#, Scope::Sparkpost)
        ));
        assert!(opens(Scope::Query, "old query"));
        assert!(!opens(Scope::Sparkpost, "old query"));
        assert!(!opens(
            Scope::Sparkpost,
            &key(r#"{"signing_key":"new"}"#, Scope::Query)
        ));
        assert!(!opens(
            Scope::Query,
            &key(r#"{"signing_key":"other"}"#, Scope::Query)
        ));
        assert!(!opens(Scope::Query, "new"));
        assert!(!opens(Scope::Query, ""));

        assert_eq!(
            admit(Scope::Sparkpost, "old query"),
            Admission::OfAnotherScope
        );
        for unknown in ["new", "", "ct1.9999999999.00"] {
            assert_eq!(admit(Scope::Sparkpost, unknown), Admission::Unknown);
        }
    }

    #[test]
    fn tokens_are_worth_what_their_key_is_until_they_expire() {
        let keys = AcceptedKeys::new(document(r#"{"signing_key":"new"}"#).unwrap(), None);
        let key = SecretString::from(key(r#"{"signing_key":"new"}"#, Scope::Sparkpost));
        let issued = SystemTime::UNIX_EPOCH;
        let token = token::issue(&key, issued);
        let late = issued + 2 * token::ANNOUNCED;

        for (scope, now, admission) in [
            (Scope::Sparkpost, issued, Admission::Opens),
            (Scope::Track, issued, Admission::OfAnotherScope),
            (Scope::Sparkpost, late, Admission::Unknown),
            (Scope::Track, late, Admission::Unknown),
        ] {
            assert_eq!(keys.admit(scope, &token, now), admission, "{scope:?}");
        }
    }

    /// What takes as long as it finds equal bytes would find the same few, however much of a key was guessed.
    #[test]
    fn what_is_compared_tells_nothing_of_a_common_prefix() {
        let key = key(r#"{"signing_key":"secret"}"#, Scope::Query);
        let compared = digest(&SecretString::from(key.as_str()));

        for known in 0..key.len() {
            let guess = format!("{}{}", &key[..known], "x".repeat(key.len() - known));
            let guess = digest(&SecretString::from(guess));
            let equal = compared.iter().zip(guess).take_while(|(a, b)| **a == *b);
            assert!(equal.count() < 3, "{known} digits known");
        }
    }

    #[test]
    fn keys_have_no_debug_text() {
        let keys = AcceptedKeys::new(
            document(r#"{"signing_key":"planted","query":"planted"}"#).unwrap(),
            None,
        );

        assert!(!format!("{keys:?}").contains("planted"));
    }
}
