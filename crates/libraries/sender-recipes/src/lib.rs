#![doc = include_str!("../README.md")]

use std::{sync::Arc, time::Duration};

use aws_io::{
    S3Client,
    s3::{
        GetError, ObjectRef, PutError,
        cached::CachedObject,
        conditional_put::{self, Version, WriteOutcome},
    },
};
use email_senders::{Delivery, DocumentError, MAX_DOCUMENT_BYTES, Sender, Senders, UnknownSender};

/// The object with the recipes.
pub const DOCUMENT_NAME: &str = "state/senders.json";

const LIMIT: Duration = Duration::from_secs(5);

/// The recipes cannot be used now. What depends on them has to wait.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// S3 did not return the document.
    #[error("reading the recipes of senders")]
    Get(#[from] GetError),
    /// S3 did not store the document.
    #[error("storing the recipes of senders")]
    Put(#[from] PutError),
    /// The document is damaged.
    #[error("reading {DOCUMENT_NAME}")]
    Document(#[from] DocumentError),
}

/// Why an object cannot be translated.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The recipes cannot be used now: another attempt may succeed.
    #[error(transparent)]
    List(#[from] ListError),
    /// No sender has the name in its key.
    #[error(transparent)]
    Unknown(#[from] UnknownSender),
}

/// The senders of a stack. Clones share what was read.
#[derive(Clone, Debug)]
pub struct SenderList {
    document: CachedObject<Senders>,
}

impl SenderList {
    /// How old the recipe of a known sender may be.
    pub const MAX_AGE: Duration = Duration::from_mins(1);
    /// How old the recipes may be that do not have a name to which is posted.
    pub const MIN_AGE: Duration = Duration::from_secs(5);

    /// The senders of a bucket. Sends no request.
    pub fn new(s3: S3Client, bucket: impl Into<String>) -> Self {
        let name = document(bucket);
        Self {
            document: CachedObject::new(s3, name, MAX_DOCUMENT_BYTES, LIMIT),
        }
    }

    /// The sender of a name to which is posted.
    ///
    /// # Errors
    /// When the recipes cannot be read.
    pub async fn named(&self, name: &str) -> Result<Option<Sender>, ListError> {
        if let Some(provider) = Senders::default().named(name) {
            return Ok(Some(provider));
        }
        if let Some(sender) = self.within(Self::MAX_AGE).await?.named(name) {
            return Ok(Some(sender));
        }
        Ok(self.within(Self::MIN_AGE).await?.named(name))
    }

    /// The delivery that an object has; none if the object is not a sender's.
    ///
    /// # Errors
    /// When no sender has the name in its key now, or the recipes cannot be read.
    pub async fn delivery(&self, object_key: &str) -> Result<Option<Delivery>, DeliveryError> {
        if let Ok(delivery) = Senders::default().delivery(object_key) {
            return Ok(delivery);
        }
        if let Ok(delivery) = self.within(Self::MAX_AGE).await?.delivery(object_key) {
            return Ok(delivery);
        }
        Ok(self.current().await?.delivery(object_key)?)
    }

    /// All senders of now.
    ///
    /// # Errors
    /// When the recipes cannot be read.
    pub async fn current(&self) -> Result<Arc<Senders>, ListError> {
        self.within(Duration::ZERO).await
    }

    async fn within(&self, max_age: Duration) -> Result<Arc<Senders>, ListError> {
        let to_senders = async |bytes: Option<Vec<u8>>| to_senders(bytes);
        self.document.within(max_age, to_senders).await
    }
}

/// The senders of a bucket and the version of their document, to replace it.
///
/// # Errors
/// When the document cannot be read or is damaged.
pub async fn read(s3: &S3Client, bucket: &str) -> Result<(Senders, Version), ListError> {
    let name = document(bucket);
    let (bytes, version) = conditional_put::read(s3, &name, MAX_DOCUMENT_BYTES, LIMIT).await?;
    Ok((to_senders(bytes)?, version))
}

/// Replaces the version of the document that was read.
///
/// # Errors
/// When there are too many recipes, or S3 does not store them.
pub async fn write(
    s3: &S3Client,
    bucket: &str,
    senders: &Senders,
    expected: &Version,
) -> Result<WriteOutcome, ListError> {
    let (name, body) = (document(bucket), senders.to_document()?);
    let json = "application/json";
    let written = conditional_put::write(s3, &name, body.into(), json, expected, LIMIT);
    Ok(written.await?)
}

fn to_senders(document: Option<Vec<u8>>) -> Result<Senders, ListError> {
    let senders = document.map(|document| Senders::parse(&document));
    Ok(senders.transpose()?.unwrap_or_default())
}

fn document(bucket: impl Into<String>) -> ObjectRef {
    ObjectRef {
        bucket: bucket.into(),
        key: DOCUMENT_NAME.to_owned(),
    }
}
