//! Signatures by HMAC as a recipe describes them.

use aws_lc_rs::hmac::{Context, Key};
use event_model::read_instant;
use subtle::ConstantTimeEq;

use super::{
    encoding::{Encoding, Hash},
    form::Form,
    section::{RecipeError, Section},
    signed::{self, Part},
};
use crate::proof::{MAX_SKEW_SECONDS, Received, Refused};

const MEMBERS: [&str; 10] = [
    "signature_header",
    "signature_form",
    "timestamp_header",
    "id_header",
    "hash",
    "encoding",
    "signed",
    "secret",
    "secret_prefix",
    "tolerance_seconds",
];
/// Shorter keys can be guessed.
const MIN_KEY_BYTES: usize = 16;
const MAX_TOLERANCE_SECONDS: i64 = 86_400;

/// The member `proof` of a recipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    header: String,
    form: Form,
    timestamp_header: Option<String>,
    id_header: Option<String>,
    hash: Hash,
    encoding: Encoding,
    signed: Vec<Part>,
    secret: Encoding,
    secret_prefix: String,
    tolerance_seconds: i64,
}

impl Signature {
    pub(super) fn of(proof: &Section<'_>) -> Result<Self, RecipeError> {
        proof.allow(&MEMBERS)?;
        let missing = || {
            proof.error(
                "signature_header",
                "is missing: give the header that has the signature",
            )
        };
        let hashes = [
            ("sha1", Hash::Sha1),
            ("sha256", Hash::Sha256),
            ("sha512", Hash::Sha512),
        ];
        let encodings = [("hex", Encoding::Hex), ("base64", Encoding::Base64)];
        let secrets = [encodings[0], encodings[1], ("text", Encoding::Text)];
        let signature = Self {
            header: proof.header("signature_header")?.ok_or_else(missing)?,
            form: Form::of(proof)?,
            timestamp_header: proof.header("timestamp_header")?,
            id_header: proof.header("id_header")?,
            hash: proof.choice("hash", &hashes)?.unwrap_or(Hash::Sha256),
            encoding: proof
                .choice("encoding", &encodings)?
                .unwrap_or(Encoding::Hex),
            signed: signed::parts(proof)?,
            secret: proof.choice("secret", &secrets)?.unwrap_or(Encoding::Text),
            secret_prefix: proof
                .text("secret_prefix", 32)?
                .unwrap_or_default()
                .to_owned(),
            tolerance_seconds: tolerance(proof)?,
        };
        signature.check_parts(proof)?;
        Ok(signature)
    }

    /// Whether what is signed is what is received.
    fn check_parts(&self, proof: &Section<'_>) -> Result<(), RecipeError> {
        let in_form = matches!(
            &self.form,
            Form::Pairs {
                timestamp: Some(_),
                ..
            }
        );
        if in_form && self.timestamp_header.is_some() {
            let expected = "must be left out: the pairs of the signature have the time";
            return Err(proof.error("timestamp_header", expected));
        }
        let is_signed = self.signed.contains(&Part::Timestamp);
        let is_given = in_form || self.timestamp_header.is_some();
        if is_signed && !is_given {
            let expected = "is missing: proof.signed has {timestamp}, so a header or the pairs of the signature must have the time";
            return Err(proof.error("timestamp_header", expected));
        }
        if !is_signed && (is_given || proof.value("tolerance_seconds").is_some()) {
            let expected = "must have {timestamp}: a time that is not signed proves nothing, so leave it and tolerance_seconds out otherwise";
            return Err(proof.error("signed", expected));
        }
        if self.signed.contains(&Part::Id) && self.id_header.is_none() {
            let expected = "is missing: proof.signed has {id}, so a header must have it";
            return Err(proof.error("id_header", expected));
        }
        Ok(())
    }

    pub(super) fn id_header(&self) -> Option<&str> {
        self.id_header.as_deref()
    }

