use std::{io::Read as _, time::Duration};

use aws_io::s3::{
    NewObject, ObjectRef, PutOutcome,
    conditional_put::{self, WriteOutcome},
    get_capped,
    listing::{delete, list},
    put_new, put_new_file,
    stream::open,
};
use bytes::Bytes;

use crate::endpoint::{LIMIT, object};

async fn put(client: &aws_io::S3Client, name: &ObjectRef, body: impl Into<Bytes>) {
    let object = NewObject {
        name: name.clone(),
        body: body.into(),
        content_type: "application/octet-stream",
        metadata: Vec::new(),
    };
    put_new(client, &object, LIMIT).await.unwrap();
}

#[tokio::test]
async fn all_pages_are_listed_and_what_is_deleted_is_gone() {
    let (client, name) = object("unused").await;
    for number in 0..1005 {
        let key = format!("lake/{number:04}");
        put(
            &client,
            &ObjectRef {
                key,
                ..name.clone()
            },
            "x",
        )
        .await;
    }
    put(
        &client,
        &ObjectRef {
            key: "other/1".to_owned(),
            ..name.clone()
        },
        "x",
    )
    .await;

    let listed = list(&client, &name.bucket, "lake/", LIMIT).await.unwrap();
    let keys: Vec<String> = listed.into_iter().map(|object| object.key).collect();

    assert_eq!(keys.len(), 1005);
    assert!(keys.is_sorted());
    let gone = [&keys[1..], &["lake/never".to_owned()]].concat();
    delete(&client, &name.bucket, &gone, LIMIT).await.unwrap();
    let left = list(&client, &name.bucket, "lake/", LIMIT).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].key.as_str(), left[0].size_bytes), ("lake/0000", 1));
    assert!(left[0].last_modified.is_some());
}

#[tokio::test]
async fn large_object_is_read_piece_by_piece_on_another_thread() {
    let (client, name) = object("raw/large").await;
    let bytes: Vec<u8> = (0..3_000_000_u32)
        .map(|number| number.to_le_bytes()[1])
        .collect();
    put(&client, &name, bytes.clone()).await;

    let opened = open(&client, &name, LIMIT).await.unwrap();
    assert_eq!(opened.size_bytes, 3_000_000);
    assert!(opened.last_modified.is_some());
    let mut body = opened.into_blocking(LIMIT);
    let read = tokio::task::spawn_blocking(move || {
        let mut read = Vec::new();
        body.read_to_end(&mut read).map(|_| read)
    });

    assert_eq!(read.await.unwrap().unwrap(), bytes);
}

#[tokio::test]
async fn file_becomes_an_object_once() {
    let (client, name) = object("lake/file").await;
    let path = std::env::temp_dir().join(&name.bucket);
    std::fs::write(&path, vec![7; 2_000_000]).unwrap();

    let first = put_new_file(&client, &name, &path, "application/octet-stream", LIMIT).await;
    std::fs::write(&path, "other").unwrap();
    let second = put_new_file(&client, &name, &path, "application/octet-stream", LIMIT).await;

    std::fs::remove_file(&path).unwrap();
    assert_eq!(first.unwrap(), PutOutcome::Created);
    assert_eq!(second.unwrap(), PutOutcome::AlreadyThere);
    assert_eq!(
        get_capped(&client, &name, 3_000_000, LIMIT).await.unwrap(),
        vec![7; 2_000_000]
    );
    let missing = put_new_file(&client, &name, &path, "text/plain", Duration::from_secs(1)).await;
    assert!(missing.is_err());
}

#[tokio::test]
async fn of_two_writers_that_read_the_same_version_one_writes() {
    let (client, name) = object("state/x").await;
    let read = async || {
        conditional_put::read(&client, &name, 100, LIMIT)
            .await
            .unwrap()
    };
    let write = async |body: &'static str, version| {
        conditional_put::write(&client, &name, body.into(), "text/plain", version, LIMIT)
            .await
            .unwrap()
    };

    let (none, absent) = read().await;
    assert_eq!(none, None);
    assert_eq!(write("1", &absent).await, WriteOutcome::Written);
    assert_eq!(write("2", &absent).await, WriteOutcome::Changed);

    let (one, first) = read().await;
    assert_eq!(one.unwrap(), b"1");
    assert_eq!(write("3", &first).await, WriteOutcome::Written);
    assert_eq!(write("4", &first).await, WriteOutcome::Changed);

    let (three, second) = read().await;
    assert_eq!(three.unwrap(), b"3");
    client
        .delete_object()
        .bucket(&name.bucket)
        .key(&name.key)
        .send()
        .await
        .unwrap();
    assert_eq!(write("5", &second).await, WriteOutcome::Changed);
}
