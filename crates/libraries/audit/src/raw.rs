//! The raw objects of a day.

use std::time::Duration;

use aws_io::s3::{
    GetError, ObjectRef, get_capped,
    listing::{ListError, Listed, list},
};

use crate::Audit;

const LIST_LIMIT: Duration = Duration::from_mins(1);
const READ_LIMIT: Duration = Duration::from_secs(30);
/// The largest object that is read: Firehose's objects have at most 128 MiB before compression.
pub(crate) const MAX_OBJECT_BYTES: usize = 256 << 20;

impl Audit<'_> {
    /// The objects under a prefix, without folders.
    pub(crate) async fn list(&self, prefix: &str) -> Result<Vec<Listed>, ListError> {
        let listed = list(self.s3, self.bucket, prefix, LIST_LIMIT).await?;
        Ok(listed
            .into_iter()
            .filter(|object| !object.key.ends_with('/') && object.size_bytes > 0)
            .collect())
    }

    /// The bytes of an object; none if it is not there any more.
    pub(crate) async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, GetError> {
        let name = ObjectRef {
            bucket: self.bucket.to_owned(),
            key: key.to_owned(),
        };
        match get_capped(self.s3, &name, MAX_OBJECT_BYTES, READ_LIMIT).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(GetError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
