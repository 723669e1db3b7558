//! Failures of S3, on the wire.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use aws_io::{
    Aws, S3Client,
    s3::{GetError, NewObject, ObjectRef, PutError, PutOutcome, get_capped, put_new},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::endpoint::LIMIT;

/// A server that answers the n-th request with the n-th status, and further ones with the last.
async fn answering(statuses: &'static [u16]) -> (S3Client, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let index = counter
                .fetch_add(1, Ordering::SeqCst)
                .min(statuses.len() - 1);
            let _ = stream.read(&mut [0; 4096]).await;
            let head = format!(
                "HTTP/1.1 {} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                statuses[index]
            );
            let _ = stream.write_all(head.as_bytes()).await;
        }
    });
    (Aws::local(&url).await.s3(), requests)
}

fn name() -> ObjectRef {
    ObjectRef {
        bucket: "b".to_owned(),
        key: "raw/x".to_owned(),
    }
}

fn object() -> NewObject {
    NewObject {
        name: name(),
        body: "x".into(),
        content_type: "application/gzip",
        metadata: Vec::new(),
    }
}

#[tokio::test]
async fn conflict_with_another_writer_is_tried_again() {
    let (client, requests) = answering(&[409, 409, 200]).await;

    assert_eq!(
        put_new(&client, &object(), LIMIT).await.unwrap(),
        PutOutcome::Created
    );
    assert_eq!(requests.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn conflict_that_never_ends_is_an_error_after_a_few_attempts() {
    let (client, requests) = answering(&[409]).await;

    assert!(matches!(
        put_new(&client, &object(), LIMIT).await,
        Err(PutError::Service { .. })
    ));
    assert_eq!(requests.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn server_error_is_tried_again_a_bounded_number_of_times() {
    let (client, requests) = answering(&[500, 503, 200]).await;
    assert_eq!(
        put_new(&client, &object(), LIMIT).await.unwrap(),
        PutOutcome::Created
    );
    assert_eq!(requests.load(Ordering::SeqCst), 3);

    let (client, requests) = answering(&[500]).await;
    assert!(matches!(
        put_new(&client, &object(), LIMIT).await,
        Err(PutError::Service { .. })
    ));
    assert_eq!(requests.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn reply_that_was_lost_is_found_as_already_there() {
    let (client, _) = answering(&[500, 412]).await;

    assert_eq!(
        put_new(&client, &object(), LIMIT).await.unwrap(),
        PutOutcome::AlreadyThere
    );
}

#[tokio::test]
async fn server_that_never_answers_costs_no_more_than_the_limit() {
    // The kernel accepts connections, which are never read.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Aws::local(&format!("http://{}", silent.local_addr().unwrap()))
        .await
        .s3();
    let limit = Duration::from_millis(600);
    let started = Instant::now();

    let put = put_new(&client, &object(), limit).await.unwrap_err();
    let get = get_capped(&client, &name(), 100, limit).await.unwrap_err();

    assert!(
        matches!(put, PutError::Service { .. } | PutError::Timeout { .. }),
        "{put:?}"
    );
    assert!(
        matches!(get, GetError::Service { .. } | GetError::Timeout { .. }),
        "{get:?}"
    );
    assert!(
        started.elapsed() < limit * 2 + Duration::from_secs(1),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn server_that_is_not_there_is_an_error() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let client = Aws::local(&format!("http://{closed}")).await.s3();

    assert!(matches!(
        put_new(&client, &object(), LIMIT).await,
        Err(PutError::Service { .. })
    ));
}
