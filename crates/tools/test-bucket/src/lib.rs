#![doc = include_str!("../README.md")]

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use aws_io::{
    Aws, S3Client,
    s3::{GetError, ObjectRef, get_capped, listing},
};
use bytes::Bytes;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(20);
const MAX_OBJECT_BYTES: usize = 64 << 20;

/// The address of the local AWS endpoint.
pub fn endpoint_url() -> String {
    std::env::var("AWS_ENDPOINT_URL").expect(
        "AWS_ENDPOINT_URL must name a local AWS endpoint; `make test` starts one and sets it",
    )
}

/// A name that no other test has.
pub fn unique(prefix: &str) -> String {
    format!("{prefix}-{:016x}", RandomState::new().hash_one(0))
}

/// A bucket and a client for it.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// The client.
    pub s3: S3Client,
    /// The bucket's name.
    pub name: String,
}

impl Bucket {
    /// A new bucket, whose name begins with `prefix`.
    pub async fn create(prefix: &str) -> Self {
        let bucket = Self {
            s3: Aws::local(&endpoint_url()).await.s3(),
            name: unique(prefix),
        };
        let create = bucket.s3.create_bucket().bucket(&bucket.name);
        create.send().await.expect("the bucket can be created");
        bucket
    }

    /// Writes an object.
    pub async fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        let put = self.s3.put_object().bucket(&self.name).key(key);
        let put = put.body(bytes.into().into()).send().await;
        put.expect("the object can be written");
    }

    /// The keys under a prefix, in order.
    pub async fn keys(&self, prefix: &str) -> Vec<String> {
        let listed = listing::list(&self.s3, &self.name, prefix, LIMIT).await;
        let objects = listed.expect("the bucket can be listed").into_iter();
        objects.map(|object| object.key).collect()
    }

    /// An object's bytes; `None` when there is no such object.
    pub async fn object(&self, key: &str) -> Option<Bytes> {
        let name = ObjectRef {
            bucket: self.name.clone(),
            key: key.to_owned(),
        };
        match get_capped(&self.s3, &name, MAX_OBJECT_BYTES, LIMIT).await {
            Ok(bytes) => Some(bytes.into()),
            Err(GetError::Missing { .. }) => None,
            Err(error) => panic!("{key}: {error}"),
        }
    }

    /// All objects under a prefix, by key. One that is removed after it was listed is an error.
    pub async fn objects(&self, prefix: &str) -> BTreeMap<String, Bytes> {
        let mut objects = BTreeMap::new();
        for key in self.keys(prefix).await {
            let bytes = self.object(&key).await;
            objects.insert(key, bytes.expect("what was listed exists"));
        }
        objects
    }

    /// The lines of all objects under a prefix, which are JSON.
    pub async fn lines(&self, prefix: &str) -> Vec<Value> {
        let objects = self.objects(prefix).await;
        let lines = objects
            .values()
            .flat_map(|bytes| bytes.split(|byte| *byte == b'\n'))
            .filter(|line| !line.is_empty());
        lines
            .map(|line| serde_json::from_slice(line).expect("each line is JSON"))
            .collect()
    }

    /// The message that S3 sends about objects.
    pub fn notification(&self, keys: &[&str]) -> String {
        let record = |key: &&str| {
            json!({
                "eventName": "ObjectCreated:Put",
                "s3": { "bucket": { "name": self.name }, "object": { "key": key.replace('=', "%3D") } },
            })
        };
        json!({ "Records": keys.iter().map(record).collect::<Vec<_>>() }).to_string()
    }
}
