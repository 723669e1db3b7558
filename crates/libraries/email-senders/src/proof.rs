//! The schemes by which requests prove themselves. All of them look at the bytes as they were received, before anything is
//! decoded or trimmed, and compare in constant time.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use time::OffsetDateTime;

use crate::sns::SigningCertificate;

/// How far the time of a signature may be from the own clock, both ways, where a scheme has such a limit.
pub const MAX_SKEW_SECONDS: i64 = 300;

/// The most signatures with a public key that are tried, each over the whole body. A sender that changes its key sends two.
const MAX_SIGNATURES: usize = 4;

/// A request as it was received.
pub struct Received<'a> {
    /// The value of a header by its name in lower case; none for one that is missing or repeated.
    pub header: &'a dyn Fn(&str) -> Option<&'a str>,
    /// The key in `Authorization`: a bearer's, or the password of Basic.
    pub presented_key: Option<&'a str>,
    /// The body, without the encoding in transit.
    pub body: &'a [u8],
    /// The certificate at [`Proof::certificate_url`](crate::Proof::certificate_url), of a sender that signs with one.
    pub certificate: Option<&'a SigningCertificate>,
    /// The own clock.
    pub now: OffsetDateTime,
}

impl std::fmt::Debug for Received<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Received").finish_non_exhaustive()
    }
}

/// Why a request is not proven, in the order in which that is found. The text has nothing of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Refused {
    /// No secret is stored for the sender, or none that can be one.
    #[error("no secret is stored for this sender: docs/senders.md says how one is stored")]
    NoSecret,
    /// The proof, or a part of it, is missing.
    #[error("the proof is missing")]
    Missing,
    /// It is of another topic of SNS than the stored ones.
    #[error("it is of another topic than those that are stored")]
    OtherTopic,
    /// The signature has another form than the scheme's.
    #[error("the proof has another form than this sender's")]
    Malformed,
    /// The signature is too old, or from the future.
    #[error("the signature is too old, or its time is in the future")]
    Stale,
    /// The certificate is at a host that is not the provider's, or is not valid now.
    #[error("the certificate is from another host than this provider's, or is not valid now")]
    Untrusted,
    /// The certificate is not known.
    #[error("the certificate cannot be fetched")]
    NoCertificate,
    /// The proof is of another secret or another body.
    #[error("the proof is wrong")]
    Wrong,
}

/// Compares two texts in a time that depends on their lengths only.
fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// Proven if a presented text is the expected one.
pub(crate) fn require_same(presented: &str, expected: &str) -> Result<(), Refused> {
    proven_if(is_same(presented, expected))
}

fn proven_if(is_proven: bool) -> Result<(), Refused> {
    if is_proven {
        Ok(())
    } else {
        Err(Refused::Wrong)
    }
}

/// The digest of HMAC-SHA256 over the parts, one after the other.
pub(crate) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// ECDSA with P-256 and SHA-256: `key` is `SubjectPublicKeyInfo` in base64, `signature` DER in base64.
pub(crate) fn ecdsa_p256(key: &str, signature: &str, parts: &[&[u8]]) -> Result<(), Refused> {
    let key = BASE64_STANDARD.decode(key).map_err(|_| Refused::NoSecret)?;
    let signature = BASE64_STANDARD
        .decode(signature)
        .map_err(|_| Refused::Malformed)?;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key)
        .verify(&parts.concat(), &signature)
        .map_err(|_| Refused::Wrong)
}

/// Whether a text is a public key of [`ecdsa_p256`].
pub(crate) fn check_public_key(secret: &str) -> Result<(), &'static str> {
    // The header of a P-256 key in this form, and its 65 bytes.
    const HEADER: &[u8] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
    if secret.starts_with("SG.") {
        return Err("the public key MFkw…, and this is an API key");
    }
    if secret.starts_with("-----BEGIN") {
        return Err("the public key alone: without the lines of BEGIN and END, in one line");
    }
    match BASE64_STANDARD.decode(secret) {
        Ok(key) if key.len() == HEADER.len() + 65 && key.starts_with(HEADER) => Ok(()),
        Ok(_) | Err(_) => Err("a public key: 124 characters of base64 that begin with MFkw"),
    }
}

