//! Where signatures are in the value of their header.

use serde_json::Value;

use super::section::{RecipeError, Section};
use crate::proof::Refused;

/// How signatures are in the value of their header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The value is the signature.
    Plain,
    /// After a text, such as `sha256=`.
    Prefix(String),
    /// Among pairs such as `t=1,v1=a,v1=b`, with the names of the signatures and of the time.
    Pairs {
        signature: String,
        timestamp: Option<String>,
    },
    /// Each after a version and a comma, with blanks between them: `v1,a v1,b`.
    Listed(String),
}

impl Form {
    pub(super) fn of(proof: &Section<'_>) -> Result<Self, RecipeError> {
        const MEMBER: &str = "signature_form";
        const MAX: usize = 32;
        let value = match proof.value(MEMBER) {
            None => return Ok(Self::Plain),
            Some(value) if value == "plain" => return Ok(Self::Plain),
            Some(value) => value,
        };
        let expected = || {
            let forms = r#"must be "plain", {"prefix": "sha256="}, {"pairs": {"signature": "v1", "timestamp": "t"}} or {"listed": "v1"}"#;
            proof.error(MEMBER, forms)
        };
        let members = value.as_object().filter(|members| members.len() == 1);
        if members.is_none() {
            return Err(expected());
        }
        let form = proof.section(MEMBER)?;
        form.allow(&["prefix", "pairs", "listed"])?;
        if let Some(prefix) = form.text("prefix", MAX).map_err(|_| expected())? {
            return Ok(Self::Prefix(prefix.to_owned()));
        }
        if form.value("pairs").is_some_and(Value::is_object) {
            let pairs = form.section("pairs")?;
            pairs.allow(&["signature", "timestamp"])?;
            let name = |text: Option<&str>| text.map(str::to_owned);
            return Ok(Self::Pairs {
                signature: pairs
                    .required("signature", MAX, "the name of the signature")?
                    .to_owned(),
                timestamp: name(pairs.text("timestamp", MAX)?),
            });
        }
        let version = form.text("listed", MAX).map_err(|_| expected())?;
        version
            .map(|version| Self::Listed(version.to_owned()))
            .ok_or_else(expected)
    }

    /// The signatures in a header's value, and the time if it is there too.
    pub(super) fn read<'a>(
        &self,
        value: &'a str,
    ) -> Result<(Vec<&'a str>, Option<&'a str>), Refused> {
        let (signatures, stamp): (Vec<&str>, _) = match self {
            Self::Plain => (vec![value], None),
            Self::Prefix(prefix) => (value.strip_prefix(prefix).into_iter().collect(), None),
            Self::Pairs {
                signature,
                timestamp,
            } => {
                let pairs = || {
                    value
                        .split(',')
                        .filter_map(|pair| pair.trim().split_once('='))
                };
                let named = |wanted: &str| {
                    let wanted = wanted.to_owned();
                    pairs()
                        .filter(move |(name, _)| *name == wanted)
                        .map(|(_, value)| value)
                };
                let stamp = timestamp.as_deref().and_then(|name| named(name).next());
                (named(signature).collect(), stamp)
            }
            Self::Listed(version) => {
                let entries = value.split(' ').filter_map(|entry| entry.split_once(','));
                let own = entries.filter(|(name, _)| name == version);
                (own.map(|(_, signature)| signature).collect(), None)
            }
        };
        if signatures.is_empty() {
            return Err(Refused::Malformed);
        }
        Ok((signatures, stamp))
    }

    /// The value of a header with one signature.
    pub(super) fn write(&self, signature: &str, stamp: &str) -> String {
        match self {
            Self::Plain => signature.to_owned(),
            Self::Prefix(prefix) => format!("{prefix}{signature}"),
            Self::Pairs {
                signature: name,
                timestamp: None,
            } => format!("{name}={signature}"),
            Self::Pairs {
                signature: name,
                timestamp: Some(time),
            } => {
                format!("{time}={stamp},{name}={signature}")
            }
            Self::Listed(version) => format!("{version},{signature}"),
        }
    }
}
