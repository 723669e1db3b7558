//! Certificates of SNS and confirmations of subscriptions: what is asked of SNS for a message that it posted.
//!
//! A message that causes a request names a stored topic and a host of SNS, so strangers cause none. The certificates are few: SNS signs
//! all messages of a region with one for months.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use aws_io::sns::{LocalEndpoint, SnsClient, SnsError};
use email_senders::{CertificateError, SigningCertificate, SnsUrl};
use time::{Duration, OffsetDateTime};

/// How long a certificate is used without being fetched again.
const MAX_AGE: Duration = Duration::days(1);
/// How long one that could not be fetched is not asked for again. SNS repeats a message after 20 s at the earliest.
const MAX_FAILURE_AGE: Duration = Duration::seconds(10);
/// The most certificates that are remembered, with those that could not be fetched.
const MAX_ENTRIES: usize = 16;

/// SNS, and what it has answered.
#[derive(Debug, Default)]
pub struct Sns {
    client: SnsClient,
    fetched: Mutex<VecDeque<Fetched>>,
}

#[derive(Clone, Debug)]
struct Fetched {
    url: SnsUrl,
    at: OffsetDateTime,
    /// None if there was none.
    certificate: Option<Arc<SigningCertificate>>,
}

/// There is no certificate to check a message with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoCertificate {
    #[error("fetching the certificate of a message")]
    Fetch(#[from] SnsError),
    #[error("understanding the certificate of a message")]
    Form(#[from] CertificateError),
    #[error("the certificate of a message could not be fetched a moment ago")]
    FailedBefore,
}

impl Sns {
    /// SNS, or its stand-in on this machine. Nothing is asked yet.
    pub fn new(local: Option<LocalEndpoint>) -> Self {
        Self {
            client: SnsClient::new(local),
            fetched: Mutex::default(),
        }
    }

    /// The certificate at an address, from memory if it was fetched before.
    pub(crate) async fn certificate(
        &self,
        url: &SnsUrl,
        now: OffsetDateTime,
    ) -> Result<Arc<SigningCertificate>, NoCertificate> {
        if let Some(known) = self.known(url, now) {
            return known.certificate.ok_or(NoCertificate::FailedBefore);
        }
        let fetched = self.fetch(url).await;
        self.remember(Fetched {
            url: url.clone(),
            at: now,
            certificate: fetched.as_ref().ok().cloned(),
        });
        fetched
    }

    /// Says to SNS that a topic's messages are wanted.
    pub(crate) async fn confirm(&self, url: &SnsUrl) -> Result<(), SnsError> {
        self.client.get(url.as_str()).await.map(|_| ())
    }

    async fn fetch(&self, url: &SnsUrl) -> Result<Arc<SigningCertificate>, NoCertificate> {
        let pem = self.client.get(url.as_str()).await?;
        Ok(Arc::new(SigningCertificate::parse(&pem)?))
    }

    /// What was fetched from an address, unless that is too long ago.
    fn known(&self, url: &SnsUrl, now: OffsetDateTime) -> Option<Fetched> {
        let fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        let found = fetched.iter().find(|entry| entry.url == *url)?;
        found.is_current(now).then(|| found.clone())
    }

    /// Forgets what is too old or of the same address, and where there are too many, first those that could not be fetched.
    fn remember(&self, new: Fetched) {
        let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        fetched.retain(|entry| entry.url != new.url && entry.is_current(new.at));
        if fetched.len() >= MAX_ENTRIES {
            let failed = fetched.iter().position(|entry| entry.certificate.is_none());
            fetched.remove(failed.unwrap_or_default());
        }
        fetched.push_back(new);
    }
}

impl Fetched {
    fn is_current(&self, now: OffsetDateTime) -> bool {
        let max_age = match self.certificate {
            Some(_) => MAX_AGE,
            None => MAX_FAILURE_AGE,
        };
        now - self.at < max_age
    }
}
