//! The certificate authorities that a database's certificate may be signed by: the public ones that sqlx includes,
//! RDS's, and those that the database's operator adds.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// RDS's roots, three per region. A file next to it names their source.
const RDS: &str = include_str!("../certificates/rds.pem");
/// The suffix of the names of RDS's servers, after the region.
const RDS_DOMAIN: &str = ".rds.amazonaws.com";

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";
/// The beginning of every encoded certificate: a sequence with a length of two bytes.
const DER_PREFIX: [u8; 2] = [0x30, 0x82];

/// Certificate authorities in PEM form.
///
/// Line breaks may be missing or written as `\n`, as is common in environment variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaCertificates(String);

/// A text that is not the certificate of an authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaError {
    /// It is not a certificate.
    #[error("no certificate from {BEGIN} to {END}")]
    NoCertificate,
    /// It contains more than certificates, such as a private key, which a client must not have.
    #[error("something else than certificates between or around them")]
    SomethingElse,
    /// The base64 is damaged.
    #[error("certificate number {0} is damaged")]
    Damaged(usize),
}

impl CaCertificates {
    /// These and others.
    #[must_use]
    pub(crate) fn and(mut self, others: Option<&Self>) -> Self {
        if let Some(Self(others)) = others {
            self.0.push_str(others);
        }
        self
    }

    /// In PEM form, as `OpenSSL` writes it.
    pub(crate) fn as_pem(&self) -> &str {
        &self.0
    }
}

impl FromStr for CaCertificates {
    type Err = CaError;

    fn from_str(text: &str) -> Result<Self, CaError> {
        let mut pem = String::with_capacity(text.len());
        let mut rest = text;
        for number in 1.. {
            let Some((before, after)) = rest.split_once(BEGIN) else {
                break;
            };
            let (body, after) = after.split_once(END).ok_or(CaError::Damaged(number))?;
            if !is_commentary(before) {
                return Err(CaError::SomethingElse);
            }
            push_certificate(&mut pem, body).ok_or(CaError::Damaged(number))?;
            rest = after;
        }
        if pem.is_empty() {
            return Err(CaError::NoCertificate);
        }
        if !is_commentary(rest) {
            return Err(CaError::SomethingElse);
        }
        Ok(Self(pem))
    }
}

/// There may be explanatory text between certificates (RFC 7468, section 2), but no other PEM blocks.
fn is_commentary(text: &str) -> bool {
    !text.contains("-----")
}

fn push_certificate(pem: &mut String, body: &str) -> Option<()> {
    let body = body.replace("\\r", "").replace("\\n", "");
    let base64: String = body.split_whitespace().collect();
    let der = STANDARD.decode(&base64).ok()?;
    if !der.starts_with(&DER_PREFIX) {
        return None;
    }
    pem.push_str(BEGIN);
    for line in base64.as_bytes().chunks(64) {
        pem.push('\n');
        pem.extend(line.iter().copied().map(char::from));
    }
    pem.push('\n');
    pem.push_str(END);
    pem.push('\n');
    Some(())
}

/// The roots to trust for a host in addition to the public ones, in PEM form; `None` if there are none.
///
/// Of RDS's roots, those of the host's region. sqlx parses certificates again for each connection, which takes 14 µs
/// for three of them and 900 µs for all (release build, one core); other hosts do not need them.
pub(crate) fn roots(host: &str, own: Option<&CaCertificates>) -> Option<String> {
    let mut pem = own.map_or_else(String::new, |own| own.as_pem().to_owned());
    if let Some(region) = rds_region(host) {
        let name = format!("# Amazon RDS {region} Root CA ");
        let of_region = RDS
            .split_inclusive("-----END CERTIFICATE-----\n")
            .filter(|part| part.starts_with(&name));
        pem.extend(of_region);
    }
    (!pem.is_empty()).then_some(pem)
}

/// The region of an RDS server, `us-east-1` of `name.id.us-east-1.rds.amazonaws.com`.
fn rds_region(host: &str) -> Option<String> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let (_, region) = host.strip_suffix(RDS_DOMAIN)?.rsplit_once('.')?;
    Some(region.to_owned())
}

