//! The certificate that messages are signed with.
//!
//! SNS serves it alone, without those that issued it, so who made it is proven by the host that it came from: a host of SNS
//! ([`SnsUrl`](super::SnsUrl)) over TLS. Its own name and its period are checked nevertheless.

use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use time::OffsetDateTime;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, pem::parse_x509_pem};

use crate::proof::Refused;

/// The hash of a signature. SNS uses SHA-1 unless the topic's `SignatureVersion` is 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
}

/// A certificate of SNS: its public key, and when it is valid.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningCertificate {
    /// `SubjectPublicKeyInfo`, in DER.
    public_key: Vec<u8>,
    /// Seconds since 1970.
    not_before: i64,
    not_after: i64,
}

impl std::fmt::Debug for SigningCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningCertificate").finish_non_exhaustive()
    }
}

/// What was fetched is no certificate of SNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// It is not one certificate in PEM.
    #[error("it is not a certificate in PEM")]
    Form,
    /// It names another service.
    #[error("it is a certificate of another name than SNS's")]
    Name,
}

impl SigningCertificate {
    /// Reads a certificate in PEM.
    ///
    /// # Errors
    /// When it is none, or one of another name.
    pub fn parse(pem: &[u8]) -> Result<Self, CertificateError> {
        let (_, pem) = parse_x509_pem(pem).map_err(|_| CertificateError::Form)?;
        let certificate = pem.parse_x509().map_err(|_| CertificateError::Form)?;
        if !is_of_sns(&certificate) {
            return Err(CertificateError::Name);
        }
        Ok(Self {
            public_key: certificate.public_key().raw.to_vec(),
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
        })
    }

    pub(super) fn require_valid_at(&self, now: OffsetDateTime) -> Result<(), Refused> {
        let is_valid = (self.not_before..=self.not_after).contains(&now.unix_timestamp());
        is_valid.then_some(()).ok_or(Refused::Untrusted)
    }

    /// Whether a text is signed with its key, by RSASSA-PKCS1-v1_5.
    pub(super) fn verify(&self, hash: Hash, text: &str, signature: &[u8]) -> Result<(), Refused> {
        let algorithm = match hash {
            Hash::Sha1 => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => &RSA_PKCS1_2048_8192_SHA256,
        };
        UnparsedPublicKey::new(algorithm, &self.public_key)
            .verify(text.as_bytes(), signature)
            .map_err(|_| Refused::Wrong)
    }
}

/// Whether a certificate names SNS: `sns.amazonaws.com`, `sns-signing.<region>.amazonaws.com`, or with the partition of China `.cn` behind.
fn is_of_sns(certificate: &X509Certificate<'_>) -> bool {
    let alternatives = certificate.subject_alternative_name().ok().flatten();
    let mut names = alternatives
        .iter()
        .flat_map(|names| &names.value.general_names);
    names.any(|name| matches!(name, GeneralName::DNSName(name) if is_name(name)))
}

fn is_name(name: &str) -> bool {
    let service = name
        .strip_suffix(".amazonaws.com")
        .or_else(|| name.strip_suffix(".amazonaws.com.cn"));
    let is_known =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    service.is_some_and(|service| {
        let is_sns = service == "sns" || service.starts_with("sns.") || service.starts_with("sns-");
        is_sns && service.bytes().all(is_known)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_sns_in_every_partition() {
        for right in [
            "sns.amazonaws.com",
            "sns.eu-west-1.amazonaws.com",
            "sns-signing.me-south-1.amazonaws.com",
            "sns-us-gov-west-1.amazonaws.com",
            "sns-cn-north-1.amazonaws.com.cn",
        ] {
            assert!(is_name(right), "{right}");
        }
        for wrong in [
            "amazonaws.com",
            "sqs.amazonaws.com",
            "snsx.amazonaws.com",
            "x.sns.amazonaws.com",
            "sns.amazonaws.com.evil.example",
            "sns.amazonaws.comx",
            "*.amazonaws.com",
            "sns.*.amazonaws.com",
        ] {
            assert!(!is_name(wrong), "{wrong}");
        }
    }
}
