use proptest::prelude::*;

use super::*;

fn record(event_name: &str, key: &str) -> String {
    format!(
        r#"{{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"us-east-1","eventName":"{event_name}",
            "s3":{{"bucket":{{"name":"b","arn":"arn:aws:s3:::b"}},"object":{{"key":"{key}","size":4,"eTag":"e","versionId":"v"}}}}}}"#
    )
}

fn keys(records: &[String]) -> Vec<String> {
    match decode(&format!(r#"{{"Records":[{}]}}"#, records.join(","))).unwrap() {
        Notification::Created(objects) => objects
            .into_iter()
            .map(|object| object.name.to_string())
            .collect(),
        Notification::TestEvent => panic!("no test event was sent"),
    }
}

#[test]
fn every_record_counts() {
    let records = [
        record("ObjectCreated:Put", "raw/a"),
        record("ObjectCreated:CompleteMultipartUpload", "raw/b"),
    ];

    assert_eq!(keys(&records), ["s3://b/raw/a", "s3://b/raw/b"]);
}

#[test]
fn event_that_eventbridge_could_not_deliver_is_read_as_it_is() {
    let event = |kind: &str| {
        format!(
            r#"{{"version":"0","id":"i","detail-type":"{kind}","source":"aws.s3","account":"1","time":"2026-11-29T10:00:00Z","region":"r",
                "resources":["arn:aws:s3:::b"],"detail":{{"version":"0","bucket":{{"name":"b"}},"object":{{"key":"raw/a+b%20.gz","size":5,
                "etag":"e","sequencer":"s"}},"request-id":"q","requester":"1","reason":"PutObject"}}}}"#
        )
    };
    let created = CreatedObject {
        name: ObjectRef {
            bucket: "b".to_owned(),
            key: "raw/a+b%20.gz".to_owned(),
        },
        size_bytes: Some(5),
        is_replay: false,
    };

    let told = |kind| decode(&event(kind)).unwrap();
    assert_eq!(told("Object Created"), Notification::Created(vec![created]));
    assert_eq!(told("Object Deleted"), Notification::Created(Vec::new()));
}

#[test]
fn only_creations_count() {
    let records = [
        record("ObjectRemoved:Delete", "raw/a"),
        record("s3:ObjectCreated:Put", "raw/b"),
        record("LifecycleExpiration:Delete", "raw/c"),
    ];

    assert_eq!(keys(&records), ["s3://b/raw/b"]);
}

#[test]
fn plus_is_a_space_and_percent_is_decoded_after_it() {
    let records = [record(
        "ObjectCreated:Put",
        "raw/dt%3D2026-01-01/a+b%2Bc.gz",
    )];

    assert_eq!(keys(&records), ["s3://b/raw/dt=2026-01-01/a b+c.gz"]);
}

#[test]
fn size_is_told_where_it_is_one() {
    let told = |size: &str| {
        let record = record("ObjectCreated:Put", "raw/a").replace("\"size\":4", size);
        match decode(&format!(r#"{{"Records":[{record}]}}"#)).unwrap() {
            Notification::Created(objects) => (objects[0].size_bytes, objects[0].is_replay),
            Notification::TestEvent => panic!("no test event was sent"),
        }
    };

    assert_eq!(told(r#""size":4"#), (Some(4), false));
    assert_eq!(told(r#""size":0"#), (Some(0), false));
    for none in [
        r#""size":"4""#,
        r#""size":-1"#,
        r#""size":null"#,
        r#""other":4"#,
    ] {
        assert_eq!(told(none), (None, false), "{none}");
    }
}

#[test]
fn test_event_is_known() {
    let body = r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-01-01T00:00:00.000Z","Bucket":"b","RequestId":"r","HostId":"h"}"#;

    assert_eq!(decode(body).unwrap(), Notification::TestEvent);
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded_again(key in "[ -~é\n]{1,60}") {
        let object = ObjectRef { bucket: "b".to_owned(), key };

        let decoded = decode(&encode(&object)).unwrap();

        let created = CreatedObject { name: object, size_bytes: None, is_replay: true };
        prop_assert_eq!(decoded, Notification::Created(vec![created]));
    }
}

#[test]
fn other_messages_are_errors() {
    assert!(matches!(
        decode("hello"),
        Err(NotificationError::Json { .. })
    ));
    assert!(matches!(
        decode(r#"{"Records":[{"eventName":"ObjectCreated:Put"}]}"#),
        Err(NotificationError::Json { .. })
    ));
    assert!(matches!(decode("{}"), Err(NotificationError::Empty)));
    let bad_key = format!(r#"{{"Records":[{}]}}"#, record("ObjectCreated:Put", "%ff"));
    assert!(matches!(decode(&bad_key), Err(NotificationError::Key(_))));
}
