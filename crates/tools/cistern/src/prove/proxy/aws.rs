//! Which call a request is, and how its service says that it is too busy.

use super::super::plan::Site;

/// The kind of a call of S3, SQS or Firehose; `None` for calls that never fail here.
///
/// `service` is that of the signature's scope, `target` the header `X-Amz-Target`.
pub(super) fn site(
    service: &str,
    target: &str,
    method: &str,
    path_and_query: &str,
) -> Option<Site> {
    match service {
        "s3" => s3_site(method, path_and_query),
        "sqs" => match operation(target) {
            "ReceiveMessage" => Some(Site::Receive),
            "DeleteMessage" | "DeleteMessageBatch" => Some(Site::DeleteMessages),
            "ChangeMessageVisibility" | "ChangeMessageVisibilityBatch" => Some(Site::Visibility),
            _ => None,
        },
        "firehose" => match operation(target) {
            "PutRecord" | "PutRecordBatch" => Some(Site::PutRecords),
            _ => None,
        },
        _ => None,
    }
}

fn operation(target: &str) -> &str {
    target.rsplit('.').next().unwrap_or_default()
}

/// By the key, which follows the bucket in the path.
fn s3_site(method: &str, path_and_query: &str) -> Option<Site> {
    let (path, query) = path_and_query
        .split_once('?')
        .unwrap_or((path_and_query, ""));
    let parameters = || {
        query
            .split('&')
            .map(|pair| pair.split('=').next().unwrap_or_default())
    };
    if method == "GET" && parameters().any(|name| name == "list-type") {
        return Some(Site::List);
    }
    if method == "DELETE" || parameters().any(|name| name == "delete") {
        return Some(Site::DeleteObjects);
    }
    let key = path.trim_start_matches('/').split_once('/')?.1;
    let prefix = key.split('/').next()?;
    match (method, prefix) {
        ("PUT", "raw") => Some(Site::StoreRaw),
        ("GET" | "HEAD", "raw") => Some(Site::ReadRaw),
        ("PUT", "lake") => Some(Site::WriteLake),
        ("GET" | "HEAD", "lake") => Some(Site::ReadLake),
        ("GET" | "HEAD" | "PUT", "state") => Some(Site::State),
        _ => None,
    }
}

/// Status line's code and body of a service that is too busy.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>,
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html>,
/// <https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html>
pub(super) fn throttled(site: Site) -> (u16, &'static str) {
    match site {
        Site::StoreRaw
        | Site::ReadRaw
        | Site::WriteLake
        | Site::ReadLake
        | Site::State
        | Site::List
        | Site::DeleteObjects => (
            503,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>",
        ),
        Site::Receive | Site::DeleteMessages | Site::Visibility => (
            400,
            r#"{"__type":"com.amazonaws.sqs#RequestThrottled","message":"Rate exceeded"}"#,
        ),
        Site::PutRecords => (
            503,
            r#"{"__type":"ServiceUnavailableException","message":"Slow down."}"#,
        ),
        Site::Destination => (
            429,
            r#"{"msg":"Rate limit exceeded","code":"RateLimitExceeded"}"#,
        ),
        Site::Gateway | Site::Connect | Site::Copy | Site::Commit => {
            (429, r#"{"message":"Too Many Requests"}"#)
        }
    }
}

/// Body of an internal error, in the form of the service.
pub(super) fn internal_error(site: Site) -> &'static str {
    match site {
        Site::StoreRaw
        | Site::ReadRaw
        | Site::WriteLake
        | Site::ReadLake
        | Site::State
        | Site::List
        | Site::DeleteObjects => {
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"
        }
        Site::Receive | Site::DeleteMessages | Site::Visibility => {
            r#"{"__type":"com.amazonaws.sqs#InternalError","message":"internal error"}"#
        }
        Site::PutRecords
        | Site::Gateway
        | Site::Destination
        | Site::Connect
        | Site::Copy
        | Site::Commit => r#"{"__type":"InternalFailure","message":"internal error"}"#,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_apart() {
        let cases = [
            (
                "s3",
                "",
                "PUT",
                "/b/raw/sparkpost/dt=2026-01-01/k.json.gz?x-id=PutObject",
                Some(Site::StoreRaw),
            ),
            (
                "s3",
                "",
                "GET",
                "/b/raw/track/k?x-id=GetObject",
                Some(Site::ReadRaw),
            ),
            (
                "s3",
                "",
                "PUT",
                "/b/lake/email_events/new/at=1/part-1.parquet",
                Some(Site::WriteLake),
            ),
            (
                "s3",
                "",
                "GET",
                "/b/lake/email_events/closed/day-1.parquet",
                Some(Site::ReadLake),
            ),
            (
                "s3",
                "",
                "GET",
                "/b/?list-type=2&prefix=lake%2F",
                Some(Site::List),
            ),
            (
                "s3",
                "",
                "GET",
                "/b?prefix=lake%2F&list-type=2",
                Some(Site::List),
            ),
            ("s3", "", "POST", "/b/?delete", Some(Site::DeleteObjects)),
            (
                "s3",
                "",
                "DELETE",
                "/b/lake/k?x-id=DeleteObject",
                Some(Site::DeleteObjects),
            ),
            ("s3", "", "PUT", "/b/state/lake/x", Some(Site::State)),
            ("s3", "", "PUT", "/b/rejected/email_events/x", None),
            ("s3", "", "GET", "/b", None),
            (
                "sqs",
                "AmazonSQS.ReceiveMessage",
                "POST",
                "/",
                Some(Site::Receive),
            ),
            (
                "sqs",
                "AmazonSQS.DeleteMessageBatch",
                "POST",
                "/",
                Some(Site::DeleteMessages),
            ),
            ("sqs", "AmazonSQS.GetQueueAttributes", "POST", "/", None),
            (
                "firehose",
                "Firehose_20150804.PutRecordBatch",
                "POST",
                "/",
                Some(Site::PutRecords),
            ),
            (
                "secretsmanager",
                "secretsmanager.GetSecretValue",
                "POST",
                "/",
                None,
            ),
        ];
        for (service, target, method, path, expected) in cases {
            assert_eq!(
                site(service, target, method, path),
                expected,
                "{method} {path} {target}"
            );
        }
    }
}
