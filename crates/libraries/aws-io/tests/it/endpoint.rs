//! The endpoint of AWS for tests, and unique names.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use aws_io::{Aws, S3Client, s3::ObjectRef};

pub(crate) const LIMIT: Duration = Duration::from_secs(10);

pub(crate) async fn aws() -> Aws {
    let url = std::env::var("AWS_ENDPOINT_URL").expect(
        "AWS_ENDPOINT_URL must name a local AWS endpoint; `make test` starts one and sets it",
    );
    Aws::local(&url).await
}

pub(crate) fn unique(prefix: &str) -> String {
    format!("{prefix}-{:016x}", RandomState::new().hash_one(prefix))
}

/// A client and the name of an object in a new bucket.
pub(crate) async fn object(key: &str) -> (S3Client, ObjectRef) {
    let client = aws().await.s3();
    let bucket = unique("aws-io");
    client.create_bucket().bucket(&bucket).send().await.unwrap();
    (
        client,
        ObjectRef {
            bucket,
            key: key.to_owned(),
        },
    )
}