    pub(super) fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("signature", Some(self.header.as_str())),
            ("signature-time", self.timestamp_header.as_deref()),
            ("delivery-id", self.id_header.as_deref()),
        ]
        .into_iter()
        .filter_map(|(name, header)| Some((name, header?)))
    }

    pub(super) fn secret(&self) -> &'static str {
        match self.secret {
            Encoding::Text => "the text with which it signs, at least 16 bytes",
            Encoding::Hex => "the key with which it signs, at least 16 bytes in hexadecimal digits",
            Encoding::Base64 => "the key with which it signs, at least 16 bytes in base64",
        }
    }

    pub(super) fn check_secret(&self, secret: &str) -> Result<(), &'static str> {
        match self.key(secret) {
            Some(key) if key.len() >= MIN_KEY_BYTES => Ok(()),
            Some(_) | None => Err(self.secret()),
        }
    }

    fn key(&self, secret: &str) -> Option<Vec<u8>> {
        self.secret
            .decode(secret.strip_prefix(&self.secret_prefix)?)
    }

    pub(super) fn verify(&self, received: &Received<'_>, secret: &str) -> Result<(), Refused> {
        let header = |name: &str| (received.header)(name);
        let value = header(&self.header).ok_or(Refused::Missing)?;
        let (signatures, stamp_in_form) = self.form.read(value)?;
        let stamp = stamp_in_form.or_else(|| header(self.timestamp_header.as_deref()?));
        let id = self.id_header().and_then(header);
        if self.signed.contains(&Part::Timestamp) {
            let stamp = read_instant(stamp.ok_or(Refused::Missing)?).ok_or(Refused::Malformed)?;
            let seconds = stamp.unix_millis().div_euclid(1_000);
            let skew = received.now.unix_timestamp().abs_diff(seconds);
            if skew > self.tolerance_seconds.unsigned_abs() {
                return Err(Refused::Stale);
            }
        }
        let expected = self
            .digest(secret, id, stamp, received.body)
            .ok_or(Refused::Missing)?;
        let signatures = signatures
            .iter()
            .filter_map(|text| self.encoding.decode(text));
        // All are compared, whichever is right.
        let is_same = |signature: &Vec<u8>| bool::from(signature.ct_eq(&expected));
        if signatures.filter(is_same).count() > 0 {
            Ok(())
        } else {
            Err(Refused::Wrong)
        }
    }

    /// The digest of a delivery; none if a signed part is missing or the text is no secret.
    fn digest(
        &self,
        secret: &str,
        id: Option<&str>,
        stamp: Option<&str>,
        body: &[u8],
    ) -> Option<Vec<u8>> {
        let mut context = Context::with_key(&Key::new(self.hash.algorithm(), &self.key(secret)?));
        for part in &self.signed {
            context.update(match part {
                Part::Text(text) => text.as_bytes(),
                Part::Id => id?.as_bytes(),
                Part::Timestamp => stamp?.as_bytes(),
                Part::Body => body,
            });
        }
        Some(context.sign().as_ref().to_vec())
    }

    /// The headers of a delivery that the secret proves.
    pub(super) fn sign(
        &self,
        secret: &str,
        id: &str,
        seconds: i64,
        body: &[u8],
    ) -> Vec<(String, String)> {
        let stamp = seconds.to_string();
        let digest = self.digest(secret, Some(id), Some(&stamp), body);
        let signature = self.encoding.encode(&digest.unwrap_or_default());
        let mut headers = vec![(self.header.clone(), self.form.write(&signature, &stamp))];
        headers.extend(self.timestamp_header.clone().map(|header| (header, stamp)));
        headers.extend(self.id_header.clone().map(|header| (header, id.to_owned())));
        headers
    }
}

fn tolerance(proof: &Section<'_>) -> Result<i64, RecipeError> {
    let Some(value) = proof.value("tolerance_seconds") else {
        return Ok(MAX_SKEW_SECONDS);
    };
    let seconds = value.as_i64();
    seconds
        .filter(|seconds| (1..=MAX_TOLERANCE_SECONDS).contains(seconds))
        .ok_or_else(|| {
            let expected = format!("must be a number of seconds from 1 to {MAX_TOLERANCE_SECONDS}");
            proof.error("tolerance_seconds", expected)
        })
}