impl fmt::Display for CaCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use x509_parser::{parse_x509_certificate, pem::Pem, time::ASN1Time};

    use super::*;

    /// RDS's commercial regions at the end of 2022. Later ones have to be added to the file and here.
    const REGIONS: [&str; 27] = [
        "af-south-1",
        "ap-east-1",
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-northeast-3",
        "ap-south-1",
        "ap-south-2",
        "ap-southeast-1",
        "ap-southeast-2",
        "ap-southeast-3",
        "ap-southeast-4",
        "ca-central-1",
        "eu-central-1",
        "eu-central-2",
        "eu-north-1",
        "eu-south-1",
        "eu-south-2",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "me-central-1",
        "me-south-1",
        "sa-east-1",
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
    ];

    fn first() -> &'static str {
        RDS.split_inclusive("-----END CERTIFICATE-----\n")
            .next()
            .unwrap()
    }

    #[test]
    fn every_root_of_rds_is_one_and_lasts_for_ten_years() {
        let in_ten_years =
            ASN1Time::from_timestamp(ASN1Time::now().timestamp() + 10 * 365 * 24 * 60 * 60)
                .unwrap();
        let mut kinds = BTreeMap::<String, BTreeSet<String>>::new();

        for part in RDS.split_inclusive("-----END CERTIFICATE-----\n") {
            let (comment, _) = part.split_once('\n').unwrap();
            let name = comment.strip_prefix("# ").unwrap();
            let (pem, _) = Pem::read(std::io::Cursor::new(part)).unwrap();
            let (rest, certificate) = parse_x509_certificate(&pem.contents).unwrap();
            assert!(rest.is_empty(), "{name}");

            let common_name = certificate.subject().iter_common_name().next().unwrap();
            assert_eq!(common_name.as_str().unwrap(), name);
            assert_eq!(certificate.issuer(), certificate.subject(), "{name}");
            assert!(certificate.is_ca(), "{name}");
            let key_usage = certificate.key_usage().unwrap().unwrap();
            assert!(key_usage.value.key_cert_sign(), "{name}");
            assert!(certificate.validity().not_after > in_ten_years, "{name}");

            let (region, kind) = name
                .strip_prefix("Amazon RDS ")
                .and_then(|rest| rest.split_once(" Root CA "))
                .unwrap();
            kinds
                .entry(region.to_owned())
                .or_default()
                .insert(kind.to_owned());
        }

        assert_eq!(kinds.keys().collect::<Vec<_>>(), REGIONS);
        for (region, kinds) in kinds {
            let expected = ["ECC384 G1", "RSA2048 G1", "RSA4096 G1"].map(str::to_owned);
            assert_eq!(kinds, BTreeSet::from(expected), "{region}");
        }
    }

    #[test]
    fn server_of_rds_is_known_by_the_roots_of_its_region_alone() {
        for region in REGIONS {
            for host in [
                format!("cistern.abc123.{region}.rds.amazonaws.com"),
                format!("Cistern.cluster-ABC123.{region}.RDS.amazonaws.com."),
            ] {
                let pem = roots(&host, None).unwrap();

                assert_eq!(pem.matches(BEGIN).count(), 3, "{host}");
                assert_eq!(pem.matches(region).count(), 3, "{host}");
            }
        }
        for host in [
            "localhost",
            "10.0.0.1",
            "db.example.com",
            "x.us-east-1.rds.amazonaws.com.example.com",
            "rds.amazonaws.com",
            "x.rds.amazonaws.com",
            "x.mars-north-1.rds.amazonaws.com",
        ] {
            assert_eq!(roots(host, None), None, "{host}");
        }
    }

    #[test]
    fn own_certificates_are_trusted_beside_those_of_rds() {
        let own: CaCertificates = first().parse().unwrap();

        let elsewhere = roots("db.example.com", Some(&own)).unwrap();
        let at_rds = roots("x.abc.eu-west-1.rds.amazonaws.com", Some(&own)).unwrap();

        assert_eq!(elsewhere, own.as_pem());
        assert_eq!(at_rds.matches(BEGIN).count(), 4);
    }

    #[test]
    fn line_breaks_may_be_lost_on_the_way() {
        let whole: CaCertificates = RDS.parse().unwrap();
        assert_eq!(whole.as_pem().matches(BEGIN).count(), 3 * REGIONS.len());

        let pem: CaCertificates = first().parse().unwrap();
        let written = pem.as_pem();
        for text in [
            written.replace('\n', "\r\n"),
            written.replace('\n', " "),
            written.replace('\n', "\\n"),
            written.replace('\n', ""),
            format!("  \n{written}\n\n"),
        ] {
            assert_eq!(text.parse(), Ok(pem.clone()), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_certificate_of_an_authority_is_refused() {
        let good = first();
        let key = "-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----\n";
        for (text, expected) in [
            (String::new(), CaError::NoCertificate),
            ("/etc/ssl/ca.pem".to_owned(), CaError::NoCertificate),
            (key.to_owned(), CaError::NoCertificate),
            (format!("{good}{key}"), CaError::SomethingElse),
            (format!("{key}{good}"), CaError::SomethingElse),
            (format!("{BEGIN}\nAAAA\n{END}"), CaError::Damaged(1)),
            (format!("{good}{BEGIN}\nM?\n{END}"), CaError::Damaged(2)),
            (good.replace(END, ""), CaError::Damaged(1)),
        ] {
            assert_eq!(text.parse::<CaCertificates>(), Err(expected), "{text}");
        }
    }
}
