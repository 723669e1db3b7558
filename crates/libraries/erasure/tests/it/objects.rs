//! Whole objects, before and after.

use erasure::{Found, LineOwners, Person, RewriteError, rewrite, rewrite_rejected};
use event_model::Pipeline::{self, AppEvents, EmailEvents, ProductEvents};

fn jane() -> Person {
    Person::new(&["jane@x.org"], &["u-1001"]).expect("she has names")
}

/// The object without Jane, or `None` if it stays as it is; how many items were hers, and how many mention her.
fn without_jane(pipeline: Pipeline, body: &str) -> (Option<String>, u64, u64) {
    let rewritten = rewrite(pipeline, body.as_bytes(), &jane()).expect("the body is text");
    let Found {
        theirs, mentioned, ..
    } = rewritten.found;
    let text = rewritten
        .bytes
        .map(|bytes| String::from_utf8(bytes).expect("the body is UTF-8"));
    (text, theirs, mentioned)
}

#[test]
fn place_of_an_erased_email_event_is_taken_by_a_ping() {
    let body = r#"[ {"msys":{"m":{"rcpt_to":"a@x.org", "n":1.50}}} ,
        {"msys":{"m":{"rcpt_to":"Jane@x.org"}}},{"msys":{"m":{"rcpt_to":"b@x.org","subject":"to jane@x.org"}}}]"#;

    let (text, theirs, mentioned) = without_jane(EmailEvents, body);

    let expected = body.replace(
        r#"{"msys":{"m":{"rcpt_to":"Jane@x.org"}}}"#,
        r#"{"msys":{}}"#,
    );
    assert_eq!(text, Some(expected));
    assert_eq!((theirs, mentioned), (1, 1));
}

#[test]
fn damaged_rest_is_kept_and_reported() {
    let body = r#"[{"msys":{"m":{"rcpt_to":"jane@x.org"}}},{"msys":{"m":{"rcpt_to":"jane@x.org","#;

    let (text, theirs, mentioned) = without_jane(EmailEvents, body);

    let expected = r#"[{"msys":{}},{"msys":{"m":{"rcpt_to":"jane@x.org","#;
    assert_eq!(text.as_deref(), Some(expected));
    assert_eq!((theirs, mentioned), (1, 1));
}

#[test]
fn records_go_with_their_separators() {
    for (body, expected) in [
        (
            "{\"userId\":\"a\"}\n{\"userId\":\"u-1001\"}\n{\"userId\":\"b\"}\n",
            "{\"userId\":\"a\"}\n{\"userId\":\"b\"}\n",
        ),
        ("{\"userId\":\"u-1001\"}\n", ""),
        (
            r#"{"userId":"a"}{"userId":"u-1001"}{"userId":"b"}"#,
            r#"{"userId":"a"}{"userId":"b"}"#,
        ),
        (
            r#"[{"userId":"u-1001"},{"userId":"a"}]"#,
            r#"[{"userId":"a"}]"#,
        ),
        (
            r#"[{"userId":"a"},{"userId":"u-1001"}]"#,
            r#"[{"userId":"a"}]"#,
        ),
        (r#"[{"userId":"u-1001"}]"#, "[]"),
        (
            "{\n \"userId\": \"u-1001\"\n}\n{\"userId\":\"a\"}",
            "{\"userId\":\"a\"}",
        ),
    ] {
        let (text, theirs, _) = without_jane(ProductEvents, body);
        assert_eq!(text.as_deref(), Some(expected), "{body}");
        assert_eq!(theirs, 1);
    }
}

#[test]
fn body_of_several_users_loses_the_batches_of_one() {
    let line = |id: &str, body: &str| {
        let body = serde_json::to_string(body).unwrap();
        format!("{{\"messageId\":\"{id}\",\"sentAt\":\"2026-01-31T00:00:00Z\",\"body\":{body}}}\n")
    };
    let bob = r#"{"mpid":7,"events":[],"user_identities":{"email":"bob@x.org"}}"#;
    let jane = r#"{"mpid":8,"events":[],"user_identities":{"customer_id":"u-1001"}}"#;
    let both = format!("[{jane},{bob}]");
    let body = [line("1", bob), line("2", jane), line("3", &both)].concat();

    let (text, theirs, _) = without_jane(AppEvents, &body);

    let expected = [line("1", bob), line("3", &format!("[{bob}]"))].concat();
    assert_eq!(text, Some(expected));
    assert_eq!(theirs, 2);
}

#[test]
fn object_without_the_person_stays() {
    for pipeline in Pipeline::ALL {
        for body in ["", "[]", "junk", r#"[{"msys":{}}]"#, r#"{"userId":"bob"}"#] {
            assert_eq!(without_jane(pipeline, body), (None, 0, 0), "{body}");
        }
    }
}

#[test]
fn compressed_object_is_refused_instead_of_found_empty() {
    for pipeline in Pipeline::ALL {
        let refused = rewrite(pipeline, b"\x1f\x8b\x08\0\0\0\0\0\0\x03", &jane());
        assert!(matches!(refused, Err(RewriteError::Encoded(_))));
    }
}

#[test]
fn erased_rejected_line_is_blank_so_that_the_others_stay_where_they_are() {
    let hers =
        r#"{"reason":"missing_type","item":"{\"msys\":{\"m\":{\"rcpt_to\":\"jane@x.org\"}}}"}"#;
    // The same item in base64.
    let encoded = r#"{"reason":"not_utf8","item_base64":"eyJtc3lzIjp7Im0iOnsicmNwdF90byI6ImphbmVAeC5vcmcifX19"}"#;
    let others =
        r#"{"reason":"missing_type","item":"{\"msys\":{\"m\":{\"rcpt_to\":\"bob@x.org\"}}}"}"#;
    let body = format!("{hers}\n{others}\n{encoded}\n{others}\n");

    let owners = LineOwners::default();
    let rewritten = rewrite_rejected(EmailEvents, body.as_bytes(), &jane(), &owners).unwrap();

    let blank = |line: &str| " ".repeat(line.len());
    let expected = format!("{}\n{others}\n{}\n{others}\n", blank(hers), blank(encoded));
    assert_eq!(rewritten.bytes, Some(expected.into_bytes()));
    assert_eq!(rewritten.found.theirs, 2);
}
