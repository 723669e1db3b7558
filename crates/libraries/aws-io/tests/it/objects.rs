use aws_io::s3::{GetError, NewObject, ObjectRef, PutOutcome, get_capped, put_new};

use crate::endpoint::{LIMIT, object};

fn new_object(name: &ObjectRef, body: &'static [u8]) -> NewObject {
    NewObject {
        name: name.clone(),
        body: body.into(),
        content_type: "application/gzip",
        metadata: vec![("batch-id", "77c2b630".to_owned())],
    }
}

#[tokio::test]
async fn second_write_finds_the_first_and_leaves_it() {
    let (client, name) = object("raw/dt=2026-01-01/a b+c.gz").await;

    let first = put_new(&client, &new_object(&name, b"first"), LIMIT)
        .await
        .unwrap();
    let second = put_new(&client, &new_object(&name, b"second"), LIMIT)
        .await
        .unwrap();

    assert_eq!(
        (first, second),
        (PutOutcome::Created, PutOutcome::AlreadyThere)
    );
    assert_eq!(
        get_capped(&client, &name, 100, LIMIT).await.unwrap(),
        b"first"
    );
}

#[tokio::test]
async fn of_many_writers_at_once_one_creates() {
    let (client, name) = object("raw/contended").await;
    let new = new_object(&name, b"same");

    let writes: Vec<_> = (0..8)
        .map(|_| {
            let (client, new) = (client.clone(), new.clone());
            tokio::spawn(async move { put_new(&client, &new, LIMIT).await.unwrap() })
        })
        .collect();
    let mut created = 0;
    for write in writes {
        created += u32::from(write.await.unwrap() == PutOutcome::Created);
    }

    assert_eq!(created, 1);
}

#[tokio::test]
async fn metadata_and_type_are_kept() {
    let (client, name) = object("raw/described").await;

    put_new(&client, &new_object(&name, b"x"), LIMIT)
        .await
        .unwrap();

    let head = client
        .head_object()
        .bucket(&name.bucket)
        .key(&name.key)
        .send()
        .await
        .unwrap();
    assert_eq!(head.content_type(), Some("application/gzip"));
    assert_eq!(head.metadata().unwrap()["batch-id"], "77c2b630");
}

#[tokio::test]
async fn object_that_is_gone_is_missing() {
    let (client, name) = object("raw/never-written").await;

    let error = get_capped(&client, &name, 100, LIMIT).await.unwrap_err();

    assert!(matches!(error, GetError::Missing { name: missing } if missing == name));
}

#[tokio::test]
async fn object_over_the_cap_is_refused() {
    let (client, name) = object("raw/large").await;
    put_new(&client, &new_object(&name, b"12345"), LIMIT)
        .await
        .unwrap();

    assert!(matches!(
        get_capped(&client, &name, 4, LIMIT).await,
        Err(GetError::TooLarge { max_bytes: 4, .. })
    ));
    assert_eq!(
        get_capped(&client, &name, 5, LIMIT).await.unwrap(),
        b"12345"
    );
}