/// Whether a text is long enough that nobody guesses it.
pub(crate) fn check_password(secret: &str) -> Result<(), &'static str> {
    if secret.len() >= 16 && secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(())
    } else {
        Err("at least 16 characters of printable ASCII, without blanks")
    }
}

/// Standard Webhooks, and Svix, which it comes from: `v1` with a secret (`whsec_…`), `v1a` with a public key (`whpk_…`).
pub(crate) fn standard_webhooks(received: &Received<'_>, secret: &str) -> Result<(), Refused> {
    let header = |name: &str| {
        (received.header)(&format!("webhook-{name}"))
            .or_else(|| (received.header)(&format!("svix-{name}")))
    };
    let (Some(id), Some(stamp), Some(signatures)) =
        (header("id"), header("timestamp"), header("signature"))
    else {
        return Err(Refused::Missing);
    };
    let is_number = !stamp.is_empty() && stamp.bytes().all(|byte| byte.is_ascii_digit());
    let seconds: i64 = stamp
        .parse()
        .ok()
        .filter(|_| is_number)
        .ok_or(Refused::Malformed)?;
    if received.now.unix_timestamp().abs_diff(seconds) > MAX_SKEW_SECONDS.unsigned_abs() {
        return Err(Refused::Stale);
    }
    let signed = [id.as_bytes(), b".", stamp.as_bytes(), b".", received.body];
    let listed = signatures
        .split(' ')
        .filter_map(|entry| entry.split_once(','));
    let is_proven = if let Some(key) = secret.strip_prefix("whpk_") {
        let key = BASE64_STANDARD.decode(key).map_err(|_| Refused::NoSecret)?;
        let key = UnparsedPublicKey::new(&ED25519, key);
        let signed = signed.concat();
        listed
            .filter(|(version, _)| *version == "v1a")
            .take(MAX_SIGNATURES)
            .filter_map(|(_, signature)| BASE64_STANDARD.decode(signature).ok())
            .any(|signature| key.verify(&signed, &signature).is_ok())
    } else {
        let expected = sign(secret, &signed).ok_or(Refused::NoSecret)?;
        let matches =
            listed.filter(|(version, signature)| *version == "v1" && is_same(signature, &expected));
        // All are compared, whichever is right.
        matches.count() > 0
    };
    proven_if(is_proven)
}

/// The signature of a delivery under `v1`, as a sender of Standard Webhooks writes it; none for a text that is no secret.
pub fn standard_webhooks_signature(
    secret: &str,
    id: &str,
    seconds: i64,
    body: &[u8],
) -> Option<String> {
    let stamp = seconds.to_string();
    sign(secret, &[id.as_bytes(), b".", stamp.as_bytes(), b".", body])
        .map(|signature| format!("v1,{signature}"))
}

fn sign(secret: &str, parts: &[&[u8]]) -> Option<String> {
    let key = BASE64_STANDARD
        .decode(secret.strip_prefix("whsec_").unwrap_or(secret))
        .ok()?;
    (!key.is_empty()).then(|| BASE64_STANDARD.encode(hmac_sha256(&key, parts)))
}

/// Whether a text is a secret of [`standard_webhooks`].
pub(crate) fn check_standard_secret(secret: &str) -> Result<(), &'static str> {
    let key = secret
        .strip_prefix("whsec_")
        .or_else(|| secret.strip_prefix("whpk_"));
    if secret.starts_with("re_") {
        return Err("the signing secret whsec_… of the webhook, and this is an API key");
    }
    match key.map(|key| BASE64_STANDARD.decode(key)) {
        Some(Ok(key)) if (16..=64).contains(&key.len()) => Ok(()),
        Some(_) | None => Err("whsec_ and 16 to 64 bytes in base64, or whpk_ and a public key"),
    }
}

/// The headers of Standard Webhooks with the id, the time and the signature of a delivery.
pub(crate) const STANDARD_NAMES: [&str; 3] =
    ["webhook-id", "webhook-timestamp", "webhook-signature"];
/// The headers of [`standard_webhooks`].
pub(crate) const STANDARD_HEADERS: &[&str] = &[
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "svix-id",
    "svix-timestamp",
    "svix-signature",
];
/// Those with the id of a delivery.
pub(crate) const STANDARD_ID_HEADERS: &[&str] = &["webhook-id", "svix-id"];
